// SPDX-License-Identifier: MIT
/** An attempt at DPS whose every answer the input decides: one byte of options, then the answers. */
import { Provisioner, type ProvisionerHandler } from "../../../src/agent/provisioner";
import type { DpsAssignment } from "../../../src/azure/dps";
import { BerthError, type ErrorCode } from "../../../src/error";
import type { Host, TextCodec, TransportOptions } from "../../../src/host";
import { RecordingTransport } from "../../helpers/recording-transport";
import { VirtualTime } from "../../../simulator/virtual-time";
import { dpsResponse } from "./dps-response";
import { published, scriptedAnswer } from "./dps-server";
import { packetBytes, type RawPacket, wholePackets } from "./packets";
import { BEYOND_XS, digest, Input, isBeyondXs, must, type Target } from "./target";
import { fakeSignature } from "./text";

const TIMEOUT = 600_000;
/** DPS allows 5 requests of a device in 10 s. */
const FASTEST = 2_000;
/** By the server's side alone nothing else can come about. */
const ENDS: readonly ErrorCode[] = [
  "dps-timeout",
  "dps-throttled",
  "dps-server-error",
  "dps-unauthorized",
  "dps-not-found",
  "dps-refused",
  "dps-failed",
  "dps-disabled",
  "dps-unknown-profile",
  "dps-device-id",
  "dps-malformed",
  "malformed-packet",
  "packet-too-large",
  "publish-timeout",
];

export const provisioner: Target = {
  memory: 4_096,
  run(bytes, text) {
    if (isBeyondXs(bytes)) return BEYOND_XS;
    const input = new Input(bytes);
    const world = new World(input.byte(), text);
    return world.play(input);
  },
  tokens: dpsResponse.tokens ?? [],
};

class World implements ProvisionerHandler {
  readonly #text: TextCodec;
  readonly #time = new VirtualTime();
  readonly #transport: RecordingTransport;
  readonly #log: string[] = [];
  readonly #acknowledges: boolean;
  /** When each request left. */
  readonly #requests: number[] = [];
  #outcomes = 0;
  #seen = 0;

  constructor(options: number, text: TextCodec) {
    this.#text = text;
    this.#acknowledges = (options & 4) === 0;
    const made: RecordingTransport[] = [];
    const time = this.#time;
    const host: Host = {
      text,
      clock: time,
      timers: time,
      store: { read: () => undefined, write: () => {}, delete: () => {} },
      random: () => 0.5,
      signer: { sign: fakeSignature },
      transport: {
        io: class extends RecordingTransport {
          constructor(given: TransportOptions) {
            super(given);
            made.push(this);
          }
        },
      },
    };
    new Provisioner(
      host,
      { idScope: "0ne00000000", registrationId: "device-1", attestation: "symmetricKey" },
      { eager: (options & 1) !== 0, assignmentTimeout: TIMEOUT, maximumPacketSize: 1_024 },
      this,
      options & 2 ? "4.earlier" : undefined,
    );
    this.#transport = made[0] as RecordingTransport;
  }

  onAssigning(operationId: string): void {
    this.#log.push(`assigning ${digest(this.#text.encode(operationId))}`);
  }

  onRegister(): void {
    this.#log.push("registers");
  }

  delay(_error: unknown, retryAfter = 0): number {
    return Math.max(1_000, retryAfter * 1_000);
  }

  onTransient(error: BerthError, delay: number): void {
    must(error.retriable, `${error.code} is waited out`);
    must(delay >= 2_000, `the next request in ${delay} ms`);
  }

  onAssigned({ hub, deviceId }: DpsAssignment): void {
    this.#outcomes += 1;
    this.#log.push(`assigned ${hub} ${deviceId}`);
  }

  onError(error: BerthError): void {
    this.#outcomes += 1;
    must(error instanceof BerthError && ENDS.includes(error.code), `ends in ${error.code}: ${error.message}`);
    this.#log.push(`error ${error.code} ${error.retryAfter}`);
  }

  play(input: Input): string {
    const transport = this.#transport;
    transport.writable(65_536);
    for (let now = 0; now <= 2 * TIMEOUT && this.#outcomes === 0; now += 500) {
      const packets = wholePackets(transport.sent);
      for (; this.#seen < packets.length && !transport.closed; this.#seen += 1) {
        this.#serve(packets[this.#seen] as RawPacket, input);
        if (!transport.closed) transport.writable(65_536);
      }
      this.#time.advance(500);
    }
    must(this.#outcomes === 1, `${this.#outcomes} outcomes`);
    must(transport.closed === 1 && this.#time.pending === 0, "something is left open");
    must(transport.violations.length === 0, transport.violations.join());
    return [...this.#log, this.#requests.length].join("\n");
  }

  #serve({ first, body }: RawPacket, input: Input): void {
    const transport = this.#transport;
    const id = [body[0] ?? 0, body[1] ?? 0];
    switch (first >> 4) {
      case 1:
        transport.receive(packetBytes(0x20, [0, 0]));
        break;
      case 8:
        transport.receive(packetBytes(0x90, [...id, 1]));
        break;
      case 12:
        transport.receive(packetBytes(0xd0, []));
        break;
      case 3:
        this.#answer(body, input);
        break;
      default:
    }
  }

  #answer(body: Uint8Array, input: Input): void {
    const now = this.#time.ticks();
    const before = this.#requests.at(-1);
    must(
      before === undefined || now - before >= FASTEST,
      `a request ${now - (before ?? 0)} ms after the last`,
    );
    this.#requests.push(now);
    const { topic, id } = published(body, this.#text);
    if (this.#acknowledges) this.#transport.receive(packetBytes(0x40, id));
    if (!input.more) return;
    const packet = scriptedAnswer(topic, input, this.#text);
    if (!this.#transport.closed) this.#transport.receive(packet);
  }
}
