// SPDX-License-Identifier: MIT
/** What a reader reports, as values that can be compared. */
import { expect } from "@jest/globals";
import { type PacketHandler, PacketReader, type ReaderOptions } from "../../src/mqtt/reader";
import { nodeText } from "../../simulator/virtual-host";

/** `[name, ...arguments]` of a call of the handler; bytes are copied. */
export type ReaderEvent = readonly unknown[];

export interface RecordingReader {
  readonly reader: PacketReader;
  readonly events: ReaderEvent[];
}

/** @param onEvent is called after each event has been recorded */
export function recordingReader(
  options?: ReaderOptions,
  onEvent: (reader: PacketReader) => void = () => {},
): RecordingReader {
  const events: ReaderEvent[] = [];
  const record = (...event: readonly unknown[]): void => {
    events.push(event);
    onEvent(reader);
  };
  const handler: PacketHandler = {
    onConnack: (sessionPresent, returnCode) => record("connack", sessionPresent, returnCode),
    onPublish: (publish) => record("publish", { ...publish, payload: [...publish.payload] }),
    onOversize: (publish) => record("oversize", publish),
    onPuback: (id) => record("puback", id),
    onSuback: (id, returnCodes) => record("suback", id, [...returnCodes]),
    onUnsuback: (id) => record("unsuback", id),
    onPingresp: () => record("pingresp"),
  };
  const reader = new PacketReader(handler, nodeText, options);
  return { reader, events };
}

/** Nothing of a further packet has been collected: the packet that is pushed now is read as one. It is not kept in `events`. */
export function isBetweenPackets({ reader, events }: RecordingReader): boolean {
  const before = events.length;
  try {
    reader.push(Uint8Array.of(0xd0, 0));
  } catch {
    return false;
  }
  const [event, ...more] = events.splice(before);
  return event?.[0] === "pingresp" && more.length === 0;
}

/** What a reader reports for `chunks`, each by itself and each at the start of a buffer that is longer. */
export function readerEvents(chunks: readonly Uint8Array[], options?: ReaderOptions): ReaderEvent[] {
  const { reader, events } = recordingReader(options);
  const other = recordingReader(options);
  for (const chunk of chunks) {
    // A copy that is spoiled afterwards: the chunk is free for reuse when `push` returns.
    const reused = chunk.slice();
    reader.push(reused);
    reused.fill(0xff);
    const longer = new Uint8Array(chunk.length + 3);
    longer.set(chunk);
    other.reader.push(longer, chunk.length);
    longer.fill(0xff);
  }
  expect(other.events).toEqual(events);
  return events;
}
