// SPDX-License-Identifier: MIT
import { connect as tcpConnect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import { parseFaults } from "../../emulator/fault-reader";
import { faultInWords } from "../../emulator/fault-words";
import { FaultInjector, type FaultRule } from "../../emulator/faults";
import {
  dpsToken,
  dpsUser,
  HUB,
  KEY,
  open,
  openDps,
  openHub,
  poll,
  provision,
  register,
  startEmulator,
} from "../helpers/emulator-client";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await startEmulator();
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
});
afterEach(() => emulator.stop());

const EVENTS = "devices/dev-1/messages/events/";
const connect = async () => {
  const client = await open(emulator);
  return {
    client,
    connack: client.connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1") }),
  };
};

describe("before TLS", () => {
  test.each(["close", "reset"] as const)("%s ends the connection", async (action) => {
    emulator.faults.add({ step: "accept", action, count: 1 });
    await expect(open(emulator)).rejects.toThrow();
    await (await open(emulator)).drop();
  });

  test("delay answers late, all the same", async () => {
    emulator.faults.add({ step: "accept", action: "delay", delayMs: 5, count: 1 });
    await (await open(emulator)).drop();
  });

  test("drop accepts and stays silent", async () => {
    emulator.faults.add({ step: "accept", action: "drop", count: 1 });
    const struck = new Promise((resolve) => emulator.events.once("fault", resolve));
    const socket = tcpConnect(emulator.port, "127.0.0.1");
    socket.write(Buffer.from([0x16, 3, 1]));
    await struck;
    // The next connection is served, while this one is neither answered nor closed.
    await (await open(emulator)).drop();
    expect([socket.bytesRead, socket.destroyed]).toEqual([0, false]);
    socket.destroy();
  });

  test.each(["tcpSent", "tcpReceived"] as const)("%s breaks at any byte of the handshake", async (step) => {
    for (const afterBytes of [1, 5, 100, 300]) {
      for (const action of ["reset", "close"] as const) {
        emulator.faults.add({ step, action, afterBytes, count: 1 });
        await expect(open(emulator)).rejects.toThrow();
      }
    }
    await (await open(emulator)).drop();
  });

  test("a break behind the handshake leaves TLS alone until then", async () => {
    emulator.faults.add({ step: "tcpReceived", action: "reset", afterBytes: 20_000, count: 1 });
    const client = await openHub(emulator);
    client.publish(EVENTS, "x".repeat(30_000)).catch(() => {});
    await client.closed;
    expect(emulator.telemetry).toEqual([]);
  });
});

describe("CONNACK", () => {
  test.each([1, 2, 3, 4, 5, 255])("with return code %d ends the connection", async (returnCode) => {
    emulator.faults.add({ step: "connack", action: "returnCode", returnCode, count: 1 });
    const { client, connack } = await connect();
    expect((await connack).returnCode).toBe(returnCode);
    await client.closed;
  });

  test.each(["close", "reset"] as const)("%s in its place", async (action) => {
    emulator.faults.add({ step: "connack", action, endpoint: "dps", id: "DEV-1", count: 1 });
    await expect((await connect()).connack).rejects.toThrow("ended");
    await (await openDps(emulator, "dev-1")).disconnect();
  });

  test("a rule for another device or endpoint does not strike", async () => {
    emulator.faults.add({ step: "connack", action: "close", id: "dev-2" });
    emulator.faults.add({ step: "connack", action: "close", endpoint: HUB });
    expect((await (await connect()).connack).returnCode).toBe(0);
  });
});

test("a dropped SUBACK, PUBACK or PINGRESP is missing, and only that", async () => {
  const client = await openHub(emulator);
  const lost = (step: FaultRule["step"]) => {
    emulator.faults.add({ step, action: "drop", count: 1 });
    return new Promise((resolve) => emulator.events.once("fault", resolve));
  };
  let struck = lost("suback");
  client.subscribe("$iothub/twin/res/#").catch(() => {});
  await struck;
  struck = lost("puback");
  client.publish(EVENTS, "1").catch(() => {});
  await struck;
  struck = lost("pingresp");
  client.send({ cmd: "pingreq" });
  await struck;
  await client.ping();
  expect(client.packets).toEqual([]);
  expect(emulator.counts.telemetry).toBe(1);
});

test("a delayed packet holds up those behind it, as TCP would", async () => {
  const client = await openHub(emulator);
  emulator.faults.add({ step: "puback", action: "delay", delayMs: 20, count: 1 });
  const order: string[] = [];
  const puback = client.publish(EVENTS, "1").then(() => order.push("puback"));
  await client.ping().then(() => order.push("pingresp"));
  await puback;
  expect(order).toEqual(["puback", "pingresp"]);
});

test.each(["puback", "suback", "pingresp"] as const)("%s: a reset in its place", async (step) => {
  const client = await openHub(emulator);
  emulator.faults.add({ step, action: "reset", count: 1 });
  const work = {
    puback: () => client.publish(EVENTS, "1"),
    suback: () => client.subscribe("$iothub/twin/res/#"),
    pingresp: () => client.ping(),
  };
  await expect(work[step]()).rejects.toThrow("ended");
});

describe("DPS responses", () => {
  test("a status with retry-after and Azure's error body", async () => {
    emulator.faults.add({ step: "register", action: "status", status: 429, retryAfter: 9, count: 1 });
    emulator.faults.add({ step: "poll", action: "status", status: 500, count: 1 });
    const client = await openDps(emulator, "dev-1");
    expect(await register(client)).toMatchObject({ status: 429, retryAfter: 9, body: { errorCode: 429000 } });
    const { operationId } = (await register(client)).body;
    expect(await poll(client, operationId!)).toMatchObject({
      status: 500,
      retryAfter: undefined,
      body: { errorCode: 500000 },
    });
    expect((await poll(client, operationId!)).body.status).toBe("assigned");
  });

  test("a body of one's own, whatever it is", async () => {
    emulator.faults.add({
      step: "register",
      action: "status",
      status: 200,
      body: { status: "unassigned" },
      count: 1,
    });
    emulator.faults.add({ step: "register", action: "status", status: 200, body: "<html>", count: 1 });
    const client = await openDps(emulator, "dev-1");
    expect((await register(client)).body).toEqual({ status: "unassigned" });
    await client.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "");
    expect((await client.message()).text).toBe("<html>");
  });

  test("drop leaves the request unanswered, delay answers late, close and reset end the connection", async () => {
    emulator.faults.add({ step: "register", action: "drop", count: 1 });
    emulator.faults.add({ step: "register", action: "delay", delayMs: 5, count: 1 });
    const client = await openDps(emulator, "dev-1");
    await client.publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "");
    expect((await register(client)).status).toBe(202);
    for (const action of ["close", "reset"] as const) {
      emulator.faults.add({ step: "poll", action, count: 1 });
      const other = await openDps(emulator, "dev-1");
      await expect(poll(other, "x")).rejects.toThrow("ended");
    }
  });

  test("the connection can end right after the assignment", async () => {
    emulator.faults.add({ step: "assigned", action: "close", count: 1 });
    const client = await openDps(emulator, "dev-1");
    const { operationId } = (await register(client)).body;
    expect((await poll(client, operationId!)).body.status).toBe("assigned");
    await client.closed;
  });
});

test.each(["sent", "received"] as const)(
  "%s: the connection breaks after that many bytes of MQTT",
  async (step) => {
    for (let afterBytes = 1; afterBytes < 200; afterBytes += 31) {
      for (const action of ["reset", "close"] as const) {
        emulator.faults.add({ step, action, afterBytes, id: "dev-1", endpoint: "dps", count: 1 });
        await expect(provision(emulator)).rejects.toThrow("ended");
      }
    }
    expect((await provision(emulator)).body.status).toBe("assigned");
  },
);

test("a break after N sent bytes lets exactly N bytes out", async () => {
  emulator.faults.add({ step: "sent", action: "close", afterBytes: 3, count: 1 });
  const client = await open(emulator);
  const bytes: Buffer[] = [];
  client.socket.on("data", (chunk: Buffer) => bytes.push(chunk));
  client
    .connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1") })
    .catch(() => {});
  await client.closed;
  expect(Buffer.concat(bytes)).toEqual(Buffer.from([0x20, 2, 0]));
});

describe("the injector", () => {
  const strikes = (injector: FaultInjector, times: number) =>
    Array.from({ length: times }, () => injector.strike("poll", { id: "a" }) !== undefined);

  test("skips, counts, and can be cleared", () => {
    const injector = new FaultInjector([{ step: "poll", action: "drop", skip: 1, count: 2 }]);
    expect(strikes(injector, 5)).toEqual([false, true, true, false, false]);
    const remove = injector.add({ step: "poll", action: "drop" });
    expect(strikes(injector, 2)).toEqual([true, true]);
    remove();
    expect(strikes(injector, 1)).toEqual([false]);
    injector.add({ step: "poll", action: "drop" });
    injector.clear();
    expect(strikes(injector, 1)).toEqual([false]);
  });

  test("draws by its seed: the same one gives the same faults, another gives others", () => {
    const rules: FaultRule[] = [{ step: "poll", action: "drop", probability: 0.5 }];
    const first = strikes(new FaultInjector(rules, 42), 64);
    expect(strikes(new FaultInjector(rules, 42), 64)).toEqual(first);
    expect(strikes(new FaultInjector(rules, 43), 64)).not.toEqual(first);
    expect(first).toContain(true);
    expect(first).toContain(false);
  });
});

test("faults are read from JSON", () => {
  const rules = [
    { step: "register", action: "status", status: 429, retryAfter: 5, count: 2, id: "dev-1", body: { a: 1 } },
    { step: "sent", action: "reset", afterBytes: 100, probability: 0.5, skip: 1, endpoint: "dps" },
  ];
  expect(parseFaults(JSON.stringify({ faults: rules }))).toEqual(rules);
  expect(parseFaults("{}")).toEqual([]);
});

test("what is left open is said by the rule", () => {
  const rules = [...parseFaults('{"faults":[{"step":"register","action":"status"}]}')];
  const faults = new FaultInjector([...rules, { step: "connack", action: "returnCode" }]);
  expect(faults.list().map(({ rule }) => faultInWords(rule))).toEqual([
    "status 500 at register",
    "return code 3 at connack",
  ]);
});

test.each<[FaultRule, string]>([
  [
    { step: "poll", action: "status", status: 429, retryAfter: 5, body: {}, skip: 2, probability: 0.5 },
    "status 429, retry-after 5 s, with a body of its own at poll, after 2 without it, with probability 0.5",
  ],
  [
    { step: "suback", action: "delay", delayMs: 7, id: "a", endpoint: "dps" },
    "delay 7 ms at suback of DPS for a",
  ],
  [{ step: "sent", action: "reset", afterBytes: 9 }, "reset at sent after 9 bytes"],
])("the rule %j in words", (rule, words) => expect(faultInWords(rule)).toBe(words));

test.each([
  [{ step: "nowhere", action: "drop" }, "faults[0].step must be one of"],
  [{ step: "poll", action: "explode" }, "faults[0].action must be one of"],
  [{ step: "poll", action: "drop", count: 0 }, "faults[0].count must be a whole number from 1"],
  [{ step: "poll", action: "drop", probability: 2 }, "faults[0].probability must be a number from 0 to 1"],
  [{ step: "poll", action: "delay" }, "faults[0].delayMs is needed"],
  [{ step: "sent", action: "reset" }, "faults[0].afterBytes is needed"],
  [{ step: "tcpSent", action: "drop", afterBytes: 1 }, "faults[0].action must be close or reset"],
  [
    { step: "puback", action: "status", status: 400 },
    "faults[0].action status fits the steps register, poll, twinGet, twinReported, issueCertificate only",
  ],
  [
    { step: "puback", action: "returnCode", returnCode: 3 },
    "faults[0].action returnCode fits the step connack only",
  ],
  [{ step: "poll", action: "drop", status: 429 }, "faults[0].status fits the action status only"],
  [{ step: "poll", action: "status", delayMs: 1 }, "faults[0].delayMs fits the action delay only"],
  [{ step: "poll", action: "drop", afterBytes: 1 }, "faults[0].afterBytes fits the steps that count bytes"],
  [{ step: "assigned", action: "drop" }, "faults[0].action must be close at the step assigned"],
  [{ step: "poll", action: "drop", times: 3 }, "faults[0].times is not a known field"],
])("a wrong fault %j names the place", (rule, message) => {
  expect(() => parseFaults(JSON.stringify({ faults: [rule] }), "my.json")).toThrow(`my.json: ${message}`);
});
