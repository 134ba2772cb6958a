// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DPS_SERVICE_HOST } from "../../../emulator/certificate-authority";
import { parseConfiguration } from "../../../emulator/configuration-reader";
import type { Emulator } from "../../../emulator/emulator";
import { configuration, HUB, inAnHour, KEY, OTHER_HUB, startEmulator } from "../../helpers/emulator-client";
import { ask, type HttpsRequest, serviceToken } from "../../helpers/https-client";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator({
    configuration: configuration({ iotHubs: [{ name: HUB }, { name: OTHER_HUB }] }),
  });
});
afterAll(() => emulator.stop());

const VERSION = "api-version=2021-04-12";

/** As the owner of a hub. */
function asOwner(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  request: HttpsRequest = {},
) {
  const authorization = serviceToken(emulator, request.host ?? HUB, "iothubowner");
  return ask(emulator, method, `${path}${path.includes("?") ? "&" : "?"}${VERSION}`, {
    body,
    ...request,
    headers: { authorization, ...headers },
  });
}

test.each<[string, Parameters<typeof serviceToken>[3], string, number]>([
  ["that is for the host", {}, "iothubowner", 200],
  ["that is for the beginning of the path", { resource: `${HUB}/devices` }, "iothubowner", 200],
  ["that is for another path", { resource: `${HUB}/devices/dev` }, "iothubowner", 401],
  ["that is for another host", { resource: OTHER_HUB }, "iothubowner", 401],
  ["that has expired", { expiry: inAnHour() - 7200 }, "iothubowner", 401],
  ["of another policy's key", { skn: "registryRead" }, "iothubowner", 401],
  ["of a policy without the right", {}, "service", 401],
  ["of a policy that is not there", { skn: "owner" }, "iothubowner", 401],
])("a token %s", async (_name, change, policy, status) => {
  const refused: string[] = [];
  emulator.events.on("serviceRefused", ({ reason }) => refused.push(reason));
  const authorization = serviceToken(emulator, HUB, policy, change);
  const answer = await ask(emulator, "GET", `/devices?${VERSION}`, { headers: { authorization } });
  expect(answer.status).toBe(status);
  expect(refused).toHaveLength(status === 200 ? 0 : 1);
  if (status !== 200) expect(answer.headers["iothub-errorcode"]).toBe("IotHubUnauthorizedAccess");
  emulator.events.removeAllListeners("serviceRefused");
});

test("no token, and no api-version", async () => {
  expect((await ask(emulator, "GET", `/devices?${VERSION}`)).status).toBe(401);
  expect((await ask(emulator, "GET", "/devices")).json.Message).toMatch(/^ErrorCode:InvalidProtocolVersion;/);
});

test("each hub has its own devices and keys; a bare localhost is none of two", async () => {
  await asOwner("PUT", "/devices/mine", {});
  expect((await asOwner("GET", "/devices", undefined, {}, { host: OTHER_HUB })).json).toEqual([]);
  const authorization = serviceToken(emulator, HUB, "iothubowner");
  const there = await ask(emulator, "GET", `/devices?${VERSION}`, {
    host: OTHER_HUB,
    headers: { authorization },
  });
  expect(there.status).toBe(401);
  const local = await ask(emulator, "GET", `/devices?${VERSION}`, {
    host: "localhost",
    headers: { authorization },
  });
  expect(local.json.Message).toMatch(/^ErrorCode:ResourceNotFound;this is no path of localhost, ask /);
  await asOwner("DELETE", "/devices/mine");
});

test("identities by ETag: If-Match creates nothing and overwrites nothing else", async () => {
  expect((await asOwner("PUT", "/devices/e", {}, { "if-match": "*" })).status).toBe(404);
  const made = await asOwner("PUT", "/devices/e", { deviceId: "e" });
  expect(made.headers.etag).toBe(`"${made.json.etag}"`);
  expect((await asOwner("PUT", "/devices/e", {}, { "if-match": '"AAAA"' })).status).toBe(412);
  const ifMatch = { "if-match": made.headers.etag! };
  const changed = await asOwner("PUT", "/devices/e", { status: "disabled" }, ifMatch);
  expect(changed.json).toMatchObject({ status: "disabled", statusUpdatedTime: expect.stringMatching(/^20/) });
  expect((await asOwner("DELETE", "/devices/e", undefined, ifMatch)).status).toBe(412);
  expect((await asOwner("DELETE", "/devices/e")).status).toBe(204);
  // Another device of the same id is another.
  const again = await asOwner("PUT", "/devices/e", { deviceId: "e" });
  expect(again.json.generationId).not.toBe(made.json.generationId);
  await asOwner("DELETE", "/devices/e");
});

test("bodies that are wrong are refused with the place, and change nothing", async () => {
  const put = (body: unknown) => asOwner("PUT", "/devices/w", body);
  expect((await put('{"status":')).json.Message).toMatch(
    /^ErrorCode:ArgumentInvalid;the body: the document is not JSON/,
  );
  expect((await put({ status: "on" })).json.Message).toMatch(/the body: status must be one of/);
  expect((await put({ deviceId: "other" })).status).toBe(400);
  const shortKey = { authentication: { symmetricKey: { primaryKey: "c2hvcnQ=" } } };
  const refused = await put(shortKey);
  expect(refused.status).toBe(400);
  expect(refused.text).not.toContain("c2hvcnQ");
  expect((await put({ authentication: { type: "certificateAuthority" } })).status).toBe(501);
  expect((await put(`"${"x".repeat(5 * 1024 * 1024)}"`)).status).toBe(413);
  expect((await asOwner("GET", "/devices/w")).status).toBe(404);
});

test("PUT replaces a twin: what is not named goes", async () => {
  await asOwner("PUT", "/devices/t", {});
  await asOwner("PATCH", "/twins/t", {
    tags: { a: 1, b: { c: 1, d: 2 } },
    properties: { desired: { x: 1, y: 2 } },
  });
  const replaced = await asOwner("PUT", "/twins/t", {
    tags: { b: { c: 5 } },
    properties: { desired: { y: 3, $version: 7 } },
  });
  expect(replaced.json.tags).toEqual({ b: { c: 5 } });
  expect(replaced.json.properties.desired).toMatchObject({ y: 3, $version: 3 });
  expect(replaced.json.properties.desired).not.toHaveProperty("x");
  const { $metadata } = replaced.json.properties.desired;
  expect(Object.keys($metadata).sort()).toEqual(["$lastUpdated", "$lastUpdatedVersion", "y"]);
  await asOwner("DELETE", "/devices/t");
});

test("statistics, and the purge of a queue", async () => {
  await asOwner("PUT", "/devices/s-1", {});
  await asOwner("PUT", "/devices/s-2", { status: "disabled" });
  expect((await asOwner("GET", "/statistics/devices")).json).toEqual({
    totalDeviceCount: 2,
    enabledDeviceCount: 1,
    disabledDeviceCount: 1,
  });
  expect((await asOwner("GET", "/statistics/service")).json).toEqual({ connectedDeviceCount: 0 });
  await emulator.sendCloudToDevice(HUB, "s-1", "one");
  await emulator.sendCloudToDevice(HUB, "s-1", "two");
  expect((await asOwner("GET", "/devices/s-1")).json.cloudToDeviceMessageCount).toBe(2);
  expect((await asOwner("DELETE", "/devices/s-1/commands")).json).toEqual({
    deviceId: "s-1",
    totalMessagesPurged: 2,
  });
  await asOwner("DELETE", "/devices/s-1");
  await asOwner("DELETE", "/devices/s-2");
});

test("what the APIs changed, and the keys of policies, survive a restart", async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "berth-service-"));
  try {
    const first = await startEmulator({ stateDirectory });
    const { connectionStrings } = first;
    const dps = (running: Emulator, method: string, path: string, body?: unknown) =>
      ask(running, method, `${path}?api-version=2021-10-01`, {
        host: DPS_SERVICE_HOST,
        body,
        headers: { authorization: serviceToken(running, DPS_SERVICE_HOST, "provisioningserviceowner") },
      });
    const made = await dps(first, "PUT", "/enrollments/new", {
      registrationId: "new",
      attestation: { type: "symmetricKey" },
    });
    expect(made.status).toBe(200);
    const keys = await dps(first, "POST", "/enrollments/new/attestationmechanism");
    expect((await dps(first, "DELETE", "/enrollments/dev-1")).status).toBe(204);
    await first.stop();
    const second = await startEmulator({ stateDirectory });
    expect(second.connectionStrings).toEqual(connectionStrings);
    expect((await dps(second, "GET", "/enrollments/new")).json).toEqual(made.json);
    expect((await dps(second, "POST", "/enrollments/new/attestationmechanism")).json).toEqual(keys.json);
    const gone = await dps(second, "GET", "/enrollments/dev-1");
    expect(gone).toMatchObject({ status: 404, json: { errorCode: 404201, trackingId: expect.any(String) } });
    await second.stop();
  } finally {
    rmSync(stateDirectory, { recursive: true });
  }
});

test("keys, rights and names of the configuration", async () => {
  const text = JSON.stringify({
    idScope: "0ne00000000",
    serviceOperationsHostName: "my-dps.example",
    iotHubs: [
      {
        name: HUB,
        authorizationPolicies: [
          { keyName: "iothubowner", primaryKey: KEY },
          { keyName: "backend", primaryKey: KEY, rights: ["RegistryRead"] },
        ],
      },
    ],
  });
  const own = await startEmulator({ configuration: parseConfiguration(text) });
  expect(own.connectionStrings).toContainEqual({
    host: HUB,
    policy: "iothubowner",
    connectionString: `HostName=${HUB};SharedAccessKeyName=iothubowner;SharedAccessKey=${KEY}`,
  });
  const authorization = serviceToken(own, HUB, "backend");
  const asBackend = (method: string, body?: object) =>
    ask(own, method, `/devices/x?${VERSION}`, { headers: { authorization }, body });
  expect((await asBackend("GET")).status).toBe(404);
  expect((await asBackend("PUT", {})).status).toBe(401);
  expect((await ask(own, "GET", "/health", { host: "my-dps.example" })).json.dps).toBe("my-dps.example");
  // With one hub an address is enough, and the token may name it.
  const port = own.httpsPort;
  const local = await ask(own, "GET", `/devices?${VERSION}`, {
    host: "localhost",
    hostHeader: `localhost:${port}`,
    headers: { authorization: serviceToken(own, HUB, "iothubowner", { resource: `localhost:${port}` }) },
  });
  expect(local.status).toBe(200);
  await own.stop();
});
