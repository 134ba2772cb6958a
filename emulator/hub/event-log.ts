// SPDX-License-Identifier: MIT
/**
 * Telemetry as the Event Hubs-compatible endpoint of a hub keeps it: in partitions, each a numbered list whose oldest
 * part is dropped. Source: "Read device-to-cloud messages from the built-in endpoint" (Azure documents).
 */
import type { Telemetry } from "./endpoint";

/** Bounds of a partition. The room of a message beside its body is counted as so many bytes. */
const MOST_EVENTS = 8192;
const MOST_BYTES = 8 * 1024 * 1024;
const OVERHEAD = 512;
/** Of a hub, Azure's limit. */
const MOST_PARTITIONS = 32;

/** A message in a partition. */
export interface LoggedEvent {
  sequenceNumber: number;
  /** Bytes before it, as Azure's offsets are. */
  offset: number;
  message: Telemetry;
  /** Of the device, when it sent this. */
  generationId: string;
  authentication: "sas" | "x509";
}

/** Where a reader starts: behind what is named, or at it. */
export type EventPosition =
  | { kind: "earliest" }
  | { kind: "latest" }
  | { kind: "offset" | "sequenceNumber" | "enqueuedTime"; value: number; inclusive: boolean };

/** One partition. */
export class Partition {
  readonly id: string;
  /** Those from `#head` are kept. */
  #events: LoggedEvent[] = [];
  #head = 0;
  #bytes = 0;
  #nextSequence = 0;
  #nextOffset = 0;
  /** Called after each message. */
  readonly readers = new Set<() => void>();

  constructor(id: string) {
    this.id = id;
  }

  /** The number of the oldest kept message; that of the next one when none is kept. */
  get first(): number {
    return this.#events[this.#head]?.sequenceNumber ?? this.#nextSequence;
  }

  /** The number of the next message. */
  get next(): number {
    return this.#nextSequence;
  }

  /** The newest message; undefined before the first one. */
  get last(): LoggedEvent | undefined {
    return this.#events.at(-1);
  }

  append(message: Telemetry, sender: Pick<LoggedEvent, "generationId" | "authentication">): void {
    this.#events.push({
      sequenceNumber: this.#nextSequence++,
      offset: this.#nextOffset,
      message,
      generationId: sender.generationId,
      authentication: sender.authentication,
    });
    const size = message.body.length + OVERHEAD;
    this.#nextOffset += size;
    this.#bytes += size;
    // The newest one stays, whatever its size.
    while (this.#events.length - this.#head > MOST_EVENTS || this.#bytes > MOST_BYTES) this.#drop();
    for (const wake of this.readers) wake();
  }

  /** A kept message; undefined when it has gone, or has not come. */
  at(sequenceNumber: number): LoggedEvent | undefined {
    const index = sequenceNumber - this.first;
    return index < 0 ? undefined : this.#events[this.#head + index];
  }

  /** The number of the first message from a position on. */
  find(position: EventPosition): number {
    if (position.kind === "earliest") return this.first;
    if (position.kind === "latest") return this.#nextSequence;
    const { kind, value, inclusive } = position;
    const of = ({ sequenceNumber, offset, message }: LoggedEvent) =>
      kind === "offset" ? offset : kind === "sequenceNumber" ? sequenceNumber : message.enqueuedTime;
    for (let at = this.#head; at < this.#events.length; at++) {
      const event = this.#events[at]!;
      if (inclusive ? of(event) >= value : of(event) > value) return event.sequenceNumber;
    }
    return this.#nextSequence;
  }

  #drop(): void {
    const { message } = this.#events[this.#head]!;
    this.#bytes -= message.body.length + OVERHEAD;
    this.#events[this.#head++] = undefined as unknown as LoggedEvent;
    if (this.#head >= 1024 && this.#head * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** The partitions of one hub. */
export class EventLog {
  readonly partitions: readonly Partition[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;

  /** @param count of partitions @throws RangeError */
  constructor(count: number, now: number) {
    if (!Number.isInteger(count) || count < 1 || count > MOST_PARTITIONS)
      throw new RangeError(`hub.partitions must be a whole number from 1 to ${MOST_PARTITIONS}`);
    this.partitions = Array.from({ length: count }, (_, id) => new Partition(String(id)));
    this.createdAt = now;
  }

  /** Keeps a message; those of one device are in one partition. */
  append(message: Telemetry, sender: Pick<LoggedEvent, "generationId" | "authentication">): void {
    this.partitions[hashOf(message.deviceId) % this.partitions.length]!.append(message, sender);
  }
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
