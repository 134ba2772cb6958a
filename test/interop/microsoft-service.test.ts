// SPDX-License-Identifier: MIT
/** The judge of the service APIs: Microsoft's own SDKs for services, unmodified, over TLS that they verify. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createDeviceCertificate, createRootCertificate, thumbprintsOf } from "../../emulator/certificates";
import { DPS_SERVICE_HOST } from "../../emulator/certificate-authority";
import type { Emulator } from "../../emulator/emulator";
import {
  configuration,
  dpsToken,
  GROUP_KEY,
  HUB,
  hubUser,
  KEY,
  open,
  openHub,
  provision,
  SECOND_KEY,
  startEmulator,
} from "../helpers/emulator-client";
import { deriveDeviceKey } from "../../emulator/shared-access-signature";
import { ServiceSdk } from "../helpers/service-sdk";

let emulator: Emulator;
let sdk: ServiceSdk;

function connectionString(host: string, policy: string): string {
  return emulator.connectionStrings.find((one) => one.host === host && one.policy === policy)!
    .connectionString;
}

beforeAll(async () => {
  emulator = await startEmulator({ configuration: configuration() });
  sdk = new ServiceSdk(emulator);
  await sdk.client("registry", "Registry", connectionString(HUB, "iothubowner"));
  await sdk.client("reader", "Registry", connectionString(HUB, "registryRead"));
  await sdk.client("jobs", "JobClient", connectionString(HUB, "iothubowner"));
  await sdk.client("client", "Client", connectionString(HUB, "service"));
  await sdk.client(
    "dps",
    "ProvisioningServiceClient",
    connectionString(DPS_SERVICE_HOST, "provisioningserviceowner"),
  );
  await sdk.client(
    "dpsReader",
    "ProvisioningServiceClient",
    connectionString(DPS_SERVICE_HOST, "enrollmentread"),
  );
});
afterAll(async () => {
  await sdk?.stop();
  await emulator?.stop();
});

const idsOf = (list: { deviceId: string }[]) => list.map(({ deviceId }) => deviceId);

describe("Registry", () => {
  test("device identities: create, get, update, list, delete", async () => {
    const made = await sdk.call("registry", "create", { deviceId: "kitchen" });
    expect(made).toMatchObject({
      deviceId: "kitchen",
      status: "enabled",
      connectionState: "Disconnected",
      authentication: { type: "sas" },
    });
    expect(Buffer.from(made.authentication.symmetricKey.primaryKey, "base64")).toHaveLength(64);
    await expect(sdk.call("registry", "create", { deviceId: "kitchen" })).rejects.toMatchObject({
      name: "DeviceAlreadyExistsError",
      status: 409,
    });
    expect(await sdk.call("registry", "get", "kitchen")).toEqual(made);
    const disabled = await sdk.call("registry", "update", {
      deviceId: "kitchen",
      status: "disabled",
      statusReason: "stolen",
    });
    expect(disabled).toMatchObject({ status: "disabled", statusReason: "stolen" });
    expect(disabled.authentication).toEqual(made.authentication);
    expect(disabled.etag).not.toBe(made.etag);
    expect(
      (await sdk.call("registry", "list")).map(({ deviceId }: { deviceId: string }) => deviceId),
    ).toEqual(["kitchen"]);
    expect(await sdk.call("registry", "getRegistryStatistics")).toMatchObject({ totalDeviceCount: 1 });
    await sdk.call("registry", "delete", "kitchen");
    await expect(sdk.call("registry", "get", "kitchen")).rejects.toMatchObject({
      name: "DeviceNotFoundError",
      status: 404,
    });
  });

  test("a device that never saw DPS connects with its key, until it is disabled", async () => {
    await sdk.call("registry", "create", {
      deviceId: "by-key",
      authentication: { type: "sas", symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY } },
    });
    const device = await openHub(emulator, "by-key", { key: SECOND_KEY });
    expect(await sdk.call("registry", "get", "by-key")).toMatchObject({ connectionState: "Connected" });
    await sdk.call("registry", "update", { deviceId: "by-key", status: "disabled" });
    await device.drop();
    await expect(openHub(emulator, "by-key")).rejects.toThrow("CONNACK 5");
    await sdk.call("registry", "delete", "by-key");
  });

  test("and with a certificate of a SHA-1 or SHA-256 thumbprint", async () => {
    const certificate = await createDeviceCertificate({ commonName: "by-certificate", keyType: "ec-p256" });
    const { sha1Thumbprint, sha256Thumbprint } = thumbprintsOf(certificate.certificatePem);
    for (const [primaryThumbprint, secondaryThumbprint] of [
      [sha256Thumbprint.toLowerCase(), ""],
      ["A".repeat(40), sha1Thumbprint],
    ]) {
      const made = await sdk.call("registry", "create", {
        deviceId: "by-certificate",
        authentication: { x509Thumbprint: { primaryThumbprint, secondaryThumbprint } },
      });
      expect(made.authentication.type).toBe("selfSigned");
      const client = await open(emulator, {
        cert: certificate.certificatePem,
        key: certificate.privateKeyPem,
      });
      const connack = await client.connect({
        clientId: "by-certificate",
        username: hubUser("by-certificate"),
      });
      expect(connack.returnCode).toBe(0);
      await client.disconnect();
      await sdk.call("registry", "delete", "by-certificate");
    }
  });

  test("ids with every character that Azure allows", async () => {
    const deviceId = "a%40b#1?(x)=@$'+,:;".replace(";", "");
    await sdk.call("registry", "create", { deviceId });
    expect(await sdk.call("registry", "get", deviceId)).toMatchObject({ deviceId });
    await sdk.call("registry", "delete", deviceId);
    await expect(sdk.call("registry", "create", { deviceId: "with blank" })).rejects.toMatchObject({
      name: "ArgumentError",
      status: 400,
    });
  });

  test("bulk: create, update, remove, by ETag or by force, and what fails is named", async () => {
    const devices = ["bulk-1", "bulk-2"].map((deviceId) => ({ deviceId }));
    expect(await sdk.call("registry", "addDevices", devices)).toEqual({
      isSuccessful: true,
      errors: [],
      warnings: [],
    });
    await expect(sdk.call("registry", "addDevices", [{ deviceId: "bulk-1" }])).rejects.toMatchObject({
      status: 400,
      body: expect.stringContaining('"deviceId":"bulk-1","errorCode":409001'),
    });
    const before = await sdk.call("registry", "get", "bulk-1");
    await sdk.call("registry", "updateDevices", [{ ...before, status: "disabled" }], false);
    expect(await sdk.call("registry", "get", "bulk-1")).toMatchObject({ status: "disabled" });
    await expect(
      sdk.call("registry", "updateDevices", [{ ...before, status: "enabled" }], false),
    ).rejects.toMatchObject({ status: 400, body: expect.stringContaining("412002") });
    await sdk.call("registry", "updateDevices", [{ ...before, status: "enabled" }], true);
    await sdk.call("registry", "removeDevices", devices, true);
    expect(idsOf(await sdk.call("registry", "list"))).toEqual([]);
  });

  test("a policy may do what its rights say, and no more", async () => {
    await expect(sdk.call("reader", "create", { deviceId: "x" })).rejects.toMatchObject({
      name: "UnauthorizedError",
      status: 401,
      message: "Unauthorized: the policy registryRead lacks the right RegistryWrite",
      body: expect.stringMatching(
        /^\{"Message":"ErrorCode:IotHubUnauthorizedAccess;Unauthorized.*","ExceptionMessage":"Tracking ID:[0-9A-F]{32}-G:0-TimeStamp:\d\d\/\d\d\/\d{4} [\d:]{8}"\}$/,
      ),
    });
    await sdk.client(
      "wrong",
      "Registry",
      connectionString(HUB, "iothubowner").replace(/=[^=]*=*$/, `=${KEY}`),
    );
    await expect(sdk.call("wrong", "list")).rejects.toMatchObject({
      name: "UnauthorizedError",
      message: "Unauthorized: the token was signed with another key",
    });
  });
});

describe("twins", () => {
  test("get, patch by ETag, tags and desired properties, and the device is told", async () => {
    await sdk.call("registry", "create", {
      deviceId: "twin-1",
      authentication: { type: "sas", symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY } },
    });
    const device = await openHub(emulator, "twin-1");
    await device.subscribe("$iothub/twin/PATCH/properties/desired/#", "$iothub/twin/res/#");
    const twin = await sdk.call("registry", "getTwin", "twin-1");
    expect(twin).toMatchObject({
      deviceId: "twin-1",
      connectionState: "Connected",
      tags: {},
      properties: { desired: { $version: 1 }, reported: { $version: 1 } },
    });
    const patch = { tags: { room: "kitchen" }, properties: { desired: { period: 5, mode: { fast: true } } } };
    const patched = await sdk.call("registry", "updateTwin", "twin-1", patch, twin.etag);
    expect(patched).toMatchObject(patch);
    expect(patched.properties.desired).toMatchObject({
      $version: 2,
      $metadata: { mode: { fast: { $lastUpdatedVersion: 2 } } },
    });
    expect(JSON.parse((await device.message()).text)).toEqual({
      period: 5,
      mode: { fast: true },
      $version: 2,
    });
    await expect(sdk.call("registry", "updateTwin", "twin-1", patch, twin.etag)).rejects.toMatchObject({
      name: "InvalidEtagError",
      status: 412,
    });
    await expect(
      sdk.call(
        "registry",
        "updateTwin",
        "twin-1",
        { tags: { "a.b": 1 }, properties: { desired: { x: 1 } } },
        "*",
      ),
    ).rejects.toMatchObject({ name: "ArgumentError" });
    await device.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", '{"firmware":"1.2"}');
    await device.message();
    await sdk.keep("twin", "Twin", "registry", "getTwin", "twin-1");
    expect(await sdk.call("twin", "get")).toMatchObject({ properties: { reported: { firmware: "1.2" } } });
    expect(await sdk.call("twin", "update", { tags: { room: null } })).toMatchObject({ tags: {} });
    await device.disconnect();
    await expect(sdk.call("registry", "getTwin", "nobody")).rejects.toMatchObject({
      name: "DeviceNotFoundError",
    });
  });

  test("queries, in pages", async () => {
    for (const number of [1, 2, 3]) {
      await sdk.call("registry", "create", { deviceId: `q-${number}` });
      const patch = { tags: { floor: number }, properties: { desired: { on: number > 1 } } };
      await sdk.call("registry", "updateTwin", `q-${number}`, patch, "*");
    }
    const ask = async (query: string, size?: number) => {
      await sdk.keep("query", "Query", "registry", "createQuery", query, ...(size ? [size] : []));
      return sdk.call("query", "nextAsTwin");
    };
    expect(idsOf(await ask("SELECT * FROM devices WHERE tags.floor >= 2"))).toEqual(["q-2", "q-3"]);
    expect(idsOf(await ask("SELECT * FROM devices WHERE STARTSWITH(deviceId, 'q-')", 2))).toEqual([
      "q-1",
      "q-2",
    ]);
    expect(idsOf(await sdk.call("query", "next", "callback"))).toEqual(["q-3"]);
    await sdk.keep(
      "query",
      "Query",
      "registry",
      "createQuery",
      "SELECT COUNT() AS n FROM devices WHERE properties.desired.on = true",
    );
    expect(await sdk.call("query", "next", "callback")).toEqual([{ n: 2 }]);
    await expect(ask("SELECT * FROM devices.jobs")).rejects.toMatchObject({ name: "ArgumentError" });
  });
});

describe("direct methods", () => {
  test("answered, late, from a device that is away, and from none", async () => {
    await sdk.call("registry", "create", {
      deviceId: "called",
      authentication: { type: "sas", symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY } },
    });
    const blink = { methodName: "blink", payload: { times: 3 } };
    await expect(sdk.call("client", "invokeDeviceMethod", "called", blink)).rejects.toMatchObject({
      status: 404,
      body: expect.stringContaining('\\"errorCode\\":404103'),
    });
    await expect(sdk.call("client", "invokeDeviceMethod", "nobody", blink)).rejects.toMatchObject({
      name: "DeviceNotFoundError",
      status: 404,
    });
    // It comes while the call waits.
    const called = sdk.call("client", "invokeDeviceMethod", "called", {
      ...blink,
      connectTimeoutInSeconds: 60,
    });
    const device = await openHub(emulator, "called");
    await device.subscribe("$iothub/methods/POST/#");
    const { topic, text } = await device.message();
    expect(text).toBe('{"times":3}');
    const [, id] = /^\$iothub\/methods\/POST\/blink\/\?\$rid=(\w+)$/.exec(topic) ?? [];
    await device.publish(`$iothub/methods/res/200/?$rid=${id}`, '{"done":true}');
    expect(await called).toMatchObject({ status: 200, payload: { done: true } });
    const lost = sdk.call("client", "invokeDeviceMethod", "called", blink);
    const refused = expect(lost).rejects.toMatchObject({ name: "GatewayTimeoutError", status: 504 });
    await device.message();
    await device.drop();
    await refused;
  });
});

describe("jobs", () => {
  const finished = async (id: string) => {
    for (let tries = 0; tries < 1000; tries++) {
      const job = await sdk.call("jobs", "getJob", id);
      if (job.status !== "scheduled" && job.status !== "running") return job;
    }
    throw new Error(`${id} does not come to an end`);
  };

  test("a twin update and a method for the devices of a condition, now or later", async () => {
    for (const deviceId of ["j-1", "j-2"]) await sdk.call("registry", "create", { deviceId });
    const condition = "STARTSWITH(deviceId, 'j-')";
    await sdk.call("jobs", "scheduleTwinUpdate", "paint", condition, { etag: "*", tags: { colour: "blue" } });
    expect(await finished("paint")).toMatchObject({
      type: "scheduleUpdateTwin",
      status: "completed",
      deviceJobStatistics: { deviceCount: 2, succeededCount: 2, failedCount: 0 },
    });
    expect(await sdk.call("registry", "getTwin", "j-2")).toMatchObject({ tags: { colour: "blue" } });
    await expect(
      sdk.call("jobs", "scheduleTwinUpdate", "paint", condition, { tags: {} }),
    ).rejects.toMatchObject({ status: 409 });
    await sdk.call("jobs", "scheduleDeviceMethod", "blink", "deviceId = 'j-1'", { methodName: "blink" });
    // Nobody is there.
    expect(await finished("blink")).toMatchObject({
      status: "failed",
      deviceJobStatistics: { failedCount: 1 },
    });
    const tomorrow = { date: Date.now() + 86_400_000 };
    const later = ["later", condition, { tags: { colour: "red" } }, tomorrow, 60];
    expect(await sdk.call("jobs", "scheduleTwinUpdate", ...later)).toMatchObject({ status: "scheduled" });
    expect(await sdk.call("jobs", "cancelJob", "later")).toMatchObject({ status: "cancelled" });
    await sdk.keep("listed", "Query", "jobs", "createQuery", "scheduleUpdateTwin", "cancelled");
    expect(await sdk.call("listed", "next", "callback")).toMatchObject([{ jobId: "later" }]);
    await expect(sdk.call("jobs", "getJob", "none")).rejects.toMatchObject({ status: 404 });
  });
});

describe("ProvisioningServiceClient", () => {
  const keyed = (registrationId: string) => ({
    registrationId,
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY, secondaryKey: SECOND_KEY } },
  });

  test("individual enrollments: create, get, update by ETag, attestation, registration, delete", async () => {
    const made = await sdk.call("dps", "createOrUpdateIndividualEnrollment", keyed("new-1"), "callback");
    expect(made).toMatchObject({
      registrationId: "new-1",
      provisioningStatus: "enabled",
      allocationPolicy: "hashed",
    });
    expect(JSON.stringify(made)).not.toContain(KEY);
    expect(await sdk.call("dps", "getIndividualEnrollment", "new-1")).toEqual(made);
    expect(await sdk.call("dps", "getIndividualEnrollmentAttestationMechanism", "new-1")).toEqual(
      keyed("").attestation,
    );
    const answer = await provision(emulator, "new-1", { password: dpsToken("new-1") });
    expect(answer.body.status).toBe("assigned");
    // What was read is written back; the keys stay.
    const changed = { ...made, initialTwin: { tags: { line: 1 } }, deviceId: "kitchen" };
    const updated = await sdk.call("dps", "createOrUpdateIndividualEnrollment", changed, "callback");
    expect(updated).toMatchObject({
      deviceId: "kitchen",
      registrationState: { assignedHub: HUB, status: "assigned" },
    });
    expect(await sdk.call("dps", "getIndividualEnrollmentAttestationMechanism", "new-1")).toEqual(
      keyed("").attestation,
    );
    await expect(
      sdk.call("dps", "createOrUpdateIndividualEnrollment", changed, "callback"),
    ).rejects.toMatchObject({
      name: "InvalidEtagError",
      status: 412,
    });
    expect(await sdk.call("dps", "getDeviceRegistrationState", "new-1")).toMatchObject({
      registrationId: "new-1",
      assignedHub: HUB,
      status: "assigned",
    });
    await sdk.call("dps", "deleteDeviceRegistrationState", "new-1");
    await expect(sdk.call("dps", "getDeviceRegistrationState", "new-1")).rejects.toMatchObject({
      status: 404,
    });
    await expect(sdk.call("dps", "deleteIndividualEnrollment", "new-1", "AAAA")).rejects.toMatchObject({
      status: 412,
    });
    await sdk.call("dps", "deleteIndividualEnrollment", "new-1");
    await expect(provision(emulator, "new-1", { password: dpsToken("new-1") })).rejects.toThrow("CONNACK 5");
  });

  test("groups, their registrations, and certificates", async () => {
    const root = await createRootCertificate({ commonName: "line 9", keyType: "ec-p256" });
    const group = {
      enrollmentGroupId: "line-9",
      attestation: {
        type: "x509",
        x509: { signingCertificates: { primary: { certificate: root.certificatePem } } },
      },
    };
    const made = await sdk.call("dps", "createOrUpdateEnrollmentGroup", group, "callback");
    const { sha256Thumbprint } = thumbprintsOf(root.certificatePem);
    expect(made.attestation.x509.signingCertificates.primary.info).toMatchObject({ sha256Thumbprint });
    // As it was shown: with `info` in place of the certificate.
    const disabled = await sdk.call(
      "dps",
      "createOrUpdateEnrollmentGroup",
      { ...made, provisioningStatus: "disabled" },
      "callback",
    );
    expect(disabled).toMatchObject({ provisioningStatus: "disabled", attestation: made.attestation });
    expect(await sdk.call("dps", "getEnrollmentGroup", "line-9")).toEqual(disabled);
    await sdk.keep(
      "groups",
      "Query",
      "dps",
      "createEnrollmentGroupQuery",
      { query: "SELECT * FROM enrollmentGroups" },
      1,
    );
    expect(await sdk.call("groups", "next", "callback")).toMatchObject([{ enrollmentGroupId: "line-1" }]);
    expect(await sdk.call("groups", "next", "callback")).toMatchObject([{ enrollmentGroupId: "line-9" }]);
    expect(await sdk.call("dps", "getEnrollmentGroupAttestationMechanism", "line-1")).toMatchObject({
      symmetricKey: { primaryKey: GROUP_KEY },
    });
    const key = deriveDeviceKey(Buffer.from(GROUP_KEY, "base64"), "of-group");
    await provision(emulator, "of-group", { password: dpsToken("of-group", key) });
    await sdk.keep(
      "states",
      "Query",
      "dps",
      "createEnrollmentGroupDeviceRegistrationStateQuery",
      { query: "SELECT *" },
      "line-1",
    );
    expect(await sdk.call("states", "next", "callback")).toMatchObject([
      { registrationId: "of-group", status: "assigned" },
    ]);
    await sdk.call("dps", "deleteEnrollmentGroup", "line-9");
    await expect(sdk.call("dps", "getEnrollmentGroup", "line-9")).rejects.toMatchObject({ status: 404 });
  });

  test("bulk, a query, and rights", async () => {
    const bulk = { mode: "create", enrollments: [keyed("b-1"), keyed("b-2")] };
    expect(await sdk.call("dps", "runBulkEnrollmentOperation", bulk, "callback")).toEqual({
      isSuccessful: true,
      errors: [],
    });
    expect(await sdk.call("dps", "runBulkEnrollmentOperation", bulk, "callback")).toMatchObject({
      isSuccessful: false,
      errors: [
        { registrationId: "b-1", errorCode: 409201 },
        { registrationId: "b-2", errorCode: 409201 },
      ],
    });
    await sdk.keep("enrollments", "Query", "dps", "createIndividualEnrollmentQuery", {
      query: "SELECT * FROM enrollments",
    });
    expect(await sdk.call("enrollments", "next", "callback")).toMatchObject([
      { registrationId: "b-1" },
      { registrationId: "b-2" },
      { registrationId: "dev-1" },
    ]);
    expect(await sdk.call("dpsReader", "getIndividualEnrollment", "b-1")).toMatchObject({
      registrationId: "b-1",
    });
    await expect(sdk.call("dpsReader", "deleteIndividualEnrollment", "b-1")).rejects.toMatchObject({
      name: "UnauthorizedError",
      status: 401,
    });
  });
});

/** Methods that have nothing here to talk to, by a pattern of `Class.method`. */
const NOT_SERVED: [pattern: RegExp, why: string][] = [
  [/^Client\.(open|close|send|getFeedbackReceiver|getFileNotificationReceiver|setRetryPolicy)$/, "AMQP"],
  [/^Registry\..*Module/, "modules"],
  [/^Registry\..*(Configuration|ConfigurationContent)/, "configurations for many devices"],
  [/^Registry\.(import|export)|^Registry\.(listJobs|getJob|cancelJob)$/, "import and export by storage"],
  [/^DigitalTwinClient\./, "digital twins"],
];

describe("the matrix", () => {
  test("README.md says which methods of the SDKs pass, and no other one does", async () => {
    const rows: string[] = [];
    for (const name of [
      "Registry",
      "Client",
      "JobClient",
      "DigitalTwinClient",
      "ProvisioningServiceClient",
    ]) {
      const methods = (await sdk.methodsOf(name)).map((method) => `${name}.${method}`);
      const passed = methods.filter((method) => sdk.passed.has(method));
      const left = methods.filter((method) => !sdk.passed.has(method));
      const reasons = new Map<string, string[]>();
      for (const method of left) {
        const why = NOT_SERVED.find(([pattern]) => pattern.test(method))?.[1];
        if (why === undefined)
          throw new Error(`${method} is neither called by a test nor named as not served`);
        reasons.set(why, [...(reasons.get(why) ?? []), method.slice(name.length + 1)]);
      }
      const list = (all: string[]) => all.map((method) => `\`${method.replace(`${name}.`, "")}\``).join(", ");
      const not = [...reasons].map(([why, all]) => `${why}: ${list(all)}`).join("; ");
      rows.push(`| \`${name}\` | ${list(passed) || "none"} | ${not} |`);
    }
    const file = join(process.cwd(), "emulator", "README.md");
    const readme = readFileSync(file, "utf8");
    const table = ["| class | passes | not served |", "| --- | --- | --- |", ...rows, ""].join("\n");
    const written = readme.replace(
      /(<!-- made by microsoft-service.test.ts -->\n)[\s\S]*?(<!-- end -->)/,
      `$1${table}$2`,
    );
    if (process.env.BERTH_UPDATE_README) writeFileSync(file, written);
    else expect(written).toBe(readme);
  });
});
