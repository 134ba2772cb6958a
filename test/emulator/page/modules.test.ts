// SPDX-License-Identifier: MIT
/** The parts of the page that need no browser. */
import { expect, test } from "@jest/globals";
import { compare } from "../../../emulator/page/devices/twin-difference";
import { numbersOf } from "../../../emulator/page/devices/numbers";
import { attemptsOf, connectedTo, earlyAttemptsOf } from "../../../emulator/page/faults/recovery";
import { pending, rowOf } from "../../../emulator/page/life/rows";
import { toSvg } from "../../../emulator/page/life/picture";
import { explainTopic } from "../../../emulator/page/life/topic";
import type { EventRecord, PacketEvent } from "../../../emulator/page/link/records";
import { hexLines } from "../../../emulator/page/parts/bytes";
import { deriveDeviceKey, sasToken } from "../../../emulator/page/parts/keys";
import { GROUP_KEY, KEY, token } from "../../helpers/emulator-client";

test("keys and tokens are those of Azure", async () => {
  // The example of "Symmetric key attestation".
  expect(await deriveDeviceKey(GROUP_KEY, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6")).toBe(
    "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=",
  );
  expect(await sasToken("scope/registrations/a b", KEY, 1_600_000_000, "registration")).toBe(
    token("scope/registrations/a b", KEY, { expiry: 1_600_000_000, skn: "registration" }),
  );
  await expect(deriveDeviceKey("no base64!", "x")).rejects.toThrow("the key is not base64");
  await expect(deriveDeviceKey("", "x")).rejects.toThrow("the key is empty");
});

test.each([
  ["$dps/registrations/PUT/iotdps-register/?$rid=7", "register", ["$rid=7"]],
  [
    "$dps/registrations/res/202/?$rid=7&retry-after=3",
    "answer 202",
    ["status=202", "$rid=7", "retry-after=3"],
  ],
  [
    "devices/d%201/messages/events/$.ct=application%2Fjson&a=b",
    "telemetry",
    ["device=d 1", "$.ct=application/json", "a=b"],
  ],
  ["$iothub/methods/POST/re%20boot/?$rid=1", "method re boot", ["method=re boot", "$rid=1"]],
  ["$iothub/twin/res/204/?$rid=1&$version=4", "twin answer 204", ["status=204", "$rid=1", "$version=4"]],
  ["devices/d/messages/devicebound/%24.mid=1&%zz", "cloud to device", ["device=d", "$.mid=1", "%zz="]],
])("%s is explained", (topic, name, parts) => {
  const explained = explainTopic(topic);
  expect(explained?.name).toBe(name);
  expect(explained?.parts.map((part) => `${part.name}=${part.value}`)).toEqual(parts);
});

test("a topic that neither service knows is not explained", () => {
  expect(explainTopic("$SYS/broker")).toBeUndefined();
});

test("a twin is compared leaf by leaf", () => {
  const desired = { a: { b: 1, c: [1, 2] }, only: true, $version: 3, empty: {} };
  const reported = { a: { b: 2, c: [1, 2] }, extra: null, $metadata: {}, empty: {} };
  expect(compare(desired, reported).map(({ path, state }) => `${path} ${state}`)).toEqual([
    "a.b differs",
    "a.c equal",
    "empty equal",
    "extra reported only",
    "only desired only",
  ]);
});

test("what answers a desired property counts as it, when it says so", () => {
  const roots = { counter: 7, roots: ["A"], signature: "B" };
  const rows = (desired: object, reported: object) =>
    compare(desired as Record<string, unknown>, reported as Record<string, unknown>).map(
      ({ path, state }) => `${path} ${state}`,
    );
  const answer = (state: string, offered = 7) => ({
    trustedRoots: { counter: 7, offered, state, reason: null },
  });
  expect(rows({ trustedRoots: roots }, answer("in-use"))).toEqual(["trustedRoots equal"]);
  for (const other of [answer("trial"), answer("given-up"), answer("in-use", 6)])
    expect(rows({ trustedRoots: roots }, other)).toEqual(["trustedRoots differs"]);
  expect(rows({ trustedRoots: roots }, {})).toContain("trustedRoots.counter desired only");

  const plug = (value: unknown, ac = 200) => ({ thermostat: { __t: "c", target: { value, ac, av: 3 } } });
  const wanted = { thermostat: { __t: "c", target: { low: 1, high: 2 } } };
  expect(rows(wanted, plug({ high: 2, low: 1 }))).toEqual([
    "thermostat.__t equal",
    "thermostat.target equal",
  ]);
  expect(rows(wanted, plug({ high: 3, low: 1 }))).toContain("thermostat.target differs");
  expect(rows(wanted, plug({ high: 2, low: 1 }, 400))).toContain("thermostat.target differs");
  expect(rows({}, plug(21, 203))).toContain("thermostat.target reported only");
  expect(rows({ constructor: 1 }, { toString: 2 })).toEqual([
    "constructor desired only",
    "toString reported only",
  ]);
  expect(rows({ a: { b: 1 } }, { a: 2 })).toEqual(["a reported only", "a.b desired only"]);
});

test("numbers of telemetry, whatever else it holds", () => {
  const { times, values } = numbersOf([
    { time: "1970-01-01T00:00:01Z", payload: '{"a":1,"b":{"c":2}}' },
    { time: "1970-01-01T00:00:02Z", payload: "no JSON" },
    { time: "1970-01-01T00:00:03Z", payload: '{"b":{"c":3},"s":"x"}' },
    { time: "1970-01-01T00:00:04Z", payload: "5" },
    { time: "1970-01-01T00:00:05Z" },
  ]);
  expect(times).toEqual([1, 3, 4]);
  expect([...values]).toEqual([
    ["a", [1, null, null]],
    ["b.c", [2, 3, null]],
    ["value", [null, null, 5]],
  ]);
});

const at = (seconds: number) => new Date(seconds * 1000).toISOString();

test("attempts: a fault and what it brings about are one, and each has its wait", () => {
  const about = { id: "d", endpoint: "hub", connection: 1 };
  const attempts = attemptsOf([
    { event: "connect", seq: 1, time: at(0), ...about },
    { event: "disconnect", seq: 2, time: at(60), ...about, reason: "asked for" },
    { event: "fault", seq: 3, time: at(61), step: "connack", action: "returnCode", returnCode: 3, ...about },
    { event: "disconnect", seq: 4, time: at(61.01), ...about, reason: "a fault" },
    { event: "refuse", seq: 5, time: at(65), ...about, returnCode: 5, reason: "wrong key" },
    { event: "connect", seq: 7, time: at(75), ...about },
  ]);
  expect(attempts.map(({ waited, isGood, what }) => [waited, isGood, what])).toEqual([
    [undefined, true, "connected to hub"],
    [1000, false, "fault: return code 3 at connack"],
    [3990, false, "refused by hub: wrong key"],
    [10_000, true, "connected to hub"],
  ]);
});

test("attempts that ended before CONNECT stand apart, each with the time since the one before", () => {
  const attempts = earlyAttemptsOf([
    { event: "stranger", seq: 1, time: at(1), address: "a", reason: "TLS failed" },
    { event: "fault", seq: 2, time: at(1.01), step: "accept", action: "reset" },
    { event: "stranger", seq: 3, time: at(5), address: "b", reason: "TLS failed" },
  ]);
  expect(attempts.map(({ waited, what }) => [waited, what])).toEqual([
    [undefined, "TLS failed"],
    [10, "fault: reset at accept"],
    [3990, "TLS failed"],
  ]);
});

test("a device is connected until that connection ends, whichever ends besides", () => {
  const dps = { id: "d", endpoint: "dps", connection: 1 };
  const hub = { id: "d", endpoint: "hub", connection: 2 };
  const gone = { event: "disconnect", time: at(2), reason: "it closed" } as const;
  const events: Parameters<typeof connectedTo>[0][number][] = [
    { event: "connect", seq: 1, time: at(0), ...dps },
    { event: "connect", seq: 2, time: at(1), ...hub },
    { ...gone, seq: 3, ...dps },
    { ...gone, seq: 4, ...hub },
  ];
  expect([0, 1, 2, 3, 4].map((count) => connectedTo(events.slice(0, count)))).toEqual([
    undefined,
    "DPS",
    "hub",
    "hub",
    undefined,
  ]);
});

test("a refusal's reason stands at the packet that carries it", () => {
  const waiting = pending();
  const base = { seq: 1, time: at(0) };
  const packet: PacketEvent = {
    ...base,
    event: "packet",
    connection: 4,
    direction: "sent",
    endpoint: "dps",
    id: "d",
    type: "CONNACK",
    size: 4,
    base64: "",
    fields: { returnCode: 5 },
  };
  const refuse: EventRecord = {
    ...base,
    event: "refuse",
    connection: 4,
    id: "d",
    returnCode: 5,
    reason: "<wrong> & bad",
  };
  expect(rowOf(refuse, waiting)).toBeUndefined();
  const row = rowOf(packet, waiting)!;
  expect(row).toMatchObject({ tone: "bad", way: "in", reason: "<wrong> & bad" });
  // Another connection's is not it.
  expect(rowOf({ ...packet, connection: 5 }, waiting)).not.toHaveProperty("reason");
  expect(toSvg([row], ["dps"])).toContain("&lt;wrong&gt; &amp; bad");
});

test("bytes in hexadecimal", () => {
  expect(hexLines(Uint8Array.from({ length: 18 }, (_, index) => index + 60))).toEqual([
    "0000  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  <=>?@ABCDEFGHIJK",
    `0010  4c 4d${" ".repeat(42)}  LM`,
  ]);
});
