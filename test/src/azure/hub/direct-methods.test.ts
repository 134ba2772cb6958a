// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  DirectMethods,
  type MethodCall,
  methodAnswerTopic,
  parseMethodTopic,
} from "../../../../src/azure/hub/direct-methods";
import { FeatureWorld } from "../../../helpers/feature-world";
import { testProperty } from "../../../helpers/seeds";
import { thrownCode } from "../../../helpers/thrown";

const call = (name: string, id: string | number): string => `$iothub/methods/POST/${name}/?$rid=${id}`;

function connected(methods: DirectMethods, largest?: number): FeatureWorld {
  const world = new FeatureWorld(methods, largest);
  world.connect();
  return world;
}

test.each([
  // "Communicate with an IoT hub using the MQTT protocol", respond to a direct method
  ["$iothub/methods/POST/reboot/?$rid=1", { name: "reboot", requestId: "1" }],
  [
    "$iothub/methods/POST/thermostat1*getMaxMinReport/?$rid=a",
    { name: "thermostat1*getMaxMinReport", requestId: "a" },
  ],
  ["$iothub/methods/POST/two%20words/?$rid=1&more=2", { name: "two words", requestId: "1" }],
  ["$iothub/methods/POST/reboot/?rid=1", undefined],
  ["$iothub/methods/POST/reboot", undefined],
  ["$iothub/methods/POST/reboot/?$rid=", undefined],
  ["$iothub/twin/res/200/?$rid=1", undefined],
])("reads the topic %s", (topic, expected) => {
  expect(parseMethodTopic(topic)).toEqual(expected);
});

test("an answer goes where the document says", () => {
  expect(methodAnswerTopic(200, "1")).toBe("$iothub/methods/res/200/?$rid=1");
});

test("a handler answers at once, with status and JSON", () => {
  const seen: unknown[] = [];
  const world = connected(
    new DirectMethods({
      add: (payload) => {
        seen.push(payload);
        return { status: 200, payload: { sum: 3 } };
      },
      empty: () => ({ status: 204 }),
    }),
  );
  expect(world.receive(call("add", 1), "[1,2]")).toBe(true);
  expect(world.receive(call("empty", 2))).toBe(true);
  expect(seen).toEqual([[1, 2]]);
  expect(world.take()).toEqual([
    { topic: "$iothub/methods/res/200/?$rid=1", body: '{"sum":3}' },
    { topic: "$iothub/methods/res/204/?$rid=2", body: "" },
  ]);
});

test("a handler answers later, once", () => {
  let waiting: MethodCall | undefined;
  const world = connected(
    new DirectMethods({
      slow: (_, c) => {
        waiting = c;
      },
    }),
  );
  world.receive(call("slow", 7));
  expect(world.take()).toEqual([]);
  world.time.advance(10_000);
  expect(waiting?.answer(200, 1)).toBe(true);
  expect(waiting?.answer(200, 2)).toBe(false);
  expect(world.take()).toEqual([{ topic: "$iothub/methods/res/200/?$rid=7", body: "1" }]);
});

test("a handler answers by a promise, and one that rejects is 500 and the application's", async () => {
  const world = connected(
    new DirectMethods({
      good: async () => ({ status: 201, payload: "x" }),
      bad: async () => {
        throw new Error("valve stuck");
      },
    }),
  );
  world.receive(call("good", 1));
  world.receive(call("bad", 2));
  for (let i = 0; i < 8; i += 1) await Promise.resolve();
  expect(world.take()).toEqual([
    { topic: "$iothub/methods/res/201/?$rid=1", body: '"x"' },
    { topic: "$iothub/methods/res/500/?$rid=2", body: "" },
  ]);
  expect(world.reports).toMatchObject([{ code: "handler-failed", application: true }]);
  expect(world.reports[0]?.error.message).toContain("valve stuck");
});

test.each([
  ["nothing", "", 501],
  ["constructor", "", 501],
  ["__proto__", "", 501],
  ["throws", "", 500],
  ["circular", "", 500],
  ["fraction", "", 500],
  ["large", "", 500],
  ["ok", "{", 400],
  ["ok", "[".repeat(40) + "]".repeat(40), 400],
  ["ok", '"\\ud800"', 200],
])("%s with %s is answered by %d", (name, body, status) => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const world = connected(
    new DirectMethods({
      throws: () => {
        throw new Error("no");
      },
      circular: () => ({ status: 200, payload: circular }),
      fraction: () => ({ status: 200.5 }),
      large: () => ({ status: 200, payload: "x".repeat(4_000) }),
      ok: () => ({ status: 200 }),
    }),
  );
  world.receive(call(name, 1), body);
  expect(world.take()).toEqual([{ topic: `$iothub/methods/res/${status}/?$rid=1`, body: "" }]);
  expect(world.reports.length).toBe(status === 500 ? 1 : 0);
});

test("bytes that are no UTF-8 are answered by 400", () => {
  const world = connected(new DirectMethods({ ok: () => ({ status: 200 }) }));
  world.receive(call("ok", 1), Uint8Array.of(0x22, 0xff, 0x22));
  expect(world.take()).toEqual([{ topic: "$iothub/methods/res/400/?$rid=1", body: "" }]);
});

test("a payload that the device cannot hold is answered by 413", () => {
  const feature = new DirectMethods({ ok: () => ({ status: 200 }) });
  const world = connected(feature);
  expect(feature.tooLarge(call("ok", 1))).toBe(true);
  expect(feature.tooLarge("$iothub/twin/res/200/?$rid=1")).toBe(false);
  expect(world.take()).toEqual([{ topic: "$iothub/methods/res/413/?$rid=1", body: "" }]);
});

test("an answer that is too large throws to a handler that answers later, and the call still waits", () => {
  let waiting: MethodCall | undefined;
  const world = connected(
    new DirectMethods({
      slow: (_, c) => {
        waiting = c;
      },
    }),
  );
  world.receive(call("slow", 1));
  expect(thrownCode(() => waiting?.answer(200, "x".repeat(5_000)))).toBe("packet-too-large");
  expect(thrownCode(() => waiting?.answer(200, () => 1))).toBe("invalid-argument");
  expect(waiting?.answer(500)).toBe(true);
});

test("an answer after the connection, or after the caller's longest time, is dropped", () => {
  const calls: MethodCall[] = [];
  const world = connected(new DirectMethods({ slow: (_, c) => void calls.push(c) }));
  world.receive(call("slow", 1));
  world.disconnect();
  world.connect();
  expect(calls[0]?.answer(200)).toBe(false);
  world.receive(call("slow", 2));
  world.time.advance(300_000);
  expect(calls[1]?.answer(200)).toBe(false);
  expect(world.take()).toEqual([]);
});

test("several calls wait at a time; one more than allowed is 429, and time makes room again", () => {
  const calls: MethodCall[] = [];
  const world = connected(new DirectMethods({ slow: (_, c) => void calls.push(c) }, { maximumCalls: 2 }));
  for (const id of [1, 2, 3]) world.receive(call("slow", id));
  expect(world.take()).toEqual([{ topic: "$iothub/methods/res/429/?$rid=3", body: "" }]);
  expect(calls[1]?.answer(200)).toBe(true);
  world.receive(call("slow", 4));
  expect(calls.length).toBe(3);
  world.time.advance(300_000);
  world.receive(call("slow", 5));
  expect(calls.length).toBe(4);
});

test("answers wait for room, and a flood of calls takes bounded memory", () => {
  const feature = new DirectMethods({ ok: () => ({ status: 200 }) }, { maximumCalls: 2 });
  const world = connected(feature);
  world.room = 0;
  for (let id = 1; id <= 1_000; id += 1) world.receive(call("ok", id));
  world.room = Number.POSITIVE_INFINITY;
  world.pump();
  // Two answers, and two refusals: the others' callers run out of time.
  expect(world.take().map(({ topic }) => topic)).toEqual([
    "$iothub/methods/res/200/?$rid=1",
    "$iothub/methods/res/200/?$rid=2",
    "$iothub/methods/res/429/?$rid=3",
    "$iothub/methods/res/429/?$rid=4",
  ]);
});

test("what is no call of a method is another feature's, a call without an id nobody's", () => {
  const world = connected(new DirectMethods({}));
  expect(world.receive("devices/device-1/messages/devicebound/")).toBe(false);
  expect(world.receive("$iothub/methods/POST/x")).toBe(true);
  expect(world.take()).toEqual([]);
});

test("options and handlers are checked before anything starts", () => {
  expect(thrownCode(() => new DirectMethods({ x: 1 as never }))).toBe("invalid-argument");
  expect(thrownCode(() => new DirectMethods({}, { maximumCalls: 0 }))).toBe("invalid-argument");
  expect(thrownCode(() => new DirectMethods({}, { callTimeout: 300_001 }))).toBe("invalid-argument");
  const methods = new DirectMethods({});
  new FeatureWorld(methods);
  expect(thrownCode(() => new FeatureWorld(methods))).toBe("invalid-argument");
});

/** Random calls, answers, losses: each call is answered at most once, and never on another connection. */
testProperty(
  "each call is answered at most once, by its own connection",
  300,
  fc.property(fc.array(fc.nat(5), { maxLength: 60 }), (steps) => {
    const calls: { call: MethodCall; connection: number }[] = [];
    let connection = 0;
    const world = connected(
      new DirectMethods({ slow: (_, c) => void calls.push({ call: c, connection }) }, { maximumCalls: 3 }),
    );
    const answers: { id: string; connection: number }[] = [];
    let id = 0;
    const collect = (): void => {
      for (const { topic } of world.take()) {
        answers.push({ id: /\$rid=(.*)/.exec(topic)?.[1] ?? "", connection });
      }
    };
    for (const step of steps) {
      if (step === 0) {
        world.disconnect();
        connection += 1;
        world.connect();
      } else if (step === 1) world.room = 0;
      else if (step === 2) {
        world.room = 5;
        world.pump();
      } else if (step === 3 || calls.length === 0) {
        id += 1;
        world.receive(call("slow", `${id}-${connection}`));
      } else calls[(step * 7 + calls.length) % calls.length]?.call.answer(200);
      collect();
    }
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(answers.length);
    for (const answer of answers) expect(answer.id.split("-")[1]).toBe(String(answer.connection));
  }),
);
