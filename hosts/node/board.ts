// SPDX-License-Identifier: MIT
/** `berth/board` on Node.js, where the button is the Enter key and the light a printed line. */
import { createInterface } from "node:readline";
import { type BerthError, guarded } from "../../src/error";

/** Switches the light. */
export function light(on: boolean): void {
  console.log(`light ${on ? "on" : "off"}`);
}

/**
 * Calls `onPress` for each press of the button.
 * @param onError gets what `onPress` throws, as `handler-failed`; default: a line for people
 * @returns false where there is none
 */
export function button(onPress: () => void, onError = toLog): boolean {
  createInterface({ input: process.stdin }).on("line", guarded("onPress of button", onPress, onError));
  return true;
}

function toLog({ message }: BerthError): void {
  console.log(message);
}
