// SPDX-License-Identifier: MIT
/** MQTT.js does the public articles' steps one by one, as a person with a client that has buttons for them. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import mqtt, { type MqttClient } from "mqtt";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import type { Emulator } from "../../emulator/emulator";
import { articleToken, pollTopic, RESPONSES, registerTopic } from "../helpers/article";
import { dpsUser, HUB, KEY, SCOPE, startEmulator } from "../helpers/emulator-client";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());

interface Identity {
  password?: string;
  cert?: string;
  key?: string;
}

/** Over WebSocket: the path. */
let path: string | undefined;

/** The article's connection profile. @throws the client's error, for example at a CONNACK that refuses */
const connect = (clientId: string, username: string, identity: Identity): Promise<MqttClient> =>
  mqtt.connectAsync({
    protocol: path === undefined ? "mqtts" : "wss",
    host: "localhost",
    port: path === undefined ? emulator.port : emulator.httpsPort,
    ...(path === undefined ? {} : { path, wsOptions: { ca: emulator.ca.pem, ...identity } }),
    ca: emulator.ca.pem,
    protocolVersion: 4,
    reconnectPeriod: 0,
    clientId,
    username,
    ...identity,
  });

/** Publishes; the next message. */
async function ask(
  client: MqttClient,
  topic: string,
  body: string,
): Promise<{ topic: string; body: unknown }> {
  const answer = new Promise<{ topic: string; body: unknown }>((resolve) =>
    client.once("message", (to, payload) => resolve({ topic: to, body: JSON.parse(payload.toString()) })),
  );
  await client.publishAsync(topic, body, { qos: 1 });
  return answer;
}

async function provision(id: string, identity: Identity): Promise<Record<string, unknown>> {
  const client = await connect(id, dpsUser(id), identity);
  expect(await client.subscribeAsync(RESPONSES, { qos: 1 })).toMatchObject([{ topic: RESPONSES, qos: 1 }]);
  const first = await ask(client, registerTopic(1), `{"registrationId": "${id}"}`);
  expect(first.topic).toBe("$dps/registrations/res/202/?$rid=1&retry-after=3");
  const { operationId } = first.body as { operationId: string };
  expect(first.body).toEqual({ operationId, status: "assigning" });
  const second = await ask(client, pollTopic(2, operationId), "");
  expect(second).toMatchObject({
    topic: "$dps/registrations/res/200/?$rid=2",
    body: { operationId, status: "assigned" },
  });
  await client.endAsync();
  return (second.body as { registrationState: Record<string, unknown> }).registrationState;
}

/** Telemetry out, and a message in by the filter that embedded clients use. */
async function visitHub(id: string, username: string, identity: Identity): Promise<void> {
  const client = await connect(id, username, identity);
  await client.publishAsync(`devices/${id}/messages/events/`, username, { qos: 1 });
  expect(emulator.telemetry.at(-1)!.body.toString()).toBe(username);
  const message = new Promise<string>((resolve) =>
    client.once("message", (_topic, payload) => resolve(payload.toString())),
  );
  await client.subscribeAsync("devices/+/messages/devicebound/#", { qos: 1 });
  await emulator.sendCloudToDevice(HUB, id, "hello");
  expect(await message).toBe("hello");
  await client.endAsync();
}

test.each([
  ["with skn, as the article makes it", "registration"],
  ["without skn, over WebSocket", undefined],
])("symmetric key: a token %s", async (_name, policy) => {
  path = policy === undefined ? "/mqtt" : undefined;
  const password = articleToken(`${SCOPE}/registrations/dev-1`, KEY, policy);
  const state = await provision("dev-1", { password });
  expect(state).toMatchObject({ assignedHub: HUB, deviceId: "dev-1", symmetricKey: {} });
  const hubPassword = articleToken(`${HUB}/devices/dev-1`, KEY, undefined);
  for (const end of ["", "/", "/api-version=2016-11-14", "/?api-version=2021-04-12"])
    await visitHub("dev-1", `${HUB}/dev-1${end}`, { password: hubPassword });
});

test("symmetric key: the article's text has the resource in the singular, which is refused", async () => {
  const password = articleToken(`${SCOPE}/registration/dev-1`, KEY, "registration");
  await expect(connect("dev-1", dpsUser("dev-1"), { password })).rejects.toMatchObject({ code: 5 });
});

test("symmetric key: a device id that has to be encoded", async () => {
  emulator.setEnrollment({
    registrationId: "dev-4",
    deviceId: "a@b$c",
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
  });
  const password = articleToken(`${SCOPE}/registrations/dev-4`, KEY, "registration");
  expect(await provision("dev-4", { password })).toMatchObject({
    registrationId: "dev-4",
    deviceId: "a@b$c",
  });
  for (const id of ["a@b$c", encodeURIComponent("a@b$c")])
    await visitHub("a@b$c", `${HUB}/a@b$c/?api-version=2021-04-12`, {
      password: articleToken(`${HUB}/devices/${id}`, KEY, undefined),
    });
});

test.each([
  ["TCP", undefined],
  ["WebSocket at Azure's path", "/$iothub/websocket"],
  ["WebSocket at /mqtt", "/mqtt"],
])("x.509: the same steps, without a password, over %s", async (_transport, chosen) => {
  path = chosen;
  const own = await createDeviceCertificate({ commonName: "dpstestdev01" });
  emulator.setEnrollment({
    registrationId: "dpstestdev01",
    attestation: {
      type: "x509",
      x509: { clientCertificates: { primary: { certificate: own.certificatePem } } },
    },
  });
  const root = await createRootCertificate({ commonName: "factory root", keyType: "ec-p256" });
  const line = await createIntermediateCertificate({ commonName: "line", keyType: "ec-p256" }, root);
  const unit = await createDeviceCertificate({ commonName: "unit-1", keyType: "ec-p256" }, line);
  emulator.setEnrollmentGroup({
    enrollmentGroupId: "factory",
    attestation: {
      type: "x509",
      x509: { signingCertificates: { primary: { certificate: root.certificatePem } } },
    },
  });
  for (const [id, cert, { privateKeyPem: key }, x509] of [
    ["dpstestdev01", own.certificatePem, own, {}],
    ["unit-1", unit.certificatePem + line.certificatePem, unit, { enrollmentGroupId: "factory" }],
  ] as const) {
    const state = await provision(id, { cert, key });
    expect(state).toMatchObject({ assignedHub: HUB, deviceId: id });
    expect(state.x509).toEqual(x509);
    await visitHub(id, `${HUB}/${id}/?api-version=2021-04-12`, { cert, key });
  }
});
