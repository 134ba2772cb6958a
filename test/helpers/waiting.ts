// SPDX-License-Identifier: MIT
import type { PacketWriter } from "../../src/mqtt/writer";

/** Ends a look: what a sink refuses with an exception still waits. */
class Seen extends Error {}

/** A copy of the next bytes that wait in `writer`, `count` at most; they still wait. */
export function waiting(writer: PacketWriter, count = Number.POSITIVE_INFINITY): Uint8Array {
  let seen = new Uint8Array(0);
  const sink = {
    write(bytes: Uint8Array, start: number, end: number): number {
      seen = bytes.slice(start, end);
      throw new Seen();
    },
  };
  try {
    writer.drain(sink, count);
  } catch (error) {
    if (!(error instanceof Seen)) throw error;
  }
  return seen;
}
