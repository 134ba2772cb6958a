// SPDX-License-Identifier: MIT
import { asBerthError } from "../../../src/error";
import { type Host, openTransport, type Transport } from "../../../src/host";
import { type Emit, encodeError } from "./protocol";
import { shown } from "./text";

const INPUT = 512;

/** One TLS connection after another to the same server, as the core would use it, without MQTT on it. */
export class ConnectionRun {
  readonly #host: Host;
  readonly #server: string;
  readonly #port: number;
  readonly #emit: Emit;
  #transport: Transport | undefined;
  #room = 0;
  /** What waits for room. */
  #pending = new Uint8Array(0);

  constructor(host: Host, server: string, port: number, emit: Emit) {
    this.#host = host;
    this.#server = server;
    this.#port = port;
    this.#emit = emit;
    this.open();
  }

  open(): void {
    this.close();
    this.#transport = openTransport(this.#host.transport, {
      host: this.#server,
      port: this.#port,
      onReadable: () => this.#read(),
      onWritable: (room) => {
        this.#room = room;
        this.#emit({ event: "writable", room });
        this.#flush();
      },
      onError: (error) => {
        this.#emit({ event: "failed", ...encodeError(asBerthError(error)) });
        this.close();
      },
    });
  }

  /** Before the connection is up it is tried all the same: the transport must refuse. */
  send(payload: Uint8Array): void {
    if (this.#room === 0 && this.#pending.length === 0) this.#transport?.write(payload);
    const all = new Uint8Array(this.#pending.length + payload.length);
    all.set(this.#pending);
    all.set(payload, this.#pending.length);
    this.#pending = all;
    this.#flush();
  }

  close(): void {
    this.#transport?.close();
    this.#transport = undefined;
    this.#room = 0;
    this.#pending = new Uint8Array(0);
  }

  #read(): void {
    const input = new Uint8Array(INPUT);
    for (;;) {
      const count = this.#transport?.read(input) ?? 0;
      if (count === 0) return;
      this.#emit({ event: "data", text: shown(input.subarray(0, count)) });
    }
  }

  #flush(): void {
    let at = 0;
    while (at < this.#pending.length && this.#room > 0 && this.#transport) {
      const end = Math.min(this.#pending.length, at + this.#room);
      this.#room = this.#transport.write(this.#pending, at, end);
      at = end;
    }
    this.#pending = this.#pending.slice(at);
  }
}
