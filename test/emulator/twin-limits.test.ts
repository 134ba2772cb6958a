// SPDX-License-Identifier: MIT
/** What a twin may hold. Source: "Understand and use device twins in IoT Hub" (Azure documents), and what hubs answered. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { DEVICE } from "../../emulator/state-reader";
import type { Emulator } from "../../emulator/emulator";
import { checkSection, patchSection, type TwinSection } from "../../emulator/hub/twin";
import { type Json, type JsonObject, readJson } from "../../emulator/json-reader";
import { HUB, KEY, openHub, startEmulator } from "../helpers/emulator-client";
import type { RawMqttClient } from "../helpers/raw-mqtt-client";

/** `levels` objects or arrays inside one another. */
const nested = (levels: number, wrap: (inner: Json) => Json): Json =>
  Array.from({ length: levels }).reduce<Json>((inner) => wrap(inner), 1);
const objects = (levels: number) => nested(levels, (a) => ({ a })) as JsonObject;
const arrays = (levels: number): JsonObject => ({ a: nested(levels - 1, (inner) => [inner]) });
/** `bytes` of properties, in strings of 4,000 bytes at most. */
function filled(bytes: number): JsonObject {
  const result: JsonObject = {};
  let index = 0;
  for (let left = bytes; left > 0; left -= 4000) {
    const key = `k${String(index++).padStart(3, "0")}`;
    result[key] = "x".repeat(Math.min(left, 4000) - key.length);
  }
  return result;
}

const allowed: [string, JsonObject][] = [
  ["a plain property", { ok: 1 }],
  ["a key of 1,024 bytes", { ["k".repeat(1024)]: 1 }],
  ["a key of other characters", { "a-b_c:d/eü@": 1 }],
  ["a string of 4,096 bytes", { s: "x".repeat(4096) }],
  ["10 levels of objects", objects(10)],
  ["10 levels of arrays", arrays(10)],
  ["integers of 53 bits", { low: -(2 ** 52), high: 2 ** 52 - 1 }],
  ["any fraction or number with an exponent", { fraction: 0.1, large: 1e300 }],
];
const refused: [string, JsonObject][] = [
  ["a dot in a key", { "a.b": 1 }],
  ["a blank in a key", { "a b": 1 }],
  ["a hash in a key", { "a#b": 1 }],
  ["a dollar sign in a key", { a$b: 1 }],
  ["a dollar sign before a key", { $version: 1 }],
  ["a control character of C0 in a key", { "a\u0001b": 1 }],
  ["a control character of C1 in a key", { "a\u0085b": 1 }],
  ["a bad key inside", { a: { "b.c": 1 } }],
  ["a bad key in an array", { a: [1, [{ "b.c": 1 }]] }],
  ["a bad key whose value is null", { "a.b": null }],
  ["a key of 1,100 bytes", { ["k".repeat(1100)]: 1 }],
  ["a key of 513 characters of two bytes", { ["ü".repeat(513)]: 1 }],
  ["a string of 5,000 bytes", { s: "x".repeat(5000) }],
  ["a string of 4,097 bytes in an array", { s: ["x".repeat(4097)] }],
  ["11 levels of objects", objects(11)],
  ["11 levels of arrays", arrays(11)],
  ["an integer above 2^52 - 1", { a: 2 ** 52 }],
  ["an integer below -2^52", { a: -(2 ** 52) - 1 }],
];

describe.each<TwinSection>(["tags", "desired", "reported"])("%s", (section) => {
  const limit = section === "tags" ? 8192 : 32_768;

  test.each(allowed)("may hold %s", (_name, value) => {
    checkSection(value, section);
    expect(patchSection({}, value, section)).toEqual(value);
  });

  test.each(refused)("may not hold %s", (_name, value) => {
    expect(() => checkSection(value, section)).toThrow(RangeError);
    expect(() => patchSection({}, value, section)).toThrow(RangeError);
  });

  test("has its limit, whatever it is filled by", () => {
    checkSection(filled(limit), section);
    expect(() => checkSection(filled(limit + 1), section)).toThrow(
      `${section} would have ${limit + 1} bytes; at most ${limit} are allowed`,
    );
    const half = filled(limit / 2);
    const other = Object.fromEntries(Object.entries(half).map(([key, value]) => [`z${key.slice(1)}`, value]));
    const full = patchSection(half, other, section);
    expect(() => patchSection(full, { one: 1 }, section)).toThrow("would have");
    // What is taken out makes room.
    expect(patchSection(full, { one: 1, k000: null }, section)).toMatchObject({ one: 1 });
  });
});

test("the size is counted as Azure counts it", () => {
  const size = (value: JsonObject) => {
    const [, bytes] = /would have (\d+) bytes/.exec(outcome({ ...filled(32_768), ...value })) ?? [];
    return Number(bytes) - 32_768;
  };
  const outcome = (value: JsonObject) => {
    try {
      checkSection(value, "reported");
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(size({ n: 1 })).toBe(9);
  expect(size({ b: true })).toBe(5);
  expect(size({ s: "ü\u0001" })).toBe(3);
  expect(size({ o: { p: { q: 1 } } })).toBe(11);
  // Ours: elements that hold nothing are not free.
  expect(size({ e: Array.from({ length: 1000 }, () => []) })).toBe(1001);
});

describe("at a hub", () => {
  let emulator: Emulator;
  let client: RawMqttClient;
  beforeAll(async () => {
    emulator = await startEmulator();
    emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
    client = await openHub(emulator);
    await client.subscribe("$iothub/twin/res/#");
  });
  afterAll(() => emulator.stop());

  async function report(value: JsonObject | string) {
    const body = typeof value === "string" ? value : JSON.stringify(value);
    await client.publish("$iothub/twin/PATCH/properties/reported/?$rid=7", body);
    const { topic, text } = await client.message();
    return { topic, body: text === "" ? undefined : (JSON.parse(text) as { errorCode: number }) };
  }

  test.each([...refused, ["42 KB", filled(42_000)] as [string, JsonObject]])(
    "a reported patch with %s gets 400 and 400004, and changes nothing",
    async (_name, value) => {
      const before = emulator.twin(HUB, "dev-1");
      expect(await report(value)).toMatchObject({
        topic: "$iothub/twin/res/400/?$rid=7",
        body: { errorCode: 400004 },
      });
      expect(emulator.twin(HUB, "dev-1")).toEqual(before);
    },
  );

  test("nesting beyond what JSON.stringify can write gets 400, and the state can still be written", async () => {
    const levels = 100_000;
    const answer = await report(`{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`);
    expect(answer).toMatchObject({ topic: "$iothub/twin/res/400/?$rid=7", body: { errorCode: 400004 } });
    JSON.stringify(emulator.twin(HUB, "dev-1"));
  });

  test.each(allowed)("a reported patch with %s gets 204", async (_name, value) => {
    expect((await report(value)).topic).toMatch(/^\$iothub\/twin\/res\/204\//);
  });

  test.each(refused)("desired properties with %s are not set", async (_name, value) => {
    const before = emulator.twin(HUB, "dev-1");
    await expect(emulator.updateDesired(HUB, "dev-1", value)).rejects.toThrow(RangeError);
    expect(emulator.twin(HUB, "dev-1")).toEqual(before);
  });
});

test.each(["tags", "desired", "reported"])("a stored twin is held to the same: %s", (section) => {
  const device = (value: JsonObject) => ({
    deviceId: "d",
    status: "enabled",
    authentication: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
    twin: { tags: {}, desired: {}, desiredVersion: 1, reported: {}, reportedVersion: 1, [section]: value },
    queue: [],
  });
  const read = (value: JsonObject) => readJson(DEVICE, device(value), "state.json");
  for (const [, value] of allowed) read(value);
  const deep = nested(100_000, (inner) => [inner]);
  for (const [, value] of [...refused, ["", { deep }] as const])
    expect(() => read(value)).toThrow(`state.json: twin.${section} is nothing`);
});
