// SPDX-License-Identifier: MIT
import { natives } from "./natives";
import { text } from "./text";

const NEWLINE = 0x0a;

/** Calls `take` with each line of standard input, and with undefined at its end. */
export function readLines(take: (line: string | undefined) => void): void {
  let pending: Uint8Array[] = [];
  natives.input((buffer) => {
    if (buffer.byteLength === 0) {
      take(undefined);
      return;
    }
    let rest = new Uint8Array(buffer);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      pending.push(rest.subarray(0, end));
      const line = text.decode(joined(pending));
      pending = [];
      rest = rest.subarray(end + 1);
      if (line !== "") take(line);
    }
    if (rest.length > 0) pending.push(rest);
  });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
