// SPDX-License-Identifier: MIT
/** DPS as devices ask it over HTTPS. */
import { once } from "node:events";
import { Agent } from "node:https";
import { connect } from "node:tls";
import { afterEach, describe, expect, test } from "@jest/globals";
import { DPS_HOST } from "../../../emulator/certificate-authority";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../../emulator/certificates";
import { ManualClock } from "../../../emulator/clock";
import type { Emulator } from "../../../emulator/emulator";
import type { EmulatorOptions } from "../../../emulator/options";
import {
  configuration,
  dpsToken,
  GROUP_KEY,
  HUB,
  inAnHour,
  provision,
  SCOPE,
  startEmulator,
} from "../../helpers/emulator-client";
import { ask, type HttpsRequest } from "../../helpers/https-client";

const VERSION = "api-version=2021-06-01";
const keyType = "ec-p256";
let emulator: Emulator;
afterEach(() => emulator.stop());

async function start(options: Partial<EmulatorOptions> = {}): Promise<string[]> {
  emulator = await startEmulator(options);
  const seen: string[] = [];
  emulator.events.on("registration", ({ request, registrationId }) =>
    seen.push(`${request} ${registrationId}`),
  );
  emulator.events.on("response", ({ status, outcome, errorCode }) =>
    seen.push(`${status} ${errorCode ?? outcome}`),
  );
  return seen;
}

/** What `dev-1` asks with its token. */
function request(method: string, path: string, { headers, ...more }: HttpsRequest = {}) {
  const authorization = dpsToken("dev-1");
  return ask(emulator, method, `${path}${path.includes("?") ? "" : `?${VERSION}`}`, {
    host: DPS_HOST,
    headers: { authorization, ...headers },
    ...more,
  });
}
const PATH = `/${SCOPE}/registrations/dev-1`;
const register = (more: HttpsRequest = {}) => request("PUT", `${PATH}/register`, more);

test("registers, polls and looks up, and the registration is the one that MQTT sees", async () => {
  const seen = await start();
  const unregistered = await request("POST", PATH, { body: { registrationId: "dev-1" } });
  expect([unregistered.status, unregistered.json.errorCode]).toEqual([404, 404000]);
  const first = await register({ body: { registrationId: "dev-1", payload: { modelId: "dtmi:a:b;1" } } });
  expect(first).toMatchObject({
    status: 202,
    headers: { "retry-after": "3", "content-type": "application/json; charset=utf-8" },
    json: { operationId: expect.any(String), status: "assigning" },
  });
  const second = await request("GET", `${PATH}/operations/${first.json.operationId}`);
  expect(second).toMatchObject({
    status: 200,
    json: {
      operationId: first.json.operationId,
      status: "assigned",
      registrationState: {
        symmetricKey: {},
        registrationId: "dev-1",
        assignedHub: HUB,
        deviceId: "dev-1",
        substatus: "initialAssignment",
      },
    },
  });
  expect(second.headers).not.toHaveProperty("retry-after");
  const state = await request("POST", PATH);
  expect([state.status, state.json]).toEqual([200, second.json.registrationState]);
  expect(emulator.registration("dev-1")).toMatchObject({ assignedHub: HUB, modelId: "dtmi:a:b;1" });
  expect((await provision(emulator)).body.registrationState).toMatchObject({
    substatus: "deviceDataMigrated",
  });
  expect(seen.slice(0, 4)).toEqual(["register dev-1", "202 assigning", "poll dev-1", "200 assigned"]);
  expect(emulator.counts).toMatchObject({ registrations: 2, polls: 2, assignments: 2 });
});

test("by its own name, by localhost, and with no body at all", async () => {
  await start();
  for (const host of [DPS_HOST, emulator.serviceHost, "localhost"])
    expect((await register({ host })).status).toBe(202);
  expect((await register({ host: HUB })).status).toBe(404);
});

test.each<[string, string, string, HttpsRequest, number, number]>([
  ["no token and no certificate", "PUT", `${PATH}/register`, { headers: { authorization: "" } }, 401, 401002],
  [
    "a token of another key",
    "PUT",
    `${PATH}/register`,
    { headers: { authorization: dpsToken("dev-1", GROUP_KEY) } },
    401,
    401002,
  ],
  [
    "a token of yesterday",
    "GET",
    `${PATH}/operations/1`,
    { headers: { authorization: dpsToken("dev-1", undefined, inAnHour() - 90_000) } },
    401,
    401002,
  ],
  ["another device's token", "POST", PATH, { headers: { authorization: dpsToken("dev-2") } }, 401, 401002],
  ["another ID scope", "PUT", `/0ne99999999/registrations/dev-1/register`, {}, 404, 404000],
  ["an id that is none", "PUT", `/${SCOPE}/registrations/a%20b/register`, {}, 400, 400000],
  ["no API version", "PUT", `${PATH}/register?x=1`, {}, 400, 400001],
  ["an API version of 2017", "PUT", `${PATH}/register?api-version=2017-11-15`, {}, 400, 400001],
  ["an operation that is not its own", "GET", `${PATH}/operations/4.x.y`, {}, 404, 404000],
  ["a body that is no JSON", "PUT", `${PATH}/register`, { body: "{" }, 400, 400000],
  [
    "another device's id in the body",
    "PUT",
    `${PATH}/register`,
    { body: { registrationId: "x" } },
    400,
    400000,
  ],
  ["97 KB", "PUT", `${PATH}/register`, { body: " ".repeat(97 * 1024) }, 413, 413001],
])("%s is answered as Azure does", async (_name, method, path, more, status, errorCode) => {
  await start();
  const answer = await request(method, path, more);
  expect(answer).toMatchObject({ status, json: { errorCode } });
  expect(Object.keys(answer.json).sort()).toEqual(["errorCode", "message", "timestampUtc", "trackingId"]);
  expect(answer.text).not.toContain("sig=");
});

test("a refusal that rests on no request is told as one of a service is", async () => {
  await start();
  const refused: object[] = [];
  emulator.events.on("serviceRefused", (one) => refused.push(one));
  await request("POST", PATH, { headers: { authorization: dpsToken("dev-1", GROUP_KEY) } });
  const host = emulator.serviceHost;
  expect(refused).toEqual([{ host, path: PATH, reason: "Unauthorized: wrong key." }]);
});

test("an unknown API version is served and told, and the code of a refusal is selectable", async () => {
  await start({ dps: { refusalCode: 401000 } });
  const unknown: string[] = [];
  emulator.events.on("unknownApiVersion", ({ apiVersion }) => unknown.push(apiVersion));
  expect((await request("PUT", `${PATH}/register?api-version=2024-01-01`)).status).toBe(202);
  expect(unknown).toEqual(["2024-01-01"]);
  const refused = await register({ headers: { authorization: "x" } });
  expect(refused).toMatchObject({ json: { errorCode: 401000 }, headers: { "x-ms-error-code": "401000" } });
});

test("a fifth poll in ten seconds is the last, over MQTT and HTTPS together", async () => {
  await start({ clock: new ManualClock() });
  const { operationId } = (await register()).json;
  await provision(emulator);
  const codes: number[] = [];
  for (let count = 0; count < 5; count++)
    codes.push((await request("GET", `${PATH}/operations/${operationId}`)).status);
  expect(codes).toEqual([404, 404, 404, 404, 429]);
});

describe("certificates", () => {
  let root: CertificateAndKey;
  let line: CertificateAndKey;
  async function startWithGroup() {
    root = await createRootCertificate({ commonName: "factory root", keyType });
    line = await createIntermediateCertificate({ commonName: "factory line", keyType }, root);
    const signingCertificates = { primary: { certificate: root.certificatePem } };
    await start({
      configuration: configuration({
        enrollmentGroups: [
          { enrollmentGroupId: "factory", attestation: { type: "x509", x509: { signingCertificates } } },
        ],
      }),
    });
  }
  const identityOf = (leaf: CertificateAndKey, ...issuers: CertificateAndKey[]) => ({
    cert: [leaf, ...issuers].map(({ certificatePem }) => certificatePem).join(""),
    key: leaf.privateKeyPem,
  });

  test("one of a group's, with what signed it, and not another's", async () => {
    await startWithGroup();
    const leaf = await createDeviceCertificate({ commonName: "x-1", keyType }, line);
    const path = `/${SCOPE}/registrations/x-1/register?${VERSION}`;
    const by = (identity: { cert: string; key: string }, at = path, agent?: Agent) =>
      ask(emulator, "PUT", at, { host: DPS_HOST, identity, ...(agent ? { agent } : {}) });
    expect((await by(identityOf(leaf, line))).status).toBe(202);
    // Node.js hands out the issuers of a connection once.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < 2; count++)
      expect(await by(identityOf(leaf, line), path, agent)).toMatchObject({ status: 202 });
    agent.destroy();
    expect(await by(identityOf(leaf))).toMatchObject({
      status: 401,
      json: { message: expect.stringContaining("it came without an intermediate") },
    });
    expect(await by(identityOf(leaf, line), path.replace("x-1", "x-2"))).toMatchObject({
      status: 401,
      json: {
        errorCode: 401002,
        message: "Invalid certificate. Its common name is not the registration id.",
      },
    });
  });

  // A resumed session has no issuers: Node.js and OpenSSL keep the leaf alone.
  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "over HTTPS and %s no session is resumed, so that the issuers come again",
    async (maxVersion) => {
      await startWithGroup();
      const leaf = await createDeviceCertificate({ commonName: "x-1", keyType }, line);
      let session: Buffer | undefined;
      for (let count = 0; count < 2; count++) {
        const socket = connect({
          host: "127.0.0.1",
          port: emulator.httpsPort,
          servername: DPS_HOST,
          ca: emulator.ca.pem,
          maxVersion,
          ...(session ? { session } : {}),
          ...identityOf(leaf, line),
        });
        socket.on("session", (next) => {
          session = next;
        });
        await once(socket, "secureConnect");
        expect(socket.isSessionReused()).toBe(false);
        socket.end();
        socket.resume();
        await once(socket, "close");
      }
    },
  );
});

describe("faults", () => {
  test("a status, a delay in the emulator's time, silence, an end, and an end behind the assignment", async () => {
    const clock = new ManualClock();
    const seen = await start({ clock });
    emulator.faults.add({
      step: "register",
      action: "status",
      status: 429,
      retryAfter: 7,
      id: "DEV-1",
      count: 1,
    });
    expect(await register()).toMatchObject({
      status: 429,
      headers: { "retry-after": "7" },
      json: { errorCode: 429000 },
    });
    emulator.faults.add({ step: "register", action: "status", status: 200, body: "not json", count: 1 });
    expect(
      await ask(emulator, "PUT", `${PATH}/register?${VERSION}`, {
        host: DPS_HOST,
        headers: { authorization: dpsToken("dev-1"), accept: "*/*" },
      }).catch((error: Error) => error),
    ).toBeInstanceOf(SyntaxError);
    for (const action of ["close", "reset"] as const) {
      emulator.faults.add({ step: "register", action, count: 1 });
      await expect(register()).rejects.toThrow(/hang up|ECONNRESET/);
    }
    const struck = () =>
      new Promise<void>((resolve) => emulator.events.once("fault", () => setImmediate(resolve)));
    emulator.faults.add({ step: "register", action: "drop", count: 1 });
    let silent = struck();
    void register().then(
      () => seen.push("answered"),
      () => {},
    );
    await silent;
    emulator.faults.add({ step: "register", action: "delay", delayMs: 60_000, count: 1 });
    silent = struck();
    const late = register();
    await silent;
    clock.advance(60_000);
    const { status, json } = await late;
    expect(status).toBe(202);
    emulator.faults.add({ step: "assigned", action: "close", count: 1 });
    const assigned = await request("GET", `${PATH}/operations/${json.operationId}`);
    expect(assigned).toMatchObject({ status: 200, headers: { connection: "close" } });
    expect(seen).not.toContain("answered");
  });
});
