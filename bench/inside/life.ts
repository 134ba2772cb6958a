// SPDX-License-Identifier: MIT
/** A whole life inside XS: the agent, with DPS and a hub of a few lines at the other end of its transport. */
import { type Ask, Counter, type XsTools } from "../../hosts/xs/inside/globals";
import { nativeText } from "../../hosts/xs/inside/text";
import { Agent, AgentState } from "../../src/agent/agent";
import type { Properties } from "../../src/azure/properties";
import type { Host, Transport, TransportOptions } from "../../src/host";
import { type Counts, Meter } from "./meter";

/** What `main` answers. */
export interface LifeFigures {
  /** From the start without a stored assignment to CONNACK of the hub. */
  readonly provisioning: Counts & {
    readonly peakBytes: number;
    readonly collections: number;
    readonly packetsOut: number;
    readonly packetsIn: number;
    readonly bytesOut: number;
    readonly bytesIn: number;
  };
  /** One message of 40 bytes from `send` to its PUBACK, with all others done. */
  readonly telemetry: Counts;
  /** The same with frozen properties. */
  readonly telemetryWithProperties: Counts;
  /** The same, a whole window of 8 messages at a time. */
  readonly telemetryByWindows: Counts;
  /** What lives once all modules are loaded and nothing has run; most of it lies in ROM on the device. */
  readonly loaded: { readonly slots: number; readonly chunks: number; readonly bytes: number };
}

const HUB = "contoso.azure-devices.net";
const text = nativeText();

/** The bytes of a packet; `parts` are strings, bytes, or numbers for bytes. */
function packet(first: number, ...parts: (string | number)[]): Uint8Array {
  const body: number[] = [];
  for (const part of parts) {
    if (typeof part === "number") body.push(part);
    else for (const byte of text.encode(part)) body.push(byte);
  }
  const length = body.length < 128 ? [body.length] : [(body.length & 0x7f) | 0x80, body.length >> 7];
  return Uint8Array.from([first, ...length, ...body]);
}

function publish(topic: string, body: string): Uint8Array {
  return packet(0x30, 0, topic.length, topic, body);
}

/** DPS and the hub: answer each packet as the services do, DPS with one poll. */
function answer(bytes: Uint8Array): Uint8Array[] {
  let at = 1;
  while ((bytes[at] as number) & 0x80) at += 1;
  at += 1;
  switch (bytes[0]) {
    case 0x10:
      return [packet(0x20, 0, 0)];
    case 0x82:
      return [packet(0x90, bytes[at] as number, bytes[at + 1] as number, 1)];
    case 0x32: {
      const topicEnd = at + 2 + (bytes[at + 1] as number);
      const topic = text.decode(bytes.slice(at + 2, topicEnd));
      const puback = packet(0x40, bytes[topicEnd] as number, bytes[topicEnd + 1] as number);
      const requestId = /\$rid=([0-9a-f]+)/.exec(topic)?.[1];
      if (requestId === undefined) return [puback];
      if (topic.includes("PUT")) {
        const accepted = `$dps/registrations/res/202/?$rid=${requestId}&retry-after=3`;
        return [
          puback,
          publish(
            accepted,
            '{"operationId":"5.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d","status":"assigning"}',
          ),
        ];
      }
      return [puback, publish(`$dps/registrations/res/200/?$rid=${requestId}`, ASSIGNED)];
    }
    default:
      return [];
  }
}

/** As documented in "Communicate with DPS using the MQTT protocol", with the fields that DPS really sends. */
const ASSIGNED = JSON.stringify({
  operationId: "5.d0a671905ea5b2c8.42d78160-4c78-479e-8be7-61d5e55dac0d",
  status: "assigned",
  registrationState: {
    registrationId: "device-1",
    createdDateTimeUtc: "2026-11-23T10:00:00.0000000Z",
    assignedHub: HUB,
    deviceId: "device-1",
    status: "assigned",
    substatus: "initialAssignment",
    lastUpdatedDateTimeUtc: "2026-11-23T10:00:03.0000000Z",
    etag: "IjAxMDA2ZTM0LTAwMDAtMDcwMC0wMDAwLTY1YTBmMWI2MDAwMCI=",
  },
});

/** The world around the agent; nothing of it is counted. */
class World {
  readonly #meter: Meter;
  #ticks = 0;
  #events: { at: number; work: () => void }[] = [];
  packetsOut = 0;
  packetsIn = 0;
  bytesOut = 0;
  bytesIn = 0;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  host(): Host {
    const world = this;
    const meter = this.#meter;
    const values = new Map<string, Uint8Array>();
    class WorldTransport implements Transport {
      readonly #options: TransportOptions;
      #received: Uint8Array[] = [];
      #open = true;

      constructor(options: TransportOptions) {
        meter.pause();
        this.#options = options;
        this.#later(() => options.onWritable(4096));
        meter.resume();
      }

      read(target: Uint8Array): number {
        meter.pause();
        const first = this.#received.shift();
        const count = Math.min(first?.length ?? 0, target.length);
        if (first) target.set(first.subarray(0, count));
        if (first && count < first.length) this.#received.unshift(first.subarray(count));
        meter.resume();
        return count;
      }

      write(bytes: Uint8Array, start: number, end: number): number {
        meter.pause();
        world.packetsOut += 1;
        world.bytesOut += end - start;
        for (const reply of answer(bytes.subarray(start, end))) {
          world.packetsIn += 1;
          world.bytesIn += reply.length;
          this.#later(() => {
            meter.pause();
            this.#received.push(reply);
            meter.resume();
            this.#options.onReadable(reply.length);
          });
        }
        meter.resume();
        return 4096;
      }

      close(): void {
        this.#open = false;
      }

      #later(work: () => void): void {
        world.at(1, () => {
          if (this.#open) work();
        });
      }
    }
    return {
      text,
      clock: { now: () => 1_795_000_000_000 + this.#ticks, ticks: () => this.#ticks },
      timers: {
        set: (callback, delay) => {
          meter.pause();
          const event = this.at(delay, callback);
          meter.resume();
          return event;
        },
        clear: (handle) => {
          meter.pause();
          this.#events = this.#events.filter((event) => event !== handle);
          meter.resume();
        },
      },
      store: {
        read: (key) => {
          meter.pause();
          const value = values.get(key)?.slice();
          meter.resume();
          return value;
        },
        write: (key, value) => {
          meter.pause();
          values.set(key, value.slice());
          meter.resume();
        },
        delete: (key) => {
          values.delete(key);
        },
      },
      transport: { io: WorldTransport },
      random: () => 0.5,
      signer: {
        // HMAC is native on the device: its cost is not one of the script.
        sign: () => {
          meter.pause();
          const signature = new Uint8Array(32).fill(0xa5);
          meter.resume();
          return signature;
        },
      },
    };
  }

  at(delay: number, work: () => void): object {
    const event = { at: this.#ticks + delay, work };
    this.#events.push(event);
    return event;
  }

  /** While the meter is paused: runs events, which count, in the order of their time until `done`. */
  run(done: () => boolean, afterEach?: () => void): void {
    for (let left = 10_000; !done(); left -= 1) {
      this.#events.sort((a, b) => a.at - b.at);
      const next = this.#events.shift();
      if (!next || left === 0) throw new Error("nothing more happens");
      this.#ticks = Math.max(this.#ticks, next.at);
      this.#meter.resume();
      next.work();
      this.#meter.pause();
      afterEach?.();
    }
  }
}

function device(meter: Meter): { agent: Agent; world: World; acknowledged: () => number } {
  const world = new World(meter);
  let acknowledged = 0;
  const agent = new Agent(
    world.host(),
    {
      onAcknowledged() {
        acknowledged += 1;
      },
      onError({ error }) {
        throw error;
      },
    },
    { identity: { idScope: "0ne00000000", registrationId: "device-1", attestation: "symmetricKey" } },
  );
  return { agent, world, acknowledged: () => acknowledged };
}

/** A multiple of the window. */
const MESSAGES = 96;

export default function main(_call: Ask, tools: XsTools): Uint8Array {
  const { counter } = tools;
  tools.gc();
  const slots = counter(Counter.SLOTS);
  const chunks = counter(Counter.CHUNKS);
  const loaded = { slots, chunks, bytes: slots * counter(Counter.SLOT_SIZE) + chunks };
  // Once to warm up, once to count, once more for what lives.
  const counted = new Meter(tools);
  for (let round = 0; round < 2; round += 1) {
    const { agent, world } = device(counted);
    const collections = counter(Counter.COLLECTIONS);
    counted.start();
    agent.start();
    counted.pause();
    world.run(() => agent.state === AgentState.RUNNING);
    const counts = counted.stop();
    if (round === 0) continue;
    const provisioning = {
      ...counts,
      collections: counter(Counter.COLLECTIONS) - collections - 1,
      packetsOut: world.packetsOut,
      packetsIn: world.packetsIn,
      bytesOut: world.bytesOut,
      bytesIn: world.bytesIn,
      peakBytes: peakOf(tools),
    };
    const figures: LifeFigures = {
      provisioning,
      telemetry: telemetryOf(tools),
      telemetryWithProperties: telemetryOf(tools, PROPERTIES),
      telemetryByWindows: telemetryOf(tools, undefined, 8),
      loaded,
    };
    return text.encode(JSON.stringify(figures));
  }
  throw new Error("never");
}

function peakOf(tools: XsTools): number {
  const meter = new Meter(tools);
  const { agent, world } = device(meter);
  meter.start();
  agent.start();
  meter.pause();
  world.run(
    () => agent.state === AgentState.RUNNING,
    () => meter.sample(),
  );
  meter.stop();
  return meter.peak;
}

const PROPERTIES = Object.freeze({ "$.ct": "application/json", "$.ce": "utf-8" });

/** @param together how many messages are sent before the first is acknowledged */
function telemetryOf(tools: XsTools, properties?: Properties, together = 1): Counts {
  const meter = new Meter(tools);
  const { agent, world, acknowledged } = device(meter);
  agent.start();
  world.run(() => agent.state === AgentState.RUNNING);
  const payload = new Uint8Array(40);
  const send = (): void => {
    const all = acknowledged() + together;
    meter.resume();
    for (let i = 0; i < together; i += 1) agent.send(payload, properties);
    meter.pause();
    world.run(() => acknowledged() === all);
  };
  send();
  meter.start();
  meter.pause();
  for (let i = 0; i < MESSAGES; i += together) send();
  const { computrons, bytes } = meter.stop();
  return { computrons: computrons / MESSAGES, bytes: bytes / MESSAGES };
}
