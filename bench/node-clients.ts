// SPDX-License-Identifier: MIT
/** Whole clients on Node, each on a connection in memory: what a QoS 1 message takes from publish to PUBACK. */
import { Duplex } from "node:stream";
import { MqttClient } from "mqtt";
import { text } from "../hosts/node/text";
import type { Transport, TransportOptions } from "../src/host";
import { Session } from "../src/mqtt/session";
import { CLIENT_ID, PASSWORD, TELEMETRY_SIZE, TELEMETRY_TOPIC, USER } from "./packets";

/** Publishes `count` messages, each once the one before is acknowledged. */
export interface Publisher {
  publish(count: number): Promise<void>;
  close(): void;
}

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const PAYLOAD = Buffer.alloc(TELEMETRY_SIZE);
/** A PUBLISH of these: one byte of type, one of length. */
const ID_AT = 2 + 2 + TELEMETRY_TOPIC.length;

/** The server: all that it does with the bytes of a packet. */
function answerTo(packet: Uint8Array): Buffer | undefined {
  const type = (packet[0] as number) >> 4;
  if (type === 1) return CONNACK;
  return type === 3
    ? Buffer.from([0x40, 2, packet[ID_AT] as number, packet[ID_AT + 1] as number])
    : undefined;
}

export async function ours(): Promise<Publisher> {
  class MemoryTransport implements Transport {
    readonly #options: TransportOptions;
    #answer: Uint8Array | undefined;

    constructor(options: TransportOptions) {
      this.#options = options;
      process.nextTick(options.onWritable, 4096);
    }

    read(target: Uint8Array): number {
      const answer = this.#answer;
      if (!answer) return 0;
      this.#answer = undefined;
      target.set(answer);
      return answer.length;
    }

    write(bytes: Uint8Array, start = 0, end = bytes.length): number {
      this.#answer = answerTo(bytes.subarray(start, end));
      if (this.#answer) process.nextTick(this.#options.onReadable, this.#answer.length);
      return 4096;
    }

    close(): void {}
  }

  let connected: () => void;
  let acknowledged: () => void;
  let failed: (error: Error) => void;
  const opened = new Promise<void>((resolve, reject) => {
    connected = resolve;
    failed = reject;
  });
  const session = new Session(
    {
      text,
      clock: { ticks: () => performance.now() },
      timers: {
        set: (callback, delay) => setTimeout(callback, delay),
        clear: (handle) => clearTimeout(handle as NodeJS.Timeout),
      },
      transport: { io: MemoryTransport },
    },
    {
      onConnected: () => connected(),
      onAcknowledged: () => acknowledged(),
      onMessage() {},
      onOversize() {},
      onSubscribed() {},
      onWritable() {},
      onError: (error) => failed(error),
    },
    { host: "memory", id: CLIENT_ID, user: USER, password: PASSWORD },
  );
  await opened;
  const message = { topic: TELEMETRY_TOPIC, payload: PAYLOAD };
  return {
    publish: (count) =>
      new Promise((resolve, reject) => {
        let left = count;
        failed = reject;
        acknowledged = () => {
          left -= 1;
          if (left === 0) resolve();
          else session.publish(message);
        };
        session.publish(message);
      }),
    close: () => session.close(),
  };
}

export async function mqttJs(): Promise<Publisher> {
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk;
      // MQTT.js writes a packet in pieces.
      if (pending.length >= 2 && pending.length >= 2 + lengthOf(pending)) {
        const answer = answerTo(pending);
        pending = EMPTY;
        if (answer) stream.push(answer);
      }
      done();
    },
  });
  let pending: Buffer = EMPTY;
  const client = new MqttClient(() => stream, {
    clientId: CLIENT_ID,
    username: USER,
    password: PASSWORD,
    protocolVersion: 4,
    keepalive: 60,
    clean: true,
    reconnectPeriod: 0,
  });
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.once("error", reject);
  });
  const options = { qos: 1 } as const;
  return {
    publish: (count) =>
      new Promise((resolve, reject) => {
        let left = count;
        const acknowledged = (error?: Error | null): void => {
          if (error) reject(error);
          left -= 1;
          if (left === 0) resolve();
          else client.publish(TELEMETRY_TOPIC, PAYLOAD, options, acknowledged);
        };
        client.publish(TELEMETRY_TOPIC, PAYLOAD, options, acknowledged);
      }),
    close: () => {
      client.end(true);
    },
  };
}

const EMPTY = Buffer.alloc(0);

/** Remaining length of at most two bytes, with the bytes that it takes beyond one. */
function lengthOf(packet: Buffer): number {
  const first = packet[1] as number;
  return first < 128 ? first : 1 + (first & 0x7f) + ((packet[2] ?? 0) << 7);
}
