// SPDX-License-Identifier: MIT
/** Live events over HTTP: NDJSON, or server-sent events for who asks for `text/event-stream`. */
import { randomBytes } from "node:crypto";
import type { EventEmitter } from "node:events";
import type { Clock } from "../../clock";
import type { EmulatorEvents } from "../../events";
import { ServiceError } from "../service-error";
import { EventHistory, type Kept } from "./event-history";
import { ALL_EVENTS, EVENT_NAMES, type EventName, eventRecord } from "./event-record";

/** Characters that may wait for a listener that reads slowly; then its stream ends. */
const LONGEST_QUEUE = 8 * 1024 * 1024;
/** Listeners at one time. */
const MAXIMUM_LISTENERS = 100;
/** Milliseconds that a listener may take to come back and miss nothing. */
const RETURN = 60_000;

/** What a listener asks for. */
export interface EventQuery {
  /** `Accept`. */
  accept: string;
  /** Names, with commas; all but `packet` when absent. */
  types?: string | undefined;
  /** Events of one device only: its registration id or device id, ignoring case. */
  device?: string | undefined;
  /** `Last-Event-ID`, or anything else for all that is kept; only what comes when absent. */
  after?: string | undefined;
}

interface Listener {
  wants(kept: Kept): boolean;
  send(line: string, seq: number): void;
}

/** The streams of one emulator. */
export class EventStreams {
  readonly #events: EventEmitter<EmulatorEvents>;
  readonly #clock: Clock;
  readonly #keep: boolean;
  readonly #history = new EventHistory();
  readonly #listeners = new Set<Listener>();
  /** Tells the events of this start from those of another. */
  readonly #instance = randomBytes(6).toString("hex");
  /** By event: ends that it is recorded. */
  readonly #recorded = new Map<EventName, () => void>();
  #cancelEnd: () => void = () => {};

  /** @param keep keeps events from now on, packets too, for who comes later */
  constructor(events: EventEmitter<EmulatorEvents>, clock: Clock, keep = false) {
    this.#events = events;
    this.#clock = clock;
    this.#keep = keep;
    if (keep) this.#record(ALL_EVENTS);
  }

  /**
   * A response that goes on until its reader leaves; undefined when too many listen.
   * @throws ServiceError ArgumentInvalid for a type that there is not
   */
  open({ accept, types, device, after }: EventQuery): Response | undefined {
    if (this.#listeners.size >= MAXIMUM_LISTENERS) return undefined;
    const names = namesOf(types);
    this.#cancelEnd();
    // All but packets, which cost the most, are kept whoever listens.
    this.#record(names.has("packet") ? ALL_EVENTS : EVENT_NAMES);
    const about = device?.toLowerCase();
    const isSse = accept.includes("text/event-stream");
    let leave = () => {};
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          let waiting = "";
          const flush = () => {
            if (waiting !== "") controller.enqueue(Buffer.from(waiting));
            waiting = "";
          };
          const put = (line: string, seq: number) => {
            if (waiting === "") setImmediate(() => this.#listeners.has(listener) && flush());
            waiting += isSse ? `id: ${this.#instance}-${seq}\ndata: ${line}\n\n` : `${line}\n`;
          };
          const tell = (fields: object) =>
            put(
              JSON.stringify({ ...fields, time: new Date(this.#clock.now()).toISOString() }),
              this.#history.last,
            );
          const listener: Listener = {
            wants: (kept) => names.has(kept.name) && (about === undefined || kept.about.includes(about)),
            send: (line, seq) => {
              if ((controller.desiredSize ?? 0) > waiting.length + line.length) return put(line, seq);
              tell({
                event: "dropped",
                reason: "more waits for this listener than is kept for it; read faster",
              });
              flush();
              leave();
              controller.close();
            },
          };
          leave = () => this.#leave(listener);
          this.#listeners.add(listener);
          // So that the reader knows that nothing from now on is missed, and what to ask for when it comes back.
          tell({ event: "listening", id: `${this.#instance}-${this.#history.last}` });
          if (after === undefined) return;
          const [instance, seq] = after.split("-");
          const past = this.#history.after(instance === this.#instance ? Number(seq) || 0 : 0);
          if (past.missed > 0) tell({ event: "missed", count: past.missed });
          for (const kept of past.events) if (listener.wants(kept)) put(kept.line, kept.seq);
        },
        cancel: () => leave(),
      },
      { highWaterMark: LONGEST_QUEUE, size: (chunk) => chunk?.length ?? 0 },
    );
    return new Response(body, {
      headers: {
        "content-type": isSse ? "text/event-stream" : "application/x-ndjson",
        "cache-control": "no-store",
        // The adaptor waits for a second chunk of what it may gather.
        "transfer-encoding": "chunked",
      },
    });
  }

  #leave(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#keep || this.#listeners.size > 0) return;
    this.#cancelEnd();
    this.#cancelEnd = this.#clock.schedule(() => this.#rest(), RETURN);
  }

  /** An emulator that nobody watches makes no records. */
  #rest(): void {
    for (const end of this.#recorded.values()) end();
    this.#recorded.clear();
    this.#history.clear();
  }

  #record(names: readonly EventName[]): void {
    for (const name of names) {
      if (this.#recorded.has(name)) continue;
      const record = (argument: EmulatorEvents[typeof name][0]) => this.#take(name, argument);
      this.#events.on(name, record);
      this.#recorded.set(name, () => this.#events.off(name, record));
    }
  }

  #take<K extends EventName>(name: K, argument: EmulatorEvents[K][0]): void {
    const record = eventRecord(name, argument, this.#clock.now());
    const { id, deviceId, registrationId } = record as Record<string, unknown>;
    const about = [id, deviceId, registrationId].flatMap((one) =>
      typeof one === "string" ? [one.toLowerCase()] : [],
    );
    const kept = this.#history.add(name, about, (seq) => JSON.stringify({ seq, ...record }));
    for (const listener of [...this.#listeners]) if (listener.wants(kept)) listener.send(kept.line, kept.seq);
  }
}

function namesOf(types: string | undefined): ReadonlySet<string> {
  if (types === undefined) return new Set(EVENT_NAMES);
  const names = types.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !(ALL_EVENTS as readonly string[]).includes(name));
  if (wrong !== undefined)
    throw new ServiceError(
      "ArgumentInvalid",
      `types: ${JSON.stringify(wrong.slice(0, 64))} is no event; take some of ${ALL_EVENTS.join(",")}`,
    );
  return new Set(names);
}
