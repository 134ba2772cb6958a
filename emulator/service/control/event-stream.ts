// SPDX-License-Identifier: MIT
/** Live events over HTTP: NDJSON, or server-sent events for who asks for `text/event-stream`. */
import type { EventEmitter } from "node:events";
import type { EmulatorEvents } from "../../events";
import { EVENT_NAMES, eventRecord } from "./event-record";

/** Events that may wait for a listener that reads slowly; then its stream ends. */
const LONGEST_QUEUE = 1000;
/** Listeners at one time. */
const MAXIMUM_LISTENERS = 100;

/** The streams of one emulator. */
export class EventStreams {
  readonly #events: EventEmitter<EmulatorEvents>;
  readonly #now: () => number;
  readonly #listeners = new Set<(record: object) => void>();
  #listening = false;

  /** @param now milliseconds since 1970 */
  constructor(events: EventEmitter<EmulatorEvents>, now: () => number) {
    this.#events = events;
    this.#now = now;
  }

  /** A response that goes on until its reader leaves; undefined when too many listen. */
  open(accept: string): Response | undefined {
    if (this.#listeners.size >= MAXIMUM_LISTENERS) return undefined;
    this.#listen();
    const isSse = accept.includes("text/event-stream");
    let listener: (record: object) => void = () => {};
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const send = (text: string) => controller.enqueue(Buffer.from(text));
          listener = (record) => {
            if ((controller.desiredSize ?? 0) <= 0) {
              this.#listeners.delete(listener);
              controller.close();
              return;
            }
            const line = JSON.stringify(record);
            send(isSse ? `data: ${line}\n\n` : `${line}\n`);
          };
          this.#listeners.add(listener);
          // So that the reader knows that nothing from now on is missed.
          listener({ event: "listening", time: new Date(this.#now()).toISOString() });
        },
        cancel: () => {
          this.#listeners.delete(listener);
        },
      },
      { highWaterMark: LONGEST_QUEUE },
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

  /** An emulator that nobody watches makes no records. */
  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    for (const name of EVENT_NAMES) {
      this.#events.on(name, (argument: EmulatorEvents[typeof name][0]) => {
        if (this.#listeners.size === 0) return;
        const record = eventRecord(name, argument, this.#now());
        for (const listener of [...this.#listeners]) listener(record);
      });
    }
  }
}
