// SPDX-License-Identifier: MIT
import { EventEmitter, once } from "node:events";
import { get } from "node:http";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { expect, test } from "@jest/globals";
import { reportEvents } from "../../cli/emulator-events";
import { askedLine } from "../../cli/event-lines";
import { Output } from "../../cli/output";
import { ManualClock } from "../../emulator/clock";
import { Emulator } from "../../emulator/emulator";
import type { EmulatorEvents } from "../../emulator/events";
import { ALL_EVENTS } from "../../emulator/service/control/event-record";
import { SettableClock } from "../../emulator/settable-clock";
import { configuration } from "../helpers/emulator-client";
import { eventsOf } from "./command";

function printed(json: boolean) {
  const events = new EventEmitter<EmulatorEvents>();
  const seen = { out: "", err: "" };
  const streams = {
    out: (text: string) => {
      seen.out += text;
    },
    err: (text: string) => {
      seen.err += text;
    },
  };
  reportEvents({ events, clock: new SettableClock(new ManualClock(0)) }, new Output(json, streams));
  return { events, seen };
}

function telemetry(body: Buffer, properties: [string, string | null][]) {
  const { events, seen } = printed(true);
  const rest = { hub: "h", deviceId: "d", qos: 1, dup: false, enqueuedTime: 0 };
  events.emit("telemetry", { body, properties: new Map(properties), ...rest });
  return eventsOf(seen.out)[0];
}

test("telemetry is printed with its properties and its body, as text where it is text", () => {
  const properties: [string, string | null][] = [
    ["$.ct", "application/json"],
    ["__proto__", "x"],
    ["flag", null],
  ];
  const event = telemetry(Buffer.from('{"é":1}'), properties);
  expect(event).toMatchObject({ event: "telemetry", bytes: 8, payload: '{"é":1}', qos: 1 });
  expect(Object.entries(event?.properties as object)).toEqual(properties);
  expect(Object.getPrototypeOf(event?.properties)).toBe(Object.prototype);
  expect(event).not.toHaveProperty("base64");
});

test("else in base64", () => {
  const event = telemetry(Buffer.of(0xff, 0, 1), []);
  expect(event).toMatchObject({ bytes: 3, base64: "/wAB", properties: {} });
  expect(event).not.toHaveProperty("payload");
});

/** What a real emulator prints of one that comes to its port. */
async function told(come: (port: number) => { on(event: "error", listener: () => void): unknown }) {
  const emulator = await Emulator.start({ configuration: configuration() });
  try {
    const { events, seen } = printed(false);
    const json = printed(true);
    const strange = once(emulator.events, "stranger");
    come(emulator.port).on("error", () => undefined);
    const [event] = (await strange) as EmulatorEvents["stranger"];
    events.emit("stranger", event);
    json.events.emit("stranger", event);
    expect(eventsOf(json.seen.out)).toEqual([
      { event: "stranger", time: "1970-01-01T00:00:00.000Z", ...event },
    ]);
    expect(seen.err).toBe("");
    return seen.out;
  } finally {
    await emulator.stop();
  }
}

test("a failed TLS handshake is one line: who came, and why", async () => {
  const line = await told((port) => connect(port, "127.0.0.1").end("SSH-2.0-OpenSSH_9.2p1\r\n"));
  expect(line).toMatch(/^127\.0\.0\.1:\d+ was not served: what came is not TLS\n$/);
});

test("a client that does not trust the emulator, and says so by going only, is one line too", async () => {
  const line = await told((port) => connectTls({ port, host: "127.0.0.1", servername: "localhost" }));
  expect(line).toMatch(
    /^127\.0\.0\.1:\d+ was not served: the client closed the connection before CONNECT; does it trust the root\?\n$/,
  );
});

test("an HTTP request is one line", async () => {
  const line = await told((port) => get({ port, host: "127.0.0.1", path: "/" }));
  expect(line).toMatch(
    /^127\.0\.0\.1:\d+ was not served: an HTTP request; this port speaks MQTT over TLS\n$/,
  );
});

test("the emulator's own trouble is a warning, its end of line and escapes included", () => {
  const { events, seen } = printed(false);
  events.emit("problem", new Error("cannot write s\u001b[2J: the disk is full\n"));
  expect(seen).toEqual({ out: "", err: "berth: cannot write s\\u001b[2J: the disk is full\\n\n" });
  const json = printed(true);
  json.events.emit("problem", new Error("full"));
  expect(eventsOf(json.seen.out)).toEqual([{ event: "warning", message: "full" }]);
});

test("a refusal names the enrollment and its place in the file", () => {
  const { events, seen } = printed(false);
  const enrollment = { kind: "individual", id: "dev-1", source: "my.json", line: 12 } as const;
  events.emit("refuse", {
    connection: 1,
    endpoint: "dps",
    id: "dev-1",
    returnCode: 5,
    reason: "wrong key",
    enrollment,
  });
  events.emit("response", {
    registrationId: "dev-2",
    request: "poll",
    status: 200,
    outcome: "disabled",
    enrollment: { kind: "group", id: "line-1" },
    reason: "it is disabled",
  });
  expect(seen.out).toBe(
    "dps: dev-1 refused: wrong key (enrollment dev-1, my.json:12)\n" +
      "dps: poll of dev-2: 200 disabled: it is disabled (enrollment group line-1)\n",
  );
});

test("who asks for events is told more than a name of each", () => {
  const fields = {
    registrationId: "d",
    deviceId: "d",
    id: "d",
    hub: "h",
    endpoint: "h",
    address: "a",
    patch: {},
  };
  const record = {
    request: "register",
    reason: "r",
    message: "m",
    name: "blink",
    by: "h",
    notAfter: 0,
    ...fields,
  };
  const bare = ALL_EVENTS.filter((event) => askedLine({ ...record, event }).line === event);
  expect(bare).toEqual([]);
  expect(askedLine({ ...record, event: "registration" }).line).toBe("dps: d asks: register");
});
