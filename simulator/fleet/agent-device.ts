// SPDX-License-Identifier: MIT
/** A device of a fleet with the agent of `src/`: as little as can be around it. */
import { Agent, type AgentHandler, type AgentOptions } from "../../src/agent/agent";
import { BerthError, type ErrorCode } from "../../src/error";
import type { Host, Signer, Store, Transport, TransportOptions } from "../../src/host";
import { AssignmentStore } from "../../src/storage/assignment-store";
import { Random } from "../random";
import { nodeText } from "../virtual-host";
import { connack, PINGRESP, type PacketSink, puback, publish, suback, WireReader } from "../wire";
import { type DpsAnswer, Line, type LineClient } from "./line";
import { SmallStore } from "./small-store";
import { ID_SCOPE, type FleetDevice, type FleetWorld } from "./world";

const REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid=";
const POLL = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=";
const OPERATION = "4.d0a671905ea5b2c8.00000000-0000-0000-0000-000000000000";
const ASSIGNING = JSON.stringify({ operationId: OPERATION, status: "assigning" });
const THROTTLED = JSON.stringify({
  errorCode: 429_001,
  trackingId: "00000000-0000-0000-0000-000000000000",
  message: "Operations are being throttled for this tenant. Please try again later.",
  timestampUtc: "2026-11-23T05:24:22.4718526Z",
});
const ACCEPTED = connack(0, false);
const HELLO = Buffer.from('{"uptime":1}');
const ROOM = 4_096;
/** Nobody here judges a signature. */
const SIGNER: Signer = { sign: () => new Uint8Array(32) };

/** The agent's packets, each whole in a write, become what servers understand. Shared by all: it keeps nothing. */
class AgentPackets implements PacketSink {
  #line!: Line;
  readonly #reader = new WireReader(this);

  push(line: Line, bytes: Buffer): void {
    this.#line = line;
    this.#reader.push(bytes);
  }

  connect(): void {
    const line = this.#line;
    line.up((server) => server.connect(line));
  }

  subscribe(id: number): void {
    const line = this.#line;
    line.up((server) => server.subscribe(line, id));
  }

  publish({ topic, id }: { readonly topic: string; readonly id: number }): void {
    const line = this.#line;
    if (topic.startsWith(REGISTER)) {
      line.down((client) => client.puback(id), line.client.latency);
      line.up((server) => server.register(line, topic.slice(REGISTER.length)));
    } else if (topic.startsWith(POLL)) {
      const requestId = topic.slice(POLL.length, topic.indexOf("&"));
      line.down((client) => client.puback(id), line.client.latency);
      line.up((server) => server.poll(line, requestId));
    } else line.up((server) => server.publish(line, id));
  }

  puback(): void {
    // Nothing comes that wants it.
  }

  pingreq(): void {
    this.#line.ping();
  }

  disconnect(): void {
    // The end of the stream follows.
  }
}

const packets = new AgentPackets();

/** A connection as the agent sees it. */
class AgentTransport implements Transport {
  readonly #options: TransportOptions;
  readonly #line: Line;
  #received: Uint8Array | undefined;

  constructor(options: TransportOptions & { readonly device: AgentDevice }) {
    this.#options = options;
    this.#line = options.device.open(options.host, this);
  }

  read(target: Uint8Array): number {
    const bytes = this.#received;
    if (!bytes) return 0;
    const count = Math.min(bytes.length, target.length);
    target.set(count === bytes.length ? bytes : bytes.subarray(0, count));
    this.#received = count === bytes.length ? undefined : bytes.subarray(count);
    return count;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    packets.push(this.#line, Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start));
    return ROOM;
  }

  close(): void {
    this.#line.close();
  }

  opened(): void {
    this.#options.onWritable(ROOM);
  }

  receive(bytes: Uint8Array): void {
    // The agent reads at once, all of it.
    this.#received = bytes;
    this.#options.onReadable(bytes.length);
  }

  lost(code: ErrorCode): void {
    this.#options.onError(new BerthError(code));
  }
}

function assigned(id: string, hub: string | undefined): string {
  const registrationState = { registrationId: id, assignedHub: hub, deviceId: id, status: "assigned" };
  return JSON.stringify({ operationId: OPERATION, status: "assigned", registrationState });
}

function idOf(index: number): string {
  return `device-${index}`;
}

export class AgentDevice implements FleetDevice, LineClient, AgentHandler {
  readonly index: number;
  readonly latency: number;
  readonly #world: FleetWorld;
  readonly #store: Store = new SmallStore();
  readonly #random: Random;
  readonly #options: Partial<AgentOptions>;
  #agent: Agent | undefined;
  #transport: AgentTransport | undefined;

  constructor(world: FleetWorld, index: number, options: Partial<AgentOptions>) {
    this.#world = world;
    this.index = index;
    this.#random = new Random(world.seed, index);
    this.latency = this.#random.between(20, 120);
    this.#options = options;
  }

  know(hub: string): void {
    const { index } = this;
    const id = idOf(index);
    const assignment = { idScope: ID_SCOPE, registrationId: id, hub, deviceId: id, assignedAt: 0 };
    new AssignmentStore(this.#store, nodeText).write(assignment);
  }

  boot(): void {
    const { time } = this.#world;
    const random = this.#random;
    const host: Host = {
      text: nodeText,
      clock: time,
      timers: time,
      store: this.#store,
      transport: { io: AgentTransport, device: this },
      random: () => random.next(),
      signer: SIGNER,
    };
    const registrationId = idOf(this.index);
    const identity = { idScope: ID_SCOPE, registrationId, attestation: "symmetricKey" as const };
    this.#agent = new Agent(host, this, { ...this.#options, identity });
    this.#agent.start();
  }

  onConnected(): void {
    if (this.#agent?.pending === 0) this.#agent.send(HELLO);
  }

  open(host: string, transport: AgentTransport): Line {
    this.#transport = transport;
    return new Line(this.#world, host, this);
  }

  opened(): void {
    this.#transport?.opened();
  }

  connack(code: number): void {
    this.#transport?.receive(code === 0 ? ACCEPTED : connack(code, false));
  }

  suback(id: number): void {
    this.#transport?.receive(suback(id, [1]));
  }

  puback(id: number): void {
    this.#transport?.receive(puback(id));
  }

  pingresp(): void {
    this.#transport?.receive(PINGRESP);
  }

  answer(requestId: string, { status, retryAfter, hub }: DpsAnswer): void {
    const told = retryAfter === undefined ? "" : `&retry-after=${retryAfter}`;
    const body = status === 429 ? THROTTLED : status === 202 ? ASSIGNING : assigned(idOf(this.index), hub);
    this.#transport?.receive(publish(`$dps/registrations/res/${status}/?$rid=${requestId}${told}`, body));
  }

  lost(code: ErrorCode): void {
    this.#transport?.lost(code);
  }
}
