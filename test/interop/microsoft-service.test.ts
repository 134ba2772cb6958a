// SPDX-License-Identifier: MIT
/** The judge of the service APIs: Microsoft's own SDKs for services, unmodified, over TLS that they verify. */
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
import { ask, serviceToken } from "../helpers/https-client";
import { checkMatrix } from "../helpers/sdk-matrix";
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

describe("Client over AMQP", () => {
  const device = {
    deviceId: "amqp/1".replace("/", "@"),
    authentication: { symmetricKey: { primaryKey: KEY } },
  };
  const { deviceId } = device;
  const send = (client: string, message: object, to = deviceId) =>
    sdk.call(client, "send", to, { message: { body: "hello", ...message } });

  beforeAll(async () => {
    await sdk.call("registry", "create", device);
    for (const [name, policy, transport] of [
      ["amqp", "service", "Amqp"],
      ["amqpWs", "iothubowner", "AmqpWs"],
      ["noRight", "registryRead", "Amqp"],
    ] as const) {
      await sdk.client(name, "Client", connectionString(HUB, policy), transport);
      await sdk.call(name, "setRetryPolicy", { made: "NoRetry" });
    }
  });
  afterAll(() => sdk.call("registry", "delete", deviceId));

  test.each(["amqp", "amqpWs"])(
    "%s: a message arrives with its properties, and its feedback does",
    async (client) => {
      await sdk.call(client, "open");
      await sdk.keep("feedback", "ServiceReceiver", client, "getFeedbackReceiver", "callback");
      const expiryTimeUtc = Date.now() + 60_000;
      const messageId = "7f9c7a36-0d6c-4b0c-9c3e-5d0f4f8f2a11";
      await send(client, {
        messageId,
        ack: "full",
        correlationId: "c 1",
        expiryTimeUtc,
        properties: { a: "1 &=", b: "" },
      });
      await send(client, { messageId: "unasked", ack: "negative", contentType: "text/plain" });
      await send(client, { messageId: "positive", ack: "positive" });
      await send(client, { messageId: "none", ack: "none" });
      await send(client, {});
      const hubDevice = await openHub(emulator, deviceId);
      await hubDevice.subscribe(`devices/${deviceId}/messages/devicebound/#`);
      const { topic, text } = await hubDevice.message();
      expect(text).toBe("hello");
      const bag = new URLSearchParams(topic.replace(`devices/${deviceId}/messages/devicebound/`, ""));
      expect(Object.fromEntries(bag)).toMatchObject({
        "$.mid": messageId,
        "$.cid": "c 1",
        "$.to": `/devices/${encodeURIComponent(deviceId)}/messages/devicebound`,
        "iothub-ack": "full",
        a: "1 &=",
        b: "",
      });
      for (let more = 0; more < 4; more++) await hubDevice.message();
      await hubDevice.subscribe("$iothub/methods/POST/#");
      const answer = sdk.call(client, "invokeDeviceMethod", deviceId, { methodName: "blink", payload: 3 });
      const request = await hubDevice.message();
      const rid = /rid=(.+)$/.exec(request.topic)![1];
      await hubDevice.publish(`$iothub/methods/res/201/?$rid=${rid}`, request.text);
      expect(await answer).toEqual({ status: 201, payload: 3 });
      await hubDevice.disconnect();
      const ids: string[] = [];
      while (ids.length < 2) {
        const batch = await sdk.call("feedback", "next message", "m1");
        expect(batch).toMatchObject({
          contentType: "application/vnd.microsoft.iothub.feedback.json",
          userId: "contoso",
        });
        for (const { originalMessageId, ...record } of batch.body) {
          ids.push(originalMessageId);
          expect(record).toEqual({
            description: "Success",
            statusCode: "Success",
            deviceId,
            deviceGenerationId: expect.stringMatching(/^\d{18}$/),
            enqueuedTimeUtc: expect.stringMatching(/^20.*Z$/),
          });
        }
        // This SDK has accepted it before it is asked to.
        await sdk.call("feedback", client === "amqp" ? "complete" : "abandon", { kept: "m1" });
      }
      expect(ids.sort()).toEqual([messageId, "positive"]);
      await sdk.call(client, "close");
    },
  );

  test("what has expired, and what is purged, is told to those who asked; a rejected batch is gone", async () => {
    await sdk.keep("outcomes", "ServiceReceiver", "amqp", "getFeedbackReceiver", "callback");
    const past = Date.now() - 1000;
    await send("amqp", { messageId: "silent", ack: "positive", expiryTimeUtc: past });
    await send("amqp", { messageId: "late", ack: "negative", expiryTimeUtc: past });
    const { body } = await sdk.call("outcomes", "next message", "m3");
    expect(body).toMatchObject([
      { originalMessageId: "late", statusCode: "Expired", description: "Expired" },
    ]);
    await sdk.call("outcomes", "reject", { kept: "m3" });
    await send("amqp", { messageId: "purged", ack: "full" });
    const token = serviceToken(emulator, HUB, "service");
    const path = `/devices/${encodeURIComponent(deviceId)}/commands?api-version=2021-04-12`;
    const answer = await ask(emulator, "DELETE", path, { headers: { authorization: token } });
    expect(answer.json.totalMessagesPurged).toBe(1);
    expect((await sdk.call("outcomes", "next message", "m4")).body).toMatchObject([
      { originalMessageId: "purged", statusCode: "Purged" },
    ]);
    await sdk.call("outcomes", "complete", { kept: "m4" });
    await sdk.call("amqp", "close");
  });

  test("notifications of uploaded files", async () => {
    await sdk.keep("files", "ServiceReceiver", "amqp", "getFileNotificationReceiver", "callback");
    const notification = {
      deviceId,
      blobUri: "https://127.0.0.1/container/a.txt",
      blobName: "a.txt",
      lastUpdatedTime: "2026-01-01T00:00:00.000Z",
      blobSizeInBytes: 3,
      enqueuedTimeUtc: "2026-01-01T00:00:01.000Z",
    };
    emulator.notifyOfFile(HUB, notification);
    expect(await sdk.call("files", "next message", "m5")).toMatchObject({
      body: notification,
      contentType: "application/vnd.microsoft.iothub.filenotification.json",
    });
    await sdk.call("files", "complete", { kept: "m5" });
    await sdk.call("amqp", "close");
  });

  test("errors: no such device, a full queue, too large, a bad ack, a wrong right, a wrong key", async () => {
    await expect(send("amqp", {}, "nobody")).rejects.toMatchObject({ name: "DeviceNotFoundError" });
    for (let count = 0; count < 50; count++) await send("amqp", {});
    await expect(send("amqp", {})).rejects.toMatchObject({ name: "DeviceMaximumQueueDepthExceededError" });
    const body = "x".repeat(64 * 1024 + 1);
    await expect(send("amqp", { body })).rejects.toMatchObject({ name: "MessageTooLargeError" });
    await expect(send("amqp", { ack: "perhaps" })).rejects.toMatchObject({ name: "ArgumentError" });
    await expect(send("noRight", {})).rejects.toMatchObject({ name: "UnauthorizedError" });
    const wrong = connectionString(HUB, "service").replace(/SharedAccessKey=.*/, `SharedAccessKey=${KEY}`);
    await sdk.client("wrongKey", "Client", wrong, "AmqpWs");
    await sdk.call("wrongKey", "setRetryPolicy", { made: "NoRetry" });
    await expect(sdk.call("wrongKey", "open")).rejects.toMatchObject({ reason: "UnauthorizedError" });
    await sdk.call("amqp", "close");
  });
});

describe("EventHubConsumerClient", () => {
  const events = () =>
    emulator.eventsConnectionStrings.find(({ policy }) => policy === "service")!.connectionString;
  const telemetry = async (deviceId: string, bodies: string[], bag = "") => {
    const hubDevice = await openHub(emulator, deviceId);
    for (const body of bodies) await hubDevice.publish(`devices/${deviceId}/messages/events/${bag}`, body, 1);
    await hubDevice.disconnect();
  };
  const following = async (subscription: string, count: number) => {
    const list = [];
    for (let index = 0; index < count; index++) list.push(await sdk.call(subscription, "next event"));
    return list;
  };

  beforeAll(async () => {
    for (const deviceId of ["teller", "other"])
      await sdk.call("registry", "create", {
        deviceId,
        authentication: { symmetricKey: { primaryKey: KEY } },
      });
    await sdk.consumer("reader", "$Default", events());
    await sdk.consumer("second", "group-2", events());
  });
  afterAll(async () => {
    for (const name of ["reader", "second"]) await sdk.call(name, "close");
  });

  test("what the Event Hub is, and its partitions", async () => {
    expect(await sdk.call("reader", "getEventHubProperties")).toMatchObject({
      name: "iothub-ehub-contoso",
      partitionIds: ["0", "1", "2", "3"],
    });
    expect(await sdk.call("reader", "getPartitionIds")).toEqual(["0", "1", "2", "3"]);
    await telemetry("teller", ["first"]);
    const all = [];
    for (const id of ["0", "1", "2", "3"]) all.push(await sdk.call("reader", "getPartitionProperties", id));
    expect(all.filter(({ isEmpty }) => !isEmpty)).toMatchObject([
      { beginningSequenceNumber: 0, lastEnqueuedSequenceNumber: 0, eventHubName: "iothub-ehub-contoso" },
    ]);
    await expect(sdk.call("reader", "getPartitionProperties", "4")).rejects.toMatchObject({
      name: "ArgumentOutOfRangeError",
    });
  });

  test("two consumer groups read all of it, with the system properties", async () => {
    const bag =
      "%24.mid=m-1&%24.cid=c-1&%24.ct=application%2Fjson&%24.ce=utf-8&%24.sub=thermostat1&colour=red&__proto__=x";
    await telemetry("teller", ['{"t":1}'], bag);
    for (const [client, name] of [
      ["reader", "all"],
      ["second", "all-2"],
    ] as const) {
      await sdk.keep(name, "Subscription", client, "subscribe", undefined, {
        startPosition: { offset: "-1" },
      });
      const [first, second] = await following(name, 2);
      expect(first).toMatchObject({ body: "first", sequenceNumber: 0 });
      expect(second).toMatchObject({
        body: '{"t":1}',
        sequenceNumber: 1,
        messageId: "m-1",
        correlationId: "c-1",
        contentType: "application/json",
        properties: { colour: "red" },
        systemProperties: {
          "iothub-connection-device-id": "teller",
          "iothub-connection-auth-method":
            '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}',
          "iothub-connection-auth-generation-id": expect.stringMatching(/^\d{18}$/),
          "iothub-message-source": "Telemetry",
          "iothub-enqueuedtime": expect.any(Number),
          "dt-subject": "thermostat1",
          contentEncoding: "utf-8",
        },
      });
      await sdk.call(name, "close");
    }
  });

  test("from the end, an offset, a sequence number and a time", async () => {
    const [{ partitionId }] = (
      await Promise.all(["0", "1", "2", "3"].map((id) => sdk.call("reader", "getPartitionProperties", id)))
    ).filter(({ isEmpty }) => !isEmpty);
    const from = async (startPosition: object, count: number, extra: object = {}) => {
      const name = `from ${JSON.stringify(startPosition)}`;
      const options = { startPosition, ...extra };
      await sdk.keep(name, "Subscription", "reader", "subscribe", partitionId, options);
      const list = await following(name, count);
      await sdk.call(name, "close");
      return list;
    };
    const [first, second] = await from({ offset: "-1" }, 2);
    expect(await from({ offset: first.offset }, 1)).toEqual([second]);
    expect(await from({ offset: second.offset, isInclusive: true }, 1)).toEqual([second]);
    expect(await from({ sequenceNumber: 0 }, 1)).toEqual([second]);
    expect(await from({ sequenceNumber: 0, isInclusive: true }, 1)).toEqual([first]);
    expect(await from({ enqueuedOn: Date.parse(first.enqueuedTimeUtc) - 1 }, 2)).toEqual([first, second]);
    const [{ last }] = await from({ offset: "-1" }, 1, { trackLastEnqueuedEventProperties: true });
    expect(last).toMatchObject({ sequenceNumber: 1, offset: second.offset });
    await sdk.keep("latest", "Subscription", "reader", "subscribe", partitionId, {
      startPosition: { offset: "@latest" },
    });
    // It reads when its link is there, of which an SDK tells nothing: what is sent meanwhile it may miss.
    const next = sdk.call("latest", "next event");
    let heard: { body: string } | undefined;
    void next.then((event) => {
      heard = event;
    });
    for (let count = 0; heard === undefined; count++) await telemetry("teller", [`late ${count}`]);
    expect(heard.body).toMatch(/^late /);
    await sdk.call("latest", "close");
  });

  test("a wrong key, and a policy without the right", async () => {
    const wrong = events().replace(/SharedAccessKey=[^;]*/, `SharedAccessKey=${KEY}`);
    const registry = connectionString(HUB, "registryRead").replace(/^.*SharedAccessKey=/, "");
    const noRight = events()
      .replace("SharedAccessKeyName=service", "SharedAccessKeyName=registryRead")
      .replace(/SharedAccessKey=[^;]*/, `SharedAccessKey=${registry}`);
    for (const [name, text] of [
      ["wrong", wrong],
      ["no right", noRight],
    ] as const) {
      await sdk.consumer(name, "$Default", text, { retryOptions: { maxRetries: 0 } });
      await expect(sdk.call(name, "getPartitionIds")).rejects.toMatchObject({ name: "UnauthorizedError" });
      await sdk.call(name, "close");
    }
  });
});

/** Methods that have nothing here to talk to, by a pattern of `Class.method`. */
const NOT_SERVED: [pattern: RegExp, why: string][] = [
  [/^EventHubConsumerClient\.createEventProcessor/, "private"],
  [/^Registry\..*Module/, "modules"],
  [/^Registry\..*(Configuration|ConfigurationContent)/, "configurations for many devices"],
  [/^Registry\.(import|export)|^Registry\.(listJobs|getJob|cancelJob)$/, "import and export by storage"],
  [/^DigitalTwinClient\./, "digital twins"],
];

describe("the matrix", () => {
  test("README.md says which methods of the SDKs pass, and no other one does", async () => {
    const names = [
      ...["Registry", "Client", "EventHubConsumerClient", "JobClient", "DigitalTwinClient"],
      "ProvisioningServiceClient",
    ];
    await checkMatrix("microsoft-service.test.ts", sdk, names, NOT_SERVED);
  });
});
