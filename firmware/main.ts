// SPDX-License-Identifier: MIT
/** What the SDK calls. It alone is not preloaded. */
import { start } from "./start";

export default start;
