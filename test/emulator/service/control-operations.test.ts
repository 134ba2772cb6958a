// SPDX-License-Identifier: MIT
/** The control API's clock, certificates and messages. */
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Emulator } from "../../../emulator/emulator";
import { dpsToken, HUB, openDps, openHub, provision, startEmulator } from "../../helpers/emulator-client";
import { closedWith, next, openAmqp, putToken } from "../../helpers/amqp-client";
import { ask, open, serviceToken } from "../../helpers/https-client";
import { RawMqttClient } from "../../helpers/raw-mqtt-client";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
  await provision(emulator);
});
afterAll(() => emulator.stop());

const HOUR = 3_600_000;

/** What a client that trusts `ca` gets at the MQTT port, and at the HTTPS port by a hub's name. */
async function outcomes(ca: string): Promise<string[]> {
  const mqtt = RawMqttClient.open({ port: emulator.port, ca }).then((client) => client.drop());
  const https = open({ ...addressOf(emulator), ca: { pem: ca } } as Emulator, "GET", "/health");
  return Promise.all(
    [mqtt, https].map((attempt) =>
      attempt.then(
        () => "fine",
        (error: NodeJS.ErrnoException) => error.code ?? error.message,
      ),
    ),
  );
}

function addressOf({ httpsPort }: Emulator) {
  return { httpsPort };
}

test("the clock is jumped: a token ends now, and the device comes back with a later one only", async () => {
  const device = await openHub(emulator);
  const gone = once(emulator.events, "disconnect");
  const jumped = await ask(emulator, "POST", "/clock/jump", { body: { byMs: 2 * HOUR } });
  expect(jumped).toMatchObject({ status: 200, json: { skewMs: 2 * HOUR } });
  expect((await gone)[0]).toMatchObject({ id: "dev-1", reason: "the shared access signature has expired" });
  await device.closed;
  await expect(openHub(emulator)).rejects.toThrow("CONNACK 5");
  const later = await openHub(emulator, "dev-1", { expiry: Math.floor(Date.now() / 1000) + 3 * 3600 });
  await later.disconnect();
  expect((await ask(emulator, "DELETE", "/clock")).status).toBe(204);
  await (await openHub(emulator)).disconnect();
});

test("the clock is behind: DPS takes a token that has expired", async () => {
  const expired = Math.floor(Date.now() / 1000) - 600;
  const attempt = () => openDps(emulator, "dev-1", { password: dpsToken("dev-1", undefined, expired) });
  await expect(attempt()).rejects.toThrow("CONNACK 5");
  expect((await ask(emulator, "PUT", "/clock", { body: { skewMs: -HOUR } })).json.skewMs).toBe(-HOUR);
  await (await attempt()).disconnect();
  const { json } = await ask(emulator, "GET", "/clock");
  expect(Math.abs(Date.parse(json.time) + HOUR - Date.now())).toBeLessThan(HOUR / 2);
  await ask(emulator, "DELETE", "/clock");
});

test("a clock cannot be set where no certificate reaches", async () => {
  const far = await ask(emulator, "POST", "/clock/jump", { body: { byMs: 999_999_999_999_999 } });
  expect(far).toMatchObject({ status: 400, json: { Message: expect.stringContaining("before 1950") } });
  expect((await ask(emulator, "PUT", "/clock", { body: { skewMs: 1.5 } })).status).toBe(400);
  expect((await ask(emulator, "GET", "/clock")).json.skewMs).toBe(0);
});

test.each([
  ["expired", "CERT_HAS_EXPIRED"],
  ["future", "CERT_NOT_YET_VALID"],
  ["misnamed", "ERR_TLS_CERT_ALTNAME_INVALID"],
  [
    "untrusted",
    "SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
])("a server certificate that is %s, and back", async (kind, code) => {
  const { pem } = emulator.ca;
  // By a name that keeps the kept one, as the command does.
  const local = { host: "localhost", body: { kind } };
  expect((await ask(emulator, "PUT", "/certificates/server", local)).json).toMatchObject({ kind });
  for (const outcome of await outcomes(pem)) expect(outcome).toMatch(new RegExp(`^(${code})$`));
  expect((await ask(emulator, "DELETE", "/certificates", { host: "localhost" })).status).toBe(204);
  expect(await outcomes(pem)).toEqual(["fine", "fine"]);
});

test("a new root: who trusts the former is out, who takes /root.pem is in, connections that stand go on", async () => {
  const { pem } = emulator.ca;
  const standing = await openHub(emulator);
  const local = { host: "localhost" };
  const before = (await ask(emulator, "GET", "/certificates", local)).json;
  expect(before.kind).toBe("kept");
  const swapped = await ask(emulator, "POST", "/certificates/root", local);
  expect(swapped.status).toBe(201);
  expect(swapped.json.root.sha256Thumbprint).not.toBe(before.root.sha256Thumbprint);
  expect(await outcomes(pem)).not.toContain("fine");
  const { text: next } = await ask(emulator, "GET", "/root.pem", local);
  expect(await outcomes(next)).toEqual(["fine", "fine"]);
  await standing.publish("devices/dev-1/messages/events/", "still here");
  // A renewed leaf is below the new root, too.
  await ask(emulator, "PUT", "/certificates/server", { ...local, body: { kind: "good" } });
  expect(await outcomes(next)).toEqual(["fine", "fine"]);
  await ask(emulator, "DELETE", "/certificates", local);
  expect(await outcomes(pem)).toEqual(["fine", "fine"]);
  expect((await ask(emulator, "GET", "/root.pem", local)).text).toBe(pem);
  await standing.disconnect();
});

test("a message is queued and delivered with its properties", async () => {
  const device = await openHub(emulator);
  await device.subscribe("devices/dev-1/messages/devicebound/#");
  const body = {
    body: "grüezi",
    properties: { colour: "blue & red", flag: null },
    messageId: "m-1",
    contentType: "text/plain",
  };
  const sent = await ask(emulator, "POST", `/messages/${HUB}/dev-1`, { host: "localhost", body });
  expect(sent).toMatchObject({ status: 201, json: { sequence: expect.any(Number) } });
  const { topic, text } = await device.message();
  expect(text).toBe("grüezi");
  expect(decodeURIComponent(topic)).toContain("$.mid=m-1");
  expect(topic).toContain("colour=blue%20%26%20red&flag");
  const bytes = { bodyBase64: Buffer.from([0, 255]).toString("base64") };
  expect((await ask(emulator, "POST", `/messages/${HUB}/dev-1`, { body: bytes })).status).toBe(201);
  expect((await device.message()).packet.payload).toEqual(Buffer.from([0, 255]));
  await device.disconnect();
});

test.each([
  [404, "dev-9", { body: "x" }, "has no such device"],
  [400, "dev-1", {}, "body or bodyBase64"],
  [400, "dev-1", { body: "x", bodyBase64: "eA==" }, "body or bodyBase64"],
  [400, "dev-1", { bodyBase64: "*" }, "must be base64"],
  [400, "dev-1", { body: "x", properties: { a: 1 } }, "holds texts only"],
  [400, "dev-1", { body: "x", typo: 1 }, "is not a known field"],
  [400, "dev-1", { body: "x".repeat(65_537) }, "at most 65536"],
])("a message that cannot be queued: %i %s %#", async (status, device, body, message) => {
  const answer = await ask(emulator, "POST", `/messages/${HUB}/${device}`, { body });
  expect(answer).toMatchObject({ status, json: { Message: expect.stringContaining(message) } });
});

test("half of a surrogate pair harms nothing", async () => {
  const body = '{"body":"\\ud800","properties":{"\\udc00":"\\ud800"}}';
  expect((await ask(emulator, "POST", `/messages/${HUB}/dev-1`, { body })).status).toBe(201);
});

test("a jump ends the tokens of AMQP too", async () => {
  const connection = openAmqp(emulator, { username: "", password: "" });
  await next(connection, "connection_open");
  expect(await putToken(connection, serviceToken(emulator, HUB, "service"))).toBe(200);
  const feedback = connection.open_receiver("/messages/serviceBound/feedback");
  await next(feedback, "receiver_open");
  const closed = closedWith(feedback, "receiver");
  await ask(emulator, "POST", "/clock/jump", { host: "localhost", body: { byMs: 3 * HOUR } });
  expect(await closed).toBe("amqp:unauthorized-access");
  await ask(emulator, "DELETE", "/clock", { host: "localhost" });
  connection.close();
});
