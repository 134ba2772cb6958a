// SPDX-License-Identifier: MIT
/** Raw conversations with the emulator: credentials and the steps of provisioning, written out from the documents. */
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Configuration } from "../../emulator/configuration";
import { Emulator } from "../../emulator/emulator";
import type { EmulatorOptions } from "../../emulator/options";
import { RawMqttClient } from "./raw-mqtt-client";

export const SCOPE = "0ne00000000";
export const HUB = "contoso.azure-devices.net";
export const OTHER_HUB = "fabrikam.azure-devices.net";
/** A key of 32 bytes, base64. */
export const KEY = Buffer.alloc(32, 7).toString("base64");
export const SECOND_KEY = Buffer.alloc(32, 9).toString("base64");
/** Microsoft's published example of a group key. */
export const GROUP_KEY =
  "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";

/** Expiry an hour from now, in seconds since 1970. */
export const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

/** One device `dev-1` with two keys and one key group. */
export function configuration(changes: Partial<Configuration> = {}): Configuration {
  return {
    idScope: SCOPE,
    iotHubs: [{ name: HUB }],
    enrollments: [
      {
        registrationId: "dev-1",
        attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY } },
      },
    ],
    enrollmentGroups: [
      {
        enrollmentGroupId: "line-1",
        attestation: { type: "symmetricKey", symmetricKey: { primaryKey: GROUP_KEY } },
      },
    ],
    ...changes,
  };
}

/** A token; `lower` writes the percent-encoding in lower case, as azure-sdk-for-c does. */
export function token(
  resource: string,
  key: string,
  { expiry = inAnHour(), skn, lower = false }: { expiry?: number; skn?: string; lower?: boolean } = {},
): string {
  let sr = encodeURIComponent(resource);
  if (lower) sr = sr.replaceAll(/%[0-9A-F]{2}/g, (hex) => hex.toLowerCase());
  const sig = createHmac("sha256", Buffer.from(key, "base64")).update(`${sr}\n${expiry}`).digest("base64");
  return `SharedAccessSignature sr=${sr}&sig=${encodeURIComponent(sig)}&se=${expiry}${skn ? `&skn=${skn}` : ""}`;
}

export const dpsToken = (id: string, key = KEY, expiry = inAnHour()) =>
  token(`${SCOPE}/registrations/${id}`, key, { expiry, skn: "registration" });
export const dpsUser = (id: string) => `${SCOPE}/registrations/${id}/api-version=2019-03-31`;
export const hubUser = (id: string, hub = HUB) => `${hub}/${id}/?api-version=2021-04-12`;
export const hubToken = (id: string, key = KEY, expiry = inAnHour(), hub = HUB) =>
  token(`${hub}/devices/${id}`, key, { expiry });

/** Where the emulators of one test file keep their CA, so that keys are made once. */
export const authorityDirectory = mkdtempSync(join(tmpdir(), "berth-test-ca-"));
process.on("exit", () => rmSync(authorityDirectory, { recursive: true, force: true }));

/** Starts an emulator with the shared CA. */
export function startEmulator(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  return Emulator.start({ configuration: configuration(), authorityDirectory, ...options });
}

/** Opens TLS to the emulator. */
export function open(
  emulator: Emulator,
  identity: { cert?: string; key?: string } = {},
): Promise<RawMqttClient> {
  return RawMqttClient.open({ port: emulator.port, ca: emulator.ca.pem, ...identity });
}

/** Opens a DPS connection and subscribes; CONNACK has to accept. */
export async function openDps(
  emulator: Emulator,
  id: string,
  credentials: { password?: string; cert?: string; key?: string } = { password: dpsToken(id) },
): Promise<RawMqttClient> {
  const { password, ...identity } = credentials;
  const client = await open(emulator, identity);
  const connack = await client.connect({
    clientId: id,
    username: dpsUser(id),
    ...(password === undefined ? {} : { password }),
  });
  if (connack.returnCode !== 0) throw new Error(`CONNACK ${connack.returnCode}`);
  await client.subscribe("$dps/registrations/res/#");
  return client;
}

/** A response of DPS. */
export interface DpsAnswer {
  status: number;
  retryAfter: number | undefined;
  topic: string;
  body: {
    operationId?: string;
    status?: string;
    errorCode?: number;
    trackingId?: string;
    message?: string;
    timestampUtc?: string;
    registrationState?: Record<string, unknown>;
  };
}

/** Sends a request and reads its response. */
export async function ask(
  client: RawMqttClient,
  request: string,
  body: string | Buffer = "",
): Promise<DpsAnswer> {
  await client.publish(`$dps/registrations/${request}`, body);
  const { topic, text } = await client.message();
  const [, status, wait] =
    /^\$dps\/registrations\/res\/(\d+)\/\?\$rid=[^&]+(?:&retry-after=(\d+))?$/.exec(topic) ?? [];
  return {
    status: Number(status),
    retryAfter: wait === undefined ? undefined : Number(wait),
    topic,
    body: JSON.parse(text),
  };
}

export const register = (client: RawMqttClient, body: string | Buffer = "") =>
  ask(client, "PUT/iotdps-register/?$rid=r1", body);
export const poll = (client: RawMqttClient, operationId: string) =>
  ask(client, `GET/iotdps-get-operationstatus/?$rid=r2&operationId=${operationId}`);

/** Registers and polls once; the poll's response. */
export async function provision(
  emulator: Emulator,
  id = "dev-1",
  credentials?: { password?: string; cert?: string; key?: string },
  payload?: object,
): Promise<DpsAnswer> {
  const client = await openDps(emulator, id, credentials);
  const first = await register(
    client,
    JSON.stringify({ registrationId: id, ...(payload ? { payload } : {}) }),
  );
  const answer = first.status === 202 ? await poll(client, first.body.operationId!) : first;
  await client.disconnect();
  return answer;
}

/** Connects a provisioned device to its hub; CONNACK has to accept. */
export async function openHub(
  emulator: Emulator,
  id = "dev-1",
  { key = KEY, clean = true, expiry = inAnHour(), hub = HUB, keepalive = 60, model = "" } = {},
): Promise<RawMqttClient & { sessionPresent?: boolean }> {
  const client: RawMqttClient & { sessionPresent?: boolean } = await open(emulator);
  const connack = await client.connect({
    clientId: id,
    username: hubUser(id, hub) + (model && `&model-id=${model}`),
    password: hubToken(id, key, expiry, hub),
    clean,
    keepalive,
  });
  if (connack.returnCode !== 0) throw new Error(`CONNACK ${connack.returnCode}`);
  client.sessionPresent = connack.sessionPresent;
  return client;
}

/** Collects the arguments of an event. */
export function record<T>(
  emulator: Emulator,
  name: "connect" | "refuse" | "disconnect" | "assigned" | "delivered",
): T[] {
  const seen: T[] = [];
  emulator.events.on(name, (argument: unknown) => seen.push(argument as T));
  return seen;
}
