// SPDX-License-Identifier: MIT
/** The last events of a device, for who has to find out what went wrong. */

const LENGTH = 400;

interface Entry {
  readonly at: number;
  readonly what: string;
  readonly about: string;
}

export class Trace {
  readonly #entries: Entry[] = [];
  #next = 0;

  /** @param at ticks of the world */
  add(at: number, what: string, about: string): void {
    this.#entries[this.#next] = { at, what, about };
    this.#next = (this.#next + 1) % LENGTH;
  }

  /** The last `count` lines, oldest first; what repeats is said once. */
  lines(count: number): string[] {
    const all = [...this.#entries.slice(this.#next), ...this.#entries.slice(0, this.#next)];
    const lines: string[] = [];
    let repeats = 0;
    let before: Entry | undefined;
    const tell = (): void => {
      if (repeats > 0) lines.push(`${" ".repeat(14)}... ${repeats} more`);
      repeats = 0;
    };
    for (const entry of all) {
      if (before && before.what === entry.what && before.about === entry.about) repeats += 1;
      else {
        tell();
        lines.push(`${stamp(entry.at)}  ${entry.what}${entry.about === "" ? "" : ` ${entry.about}`}`);
      }
      before = entry;
    }
    tell();
    return lines.slice(-count);
  }
}

/** Hours, minutes, seconds and milliseconds. */
export function stamp(ticks: number): string {
  const pad = (value: number, length: number): string => String(Math.floor(value)).padStart(length, "0");
  return `${pad(ticks / 3_600_000, 3)}:${pad((ticks / 60_000) % 60, 2)}:${pad((ticks / 1000) % 60, 2)}.${pad(ticks % 1000, 3)}`;
}
