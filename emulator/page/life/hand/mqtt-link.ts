// SPDX-License-Identifier: MIT
/** A connection of the client by hand: packets by the device's own writer and reader, bytes through the emulator's relay. */
import { type InboundPublish, type PacketHandler, PacketReader } from "../../../../src/mqtt/reader";
import { PacketWriter } from "../../../../src/mqtt/writer";
import { token } from "../../link/api";

/** Bytes of the largest packet, there and back. */
const LARGEST = 300 * 1024;

const encoder = new TextEncoder();

/** UTF-8 as the writer and the reader ask for it. */
const text = {
  encode: (value: string) => encoder.encode(value),
  encodeInto(value: string, target: Uint8Array, at: number) {
    const { read, written } = encoder.encodeInto(value, target.subarray(at));
    return read === value.length ? written : -1;
  },
  decode: (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(bytes),
};

/** What proves an x.509 device. */
export interface Proof {
  certificate?: string | undefined;
  key?: string | undefined;
}

/** What comes back. */
export interface LinkEvents {
  onSecure(about: string): void;
  onConnack(returnCode: number, sessionPresent: boolean): void;
  onSuback(granted: number[]): void;
  onPuback(id: number): void;
  onMessage(topic: string, payload: string): void;
  onClosed(reason: string): void;
}

/** One connection. */
export class MqttLink {
  readonly #socket: WebSocket;
  readonly #events: LinkEvents;
  readonly #writer = new PacketWriter(new Uint8Array(4096), text, LARGEST);
  readonly #reader: PacketReader;
  #nextId = 0;
  #over = false;
  #ping: ReturnType<typeof setInterval> | undefined;

  constructor(events: LinkEvents, proof: Proof) {
    this.#events = events;
    const handler: PacketHandler = {
      onConnack: (sessionPresent, returnCode) => events.onConnack(returnCode, sessionPresent),
      onPublish: (publish) => this.#message(publish),
      onOversize: ({ topic }) => events.onMessage(topic, "(too large to be shown)"),
      onPuback: (id) => events.onPuback(id),
      onSuback: (_id, codes) => events.onSuback([...codes]),
      onUnsuback: () => {},
      onPingresp: () => {},
    };
    this.#reader = new PacketReader(handler, text, { maximumPacketSize: LARGEST });
    this.#socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/client`);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => {
      const { certificate, key } = proof;
      this.#socket.send(JSON.stringify({ token, ...(certificate ? { certificate, key } : {}) }));
    };
    this.#socket.onmessage = ({ data }) => this.#take(data);
    this.#socket.onclose = () => this.#end("the emulator is gone");
  }

  /** Once TLS is up. @throws BerthError for a field that MQTT cannot carry */
  connect(options: Parameters<PacketWriter["connect"]>[0]): void {
    this.#writer.connect(options);
    this.#flush();
    // The emulator drops who is silent for half as much again.
    if (options.keepAlive > 0)
      this.#ping = setInterval(() => {
        this.#writer.pingreq();
        this.#flush();
      }, options.keepAlive * 900);
  }

  /** @throws BerthError for a filter that MQTT does not know */
  subscribe(filter: string): void {
    this.#writer.subscribe(this.#id(), [filter], 1);
    this.#flush();
  }

  /** @throws BerthError for a topic that MQTT does not know */
  publish(topic: string, payload: string, qos: 0 | 1): void {
    this.#writer.publish(topic, encoder.encode(payload), qos, qos === 0 ? undefined : this.#id());
    this.#flush();
  }

  disconnect(): void {
    this.#writer.disconnect();
    this.#flush();
    this.#socket.close();
    this.#end("DISCONNECT");
  }

  #message({ topic, payload, QoS, id }: InboundPublish): void {
    let content: string;
    try {
      content = text.decode(payload);
    } catch {
      content = `(${payload.length} bytes, no text)`;
    }
    if (QoS === 1) {
      this.#writer.puback(id);
      this.#flush();
    }
    this.#events.onMessage(topic, content);
  }

  #take(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      try {
        this.#reader.push(new Uint8Array(data));
      } catch (error) {
        this.#socket.close();
        this.#end((error as Error).message);
      }
      return;
    }
    const { open, closed } = JSON.parse(data) as {
      open?: { version: string; cipher: string };
      closed?: string;
    };
    if (open) this.#events.onSecure(`${open.version}, ${open.cipher}`);
    if (closed !== undefined) this.#end(closed);
  }

  #flush(): void {
    this.#writer.drain(
      {
        write: (bytes, start, end) => {
          if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes.slice(start, end));
          return LARGEST;
        },
      },
      LARGEST,
    );
  }

  #id(): number {
    this.#nextId = (this.#nextId % 65_535) + 1;
    return this.#nextId;
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#ping);
    this.#events.onClosed(reason);
  }
}
