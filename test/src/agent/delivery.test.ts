// SPDX-License-Identifier: MIT
/** Telemetry from `send` to PUBACK: nothing is lost, mixed up or handed over twice, whatever happens on the way. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Packet } from "mqtt-packet";
import { assigningDps, hub } from "../../../simulator/services";
import type { VirtualConnection } from "../../../simulator/virtual-azure";
import { AgentState } from "../../../src/agent/agent";
import type { Properties } from "../../../src/azure/properties";
import { bytes, DPS, HUB, HUB2, type World, world } from "../../helpers/agent-world";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const HOUR = 3_600_000;

type Publish = Extract<Packet, { cmd: "publish" }>;

function isPublish(packet: Packet): packet is Publish {
  return packet.cmd === "publish";
}

/** What a hub has had on a connection. */
function published(connection: VirtualConnection): Publish[] {
  return connection.packets.filter(isPublish);
}

function hubConnections({ azure }: World): VirtualConnection[] {
  return azure.connections.filter(({ host }) => host !== DPS);
}

/** An agent that runs at a hub. */
function running(given: Parameters<typeof world>[0] = {}): World {
  const made = world(given);
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, hub());
  made.agent.start();
  made.time.advance(10_000);
  expect(made.agent.state).toBe(AgentState.RUNNING);
  return made;
}

/** Counts how often the properties of `target` are listed. */
function watched(target: Properties): { properties: Properties; lists: () => number } {
  let lists = 0;
  const properties = new Proxy(target, {
    ownKeys(of) {
      lists += 1;
      return Reflect.ownKeys(of);
    },
  });
  return { properties, lists: () => lists };
}

test("frozen properties are encoded once, however many messages have them", () => {
  const { agent, time, azure } = running();
  const { properties, lists } = watched(Object.freeze({ "$.ct": "application/json", a: "1 2", b: null }));
  agent.send(bytes("0"), properties);
  const once = lists();
  for (let i = 1; i < 20; i += 1) {
    agent.send(bytes(String(i)), properties);
    time.advance(100);
  }
  expect(lists()).toBe(once);
  const topics = published(azure.last).map(({ topic }) => topic);
  const expected = "devices/device-1/messages/events/%24.ct=application%2Fjson&a=1%202&b";
  expect(topics).toEqual(new Array(20).fill(expected));
});

test("properties that are not frozen go out as they were at `send`", () => {
  const { agent, time, azure } = running({ options: { hub: { window: 1 } } });
  const changing: Record<string, string> = { n: "0" };
  const frozen = Object.freeze({ f: "1" });
  const sent: (Properties | undefined)[] = [
    changing,
    changing,
    frozen,
    changing,
    undefined,
    frozen,
    {},
    changing,
  ];
  for (const [index, properties] of sent.entries()) {
    changing.n = String(index);
    agent.send(bytes(String(index)), properties);
  }
  changing.n = "too late";
  time.advance(1_000);
  expect(
    published(azure.last).map(({ topic, payload }) => [topic.split("/").at(-1), String(payload)]),
  ).toEqual([
    ["n=0", "0"],
    ["n=1", "1"],
    ["f=1", "2"],
    ["n=3", "3"],
    ["", "4"],
    ["f=1", "5"],
    ["", "6"],
    ["n=7", "7"],
  ]);
});

test("properties that cannot be encoded, or are too long for a topic, leave those before as they were", () => {
  const { agent, time, azure } = running({ options: { hub: { outputSize: 200_000 } } });
  const good = Object.freeze({ a: "1" });
  agent.send(bytes("1"), good);
  expect(thrownCode(() => agent.send(bytes("2"), Object.freeze({ "": "x" })))).toBe("invalid-argument");
  expect(thrownCode(() => agent.send(bytes("3"), { b: "x".repeat(65_400) }))).toBe("packet-too-large");
  agent.send(bytes("4"), good);
  agent.send(bytes("5"), { b: "x".repeat(65_300) });
  time.advance(1_000);
  const topics = published(azure.last).map(({ topic }) => topic.split("/").at(-1));
  expect(topics).toEqual(["a=1", "a=1", `b=${"x".repeat(65_300)}`]);
  expect(agent.pending).toBe(0);
});

test("a message that is sent from inside onAcknowledged does not touch the one that was handed over", () => {
  const seen: string[] = [];
  const made = running({
    options: { hub: { window: 2 } },
    handler: {
      onAcknowledged(message, count) {
        if (count <= 10) made.agent.send(bytes(`m${count + 2}`), { n: String(count + 2) });
        seen.push(`${String(Buffer.from(message.payload))} ${message.bag}`);
      },
    },
  });
  for (const n of ["1", "2"]) made.agent.send(bytes(`m${n}`), { n });
  made.time.advance(1_000);
  expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `m${i + 1} n=${i + 1}`));
});

/** What happens in a run of the property. */
type Event =
  | { readonly send: number }
  | { readonly wait: number }
  | { readonly mute: boolean }
  | { readonly swap: boolean }
  | { readonly fail: true }
  | { readonly move: true };

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 12, arbitrary: fc.nat(3).map((send) => ({ send })) },
  { weight: 6, arbitrary: fc.constantFrom(1, 3, 50, 1_000, 40_000).map((wait) => ({ wait })) },
  { weight: 2, arbitrary: fc.boolean().map((mute) => ({ mute })) },
  { weight: 1, arbitrary: fc.boolean().map((swap) => ({ swap })) },
  { weight: 2, arbitrary: fc.constant({ fail: true as const }) },
  { weight: 1, arbitrary: fc.constant({ move: true as const }) },
);

const BAGS: readonly (Properties | undefined)[] = [
  undefined,
  Object.freeze({ a: "1" }),
  { b: "2" },
  undefined,
];
const ENCODED = ["", "a=1", "b=2", ""];

testProperty(
  "whatever happens to connections, what `send` took arrives in order, with its properties, and is acknowledged once",
  150,
  fc.property(fc.boolean(), fc.array(event, { maxLength: 50 }), (eager, events) => {
    let mute = false;
    let swap = false;
    let target = HUB;
    const taken: { payload: Uint8Array; bag: string }[] = [];
    const acknowledged: { payload: Uint8Array; bag: string }[] = [];
    const made = world({
      options: { hub: { window: 3, eager }, outbox: { capacity: 6 } },
      handler: { onAcknowledged: ({ payload, bag }) => acknowledged.push({ payload, bag }) },
    });
    const { agent, azure, time } = made;
    const answers = hub(() => 0, true);
    let held: (() => void) | undefined;
    const atHub = (connection: VirtualConnection, packet: Packet): void => {
      if (isPublish(packet) && mute) return;
      if (!isPublish(packet) || !swap) {
        answers(connection, packet);
        return;
      }
      // Two PUBACKs the other way round: a client must live with it.
      const now = (): void => answers(connection, packet);
      if (!held) held = now;
      else {
        now();
        held();
        held = undefined;
      }
    };
    azure.servers.set(DPS, (connection, packet) => assigningDps(target)(connection, packet));
    azure.servers.set(HUB, atHub);
    azure.servers.set(HUB2, atHub);
    agent.start();
    for (const one of events) {
      if ("send" in one) {
        const payload = bytes(String(taken.length));
        const code = thrownCode(() => agent.send(payload, BAGS[one.send]));
        expect(["none", "outbox-full"]).toContain(code);
        if (code === "none") taken.push({ payload, bag: ENCODED[one.send] as string });
      } else if ("wait" in one) time.advance(one.wait);
      else if ("mute" in one) mute = one.mute;
      else if ("swap" in one) swap = one.swap;
      else if ("fail" in one) azure.connections.at(-1)?.fail(undefined);
      else {
        target = target === HUB ? HUB2 : HUB;
        agent.reprovision();
      }
    }
    mute = swap = false;
    time.advance(HOUR);
    expect(agent.pending).toBe(0);
    // Once each, whatever the order, with the bytes that were handed in.
    const number = ({ payload }: { payload: Uint8Array }): number => Number(Buffer.from(payload).toString());
    expect(acknowledged.sort((a, b) => number(a) - number(b))).toEqual(taken);
    for (const [index, { payload }] of acknowledged.entries()) expect(payload).toBe(taken[index]?.payload);
    const connections = hubConnections(made);
    const arrived = connections.flatMap(published);
    // For the first time: in order.
    expect([...new Set(arrived.map(({ payload }) => Number(payload.toString())))]).toEqual(taken.map(number));
    for (const { topic, payload } of arrived) {
      expect(topic).toBe(`devices/device-1/messages/events/${taken[Number(payload.toString())]?.bag}`);
    }
    // Sent again to the hub that had it on the connection before: DUP [MQTT-3.3.1-1]; the first time never.
    for (const [index, connection] of connections.entries()) {
      const before = connections[index - 1];
      const had =
        before?.host === connection.host ? published(before).map(({ payload }) => String(payload)) : [];
      const ever = connections
        .slice(0, index)
        .flatMap(published)
        .map(({ payload }) => String(payload));
      for (const { dup, payload } of published(connection)) {
        if (dup) expect(ever).toContain(String(payload));
        if (had.includes(String(payload))) expect(dup).toBe(true);
      }
    }
  }),
);
