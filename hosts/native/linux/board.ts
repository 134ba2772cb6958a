// SPDX-License-Identifier: MIT
/** `berth/board` on the Linux host, where the button is a line of standard input and the light a printed line. */
import { onButton, printLine } from "./app-run";

/** Switches the light. */
export function light(on: boolean): void {
  printLine(`light ${on ? "on" : "off"}`);
}

/** Calls `onPress` for each press of the button. @returns false where there is none */
export function button(onPress: () => void): boolean {
  onButton(onPress);
  return true;
}
