// SPDX-License-Identifier: MIT
import { serve } from "./devices";

serve();
