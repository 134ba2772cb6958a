// SPDX-License-Identifier: MIT
/** `berth/board` on Node.js, where the button is the Enter key and the light a printed line. */
import { createInterface } from "node:readline";

/** Switches the light. */
export function light(on: boolean): void {
  console.log(`light ${on ? "on" : "off"}`);
}

/** Calls `onPress` for each press of the button. @returns false where there is none */
export function button(onPress: () => void): boolean {
  createInterface({ input: process.stdin }).on("line", () => onPress());
  return true;
}
