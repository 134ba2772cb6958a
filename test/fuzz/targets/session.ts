// SPDX-License-Identifier: MIT
/**
 * The session, from its opening to its end: one byte of options, one of the window, then steps of a byte and its
 * arguments: bytes of the server in each state, room, time, failures of the transport, and what the application calls.
 */
import { asBerthError, BerthError, type ErrorCode } from "../../../src/error";
import type { TextCodec, TransportOptions } from "../../../src/host";
import { InFlight } from "../../../src/mqtt/in-flight";
import type { InboundPublish, OversizePublish } from "../../../src/mqtt/reader";
import { Session, type SessionHandler, type SessionOptions } from "../../../src/mqtt/session";
import { RecordingTransport } from "../../helpers/recording-transport";
import { VirtualTime } from "../../../simulator/virtual-time";
import { packetBytes, type RawPacket, wholePackets } from "./packets";
import { digest, Input, must, type Target } from "./target";

const Option = Object.freeze({
  EAGER: 1,
  KEEPS_SESSION: 2,
  NO_KEEP_ALIVE: 4,
  STREAM: 8,
  /** The handler publishes, subscribes, or ends the session from inside its callbacks. */
  BUSY: 16,
  THROWS: 32,
  IN_FLIGHT: 64,
} as const);

const DURATIONS = [0, 1, 999, 29_999, 30_000, 30_001, 60_000, 90_001] as const;
const ROOMS = [0, 1, 2, 4, 16, 100, 1_000, 65_536] as const;
const TOPIC = "devices/device-1/messages/events/";
/** Longer than all deadlines together. */
const SILENCE = 1_000_000;

/** What a method may throw. */
const REFUSALS: readonly ErrorCode[] = ["closed", "outbox-full", "packet-too-large"];
/** What a session may end in: never `internal`, but where the handler throws. */
const ENDS: readonly ErrorCode[] = [
  "connection-lost",
  "connect-timeout",
  "connack-timeout",
  "connack-protocol-version",
  "connack-identifier-rejected",
  "connack-server-unavailable",
  "connack-bad-credentials",
  "connack-not-authorized",
  "subscribe-timeout",
  "subscribe-refused",
  "publish-timeout",
  "keep-alive-timeout",
  "malformed-packet",
  "protocol-violation",
];

export const session: Target = {
  memory: 1_024,
  run(bytes, text) {
    const input = new Input(bytes);
    const world = new World(input.byte(), 1 + (input.byte() & 7), text);
    for (let steps = 0; input.more && steps < 200; steps += 1) world.step(input);
    return world.finish();
  },
};

class World implements SessionHandler {
  readonly #options: number;
  readonly #time = new VirtualTime();
  readonly #inFlight: InFlight;
  readonly #transport: RecordingTransport;
  readonly #session: Session;
  readonly #log: string[] = [];
  /** Identifiers of QoS 1 messages that were taken whole: PUBACK must follow, in this order. */
  readonly #toAcknowledge: number[] = [];
  #opened = false;
  #ended = false;
  /** In a method that the application called from outside a callback. */
  #inMethod = 0;
  /** Packets that were sent, as far as they have been looked at: after so many writes. */
  #packets: readonly RawPacket[] = [];
  #writes = 0;
  #threw = false;

  constructor(options: number, window: number, text: TextCodec) {
    this.#options = options;
    this.#inFlight = new InFlight(window, 65_533);
    if (this.#has(Option.IN_FLIGHT)) this.#inFlight.add({ topic: TOPIC, payload: Uint8Array.of(1, 2, 3) });
    const made: RecordingTransport[] = [];
    const io = class extends RecordingTransport {
      constructor(given: TransportOptions) {
        super(given);
        made.push(this);
      }
    };
    const time = this.#time;
    const sessionOptions: SessionOptions = {
      host: "hub.example",
      id: "device-1",
      user: "hub.example/device-1/?api-version=2021-04-12",
      password: "secret",
      outputSize: 1_024,
      inputSize: 64,
      maximumPacketSize: 128,
      oversize: this.#has(Option.STREAM) ? "stream" : "skip",
      clean: !this.#has(Option.KEEPS_SESSION),
      keepAlive: this.#has(Option.NO_KEEP_ALIVE) ? 0 : 60_000,
      eager: this.#has(Option.EAGER),
      inFlight: this.#inFlight,
    };
    this.#session = new Session({ text, clock: time, timers: time, transport: { io } }, this, sessionOptions);
    this.#transport = made[0] as RecordingTransport;
  }

  /** Does the next step of the input, and looks at all rules. */
  step(input: Input): void {
    const transport = this.#transport;
    const given = input.byte();
    switch (given & 7) {
      case 0:
        if (!this.#closed) {
          this.#opened = true;
          transport.writable(ROOMS[given >> 5] as number);
        }
        break;
      case 1:
      case 2:
        this.#receive(input.take(input.byte()));
        break;
      case 3:
        this.#receive(this.#answer(given >> 3, input));
        break;
      case 4:
        this.#time.advance(DURATIONS[given >> 5] as number);
        break;
      case 5:
        this.#method(() => this.#publish(given >> 3));
        break;
      case 6:
        this.#method(() => this.#subscribe(given >> 3));
        break;
      default:
        this.#fail(given >> 3);
    }
    this.#check();
  }

  /** What a session that nobody feeds must come to. */
  finish(): string {
    const limit = this.#has(Option.NO_KEEP_ALIVE) && this.#session.connected;
    this.#time.advance(SILENCE);
    this.#check();
    must(limit || this.#closed, "silence for ever, and the session goes on");
    this.#method(() => this.#session.close());
    this.#method(() => this.#session.close());
    this.#check();
    must(this.#transport.closed === 1, `transport closed ${this.#transport.closed} times`);
    must(this.#time.pending === 0, "a timer is left behind");
    must(this.#inFlight.reserved === 0, "a packet identifier is left behind");
    return [...this.#log, this.#inFlight.count, hexOf(this.#transport.sent)].join("\n");
  }

  onOpen(): void {
    this.#callback("open", () => this.#subscribe(1));
  }

  onConnected(present: boolean): void {
    this.#callback(`connected ${present}`, () => {
      this.#publish(9);
      this.#subscribe(3);
    });
  }

  onMessage(publish: InboundPublish): void {
    const { topic, QoS, id, offset, byteLength, payload } = publish;
    // Where it is cut depends on the chunks only; the log has it all the same.
    this.#callback(
      `message ${JSON.stringify(topic)} ${id} ${offset}/${byteLength} ${digest(payload)}`,
      () => {
        this.#publish(5);
      },
    );
    if (QoS && offset + payload.length === byteLength && !this.#closed) this.#toAcknowledge.push(id);
  }

  onOversize({ topic, QoS, id, size, maximum }: OversizePublish): void {
    must(size > maximum, `${size} bytes are not over ${maximum}`);
    this.#callback(`oversize ${JSON.stringify(topic)} ${id} ${size}`, () => {
      this.#publish(5);
    });
    if (QoS && !this.#closed) this.#toAcknowledge.push(id);
  }

  onAcknowledged(id: number): void {
    this.#callback(`acknowledged ${id}`, () => this.#publish(1));
  }

  onSubscribed(id: number, codes: Uint8Array): void {
    this.#callback(`subscribed ${id} ${digest(codes)}`, () => this.#session.close());
  }

  onWritable(): void {
    this.#callback("writable", () => this.#publish(3));
  }

  onError(error: BerthError): void {
    this.#callback(`error ${error.code}`, () => this.#publish(1));
    this.#ended = true;
    must(ENDS.includes(error.code) || (this.#threw && error.code === "internal"), `ends in ${error.code}`);
  }

  get #closed(): boolean {
    return this.#transport.closed > 0;
  }

  #has(option: number): boolean {
    return (this.#options & option) !== 0;
  }

  #receive(bytes: Uint8Array): void {
    // A platform calls nothing after `close`, and no byte comes before the connection is up.
    if (!this.#closed && this.#opened && bytes.length > 0) this.#transport.receive(bytes);
  }

  /** A packet that fits the state. */
  #answer(which: number, input: Input): Uint8Array {
    const inFlight = this.#inFlight;
    switch (which & 7) {
      case 0:
        return packetBytes(0x20, [which & 8 ? 1 : 0, which & 16 ? 5 : 0]);
      case 1: {
        const id = inFlight.count > 0 ? inFlight.idAt((which >> 3) % inFlight.count) : 1;
        return packetBytes(0x40, [id >> 8, id & 255]);
      }
      case 2:
      case 3: {
        const id = this.#lastRequest();
        const codes = which & 1 ? [] : [which & 8 ? 0x80 : 1];
        return packetBytes(which & 1 ? 0xb0 : 0x90, [id >> 8, id & 255, ...codes]);
      }
      case 4:
        return packetBytes(0xd0, []);
      case 5:
        return packetBytes(0x32, [0, 1, 0x61, 0, 1 + (which >> 3), ...input.take(which >> 3)]);
      default:
        // Over the maximum, the body or the topic: read past, or handed over in fragments.
        return which & 8
          ? packetBytes(0x32, [0, 130, ...new Uint8Array(130).fill(0x61), 0, 9])
          : packetBytes(0x32, [0, 1, 0x61, 0, 9, ...new Uint8Array(130 + which)]);
    }
  }

  /** The identifier of the newest SUBSCRIBE or UNSUBSCRIBE that was sent, or 1. */
  #lastRequest(): number {
    const last = this.#sent().findLast(({ first }) => first >> 4 === 8 || first >> 4 === 10);
    return last ? uint16(last.body, 0) : 1;
  }

  #publish(which: number): void {
    const QoS = which & 1 ? 1 : 0;
    const payload = new Uint8Array((which >> 1) * 90).fill(0x78);
    const id = this.#session.publish({ topic: TOPIC, payload }, QoS);
    must(QoS ? id !== 0 : id <= 0, `QoS ${QoS} has the packet identifier ${id}`);
  }

  #subscribe(which: number): void {
    const filters = which & 2 ? ["a/#", "b/+"] : ["a/#"];
    const id = which & 1 ? this.#session.subscribe(filters) : this.#session.unsubscribe(filters);
    must(id >= 1 && id <= 65_535, `packet identifier ${id}`);
  }

  #fail(which: number): void {
    const transport = this.#transport;
    switch (which & 7) {
      case 0:
        if (!this.#closed) transport.fail(which & 8 ? new BerthError("connection-lost") : undefined);
        break;
      case 1:
        transport.readError = new Error("read");
        break;
      case 2:
        transport.writeError = new Error("write");
        break;
      case 3:
        transport.closeError = new Error("close");
        break;
      case 4:
        this.#method(() => this.#session.close());
        break;
      default:
    }
  }

  /** Called by the application from outside. */
  #method(work: () => void): void {
    this.#inMethod += 1;
    this.#allow(work);
    this.#inMethod -= 1;
    if (this.#closed) this.#ended = true;
  }

  /** What a method throws must be typed. */
  #allow(work: () => void): void {
    try {
      work();
    } catch (error) {
      must(error instanceof BerthError && REFUSALS.includes(error.code), `a method throws ${String(error)}`);
      this.#log.push(`threw ${error.code}`);
    }
  }

  #callback(line: string, busy: () => void): void {
    this.#log.push(line);
    must(this.#inMethod === 0, `${line}: from inside a method`);
    must(!this.#ended, `${line}: after the end`);
    if (this.#has(Option.BUSY)) this.#method(busy);
    if (this.#has(Option.THROWS)) {
      this.#threw = true;
      throw asBerthError("of the handler");
    }
  }

  #check(): void {
    const { violations } = this.#transport;
    must(violations.length === 0, `the transport was used wrongly: ${violations.join()}`);
    must(this.#time.pending <= 1, `${this.#time.pending} timers`);
    must(!this.#closed || this.#time.pending === 0, "a timer after the end");
    this.#checkSent(this.#sent());
  }

  #sent(): readonly RawPacket[] {
    const { writes } = this.#transport;
    if (writes.length !== this.#writes) this.#packets = wholePackets(this.#transport.sent);
    this.#writes = writes.length;
    return this.#packets;
  }

  #checkSent(packets: readonly RawPacket[]): void {
    const types = packets.map(({ first }) => first >> 4);
    must(types.length === 0 || types[0] === 1, "the first packet is no CONNECT");
    must(types.lastIndexOf(1) <= 0, "a second CONNECT");
    const end = types.indexOf(14);
    must(end < 0 || end === types.length - 1, "a packet after DISCONNECT");
    const connected = this.#log.some((line) => line.startsWith("connected"));
    if (!connected && !this.#has(Option.EAGER)) must(types.length <= 1, "a packet before CONNACK");
    const acknowledged = packets.filter(({ first }) => first === 0x40).map(({ body }) => uint16(body, 0));
    for (const [i, id] of acknowledged.entries()) {
      must(this.#toAcknowledge[i] === id, `PUBACK ${id}, ${this.#toAcknowledge[i]} was due`);
    }
    if (!this.#closed && this.#session.drained && this.#transport.room > 0 && this.#transport.unread === 0) {
      must(acknowledged.length === this.#toAcknowledge.length, "a PUBACK is missing");
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  let digits = "";
  for (const byte of bytes) digits += byte.toString(16).padStart(2, "0");
  return digits;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
