// SPDX-License-Identifier: MIT
/** What differs between a board and a simulator, as an ESP32 board has it. `simulator.ts` has the same names. */

import getResetReason from "resetReason";
import type { Led } from "../indicator";
import type { ButtonClass } from "../long-press";

/** What the target of the SDK puts into `globalThis.Host`; boards without LED or button leave them out. */
interface BoardHost {
  readonly LED?: { readonly Default?: new () => Led };
  readonly Button?: { readonly Default?: ButtonClass };
}

interface BoardGlobals {
  readonly Host?: BoardHost;
  readonly System?: { restart(): void };
}

/** Why the chip restarted last, in the words of the SDK: "Power-On", "Panic", "Task WDT", "Brownout", ... */
export function restartReason(): string | undefined {
  return getResetReason().string;
}

/** Does not return. */
export function restart(): void {
  (globalThis as BoardGlobals).System?.restart();
}

/** A board never ends. */
export const finish: ((status: number) => void) | undefined = undefined;

export function led(): Led | undefined {
  const Default = (globalThis as BoardGlobals).Host?.LED?.Default;
  return Default && new Default();
}

export function button(): { readonly io: ButtonClass } | undefined {
  const Default = (globalThis as BoardGlobals).Host?.Button?.Default;
  return Default && { io: Default };
}
