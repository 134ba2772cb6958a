// SPDX-License-Identifier: MIT
/**
 * The device's whole life: a byte of options, then for each connection a byte of what the server does, with its
 * arguments. When the input is at its end all servers are good: then the device must come to its hub and hand over all
 * that it was given, whatever came before.
 */
import { Agent, type AgentHandler, AgentState, type ErrorReport } from "../../../src/agent/agent";
import type { TelemetryMessage } from "../../../src/agent/outbox";
import { CloudToDevice } from "../../../src/azure/hub/cloud-to-device";
import { BerthError, ERRORS, type ErrorCode } from "../../../src/error";
import type { Host, Store, TextCodec, Transport, TransportOptions } from "../../../src/host";
import { RecordingTransport } from "../../helpers/recording-transport";
import { VirtualTime } from "../../../simulator/virtual-time";
import { dpsResponse } from "./dps-response";
import { answer, published, publishPacket, requestIdOf, scriptedAnswer } from "./dps-server";
import { packetBytes, type RawPacket, wholePackets } from "./packets";
import { BEYOND_XS, digest, entriesOf, Input, isBeyondXs, must, type Target } from "./target";
import { fakeSignature } from "./text";

const DPS = "global.azure-devices-provisioning.net";
const HUB = "hub.example";
const ASSIGNING = '{"operationId":"4.op","status":"assigning"}';
const ASSIGNED = `{"operationId":"4.op","status":"assigned","registrationState":{"assignedHub":"${HUB}","deviceId":"device-1"}}`;
/** The longest that DPS can tell a device to wait is a day; the slow back-off adds hours. */
const LONGEST = 3 * 86_400_000;
const STEP = 60_000;
/** Connections that the input decides. */
const MOST = 12;

const Option = Object.freeze({
  CLOCK_LATE: 1,
  NO_NETWORK: 2,
  EAGER: 4,
  STREAM: 8,
  STORE_FAILS: 16,
  CLOUD_TO_DEVICE: 32,
  /** The handler of messages throws for some of them; each is fetched again twice. */
  THROWS: 64,
} as const);

/** What can end a connection before MQTT. */
const REFUSALS: readonly ErrorCode[] = [
  "dns-failed",
  "connect-failed",
  "connect-timeout",
  "tls-untrusted",
  "tls-expired",
  "tls-name-mismatch",
  "tls-client-certificate",
  "tls-failed",
];

export const agent: Target = {
  memory: 8_192,
  run(bytes, text) {
    if (isBeyondXs(bytes)) return BEYOND_XS;
    const input = new Input(bytes);
    return new World(input.byte(), input, text).live();
  },
  tokens: [...(dpsResponse.tokens ?? []), ASSIGNED, ASSIGNING],
};

class World {
  readonly #options: number;
  readonly #input: Input;
  readonly #text: TextCodec;
  readonly #time = new VirtualTime();
  readonly #store = new FailingStore();
  readonly #agent: Agent;
  readonly #log: string[] = [];
  readonly #sent = new Set<string>();
  readonly #arrived = new Set<string>();
  #connections = 0;
  #open = 0;
  #acknowledged = 0;
  #networkIsUp = true;

  constructor(options: number, input: Input, text: TextCodec) {
    this.#options = options;
    this.#input = input;
    this.#text = text;
    const time = this.#time;
    time.isSet = !this.#has(Option.CLOCK_LATE);
    this.#networkIsUp = !this.#has(Option.NO_NETWORK);
    this.#store.fails = this.#has(Option.STORE_FAILS);
    const world = this;
    let random = 1;
    const host: Host = {
      text,
      clock: time,
      timers: time,
      store: this.#store,
      random: () => {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
        return random / 2 ** 32;
      },
      signer: { sign: fakeSignature },
      network: { isUp: () => this.#networkIsUp },
      transport: {
        io: class extends ServedTransport {
          constructor(given: TransportOptions) {
            super(given, world);
          }
        },
      },
    };
    this.#agent = new Agent(host, this.#handler(), {
      identity: { idScope: "0ne00000000", registrationId: "device-1", attestation: "symmetricKey" },
      provisioning: { eager: this.#has(Option.EAGER) },
      hub: {
        maximumPacketSize: 256,
      },
      features: this.#has(Option.CLOUD_TO_DEVICE) ? [this.#messages()] : [],
    });
  }

  get text(): TextCodec {
    return this.#text;
  }

  /** The input still decides. */
  get #scripted(): boolean {
    return this.#input.more && this.#connections <= MOST;
  }

  /** What the server of the next connection does; undefined: it is good. */
  nextServer(): { readonly input: Input; readonly kind: number } | undefined {
    this.#connections += 1;
    must(this.#connections < 20_000, "it connects without end");
    if (!this.#scripted) return undefined;
    return { input: this.#input, kind: this.#input.byte() };
  }

  opened(): void {
    this.#open += 1;
    must(this.#open === 1, `${this.#open} connections at a time`);
  }

  ended(violations: readonly string[]): void {
    this.#open -= 1;
    must(violations.length === 0, `the transport was used wrongly: ${violations.join()}`);
  }

  later(work: () => void): void {
    this.#time.set(work, 1);
  }

  /** Telemetry has come to a hub. */
  arrived(payload: Uint8Array): void {
    this.#arrived.add(this.#text.decode(payload));
  }

  live(): string {
    this.#send("first");
    this.#agent.start();
    this.#time.advance(10 * STEP);
    this.#time.isSet = true;
    this.#networkIsUp = true;
    this.#store.fails = false;
    this.#send("second");
    let good = 0;
    while (good < LONGEST && !this.#isHome()) {
      this.#time.advance(STEP);
      good = this.#scripted ? 0 : good + STEP;
    }
    must(this.#isHome(), `after ${LONGEST / 3_600_000} hours of good servers in state ${this.#agent.state}`);
    for (const message of this.#sent) must(this.#arrived.has(message), `telemetry "${message}" is lost`);
    must(this.#acknowledged === this.#sent.size, `${this.#acknowledged} of ${this.#sent.size} acknowledged`);
    this.#agent.stop();
    must(this.#open === 0 && this.#time.pending <= this.#connections, "something is left open");
    return [...this.#log, this.#connections].join("\n");
  }

  #isHome(): boolean {
    return this.#agent.state === AgentState.RUNNING && this.#agent.pending === 0 && !this.#scripted;
  }

  #has(option: number): boolean {
    return (this.#options & option) !== 0;
  }

  #send(message: string): void {
    this.#agent.send(this.#text.encode(message), { "$.ct": "text/plain" });
    this.#sent.add(message);
  }

  #messages(): CloudToDevice {
    return new CloudToDevice({
      onMessage: ({ properties, payload, offset, byteLength }) => {
        this.#log.push(`message ${entriesOf(properties)} ${offset}/${byteLength} ${digest(payload)}`);
        if (this.#has(Option.THROWS) && (byteLength & 1) === 1) throw new Error("of the application");
      },
      oversize: this.#has(Option.STREAM) ? "stream" : "skip",
      redeliveries: this.#has(Option.THROWS) ? 2 : 0,
    });
  }

  #handler(): AgentHandler {
    return {
      onState: (state) => void this.#log.push(`state ${state}`),
      onAssigned: ({ assignment }) =>
        void this.#log.push(`assigned ${assignment.hub} ${assignment.deviceId}`),
      onConnected: ({ hub, source }) => void this.#log.push(`connected ${hub} ${source}`),
      onAcknowledged: (message: TelemetryMessage) => {
        this.#acknowledged += 1;
        this.#log.push(`acknowledged ${this.#text.decode(message.payload)}`);
      },
      onError: (report) => this.#onError(report),
    };
  }

  #onError({ phase, error, retryIn }: ErrorReport): void {
    must(error instanceof BerthError && error.code in ERRORS, "an error without a code");
    must(error.code !== "internal" && error.code !== "invalid-argument", `${phase} ends in ${error.code}`);
    must(
      retryIn === undefined || (retryIn >= 0 && retryIn <= 2 * 86_400_000),
      `tries again in ${retryIn} ms`,
    );
    const blamed = phase === "application";
    must(blamed === (error.code === "handler-failed"), `${error.code} has the phase ${phase}`);
    must(!blamed || this.#has(Option.THROWS), "the application is blamed for nothing");
    this.#log.push(`error ${phase} ${error.code} ${retryIn}`);
  }
}

/** A connection with a server at its other end, a millisecond away. */
class ServedTransport extends RecordingTransport implements Transport {
  readonly #world: World;
  readonly #script: { readonly input: Input; readonly kind: number } | undefined;
  readonly #isDps: boolean;
  #seen = 0;

  constructor(options: TransportOptions, world: World) {
    super(options);
    this.#world = world;
    this.#isDps = options.host === DPS;
    world.opened();
    this.#script = world.nextServer();
    const unknown = !this.#isDps && options.host !== HUB;
    const { kind = 0, input } = this.#script ?? {};
    if ((kind & 7) === 1 || (unknown && (kind & 7) !== 6)) {
      const code = unknown ? "dns-failed" : (input?.pick(REFUSALS) as ErrorCode);
      this.#later(() => this.fail(new BerthError(code)));
    } else if ((kind & 7) !== 2) this.#later(() => this.writable(4_096));
  }

  override write(memory: Uint8Array, start?: number, end?: number): number {
    super.write(memory, start, end);
    this.room = 4_096;
    this.#later(() => this.#serve());
    return this.room;
  }

  override close(): void {
    if (this.closed === 0) this.#world.ended(this.violations);
    super.close();
  }

  #later(work: () => void): void {
    this.#world.later(() => {
      if (!this.closed) work();
    });
  }

  #serve(): void {
    const packets = wholePackets(this.sent);
    for (; this.#seen < packets.length && !this.closed; this.#seen += 1) {
      const { kind = 0, input } = this.#script ?? {};
      const packet = packets[this.#seen] as RawPacket;
      // Of a server that turns bad after some packets; the first is CONNECT.
      const turns = this.#seen >= kind >> 5;
      if (!input || (kind & 7) === 0 || !turns) this.#good(packet, undefined);
      else this.#bad(packet, kind, input);
    }
  }

  #bad(packet: RawPacket, kind: number, input: Input): void {
    switch (kind & 7) {
      case 3:
        if (packet.first >> 4 === 1) this.receive(packetBytes(0x20, [0, 1 + ((kind >> 3) % 5)]));
        else this.fail(new BerthError("connection-lost"));
        break;
      case 4:
        // Silent from here on.
        break;
      case 5: {
        const bytes = input.take(input.byte());
        if (bytes.length > 0) this.receive(bytes);
        break;
      }
      case 6:
        this.#good(packet, input);
        break;
      default:
        this.fail();
    }
  }

  /** @param input decides the answers of DPS, and what hubs send to the device */
  #good({ first, body }: RawPacket, input: Input | undefined): void {
    const { text } = this.#world;
    const id = [body[0] ?? 0, body[1] ?? 0];
    switch (first >> 4) {
      case 1:
        this.receive(packetBytes(0x20, [0, 0]));
        break;
      case 8:
        this.receive(packetBytes(0x90, [...id, 1]));
        if (input && !this.#isDps && !this.closed) this.#sendMessage(input);
        break;
      case 12:
        this.receive(packetBytes(0xd0, []));
        break;
      case 3: {
        const message = published(body, text);
        if (!this.#isDps) this.#world.arrived(message.payload);
        this.receive(packetBytes(0x40, message.id));
        if (this.#isDps && !this.closed) this.receive(this.#answer(message.topic, input));
        break;
      }
      default:
    }
  }

  #answer(topic: string, input: Input | undefined): Uint8Array {
    const { text } = this.#world;
    if (input?.more) return scriptedAnswer(topic, input, text);
    const registers = topic.includes("iotdps-register");
    const body = text.encode(registers ? ASSIGNING : ASSIGNED);
    return answer(registers ? 202 : 200, requestIdOf(topic), registers ? "3" : "", body, text);
  }

  #sendMessage(input: Input): void {
    const { text } = this.#world;
    const bag = input.take(input.byte() & 31);
    let name = "devices/device-1/messages/devicebound/";
    for (const byte of bag) name += String.fromCharCode(byte & 127);
    this.receive(publishPacket(name, input.take(input.byte()), text));
  }
}

/** Two values in memory; a store that fails keeps nothing, and says so. */
class FailingStore implements Store {
  readonly #values = new Map<string, Uint8Array>();
  fails = false;

  read(key: string): Uint8Array | undefined {
    return this.#values.get(key)?.slice();
  }

  write(key: string, value: Uint8Array): void {
    if (this.fails) throw new Error("no room");
    this.#values.set(key, value.slice());
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}
