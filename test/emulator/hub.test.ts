// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import {
  configuration,
  HUB,
  hubToken,
  hubUser,
  inAnHour,
  KEY,
  OTHER_HUB,
  open,
  openHub,
  provision,
  record,
  SECOND_KEY,
  startEmulator,
  token,
} from "../helpers/emulator-client";

const EVENTS = "devices/dev-1/messages/events/";
const BOUND = "devices/dev-1/messages/devicebound/#";
let clock: ManualClock;
let emulator: Emulator;

beforeEach(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({
    clock,
    configuration: configuration({ iotHubs: [{ name: HUB }, { name: OTHER_HUB }] }),
  });
  emulator.devices.create(HUB, "dev-1", {
    type: "symmetricKey",
    symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY },
  });
});
afterEach(() => emulator.stop());

async function connackOf(changes: {
  clientId?: string;
  username?: string;
  password?: string;
}): Promise<number | undefined> {
  const client = await open(emulator);
  const connect = { clientId: "dev-1", username: hubUser("dev-1"), password: hubToken("dev-1"), ...changes };
  const { returnCode } = await client.connect(connect);
  if (returnCode === 0) await client.disconnect();
  else await client.closed;
  return returnCode;
}

describe("CONNECT", () => {
  test.each([
    ["the secondary key", { password: hubToken("dev-1", SECOND_KEY) }, 0],
    [
      "a token in lower-case hexadecimal",
      { password: token(`${HUB}/devices/dev-1`, KEY, { lower: true }) },
      0,
    ],
    ["nothing behind the device id", { username: `${HUB}/dev-1` }, 0],
    ["a slash behind the device id", { username: `${HUB}/dev-1/` }, 0],
    ["no question mark before api-version", { username: `${HUB}/dev-1/api-version=2016-11-14` }, 0],
    [
      "DeviceClientType first, as Microsoft's SDK for Node once sent it",
      { username: `${HUB}/dev-1/DeviceClientType=azure-iot-device%2F1.1.0&api-version=2016-11-14` },
      0,
    ],
    ["another spelling of the hub's name", { username: hubUser("dev-1", HUB.toUpperCase()) }, 0],
    ["a model id behind api-version", { username: `${hubUser("dev-1")}&model-id=dtmi%3Aa%3Bb` }, 0],
    ["another key", { password: hubToken("dev-1", Buffer.alloc(32).toString("base64")) }, 5],
    ["an expired token", { password: hubToken("dev-1", KEY, 1_700_000_000) }, 5],
    ["a token for another device", { password: hubToken("dev-2") }, 5],
    ["a token for another hub", { password: hubToken("dev-1", KEY, inAnHour(), OTHER_HUB) }, 5],
    ["no password and no certificate", { password: "" }, 5],
    ["an unknown device", { clientId: "dev-2", username: hubUser("dev-2"), password: hubToken("dev-2") }, 5],
    [
      "a hub without this device",
      { username: hubUser("dev-1", OTHER_HUB), password: hubToken("dev-1", KEY, inAnHour(), OTHER_HUB) },
      5,
    ],
    ["a hub that is not here", { username: hubUser("dev-1", "else.where") }, 5],
    ["another client identifier", { clientId: "dev-2" }, 2],
    ["a malformed api-version", { username: `${HUB}/dev-1/?api-version=today` }, 4],
    ["an api-version of broken encoding", { username: `${HUB}/dev-1/?api-version=%` }, 4],
    ["a hub's name alone", { username: HUB }, 4],
    ["a device id that no hub has", { username: `${HUB}/dev 1` }, 4],
    ["a module", { username: `${HUB}/dev-1/module/?api-version=2021-04-12` }, 4],
    ["a module without api-version", { username: `${HUB}/dev-1/module` }, 4],
  ])("with %s", async (_name, changes, returnCode) => {
    expect(await connackOf(changes)).toBe(returnCode);
  });

  test("of a disabled device, and of an enabled one again", async () => {
    emulator.devices.setStatus(HUB, "dev-1", "disabled");
    expect(await connackOf({})).toBe(5);
    emulator.devices.setStatus(HUB, "dev-1", "enabled");
    expect(await connackOf({})).toBe(0);
  });
});

test("a second connection of a device drops the first", async () => {
  const ends = record<{ reason: string }>(emulator, "disconnect");
  const first = await openHub(emulator);
  const second = await openHub(emulator);
  await first.closed;
  await second.ping();
  expect(ends.map(({ reason }) => reason)).toEqual([
    "a second connection of the same identity (MQTT 3.1.1 section 3.1.4)",
  ]);
});

test("devices of the same name in two hubs do not meet", async () => {
  emulator.devices.create(OTHER_HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  const [here, there] = [await openHub(emulator), await openHub(emulator, "dev-1", { hub: OTHER_HUB })];
  await Promise.all([here.subscribe(BOUND), there.subscribe(BOUND)]);
  await emulator.sendCloudToDevice(OTHER_HUB, "dev-1", "for the other");
  expect((await there.message()).text).toBe("for the other");
  await here.ping();
  expect(here.packets).toEqual([]);
});

describe("a device id of special characters", () => {
  const id = "a@b$c%40";
  const once = encodeURIComponent(id);
  beforeEach(() => {
    emulator.devices.create(HUB, id, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  });

  test.each([
    ["encoded once, as Microsoft's SDK for Node does", `${HUB}/devices/${id}`, 0],
    ["encoded twice, as IoT Edge and the SDK for C# do", `${HUB}/devices/${once}`, 0],
    ["encoded three times", `${HUB}/devices/${encodeURIComponent(once)}`, 5],
    ["of another device", `${HUB}/devices/a@b$c@`, 5],
  ])("connects with an sr %s", async (_name, resource, returnCode) => {
    const username = hubUser(id);
    expect(await connackOf({ clientId: id, username, password: token(resource, KEY) })).toBe(returnCode);
  });

  test("that no hub takes is not created", () => {
    const create = (name: string) => () =>
      emulator.devices.create(HUB, name, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
    for (const name of ["kitchen lamp", "a/b", "", "ä", "x".repeat(129)])
      expect(create(name)).toThrow(RangeError);
  });
});

describe("telemetry", () => {
  test("is recorded with its properties, either way of writing a system property, and RETAIN", async () => {
    const client = await openHub(emulator);
    await client.publish(`${EVENTS}$.ct=application%2Fjson&$.ce=utf-8&a%20b=c%26d&empty=&flag`, "1", 1, {
      retain: true,
    });
    await client.publish(`${EVENTS}%24.ct=text%2Fplain`, "2", 0);
    await client.publish(EVENTS, "3");
    await client.publish(EVENTS.slice(0, -1), "4");
    expect(
      emulator.telemetry.map(({ body, properties, qos }) => [
        body.toString(),
        Object.fromEntries(properties),
        qos,
      ]),
    ).toEqual([
      [
        "1",
        {
          "$.ct": "application/json",
          "$.ce": "utf-8",
          "a b": "c&d",
          empty: "",
          flag: null,
          "mqtt-retain": "true",
        },
        1,
      ],
      ["2", { "$.ct": "text/plain" }, 0],
      ["3", {}, 1],
      ["4", {}, 1],
    ]);
  });

  test("says which component of which model it comes from", async () => {
    // Microsoft's SDK for Node does not encode it.
    const client = await openHub(emulator, "dev-1", { model: "dtmi:com:example:TemperatureController;2" });
    await client.publish(`${EVENTS}%24.sub=thermostat1`, "1");
    await client.publish(EVENTS, "2");
    expect(emulator.telemetry).toMatchObject([
      { dataSchema: "dtmi:com:example:TemperatureController;2", subject: "thermostat1" },
      { dataSchema: "dtmi:com:example:TemperatureController;2" },
    ]);
    expect(emulator.telemetry[1]).not.toHaveProperty("subject");
    const modelId = () => emulator.devices.get(HUB, "dev-1")!.modelId;
    expect(modelId()).toBe("dtmi:com:example:TemperatureController;2");
    const model = encodeURIComponent("dtmi:com:example:Thermostat;1");
    await openHub(emulator, "dev-1", { model });
    expect(modelId()).toBe("dtmi:com:example:Thermostat;1");
    await (await openHub(emulator)).publish(EVENTS, "3");
    expect(modelId()).toBeUndefined();
    expect(emulator.telemetry[2]).not.toHaveProperty("dataSchema");
  });

  test("is not retained for a later subscriber", async () => {
    const client = await openHub(emulator);
    await client.publish(EVENTS, "1", 1, { retain: true });
    await client.subscribe(BOUND);
    await client.ping();
    expect(client.packets).toEqual([]);
  });

  test("comes from a will when the connection breaks, and not after DISCONNECT", async () => {
    for (const end of ["disconnect", "drop"] as const) {
      const client = await open(emulator);
      const will = { topic: `${EVENTS}a=b`, payload: "gone", qos: 1 as const };
      await client.connect({
        clientId: "dev-1",
        username: hubUser("dev-1"),
        password: hubToken("dev-1"),
        will,
      });
      const ended = new Promise((resolve) => emulator.events.once("disconnect", resolve));
      await client[end]();
      await ended;
    }
    await (await openHub(emulator)).ping();
    expect(
      emulator.telemetry.map(({ body, properties }) => [body.toString(), Object.fromEntries(properties)]),
    ).toEqual([["gone", { a: "b", "iothub-MessageType": "Will" }]]);
  });

  test.each([
    ["QoS 2", EVENTS, "1", 2],
    ["another device's topic", "devices/dev-2/messages/events/", "1", 1],
    ["an unknown topic", "some/where", "1", 1],
    ["the device-bound topic", "devices/dev-1/messages/devicebound/", "1", 1],
    ["a twin request with ?rid= in place of ?$rid=", "$iothub/twin/GET/?rid=1", "", 0],
    ["broken percent-encoding", `${EVENTS}a=%E0%A4%A`, "1", 1],
    ["a body of more than 256 KB", EVENTS, "x".repeat(256 * 1024 + 1), 1],
    ["a packet beyond every bound", EVENTS, "x".repeat(400 * 1024), 1],
  ] as const)("closes the connection for %s", async (_name, topic, body, qos) => {
    const client = await openHub(emulator);
    client.publish(topic, body, qos).catch(() => {});
    await client.closed;
    expect(emulator.telemetry).toEqual([]);
  });
});

describe("subscriptions", () => {
  test("are granted for the documented filters, at QoS 1 at most", async () => {
    const client = await openHub(emulator);
    expect(
      await client.subscribe(
        { topic: BOUND, qos: 2 },
        { topic: "$iothub/twin/res/#", qos: 0 },
        "$iothub/methods/POST/#",
        "$iothub/twin/PATCH/properties/desired/#",
      ),
    ).toEqual([1, 0, 1, 1]);
    expect(
      await client.subscribe(
        "#",
        "devices/#",
        "devices/+/messages/#",
        "devices/+/messages/devicebound/+",
        "devices/dev-2/messages/devicebound/#",
        EVENTS,
      ),
    ).toEqual([128, 128, 128, 128, 128, 128]);
  });

  test("are bounded in number", async () => {
    await emulator.stop();
    emulator = await startEmulator({ hub: { maximumSubscriptions: 1 } });
    await provision(emulator);
    const client = await openHub(emulator);
    expect(await client.subscribe(BOUND)).toEqual([1]);
    expect(await client.subscribe("$iothub/twin/res/#")).toEqual([128]);
    expect(await client.subscribe(BOUND)).toEqual([1]);
  });
});

test("the token's expiry ends the connection, and a grace can be given", async () => {
  const ends = record<{ reason: string }>(emulator, "disconnect");
  const expiry = Math.floor(clock.now() / 1000) + 60;
  const client = await openHub(emulator, "dev-1", { expiry });
  clock.advance(58_000);
  await client.ping();
  clock.advance(2000);
  await client.closed;
  expect(ends).toMatchObject([{ reason: "the shared access signature has expired" }]);
  await emulator.stop();
  emulator = await startEmulator({ clock, hub: { expiryGrace: 300 } });
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  const patient = await openHub(emulator, "dev-1", {
    expiry: Math.floor(clock.now() / 1000) + 60,
    keepalive: 600,
  });
  clock.advance(300_000);
  await patient.ping();
  clock.advance(60_000);
  await patient.closed;
});

test("a client that keeps silent for 1.5 times its keep-alive is dropped, one that pings is not", async () => {
  const ends = record<{ reason: string }>(emulator, "disconnect");
  const client = await openHub(emulator, "dev-1", { keepalive: 10 });
  clock.advance(14_999);
  await client.ping();
  clock.advance(14_999);
  await client.ping();
  clock.advance(15_000);
  await client.closed;
  expect(ends).toMatchObject([{ reason: "keep alive timeout" }]);
});

test.each([
  ["a first packet that is no CONNECT", Buffer.from([0xc0, 0])],
  ["a remaining length of five bytes", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])],
  ["a CONNECT of another protocol", Buffer.from([0x10, 4, 0, 2, 0x41, 0x42])],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
])("%s closes the connection", async (_name, bytes) => {
  const client = await open(emulator);
  client.socket.write(bytes);
  await client.closed;
});

test("a second CONNECT closes the connection", async () => {
  const client = await openHub(emulator);
  await expect(
    client.connect({ clientId: "dev-1", username: hubUser("dev-1"), password: hubToken("dev-1") }),
  ).rejects.toThrow("ended");
});
