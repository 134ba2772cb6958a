// SPDX-License-Identifier: MIT
/** The public class, in virtual time: what an application sees, and that nothing it may call throws for the network. */
import { describe, expect, test } from "@jest/globals";
import { assigningDps, hub, requestIdOf } from "../../simulator/services";
import { type Behaviour, VirtualAzure } from "../../simulator/virtual-azure";
import { MemoryStore, VirtualTime, virtualHost } from "../../simulator/virtual-host";
import type { OnTwin } from "../../src/azure/hub/twin";
import { Device, type DeviceOptions } from "../../src/device";
import type { Host } from "../../src/host";
import { DPS, HUB, IDENTITY } from "../helpers/agent-world";
import { thrownCode } from "../helpers/thrown";

const HOUR = 3_600_000;

interface Made {
  readonly time: VirtualTime;
  readonly azure: VirtualAzure;
  readonly device: Device;
  readonly errors: string[];
}

function made(options: DeviceOptions = {}, given: Partial<Host> = {}, server: Behaviour = hub()): Made {
  const time = new VirtualTime();
  const azure = new VirtualAzure(time);
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, server);
  const errors: string[] = [];
  const host = virtualHost(azure.binding(), { clock: time, ...given });
  const device = new Device(host, IDENTITY, {
    onError({ where, error }) {
      errors.push(`${where} ${error.code}`);
    },
    ...options,
  });
  return { time, azure, device, errors };
}

function connected(options: DeviceOptions = {}, server?: Behaviour): Made {
  const world = made(options, {}, server);
  world.time.advance(10_000);
  expect(world.device.connected).toBe(true);
  return world;
}

/** Telemetry that the hub has had: topic and payload. */
function received({ azure }: Made): string[] {
  return azure.connections.flatMap(({ host, packets }) =>
    packets.flatMap((packet) =>
      host === HUB && packet.cmd === "publish" ? [`${packet.topic} ${packet.payload.toString()}`] : [],
    ),
  );
}

const EVENTS = "devices/device-1/messages/events/";
const JSON_BAG = "%24.ct=application%2Fjson&%24.ce=utf-8";

test("a life with callbacks, whose `this` is the device", () => {
  const heard: string[] = [];
  const world: Made = made({
    onState(state) {
      heard.push(`${this === world.device} ${state}`);
    },
    onAssigned({ assignment }) {
      heard.push(`assigned ${assignment.hub} ${this === world.device}`);
    },
    onConnected({ source }) {
      heard.push(`connected ${source}`);
      this.send("hello");
    },
    onAcknowledged(count) {
      heard.push(`acknowledged ${count}`);
    },
    onDisconnected() {
      heard.push("disconnected");
    },
  });
  world.time.advance(10_000);
  expect(heard).toEqual([
    "true provisioning",
    `assigned ${HUB} true`,
    "true connecting",
    "true running",
    "connected dps",
    "acknowledged 1",
  ]);
  expect(world.device.state).toBe("running");
  expect(world.device.assignment?.hub).toBe(HUB);
  world.azure.last.fail(undefined);
  world.time.advance(1);
  expect(heard.at(-2)).toBe("disconnected");
  expect(world.device.connected).toBe(false);
});

test("nothing is called from inside the constructor or a method, and nothing after close", () => {
  let inside = true;
  const heard: string[] = [];
  const note = (what: string) => () => void heard.push(inside ? `inside: ${what}` : what);
  const world = made({ onState: note("state"), onConnected: note("connected"), onDropped: note("dropped") });
  inside = false;
  world.time.advance(10_000);
  expect(heard).toContain("connected");
  expect(heard.filter((what) => what.startsWith("inside"))).toEqual([]);
  const before = heard.length;
  world.device.close();
  world.device.close();
  world.time.advance(HOUR);
  expect(heard.length).toBe(before);
  expect(world.time.pending).toBe(0);
});

test("what was to be told a moment later leaves no timer behind close", () => {
  const dropped: number[] = [];
  const { device, time } = made({ onDropped: (count) => dropped.push(count) });
  device.send("x");
  device.forget();
  device.close();
  expect(time.pending).toBe(0);
  time.advance(10_000);
  expect(dropped).toEqual([]);
});

test("every method but close throws `closed` after close", () => {
  const { device } = made({ onDesired() {} });
  device.close();
  const calls: (() => unknown)[] = [
    () => device.send("x"),
    () => device.report({}),
    () => device.readTwin(() => {}),
    () => device.every(1, () => {}),
    () => device.reprovision(),
    () => device.forget(),
  ];
  for (const call of calls) expect(thrownCode(call)).toBe("closed");
});

describe("send", () => {
  test.each<[string, unknown, object | undefined, string]>([
    ["an object", { celsius: 1.5 }, undefined, `${EVENTS}${JSON_BAG} {"celsius":1.5}`],
    ["null", null, undefined, `${EVENTS}${JSON_BAG} null`],
    ["text", "grüße", undefined, `${EVENTS}%24.ce=utf-8 grüße`],
    ["bytes", Uint8Array.of(0x41), undefined, `${EVENTS} A`],
    [
      "bytes with properties",
      Uint8Array.of(0x41),
      { properties: { a: "1 2", b: null } },
      `${EVENTS}a=1%202&b A`,
    ],
    ["an object with properties", {}, { properties: { a: "1" } }, `${EVENTS}${JSON_BAG}&a=1 {}`],
    [
      "system properties",
      {},
      {
        contentType: "text/plain",
        component: "thermostat1",
        createdAt: new Date(0),
        messageId: "m",
        correlationId: "c",
      },
      `${EVENTS}%24.ct=text%2Fplain&%24.ce=utf-8&%24.sub=thermostat1&%24.ctime=1970-01-01T00%3A00%3A00.000Z&%24.mid=m&%24.cid=c {}`,
    ],
  ])("%s", (_, value, options, expected) => {
    const world = connected();
    expect(world.device.send(value, options)).toBe(true);
    world.time.advance(100);
    expect(received(world)).toEqual([expected]);
    expect(world.device.pending).toBe(0);
  });

  test.each<[string, unknown, object | undefined]>([
    ["a function", () => 1, undefined],
    ["undefined", undefined, undefined],
    ["a symbol", Symbol("x"), undefined],
    ["a bigint", 1n, undefined],
    ["half a surrogate pair", "\ud800", undefined],
    ["a property without a name", {}, { properties: { "": "x" } }],
    ["no time", {}, { createdAt: new Date(Number.NaN) }],
  ])("%s is a mistake in the program", (_, value, options) => {
    expect(thrownCode(() => made().device.send(value, options))).toBe("invalid-argument");
  });

  test("a circular object is a mistake in the program, too", () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(thrownCode(() => made().device.send(circular))).toBe("invalid-argument");
    let message = "";
    try {
      made().device.send(circular);
    } catch (error) {
      message = (error as Error).message;
    }
    // What follows is the engine's own text.
    expect(message.startsWith("send: the value is no JSON: ")).toBe(true);
  });

  test("what is too large is not queued, and told", () => {
    const world = connected();
    expect(world.device.send("x".repeat(5_000))).toBe(false);
    world.time.advance(1);
    expect(world.errors).toEqual(["application packet-too-large"]);
  });

  test("a day without a network neither throws nor grows", () => {
    const network = { isUp: () => false };
    const results = new Map<boolean, number>();
    const { time, device, azure } = made({}, { network });
    device.every(60_000, () => {
      const sent = device.send({ at: time.ticks() });
      results.set(sent, (results.get(sent) ?? 0) + 1);
    });
    time.advance(24 * HOUR);
    expect(results.get(true)).toBe(32);
    expect(device.pending).toBe(32);
    expect((results.get(false) ?? 0) > 1_000).toBe(true);
    expect(azure.connections.length).toBe(0);
  });

  test("drop-oldest keeps the newest, and tells how many went", () => {
    let up = false;
    let dropped = 0;
    const world = made(
      {
        outbox: { capacity: 4, whenFull: "drop-oldest" },
        onDropped(count) {
          dropped += count;
        },
      },
      { network: { isUp: () => up } },
    );
    for (let i = 0; i < 10; i += 1) expect(world.device.send(String(i))).toBe(true);
    world.time.advance(1_000);
    expect(dropped).toBe(6);
    up = true;
    world.time.advance(10_000);
    expect(received(world).map((line) => line.slice(-1))).toEqual(["6", "7", "8", "9"]);
  });

  test("onRoom tells when a refused message fits", () => {
    let room = 0;
    let up = false;
    const onRoom = (): void => {
      room += 1;
    };
    const world = made({ outbox: { capacity: 1 }, onRoom }, { network: { isUp: () => up } });
    expect(world.device.send("1")).toBe(true);
    expect(world.device.send("2")).toBe(false);
    up = true;
    world.time.advance(10_000);
    expect(room).toBe(1);
  });
});

test("a callback that throws is reported as the application's, and life goes on", () => {
  const world = connected({
    onConnected() {
      throw new Error("oops");
    },
    onState() {
      throw new Error("oops");
    },
  });
  world.device.send("x");
  world.time.advance(100);
  expect(received(world).length).toBe(1);
  expect(new Set(world.errors)).toEqual(new Set(["application handler-failed"]));
});

test("every: what throws is reported, the calls go on, and end when they are told", () => {
  const world = connected();
  let calls = 0;
  const end = world.device.every(1_000, function () {
    expect(this).toBe(world.device);
    calls += 1;
    throw new Error("oops");
  });
  world.time.advance(3_500);
  expect(calls).toBe(3);
  expect(world.errors).toEqual(Array(3).fill("application handler-failed"));
  end();
  end();
  world.time.advance(HOUR);
  expect(calls).toBe(3);
  expect(thrownCode(() => world.device.every(0, () => {}))).toBe("invalid-argument");
});

test("an end inside its own call holds", () => {
  const world = connected();
  let calls = 0;
  const end = world.device.every(10, () => {
    calls += 1;
    end();
  });
  world.time.advance(HOUR);
  expect(calls).toBe(1);
});

test.each<[string, object]>([
  ["a callback that is no function", { onConnected: 1 }],
  ["a handler that is no function", { methods: { reboot: 1 } }],
  ["a capacity of 0", { outbox: { capacity: 0 } }],
  ["a number in quotation marks", { hub: { keepAlive: "60" } }],
  ["a capacity in quotation marks", { outbox: { capacity: "3" } }],
  ["an endless token", { hub: { tokenLifetime: Number.POSITIVE_INFINITY } }],
  ["a back-off without its cap", { backoff: { base: 1_000 } }],
  ["a host that is no name", { provisioning: { host: 5 } }],
  ["a model that is none", { modelId: "thermostat" }],
  ["features that are no list", { features: 5 }],
  ["a policy that is none", { outbox: { whenFull: "explode" } }],
  ["redeliveries below 0", { onMessage() {}, messages: { redeliveries: -1 } }],
  ["more than the hub's own bound", { twin: { maximumReported: 40_000 } }],
])("%s is refused before anything starts", (_, options) => {
  const time = new VirtualTime();
  const host = virtualHost(new VirtualAzure(time).binding(), { clock: time });
  expect(thrownCode(() => new Device(host, IDENTITY, options as DeviceOptions))).toBe("invalid-argument");
  expect(time.pending).toBe(0);
});

test("frozen options are taken, unknown ones ignored, and a change of them later changes nothing", () => {
  const options: Record<string, unknown> = { unknown: 1, onConnected: () => heard.push("first") };
  const heard: string[] = [];
  const { time } = made(options as DeviceOptions);
  options.onConnected = () => heard.push("second");
  time.advance(10_000);
  expect(heard).toEqual(["first"]);
  const frozen = Object.freeze({ hub: Object.freeze({}), onConnected: () => void heard.push("frozen") });
  made(frozen).time.advance(10_000);
  expect(heard.at(-1)).toBe("frozen");
});

test("the platform is asked before the life starts, and given back at the end", () => {
  const calls: string[] = [];
  let ready: ((error?: unknown) => void) | undefined;
  const begin = (told: (error?: unknown) => void) => {
    calls.push("begin");
    ready = told;
  };
  const world = made({}, { begin, end: () => void calls.push("end") });
  world.time.advance(10_000);
  expect(world.azure.connections.length).toBe(0);
  ready?.();
  world.time.advance(10_000);
  expect(world.device.connected).toBe(true);
  world.device.close();
  expect(calls).toEqual(["begin", "end"]);
});

test("a platform that refuses is reported, and nothing starts", () => {
  const world = made({}, { begin: (told) => told(new Error("in use")) });
  world.time.advance(10_000);
  expect(world.errors).toEqual(["store store-failed"]);
  expect(world.azure.connections.length).toBe(0);
});

/** A hub with a twin and one method call. */
function twinHub(calls: string[]): Behaviour {
  const plain = hub();
  return (connection, packet) => {
    plain(connection, packet);
    if (packet.cmd !== "publish") return;
    if (packet.topic.startsWith("$iothub/methods/res/")) calls.push(packet.topic);
    if (packet.topic.startsWith("$iothub/twin/GET/")) {
      const twin = { desired: { period: 5, $version: 3 }, reported: { $version: 1 } };
      connection.publish(`$iothub/twin/res/200/?$rid=${requestIdOf(packet.topic)}`, JSON.stringify(twin));
    }
    if (packet.topic.startsWith("$iothub/twin/PATCH/")) {
      calls.push(packet.payload.toString());
      connection.publish(`$iothub/twin/res/204/?$rid=${requestIdOf(packet.topic)}&$version=2`, "");
    }
  };
}

test("methods, desired and reported properties", () => {
  const calls: string[] = [];
  const heard: unknown[] = [];
  const world: Made = made(
    {
      methods: { reboot: () => ({ status: 200 }) },
      onDesired(desired, report) {
        heard.push([desired, report]);
        this.report({ period: desired.period });
      },
      onReported(version) {
        heard.push([version, this === world.device]);
      },
    },
    {},
    twinHub(calls),
  );
  world.time.advance(10_000);
  world.azure.last.publish("$iothub/methods/POST/reboot/?$rid=9", "");
  world.time.advance(1_000);
  expect(heard).toEqual([
    [
      { period: 5, $version: 3 },
      { version: 3, complete: true },
    ],
    [2, true],
  ]);
  expect(calls).toEqual(['{"period":5}', "$iothub/methods/res/200/?$rid=9"]);
  let read: unknown;
  const onTwin: OnTwin = (_, twin) => {
    read = twin?.desiredVersion;
  };
  expect(world.device.readTwin(onTwin)).toBe(true);
  world.time.advance(1_000);
  expect(read).toBe(3);
});

test("a device without a twin says what to give it", () => {
  const { device } = made();
  expect(thrownCode(() => device.report({}))).toBe("invalid-argument");
  expect(thrownCode(() => device.readTwin(() => {}))).toBe("invalid-argument");
});

test("the model is told to DPS and to the hub", () => {
  const { azure } = connected({
    modelId: "dtmi:com:example:Thermostat;1",
    provisioning: { payload: { site: "a" } },
  });
  const [dps, atHub] = azure.connections;
  const register = dps?.packets.find((packet) => packet.cmd === "publish");
  expect(register?.cmd === "publish" && JSON.parse(register.payload.toString())).toEqual({
    registrationId: "device-1",
    payload: { site: "a", modelId: "dtmi:com:example:Thermostat;1" },
  });
  const [connect] = atHub?.packets ?? [];
  expect(connect?.cmd === "connect" && connect.username).toBe(
    `${HUB}/device-1/?api-version=2021-04-12&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1`,
  );
});

test("forget drops what waits and tells it; a store that refuses is told, and nothing is lost", () => {
  let dropped = 0;
  const onDropped = (count: number): void => {
    dropped += count;
  };
  const world = made({ onDropped, twin: {} }, { network: { isUp: () => false } });
  world.device.send("1");
  world.device.send("2");
  // A report is dropped, too, and is no message.
  world.device.report({ a: 1 });
  expect(world.device.forget()).toBe(true);
  expect(dropped).toBe(0);
  world.time.advance(1_000);
  expect(dropped).toBe(2);
  const store = new MemoryStore();
  const other = made({}, { store });
  other.time.advance(10_000);
  other.azure.servers.clear();
  other.azure.last.fail(undefined);
  other.device.send("1");
  store.write = () => {
    throw new Error("full");
  };
  expect(other.device.forget()).toBe(false);
  other.time.advance(1);
  expect(other.errors).toContain("store store-failed");
  expect(other.device.pending).toBe(1);
});
