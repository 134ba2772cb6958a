// SPDX-License-Identifier: MIT
/** `berth/board` on the Linux host, where the button is a line of standard input and the light a printed line. */
import { type BerthError, guarded } from "../../../src/error";
import { onButton, printLine } from "./app-run";

/** Switches the light. */
export function light(on: boolean): void {
  printLine(`light ${on ? "on" : "off"}`);
}

/**
 * Calls `onPress` for each press of the button.
 * @param onError gets what `onPress` throws, as `handler-failed`; default: a line for people
 * @returns false where there is none
 */
export function button(onPress: () => void, onError = toLog): boolean {
  onButton(guarded("onPress of button", onPress, onError));
  return true;
}

function toLog({ message }: BerthError): void {
  printLine(message);
}
