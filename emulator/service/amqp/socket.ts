// SPDX-License-Identifier: MIT
/** What rhea takes for a socket: it is handed whole, checked frames, and what it writes is bounded. */
import { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { FrameReader, HEADER } from "./frame-reader";

/** Bytes that may wait for a client that reads slowly; it is read from, and sent events, while fewer wait than this. */
const MOST_WAITING = 8 * 1024 * 1024;
const CONGESTED = 256 * 1024;
/** Milliseconds to read what was sent last, and to close. */
const FAREWELL = 2000;

/** One connection's bytes. */
export class AmqpSocket extends EventEmitter<{
  data: [Buffer];
  error: [Error];
  end: [];
  drain: [];
  closed: [];
}> {
  readonly #stream: Duplex;
  readonly #address: string;
  /** Frames behind a header that rhea is not ready for. */
  #held: Buffer[] | undefined;
  #headers = 0;
  #ending = false;
  #closed = false;
  /** Why it was cut, in words. */
  reason: string | undefined;

  constructor(stream: Duplex, address: string) {
    super();
    this.#stream = stream;
    this.#address = address;
    const reader = new FrameReader((frame) => this.#take(frame));
    stream.on("data", (chunk: Buffer) => {
      if (this.#ending) return;
      try {
        reader.push(chunk);
      } catch (error) {
        this.destroy((error as Error).message);
        return;
      }
      if (this.congested || this.#held) stream.pause();
    });
    stream.on("drain", () => {
      stream.resume();
      this.emit("drain");
    });
    stream.on("error", (error: Error) => {
      this.reason ??= error.message;
    });
    stream.on("end", () => this.end());
    stream.on("close", () => this.#close());
  }

  /** More waits to be sent than a client that reads leaves waiting. */
  get congested(): boolean {
    return this.#stream.writableLength > CONGESTED;
  }

  /** For rhea. */
  write(bytes: Buffer): void {
    if (this.#ending || this.#stream.destroyed) return;
    this.#stream.write(bytes);
    if (this.#stream.writableLength > MOST_WAITING) this.destroy("the client reads too slowly");
  }

  /** Says good-bye: what was written is sent, and nothing more is read. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#stream.end();
    this.#stream.resume();
    const timer = setTimeout(() => this.#stream.destroy(), FAREWELL);
    this.#stream.once("close", () => clearTimeout(timer));
  }

  /** Cuts it. */
  destroy(reason?: string): void {
    if (reason !== undefined) this.reason ??= reason;
    this.#ending = true;
    this.#stream.destroy();
  }

  /** For rhea's log. */
  get_id_string(): string {
    return this.#address;
  }

  /**
   * Some clients send the header of AMQP behind their credentials at once; rhea has an outcome for those after it has had a
   * turn.
   */
  #take(frame: Buffer): void {
    const isLater = frame.subarray(0, 4).equals(HEADER) && ++this.#headers > 1;
    if (isLater && !this.#held) {
      this.#held = [];
      setImmediate(() => {
        const held = this.#held ?? [];
        this.#held = undefined;
        for (const one of held) this.#hand(one);
        if (!this.congested) this.#stream.resume();
      });
    }
    if (this.#held) this.#held.push(frame);
    else this.#hand(frame);
  }

  #hand(frame: Buffer): void {
    if (!this.#ending) this.emit("data", frame);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ending = true;
    this.emit("end");
    this.emit("closed");
  }
}
