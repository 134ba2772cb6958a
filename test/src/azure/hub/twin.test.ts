// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { mergePatch } from "../../../../emulator/hub/twin";
import {
  type DesiredProperties,
  Twin,
  type TwinDocument,
  type TwinOptions,
} from "../../../../src/azure/hub/twin";
import { BerthError } from "../../../../src/error";
import { FeatureWorld } from "../../../helpers/feature-world";
import { testProperty } from "../../../helpers/seeds";
import { thrownCode } from "../../../helpers/thrown";

interface TwinWorld {
  readonly twin: Twin;
  readonly world: FeatureWorld;
  readonly desired: DesiredProperties[];
  readonly versions: number[];
}

function made(options: TwinOptions = {}, largest?: number): TwinWorld {
  const desired: DesiredProperties[] = [];
  const versions: number[] = [];
  const twin = new Twin({
    onDesired: (properties) => desired.push(properties),
    onReported: (version) => versions.push(version),
    ...options,
  });
  return { twin, world: new FeatureWorld(twin, largest), desired, versions };
}

function document(
  desired: object,
  desiredVersion: number,
  reported: object = {},
  reportedVersion = 1,
): string {
  return JSON.stringify({
    desired: { ...desired, $version: desiredVersion },
    reported: { ...reported, $version: reportedVersion },
  });
}

/** Connected, with the first read answered. */
function reading(version = 1, given: object = {}): TwinWorld {
  const twin = made();
  twin.world.connect();
  twin.world.receive(`$iothub/twin/res/200/?$rid=${twin.world.requestId()}`, document(given, version));
  return twin;
}

const changed = (version: number): string => `$iothub/twin/PATCH/properties/desired/?$version=${version}`;

test("it subscribes to answers, and to changes only where somebody wants them", () => {
  expect(made().twin.filters()).toEqual(["$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#"]);
  expect(made({ onDesired: undefined }).twin.filters()).toEqual(["$iothub/twin/res/#"]);
});

test("the first connection reads the twin and tells all desired properties", () => {
  const { world, desired } = made();
  world.connect();
  const [get] = world.sent;
  expect(get).toEqual({ topic: "$iothub/twin/GET/?$rid=1", body: "" });
  world.receive("$iothub/twin/res/200/?$rid=1", document({ period: 5, $metadata: {} }, 4));
  expect(desired).toEqual([{ desired: { period: 5 }, version: 4, complete: true }]);
});

test("a change is told once, in the order of versions; an old one not at all", () => {
  const { world, desired } = reading(4);
  world.receive(changed(5), '{"a":1,"$version":5}');
  world.receive(changed(5), '{"a":1,"$version":5}');
  world.receive(changed(4), '{"a":0,"$version":4}');
  world.receive(changed(6), '{"a":null,"$version":6}');
  expect(desired.slice(1)).toEqual([
    { desired: { a: 1 }, version: 5, complete: false },
    { desired: { a: null }, version: 6, complete: false },
  ]);
});

test("a missing version reads the twin again, and all desired properties are told", () => {
  const { world, desired } = reading(4);
  world.receive(changed(6), '{"b":2,"$version":6}');
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ a: 1, b: 2 }, 6));
  expect(desired.slice(1)).toEqual([{ desired: { a: 1, b: 2 }, version: 6, complete: true }]);
});

test("after a reconnect nothing is told twice, and nothing that was missed is lost", () => {
  const { world, desired } = reading(4);
  world.disconnect();
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({}, 4));
  expect(desired.length).toBe(1);
  world.disconnect();
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ c: 3 }, 7));
  expect(desired.slice(1)).toEqual([{ desired: { c: 3 }, version: 7, complete: true }]);
});

test("a change that comes before the answer is in it, or the twin is read again", () => {
  const { world, desired } = made();
  world.connect();
  const first = world.requestId();
  world.receive(changed(8), '{"d":4,"$version":8}');
  world.receive(`$iothub/twin/res/200/?$rid=${first}`, document({}, 7));
  expect(desired).toEqual([]);
  world.time.advance(2_000);
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ d: 4 }, 8));
  expect(desired).toEqual([{ desired: { d: 4 }, version: 8, complete: true }]);
});

test("a twin that was made anew, with lower versions, is told", () => {
  const { world, desired } = reading(40);
  world.disconnect();
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ e: 5 }, 1));
  world.receive(changed(2), '{"e":6,"$version":2}');
  expect(desired.slice(1).map(({ version }) => version)).toEqual([1, 2]);
});

test("what is reported offline is merged: the last value wins, null stays null", () => {
  const { twin, world, versions } = made({ onDesired: undefined });
  expect(twin.report({ a: 1, b: { c: 1, d: 2 }, f: 1 })).toBe(true);
  expect(twin.report({ a: 2, b: { c: null }, e: [1] })).toBe(true);
  world.connect();
  expect(world.sent).toEqual([
    {
      topic: "$iothub/twin/PATCH/properties/reported/?$rid=1",
      body: '{"a":2,"b":{"c":null,"d":2},"f":1,"e":[1]}',
    },
  ]);
  world.receive("$iothub/twin/res/204/?$rid=1&$version=9");
  expect(versions).toEqual([9]);
  world.pump();
  expect(world.sent.length).toBe(1);
});

test("an object after null is a report of its own: one would leave what the null deletes", () => {
  const { twin, world } = made({ onDesired: undefined });
  twin.report({ a: null });
  twin.report({ a: { b: 1 } });
  twin.report({ a: { c: 2 } });
  world.connect();
  expect(world.take().map(({ body }) => body)).toEqual(['{"a":null}']);
  world.receive("$iothub/twin/res/204/?$rid=1&$version=2");
  expect(world.take().map(({ body }) => body)).toEqual(['{"a":{"b":1,"c":2}}']);
});

test("one report is on its way at a time; one without an answer waits again, below what came later", () => {
  const { twin, world } = made({ onDesired: undefined });
  world.connect();
  twin.report({ a: 1, b: 1 });
  expect(world.take().map(({ body }) => body)).toEqual(['{"a":1,"b":1}']);
  twin.report({ b: 2 });
  expect(world.take()).toEqual([]);
  world.disconnect();
  world.connect();
  expect(world.take().map(({ body }) => body)).toEqual(['{"a":1,"b":2}']);
});

test("a report without an answer is sent again after the time for it, slower each time", () => {
  const { twin, world } = made({ onDesired: undefined });
  world.connect();
  twin.report({ a: 1 });
  world.time.advance(30_000);
  expect(world.reports).toMatchObject([{ code: "hub-timeout", application: false }]);
  expect(world.take().length).toBe(1);
  world.time.advance(2_000);
  const { topic } = world.take()[0] ?? { topic: "" };
  expect(topic).toBe("$iothub/twin/PATCH/properties/reported/?$rid=2");
  // The late answer to the first is no answer to the second.
  world.receive("$iothub/twin/res/204/?$rid=1&$version=2");
  twin.report({ b: 1 });
  expect(world.take()).toEqual([]);
});

test.each([
  [400, "hub-refused", false],
  [413, "hub-refused", false],
  [429, "hub-throttled", true],
  [500, "hub-server-error", true],
  [503, "hub-server-error", true],
])("a report answered by %d is %s", (status, code, again) => {
  const { twin, world } = made({ onDesired: undefined });
  world.connect();
  twin.report({ a: 1 });
  const body = '{"errorCode":400004,"message":"bad\\u0007key"}';
  world.receive(`$iothub/twin/res/${status}/?$rid=${world.requestId()}`, body);
  expect(world.reports).toMatchObject([{ code, error: { status, errorCode: 400004 } }]);
  expect(world.reports[0]?.error.message).toContain("bad?key");
  world.time.advance(20_000);
  expect(world.take().length).toBe(again ? 1 : 0);
});

test("retry-after is a floor", () => {
  const { twin, world } = made({ onDesired: undefined });
  world.connect();
  twin.report({ a: 1 });
  world.receive(`$iothub/twin/res/429/?$rid=${world.requestId()}&retry-after=100`);
  world.time.advance(99_999);
  expect(world.take()).toEqual([]);
  world.time.advance(35_000);
  expect(world.take().length).toBe(1);
});

test("what waits has a bound, and what is on its way counts", () => {
  const { twin, world } = made({ onDesired: undefined, maximumReported: 20 });
  expect(twin.report({ a: "0123456789" })).toBe(true);
  expect(twin.report({ b: "0123456789" })).toBe(false);
  expect(twin.report({ a: "9876543210" })).toBe(true);
  world.connect();
  expect(world.take().map(({ body }) => body)).toEqual(['{"a":"9876543210"}']);
  expect(twin.report({ b: 1 })).toBe(false);
  world.receive("$iothub/twin/res/204/?$rid=1&$version=2");
  expect(twin.report({ b: 1 })).toBe(true);
});

test("what the output buffer cannot hold is refused, however large the bound", () => {
  const { twin } = made({ maximumReported: 32_768 }, 300);
  expect(twin.report({ a: "x".repeat(220) })).toBe(false);
  expect(twin.report({ a: "x".repeat(200) })).toBe(true);
});

test("an application reads the twin, offline and online", () => {
  const { twin, world } = made({ onDesired: undefined });
  const read: (TwinDocument | string | undefined)[] = [];
  for (let i = 0; i < 5; i += 1) {
    expect(twin.read((error, document) => read.push(error ? error.code : document))).toBe(i < 4);
  }
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ a: 1 }, 2, { b: 2 }, 3));
  expect(read).toEqual(
    Array(4).fill({ desired: { a: 1 }, reported: { b: 2 }, desiredVersion: 2, reportedVersion: 3 }),
  );
  twin.read((error) => read.push(error?.code));
  world.receive(`$iothub/twin/res/404/?$rid=${world.requestId()}`);
  expect(read[4]).toBe("hub-refused");
});

test("a read whose answer is lost with the connection is asked for again on the next", () => {
  const { twin, world } = made({ onDesired: undefined });
  const read: unknown[] = [];
  world.connect();
  twin.read((_, document) => read.push(document?.desiredVersion));
  world.take();
  world.disconnect();
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({}, 3));
  expect(read).toEqual([3]);
});

test("a reader that ends the connection: nothing is told behind its back, and the others wait on", () => {
  const { twin, world, desired } = made();
  const read: number[] = [];
  for (const reader of [1, 2]) {
    twin.read(() => {
      read.push(reader);
      if (reader === 1) world.disconnect();
    });
  }
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ a: 1 }, 2));
  expect([read, desired]).toEqual([[1], []]);
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ a: 1 }, 2));
  expect([read, desired.length]).toEqual([[1, 2], 1]);
});

test("another hub's twin has versions of its own: the same number is told again", () => {
  const { twin, world, desired } = reading(4, { a: 1 });
  world.disconnect();
  twin.moved();
  world.connect();
  world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ b: 1 }, 4));
  expect(desired.slice(1)).toEqual([{ desired: { b: 1 }, version: 4, complete: true }]);
});

test("a hub that knows no session may have made the identity anew: the same number is told again", () => {
  const { world, desired } = reading(4, { a: 1 });
  for (const sessionPresent of [true, false]) {
    world.disconnect();
    world.connect(sessionPresent);
    world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, document({ b: 1 }, 4));
  }
  expect(desired.slice(1)).toEqual([{ desired: { b: 1 }, version: 4, complete: true }]);
});

test("before a planned end nothing begins, and what was begun counts as under way", () => {
  const { twin, world } = made({ onDesired: undefined });
  world.connect();
  expect(twin.busy).toBe(false);
  twin.report({ a: 1 });
  expect(twin.busy).toBe(true);
  const id = world.requestId();
  twin.closing();
  twin.report({ b: 1 });
  world.receive(`$iothub/twin/res/204/?$rid=${id}&$version=2`);
  world.pump();
  expect([twin.busy, world.take()]).toEqual([false, []]);
  world.disconnect();
  world.connect();
  expect(world.take().map(({ body }) => body)).toEqual(['{"b":1}']);
});

test("a twin that is too large is told, and read again with the next connection only", () => {
  const { twin, world } = made();
  const read: unknown[] = [];
  twin.read((error) => read.push(error?.code));
  world.connect();
  const tooLarge = new BerthError("packet-too-large");
  expect(twin.tooLarge(`$iothub/twin/res/200/?$rid=${world.requestId()}`, tooLarge)).toBe(true);
  expect(twin.tooLarge("devices/device-1/messages/devicebound/", tooLarge)).toBe(false);
  // Whoever read it past reports it.
  expect(world.reports).toEqual([]);
  world.time.advance(600_000);
  expect(read).toEqual(["packet-too-large"]);
  expect(world.take()).toEqual([]);
  world.disconnect();
  world.connect();
  expect(world.take().length).toBe(1);
});

test("an answer that is no twin is asked for again, slower each time", () => {
  const { world } = made();
  world.connect();
  for (const body of ["", "[]", "{}", '{"desired":[],"reported":{}}', "{"]) {
    world.receive(`$iothub/twin/res/200/?$rid=${world.requestId()}`, body);
    expect(world.reports.pop()?.code).toBe("hub-malformed");
    while (world.sent.length === 0) world.time.advance(500);
  }
});

test("a handler that throws is reported, and its properties count as told", () => {
  const { world } = made({
    onDesired: () => {
      throw new Error("no");
    },
  });
  world.connect();
  world.receive("$iothub/twin/res/200/?$rid=1", document({}, 1));
  expect(world.reports).toMatchObject([{ code: "handler-failed", application: true }]);
  world.take();
  world.receive(changed(2), '{"$version":2}');
  expect(world.reports.length).toBe(2);
  expect(world.take()).toEqual([]);
});

test("what is wrong is refused before anything starts", () => {
  expect(thrownCode(() => new Twin({ maximumReported: 1 }))).toBe("invalid-argument");
  expect(thrownCode(() => new Twin({ maximumReported: 32_769 }))).toBe("invalid-argument");
  expect(thrownCode(() => new Twin({ answerTimeout: 0 }))).toBe("invalid-argument");
  expect(thrownCode(() => new Twin().report({ a: 1 }))).toBe("invalid-argument");
  const { twin } = made();
  expect(thrownCode(() => new FeatureWorld(twin))).toBe("invalid-argument");
  expect(thrownCode(() => twin.report({ "a.b": 1 }))).toBe("invalid-argument");
});

const name = fc.constantFrom("a", "b", "c");
const value = fc.oneof(
  fc.nat(9),
  fc.constant(null),
  fc.dictionary(name, fc.oneof(fc.nat(9), fc.constant(null))),
);
const step = fc.oneof(
  fc.record({ kind: fc.constant("report" as const), patch: fc.dictionary(name, value, { maxKeys: 2 }) }),
  fc.record({ kind: fc.constant("desire" as const), patch: fc.dictionary(name, value, { maxKeys: 2 }) }),
  fc.record({ kind: fc.constantFrom("cut" as const, "connect" as const, "wait" as const) }),
  // The hub answers the oldest request: well, by a fault, or not at all.
  fc.record({ kind: fc.constant("answer" as const), status: fc.constantFrom(200, 200, 429, 503, 0) }),
);

testProperty(
  "twins converge: the hub has the last value of all that was reported, the device the desired properties, each version once",
  500,
  fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const { twin, world, desired } = made();
    let reported = {};
    let wanted = {};
    let version = 1;
    let model = {};
    let up = false;
    const told: DesiredProperties[] = desired;
    const requests: { topic: string; body: string }[] = [];
    const answer = (status: number): void => {
      requests.push(...world.take());
      const request = requests.shift();
      if (!request || status === 0) return;
      const rid = /\$rid=(.*)/.exec(request.topic)?.[1] ?? "";
      const isRead = request.topic.includes("/GET/");
      if (status === 200 && !isRead) {
        reported = mergePatch(reported, JSON.parse(request.body));
        world.receive(`$iothub/twin/res/204/?$rid=${rid}&$version=1`);
      } else
        world.receive(
          `$iothub/twin/res/${status}/?$rid=${rid}`,
          status === 200 ? document(wanted, version) : "",
        );
    };
    const run = (one: (typeof steps)[number]): void => {
      if (one.kind === "report") {
        expect(twin.report(one.patch)).toBe(true);
        model = mergePatch(model, one.patch as never);
      } else if (one.kind === "desire") {
        wanted = mergePatch(wanted, one.patch as never);
        version += 1;
        if (up) world.receive(changed(version), JSON.stringify({ ...one.patch, $version: version }));
      } else if (one.kind === "cut" && up) {
        up = false;
        requests.length = 0;
        world.take();
        world.disconnect();
      } else if (one.kind === "connect" && !up) {
        up = true;
        world.connect();
      } else if (one.kind === "wait") world.time.advance(61_000);
      else if (one.kind === "answer" && up) answer(one.status);
    };
    for (const one of steps) run(one);
    if (!up) run({ kind: "connect" });
    for (let i = 0; i < 120; i += 1) {
      answer(200);
      if (requests.length === 0) world.time.advance(61_000);
    }
    expect(reported).toEqual(model);
    const versions = told.map((properties) => properties.version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    expect(versions.at(-1)).toBe(version);
    let known = {};
    for (const { desired: patch, complete } of told) {
      known = complete ? patch : mergePatch(known, patch as never);
    }
    expect(known).toEqual(wanted);
  }),
);
