// SPDX-License-Identifier: MIT
import { afterEach, describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { IndividualEnrollment } from "../../emulator/configuration";
import type { Emulator } from "../../emulator/emulator";
import type { EmulatorOptions } from "../../emulator/options";
import {
  ask,
  configuration,
  dpsToken,
  KEY,
  open,
  openDps,
  openHub,
  poll,
  provision,
  register,
  SCOPE,
  startEmulator,
} from "../helpers/emulator-client";

let emulator: Emulator;
afterEach(() => emulator.stop());

const attestation = { type: "symmetricKey" as const, symmetricKey: { primaryKey: KEY } };

/** An emulator whose only enrollment is `dev-1`, changed as told. */
async function startWith(
  changes: Partial<IndividualEnrollment>,
  options: Partial<EmulatorOptions> = {},
): Promise<void> {
  const enrollments = [{ registrationId: "dev-1", attestation, ...changes }];
  emulator = await startEmulator({ configuration: configuration({ enrollments }), ...options });
}

test("a model id that is no text is not kept", async () => {
  await startWith({});
  await provision(emulator, "dev-1", undefined, { modelId: 5 });
  expect(emulator.registration("dev-1")).not.toHaveProperty("modelId");
});

test.each([
  ["no body", ""],
  ["an empty object", "{}"],
  ["a payload and no registration id", '{"payload":{"modelId":"dtmi:a:b;1"}}'],
  ["a certificate request, as Microsoft's unified SDK sends it", '{"csr":"MIIB"}'],
  ["a null payload", '{"registrationId":"dev-1","payload":null}'],
  ["the registration id in another case", '{"registrationId":"DEV-1"}'],
])("a registration with %s is accepted", async (_name, body) => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  expect((await register(client, body)).status).toBe(202);
});

test("Microsoft's unified SDK is served: its API version, no body, and no certificate where none is issued", async () => {
  emulator = await startEmulator();
  const unknown: string[] = [];
  const requests: string[] = [];
  emulator.events.on("unknownApiVersion", ({ apiVersion }) => unknown.push(apiVersion));
  emulator.events.on("certificateRequest", ({ registrationId }) => requests.push(registrationId));
  const client = await open(emulator);
  await client.connect({
    clientId: "dev-1",
    username: `${SCOPE}/registrations/dev-1/api-version=2026-11-02-preview`,
    password: dpsToken("dev-1"),
  });
  await client.subscribe("$dps/registrations/res/#");
  for (const body of ["", '{"csr":"MIIB","payload":{"modelId":"dtmi:a:b;1"}}', '{"csr":5}']) {
    const { status, body: first } = await register(client, body);
    expect(status).toBe(202);
    const answer = await poll(client, first.operationId!);
    expect(answer).toMatchObject({ status: 200, body: { status: "assigned" } });
    expect(answer.body.registrationState).not.toHaveProperty("issuedCertificateChain");
  }
  expect(unknown).toEqual([]);
  expect(requests).toEqual(["dev-1", "dev-1"]);
});

test.each([
  ["that is no JSON", "{", 400],
  ["that is no object", "[]", 400],
  ["that is no UTF-8", Buffer.from([0x7b, 0xff]), 400],
  ["for another registration id", '{"registrationId":"dev-2"}', 400],
  ["whose payload is no object", '{"payload":"text"}', 400],
  ["of more than 96 KB", Buffer.alloc(96 * 1024 + 1, 0x20), 413],
])("a registration with a body %s is refused", async (_name, body, status) => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  const answer = await register(client, body);
  expect(answer.status).toBe(status);
  expect(Math.floor(answer.body.errorCode! / 1000)).toBe(status);
});

test("only the response filter is granted, at QoS 1 at most", async () => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  expect(
    await client.subscribe("$dps/registrations/res/#", "#", "$dps/#", "devices/dev-1/messages/devicebound/#"),
  ).toEqual([1, 128, 128, 128]);
  expect(await client.subscribe({ topic: "$dps/registrations/res/#", qos: 2 })).toEqual([1]);
  expect(await client.subscribe({ topic: "$dps/registrations/res/#", qos: 0 })).toEqual([0]);
  await client.publish("$dps/registrations/PUT/iotdps-register/?$rid=a", "", 0);
  expect((await client.message()).packet.qos).toBe(0);
});

test("a client that has not subscribed gets no response", async () => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  client.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["$dps/registrations/res/#"] });
  await client.publish("$dps/registrations/PUT/iotdps-register/?$rid=a", "");
  await client.ping();
  expect(client.packets.filter(({ cmd }) => cmd === "publish")).toEqual([]);
});

test.each([
  ["an unknown topic", "$dps/registrations/PUT/other/?$rid=1", 1],
  ["a topic without $rid", "$dps/registrations/PUT/iotdps-register/", 1],
  ["rid without its dollar sign", "$dps/registrations/PUT/iotdps-register/?rid=1", 1],
  ["QoS 2", "$dps/registrations/PUT/iotdps-register/?$rid=1", 2],
] as const)("a PUBLISH with %s closes the connection", async (_name, topic, qos) => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  client.publish(topic, "", qos).catch(() => {});
  await client.closed;
});

test("the request id is echoed as it was written", async () => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  const { topic } = await ask(client, "PUT/iotdps-register/?$rid=a%20b-1");
  expect(topic).toBe("$dps/registrations/res/202/?$rid=a%20b-1&retry-after=3");
});

test("a poll for an unknown operation gets 404, one without operationId 400", async () => {
  emulator = await startEmulator();
  const client = await openDps(emulator, "dev-1");
  expect((await poll(client, "5.0.0")).status).toBe(404);
  expect((await ask(client, "GET/iotdps-get-operationstatus/?$rid=1")).status).toBe(400);
});

test("more polls than one can be asked for, and the result stays the same", async () => {
  emulator = await startEmulator({ dps: { pollsBeforeResult: 2, retryAfter: 7 } });
  const client = await openDps(emulator, "dev-1");
  const { operationId } = (await register(client)).body;
  const answers = [];
  for (let count = 0; count < 4; count++) answers.push(await poll(client, operationId!));
  expect(answers.map(({ status, retryAfter }) => [status, retryAfter])).toEqual([
    [202, 7],
    [202, 7],
    [200, undefined],
    [200, undefined],
  ]);
  expect(answers[3]!.body).toEqual(answers[2]!.body);
  expect(emulator.counts.assignments).toBe(1);
});

test("an immediate answer needs no poll", async () => {
  emulator = await startEmulator({ dps: { immediate: true } });
  expect(await register(await openDps(emulator, "dev-1"))).toMatchObject({
    status: 200,
    body: { status: "assigned" },
  });
});

test("the sixth poll in ten seconds is throttled, and one after them is not", async () => {
  const clock = new ManualClock();
  emulator = await startEmulator({ clock, dps: { pollsBeforeResult: 9 } });
  const client = await openDps(emulator, "dev-1");
  const { operationId } = (await register(client)).body;
  for (let count = 0; count < 5; count++) expect((await poll(client, operationId!)).status).toBe(202);
  expect(await poll(client, operationId!)).toMatchObject({
    status: 429,
    retryAfter: 10,
    body: { errorCode: 429001 },
  });
  clock.advance(10_000);
  expect((await poll(client, operationId!)).status).toBe(202);
});

test("registrations a minute are throttled over all devices", async () => {
  const clock = new ManualClock();
  emulator = await startEmulator({ clock, dps: { registrationsPerMinute: 2 } });
  const client = await openDps(emulator, "dev-1");
  expect((await register(client)).status).toBe(202);
  clock.advance(15_000);
  expect((await register(client)).status).toBe(202);
  expect(await register(client)).toMatchObject({ status: 429, retryAfter: 45 });
  clock.advance(45_000);
  expect((await register(client)).status).toBe(202);
});

test("a disabled enrollment ends in `disabled` under topic status 200", async () => {
  await startWith({ provisioningStatus: "disabled" });
  expect(await provision(emulator)).toMatchObject({
    status: 200,
    body: { status: "disabled", registrationState: { registrationId: "dev-1", status: "disabled" } },
  });
  expect(emulator.counts.assignments).toBe(0);
});

test("a failing allocation ends in `failed` under topic status 200, with code and message", async () => {
  await startWith({ allocationPolicy: "custom" });
  expect(await provision(emulator)).toMatchObject({
    status: 200,
    body: { status: "failed", registrationState: { status: "failed", errorCode: 400207 } },
  });
});

test("the device id may differ from the registration id", async () => {
  await startWith({ deviceId: "Kitchen-1" });
  expect((await provision(emulator)).body.registrationState).toMatchObject({
    deviceId: "Kitchen-1",
    registrationId: "dev-1",
  });
  await (await openHub(emulator, "Kitchen-1")).disconnect();
  await expect(openHub(emulator, "dev-1")).rejects.toThrow("CONNACK 5");
});

test("an unknown connection profile can be sent", async () => {
  await startWith({}, { dps: { connectionProfile: "quic" } });
  expect((await provision(emulator)).body.registrationState).toMatchObject({ connectionProfile: "quic" });
});

test("a second DPS connection of a registration id drops the first", async () => {
  emulator = await startEmulator();
  const first = await openDps(emulator, "dev-1");
  const second = await open(emulator);
  await second.connect({
    clientId: "dev-1",
    username: "0ne00000000/registrations/dev-1/api-version=2019-03-31",
    password: dpsToken("dev-1"),
  });
  await first.closed;
  await second.ping();
});

describe("the initial twin", () => {
  test("of the enrollment is the device's first one", async () => {
    await startWith({ initialTwin: { tags: { site: "a" }, properties: { desired: { period: 60 } } } });
    await provision(emulator);
    expect(emulator.twin("contoso.azure-devices.net", "dev-1")).toMatchObject({
      tags: { site: "a" },
      desired: { period: 60 },
    });
  });
});
