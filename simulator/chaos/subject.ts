// SPDX-License-Identifier: MIT
/** What is under test: the public class. A mutant is a bundle of this module from changed sources. */
export { Device } from "../../src/device";
export { BerthError } from "../../src/error";
