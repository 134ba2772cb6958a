// SPDX-License-Identifier: MIT
import { work } from "./job";

work();
