// SPDX-License-Identifier: MIT
/** A TCP socket that breaks at a byte of the wire, so that a reset can fall anywhere in the TLS handshake, too. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { FaultRule } from "./faults";

/** Passes everything through until the rule's `afterBytes` have gone its way, then closes or resets. */
export class CountedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #rule: FaultRule;
  #count = 0;

  /** @param rule of the step `tcpSent` or `tcpReceived`, seen from the emulator */
  constructor(socket: Socket, rule: FaultRule) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#rule = rule;
    socket.on("data", (chunk: Buffer) => {
      const part = this.#rule.step === "tcpReceived" ? this.#cut(chunk) : chunk;
      if (part.length > 0 && !this.push(part)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("close", () => this.destroy());
    this.on("error", () => {});
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const part = this.#rule.step === "tcpSent" ? this.#cut(chunk) : chunk;
    if (this.#socket.destroyed || part.length === 0) done();
    else this.#socket.write(part, () => done());
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroySoon();
    done(error);
  }

  /** The part of `chunk` that may still pass; breaks the connection once it has. */
  #cut(chunk: Buffer): Buffer {
    const limit = this.#rule.afterBytes ?? 0;
    const part = chunk.subarray(0, Math.max(0, limit - this.#count));
    this.#count += chunk.length;
    if (this.#count >= limit) {
      setImmediate(() => {
        if (this.#rule.action === "reset") this.#socket.resetAndDestroy();
        else this.#socket.destroySoon();
      });
    }
    return part;
  }
}
