// SPDX-License-Identifier: MIT
/** Telemetry and cloud-to-device messages over HTTPS. */
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createDeviceCertificate, thumbprintsOf } from "../../../emulator/certificates";
import { ManualClock } from "../../../emulator/clock";
import type { Emulator } from "../../../emulator/emulator";
import {
  HUB,
  hubToken,
  KEY,
  openHub,
  OTHER_HUB,
  record,
  SECOND_KEY,
  startEmulator,
  token,
} from "../../helpers/emulator-client";
import { ask, type HttpsRequest, serviceToken } from "../../helpers/https-client";

const VERSION = "api-version=2021-04-12";
const EVENTS = "/devices/dev-1/messages/events";
const BOUND = "/devices/dev-1/messages/deviceBound";
let emulator: Emulator;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({ clock });
  emulator.devices.create(HUB, "dev-1", {
    type: "symmetricKey",
    symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY },
  });
});
afterEach(() => emulator.stop());

/** What `dev-1` asks with its token. */
function request(method: string, path: string, { headers, ...more }: HttpsRequest = {}) {
  return ask(emulator, method, `${path}${path.includes("?") ? "&" : "?"}${VERSION}`, {
    headers: { authorization: hubToken("dev-1"), ...headers },
    ...more,
  });
}
const send = (more: HttpsRequest = {}) => request("POST", EVENTS, more);
const receive = () => request("GET", BOUND);
const tokenOf = ({ headers }: { headers: { etag?: string } }) => /^"(.+)"$/.exec(headers.etag ?? "")![1]!;

describe("telemetry", () => {
  test("a message with its properties, as the event tells it", async () => {
    const body = Buffer.from([0, 255, 1]);
    const answer = await send({
      body,
      headers: {
        "iothub-to": EVENTS,
        "IoTHub-MessageId": "m-1",
        "iothub-correlationid": "c-1",
        "iothub-contenttype": "application/json",
        "iothub-contentencoding": "utf-8",
        "dt-subject": "thermostat1",
        "iothub-app-Room": "kitchen & bath",
        "iothub-app-__proto__": "x",
        "x-other": "1",
      },
    });
    expect([answer.status, answer.text]).toEqual([204, ""]);
    const [message] = emulator.telemetry;
    expect(message).toMatchObject({
      hub: HUB,
      deviceId: "dev-1",
      qos: 1,
      dup: false,
      subject: "thermostat1",
      enqueuedTime: clock.now(),
    });
    expect(message!.body.equals(body)).toBe(true);
    expect([...message!.properties].sort()).toEqual([
      ["$.ce", "utf-8"],
      ["$.cid", "c-1"],
      ["$.ct", "application/json"],
      ["$.mid", "m-1"],
      ["$.sub", "thermostat1"],
      ["$.to", EVENTS],
      ["Room", "kitchen & bath"],
      ["__proto__", "x"],
    ]);
  });

  const batch = (body: unknown) =>
    send({ body, headers: { "content-type": "application/vnd.microsoft.iothub.json" } });

  test("a batch, each message with its properties", async () => {
    const answer = await batch([
      { body: "aGVsbG8=", properties: { "iothub-app-a": "1", "iothub-messageid": "m-1", other: "2" } },
      { body: "grüße", base64Encoded: false },
    ]);
    expect(answer.status).toBe(204);
    expect(emulator.telemetry.map(({ body, properties }) => [body.toString(), [...properties]])).toEqual([
      [
        "hello",
        [
          ["a", "1"],
          ["$.mid", "m-1"],
        ],
      ],
      ["grüße", []],
    ]);
  });

  test.each<[string, unknown]>([
    ["no array", {}],
    ["no JSON", "["],
    ["a body that is no base64", [{ body: "aGVsbG8=" }, { body: "hello!" }]],
    ["a property that is no text", [{ body: "", properties: { "iothub-app-a": 1 } }]],
    ["too many messages", Array.from({ length: 501 }, () => ({ body: "" }))],
  ])("a batch of %s is refused whole", async (_name, body) => {
    expect(await batch(body)).toMatchObject({
      status: 400,
      headers: { "iothub-errorcode": "ArgumentInvalid" },
    });
    expect(emulator.telemetry).toEqual([]);
  });

  test("256 KB is taken, a byte more is not", async () => {
    const full = Buffer.alloc(256 * 1024);
    expect((await send({ body: full })).status).toBe(204);
    expect(await send({ body: Buffer.alloc(full.length + 1) })).toMatchObject({
      status: 413,
      headers: { "iothub-errorcode": "MessageTooLarge" },
    });
    expect(emulator.telemetry).toHaveLength(1);
  });
});

describe("who may", () => {
  const policy = (name: string, resource = HUB) => serviceToken(emulator, HUB, name, { resource });
  test.each<[string, () => string, number]>([
    ["the device by its second key", () => hubToken("dev-1", SECOND_KEY), 204],
    ["a policy that may connect devices", () => policy("device"), 204],
    ["one for this device only", () => policy("iothubowner", `${HUB}/devices/dev-1`), 204],
    ["one for another device", () => policy("device", `${HUB}/devices/dev-2`), 401],
    ["a policy without the right", () => policy("service"), 401],
    ["another key", () => hubToken("dev-1", Buffer.alloc(32).toString("base64")), 401],
    ["another device's token", () => hubToken("dev-2"), 401],
    ["another hub's token", () => token(`${OTHER_HUB}/devices/dev-1`, KEY), 401],
    ["an old token", () => hubToken("dev-1", KEY, 1), 401],
    ["nothing", () => "", 401],
    ["something else", () => "Basic eA==", 401],
  ])("%s", async (_name, authorization, status) => {
    const refused: string[] = [];
    emulator.events.on("serviceRefused", ({ path, reason }) => refused.push(`${path}: ${reason}`));
    const answer = await send({ headers: { authorization: authorization() } });
    expect(answer.status).toBe(status);
    expect(refused).toHaveLength(status === 204 ? 0 : 1);
    if (status !== 204)
      expect(answer.json).toEqual({
        Message: expect.stringMatching(/^ErrorCode:IotHubUnauthorizedAccess;Unauthorized: /),
        ExceptionMessage: expect.stringMatching(/^Tracking ID:/),
      });
    expect(answer.text + refused.join("")).not.toMatch(/sig=/);
  });

  test("a device with a certificate shows it, and one that is disabled or gone may not", async () => {
    const leaf = await createDeviceCertificate({ commonName: "dev-x", keyType: "ec-p256" });
    const other = await createDeviceCertificate({ commonName: "dev-x", keyType: "ec-p256" });
    const { sha256Thumbprint } = thumbprintsOf(leaf.certificatePem);
    emulator.devices.create(HUB, "dev-x", { type: "x509", sha256Thumbprint });
    const by = ({ certificatePem: cert, privateKeyPem: key }: typeof leaf) =>
      ask(emulator, "POST", `/devices/dev-x/messages/events?${VERSION}`, { identity: { cert, key } });
    expect((await by(leaf)).status).toBe(204);
    expect((await by(other)).status).toBe(401);
    emulator.devices.setStatus(HUB, "dev-x", "disabled");
    expect((await by(leaf)).json.Message).toContain("the device is disabled");
    const authorization = policy("device");
    const asPolicy = () =>
      ask(emulator, "POST", `/devices/dev-x/messages/events?${VERSION}`, { headers: { authorization } });
    expect((await asPolicy()).json.Message).toContain("the device is disabled");
    emulator.devices.remove(HUB, "dev-x");
    expect((await by(leaf)).status).toBe(401);
    expect(await asPolicy()).toMatchObject({
      status: 404,
      headers: { "iothub-errorcode": "DeviceNotFound" },
    });
  });
});

describe("cloud-to-device messages", () => {
  const queue = (body: string, properties = {}, system = {}) =>
    emulator.sendCloudToDevice(HUB, "dev-1", body, properties, undefined, system);

  test("one at a time, with its properties as headers, completed and rejected", async () => {
    const delivered = record<{ sequence: number }>(emulator, "delivered");
    expect((await receive()).status).toBe(204);
    const first = await queue(
      "one",
      { colour: "blue", "grün (1)": "é\n", empty: null },
      { messageId: "m-1", ack: "full" },
    );
    await queue("two");
    const one = await receive();
    expect(one).toMatchObject({
      status: 200,
      text: "one",
      headers: {
        "iothub-messageid": "m-1",
        "iothub-to": "/devices/dev-1/messages/devicebound",
        "iothub-ack": "full",
        "iothub-sequencenumber": String(first),
        "iothub-deliverycount": "0",
        "iothub-enqueuedtime": `${new Date(clock.now()).toISOString().slice(0, -1)}0000Z`,
        "iothub-app-colour": "blue",
        "iothub-app-gr%c3%bcn%20%281%29": "%C3%A9%0A",
        "iothub-app-empty": "",
      },
    });
    const two = await receive();
    expect(two.text).toBe("two");
    expect((await receive()).status).toBe(204);
    expect((await request("DELETE", `${BOUND}/${tokenOf(one)}`)).status).toBe(204);
    expect(delivered).toMatchObject([{ sequence: first }]);
    expect((await request("DELETE", `${BOUND}/${tokenOf(two)}?reject`)).status).toBe(204);
    expect(delivered).toHaveLength(1);
    expect(emulator.devices.get(HUB, "dev-1")!.queue).toEqual([]);
    expect(await request("DELETE", `${BOUND}/${tokenOf(one)}`)).toMatchObject({
      status: 412,
      headers: { "iothub-errorcode": "DeviceMessageLockLost" },
    });
  });

  test("abandoned, or not settled within a minute, it comes again, and ten times at most", async () => {
    await queue("again", {}, { messageId: "m", ack: "full" });
    for (let count = 0; count < 9; count++) {
      const { headers } = await receive();
      expect(headers["iothub-deliverycount"]).toBe(String(count));
      if (count % 2 === 0) await request("POST", `${BOUND}/${tokenOf({ headers })}/abandon`);
      else clock.advance(60_000);
    }
    const last = await receive();
    expect(last.status).toBe(200);
    // It is under way, and may still be settled.
    expect((await receive()).status).toBe(204);
    expect(emulator.devices.get(HUB, "dev-1")!.queue).toHaveLength(1);
    clock.advance(60_000);
    expect((await receive()).status).toBe(204);
    expect(emulator.devices.get(HUB, "dev-1")!.queue).toEqual([]);
    expect((await request("DELETE", `${BOUND}/${tokenOf(last)}`)).status).toBe(412);
  });

  test("another device settles nothing with its token", async () => {
    emulator.devices.create(HUB, "dev-2", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
    await queue("mine");
    const lock = tokenOf(await receive());
    const headers = { authorization: hubToken("dev-2") };
    expect((await request("DELETE", `${BOUND.replace("dev-1", "dev-2")}/${lock}`, { headers })).status).toBe(
      412,
    );
    expect((await request("DELETE", `${BOUND}/${lock}`, { headers })).status).toBe(401);
    expect((await request("DELETE", `${BOUND}/${lock}`)).status).toBe(204);
  });

  test("what HTTPS has, MQTT has not, until it is given back; and the other way round", async () => {
    await queue("one");
    const lock = tokenOf(await receive());
    const device = await openHub(emulator, "dev-1", { clean: false });
    await device.subscribe("devices/dev-1/messages/devicebound/#");
    await queue("two");
    expect((await device.message()).text).toBe("two");
    await request("POST", `${BOUND}/${lock}/abandon`);
    expect((await device.message()).text).toBe("one");
    await queue("three");
    expect((await device.message()).text).toBe("three");
    expect((await receive()).status).toBe(204);
    await device.disconnect();
  });
});
