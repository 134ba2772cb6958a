// SPDX-License-Identifier: MIT
/**
 * `berth/board`: the light and the button of the board, as the target of the SDK names them; simulators have neither.
 * Not preloaded: it keeps them.
 */
import { type BerthError, guarded } from "../../src/error";

interface Light {
  on(): void;
  off(): void;
}

interface BoardHost {
  readonly LED?: { readonly Default?: new () => Light };
  readonly Button?: { readonly Default?: new (options: { onPush(down: number): void }) => unknown };
}

let led: Light | undefined;
const buttons: unknown[] = [];

function board(): BoardHost {
  return (globalThis as { readonly Host?: BoardHost }).Host ?? {};
}

/** Switches the light; nothing where the board has none. */
export function light(on: boolean): void {
  const { Default } = board().LED ?? {};
  led ??= Default && new Default();
  if (on) led?.on();
  else led?.off();
}

/**
 * Calls `onPress` each time the button goes down, once in 50 ms at most.
 * @param onError gets what `onPress` throws, as `handler-failed`; default: a line for people, of which a release build on a
 *   board prints none. Escaping it would restart the chip: a native callback calls
 * @returns false where the board has none
 */
export function button(onPress: () => void, onError = toLog): boolean {
  const { Default } = board().Button ?? {};
  if (!Default) return false;
  const press = guarded("onPress of button", onPress, onError);
  let last = Number.NEGATIVE_INFINITY;
  const made = new Default({
    onPush(down) {
      const now = Date.now();
      if (!down || Math.abs(now - last) < 50) return;
      last = now;
      press();
    },
  });
  buttons.push(made);
  return true;
}

function toLog({ message }: BerthError): void {
  trace(`${message}\n`);
}
