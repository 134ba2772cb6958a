// SPDX-License-Identifier: MIT
/** Signals that outlast a reload of the tab: what was typed stays. Nothing secret belongs into one. */
import { effect, type Signal, signal } from "@preact/signals";

/** A text by name, with its value of the first time. */
export function storedText(name: string, initial: string): Signal<string> {
  const key = `berth.${name}`;
  const value = signal(sessionStorage.getItem(key) ?? initial);
  effect(() => sessionStorage.setItem(key, value.value));
  return value;
}
