// SPDX-License-Identifier: MIT
/**
 * Servers at the other end of in-memory transports, in the same virtual time as the device: for decisions that would
 * need hours or weeks with real sockets. Bytes are parsed and made by `mqtt-packet`.
 */
import mqtt, { type Packet } from "mqtt-packet";
import { BerthError, type ErrorCode } from "../src/error";
import type { Transport, TransportBinding, TransportOptions } from "../src/host";
import type { VirtualTime } from "./virtual-time";

/** One connection as the server sees it. */
export class VirtualConnection {
  readonly host: string;
  readonly packets: Packet[] = [];
  open = true;
  /** Set by the transport: delivers to the device. */
  deliver: (bytes: Uint8Array) => void = () => {};
  fail: (error: unknown) => void = () => {};

  constructor(host: string) {
    this.host = host;
  }

  send(packet: Packet): void {
    this.deliver(mqtt.generate(packet));
  }

  connack(returnCode = 0, sessionPresent = false): void {
    this.send({ cmd: "connack", returnCode, sessionPresent });
  }

  publish(topic: string, payload: string): void {
    this.send({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false });
  }
}

/** What to do with a packet of the device. */
export type Behaviour = (connection: VirtualConnection, packet: Packet) => void;

/** All servers of the world, by host name; a name without a behaviour does not resolve. */
export class VirtualAzure {
  readonly #time: VirtualTime;
  readonly servers = new Map<string, Behaviour>();
  readonly connections: VirtualConnection[] = [];
  /** When set, every new transport fails with it. */
  refuse: ErrorCode | undefined;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Hosts in the order of their connections. */
  get visited(): string[] {
    return this.connections.map((connection) => connection.host);
  }

  /** The newest connection. */
  get last(): VirtualConnection {
    const last = this.connections.at(-1);
    if (!last) throw new Error("no connection");
    return last;
  }

  binding(): TransportBinding {
    const azure = this;
    const time = this.#time;
    return {
      io: class implements Transport {
        readonly #connection: VirtualConnection;
        readonly #options: TransportOptions;
        #received: Uint8Array[] = [];

        constructor(options: TransportOptions) {
          const connection = new VirtualConnection(options.host);
          this.#connection = connection;
          this.#options = options;
          azure.connections.push(connection);
          connection.deliver = (bytes) => this.#later(() => this.#receive(bytes));
          connection.fail = (error) => this.#later(() => options.onError(error));
          const parser = mqtt.parser();
          parser.on("packet", (packet) => {
            connection.packets.push(packet);
            azure.servers.get(options.host)?.(connection, packet);
          });
          this.#parse = (bytes) => parser.parse(Buffer.from(bytes));
          this.#later(() => {
            if (azure.refuse) options.onError(new BerthError(azure.refuse));
            else if (!azure.servers.has(options.host))
              options.onError(new BerthError("dns-failed", options.host));
            else options.onWritable(4096);
          });
        }

        readonly #parse: (bytes: Uint8Array) => void;

        read(target: Uint8Array): number {
          const first = this.#received[0];
          if (!first) return 0;
          const count = Math.min(first.length, target.length);
          target.set(first.subarray(0, count));
          if (count === first.length) this.#received.shift();
          else this.#received[0] = first.subarray(count);
          return count;
        }

        write(bytes: Uint8Array, start = 0, end = bytes.length): number {
          if (!this.#connection.open) throw new Error("write after close");
          const copy = bytes.slice(start, end);
          this.#later(() => this.#parse(copy), true);
          return 4096;
        }

        close(): void {
          this.#connection.open = false;
        }

        #receive(bytes: Uint8Array): void {
          this.#received.push(bytes);
          this.#options.onReadable(bytes.length);
        }

        /** A millisecond each way. */
        #later(work: () => void, afterClose = false): void {
          time.set(() => {
            if (this.#connection.open || afterClose) work();
          }, 1);
        }
      },
    };
  }
}
