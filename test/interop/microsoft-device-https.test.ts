// SPDX-License-Identifier: MIT
/** Microsoft's SDK for devices over HTTPS, unmodified, and its files in Azurite. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { DPS_HOST, openAuthority } from "../../emulator/certificate-authority";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import type { Emulator } from "../../emulator/emulator";
import { type Azurite, startAzurite } from "../helpers/azurite";
import {
  authorityDirectory,
  configuration,
  HUB,
  hubToken,
  KEY,
  OTHER_HUB,
  SCOPE,
  startEmulator,
} from "../helpers/emulator-client";
import { ask } from "../helpers/https-client";
import { checkMatrix } from "../helpers/sdk-matrix";
import { ServiceSdk } from "../helpers/service-sdk";

const CONTAINER = "uploads";
const keyType = "ec-p256";
let azurite: Azurite;
let emulator: Emulator;
let sdk: ServiceSdk;
let root: CertificateAndKey;
let line: CertificateAndKey;

beforeAll(async () => {
  // Azurite shows the emulator's certificate, as README.md says it.
  const { serverChainPem } = await openAuthority(authorityDirectory, [HUB], Date.now());
  const chain = join(authorityDirectory, "chain.pem");
  writeFileSync(chain, serverChainPem);
  azurite = await startAzurite(chain, join(authorityDirectory, "server.key.pem"));
  root = await createRootCertificate({ commonName: "factory root", keyType });
  line = await createIntermediateCertificate({ commonName: "factory line", keyType }, root);
  const signingCertificates = { primary: { certificate: root.certificatePem } };
  const storage = { connectionString: azurite.connectionString, containerName: CONTAINER };
  emulator = await startEmulator({
    configuration: configuration({
      iotHubs: [
        { name: HUB, storage },
        { name: OTHER_HUB, allocationWeight: 1 },
      ],
      enrollments: [
        ...configuration().enrollments.map((one) => ({
          ...one,
          allocationPolicy: "static" as const,
          iotHubHostName: HUB,
        })),
      ],
      enrollmentGroups: [
        {
          enrollmentGroupId: "factory",
          attestation: { type: "x509", x509: { signingCertificates } },
          allocationPolicy: "static",
          iotHubHostName: HUB,
        },
      ],
    }),
    dps: { retryAfter: 1 },
  });
  sdk = new ServiceSdk(emulator);
  const policy = emulator.connectionStrings.find((one) => one.host === HUB && one.policy === "service")!;
  await sdk.client("service", "Client", policy.connectionString);
  await sdk.client("storage", "BlobServiceClient", azurite.connectionString);
  await sdk.keep("container", "ContainerClient", "storage", "getContainerClient", CONTAINER);
  await sdk.call("container", "create");
});
afterAll(async () => {
  await sdk?.stop();
  await azurite?.stop();
  await emulator?.stop();
});

/** Provisions, and makes the client of the assigned hub. */
async function provisioned(
  id: string,
  { key, certificate }: { key?: string; certificate?: { cert: string; key: string } },
): Promise<void> {
  const security = certificate
    ? { made: "X509Security", of: [id, certificate] }
    : { made: "SymmetricKeySecurityClient", of: [id, key] };
  const className = certificate ? "X509Registration" : "SymmetricKeyRegistration";
  await sdk.keep(
    `${id}/dps`,
    className,
    "ProvisioningDeviceClient",
    "create",
    ...[DPS_HOST, SCOPE, { made: "ProvisioningHttp" }, security],
  );
  await sdk.call(`${id}/dps`, "setProvisioningPayload", { modelId: "dtmi:a:b;1" });
  const { assignedHub, deviceId } = await sdk.call(`${id}/dps`, "register");
  expect({ assignedHub, deviceId }).toEqual({ assignedHub: HUB, deviceId: id });
  expect(emulator.registration(id)).toMatchObject({ modelId: "dtmi:a:b;1" });
  const own = certificate ? "x509=true" : `SharedAccessKey=${key}`;
  await sdk.client(id, "DeviceClient", `HostName=${assignedHub};DeviceId=${deviceId};${own}`, "DeviceHttp");
  await sdk.call(id, "setRetryPolicy", { made: "NoRetry" });
  await sdk.call(`${id}/dps`, "cancel");
  const http = { receivePolicy: { interval: 0.05 } };
  await sdk.call(id, "setOptions", { ...certificate, http });
  await sdk.call(id, "setTransportOptions", http.receivePolicy);
  await sdk.call(id, "open");
}

describe.each(["dev-1", "x-1"])("%s", (id) => {
  beforeAll(async () => {
    if (id === "dev-1") return provisioned(id, { key: KEY });
    const leaf = await createDeviceCertificate({ commonName: id, keyType }, line);
    const cert = leaf.certificatePem + line.certificatePem;
    return provisioned(id, { certificate: { cert, key: leaf.privateKeyPem } });
  });
  afterAll(() => sdk.call(id, "close"));

  test("telemetry, alone and in a batch", async () => {
    emulator.telemetry.length = 0;
    const message = {
      body: '{"t":1}',
      messageId: "m-1",
      contentType: "application/json",
      contentEncoding: "utf-8",
    };
    await sdk.call(id, "sendEvent", { message: { ...message, properties: { room: "kitchen" } } });
    await sdk.call(id, "sendEventBatch", [
      { message: { body: "a", properties: { n: "1" } } },
      { message: { body: "b" } },
    ]);
    expect(
      emulator.telemetry.map(({ deviceId, body, properties }) => [
        deviceId,
        body.toString(),
        [...properties],
      ]),
    ).toEqual([
      [
        id,
        '{"t":1}',
        expect.arrayContaining([
          ["room", "kitchen"],
          ["$.mid", "m-1"],
          ["$.ct", "application/json"],
          ["$.ce", "utf-8"],
        ]),
      ],
      [id, "a", [["n", "1"]]],
      [id, "b", []],
    ]);
  });

  test("cloud-to-device messages: complete, reject, abandon, and the feedback of each", async () => {
    await sdk.keep("feedback", "ServiceReceiver", "service", "getFeedbackReceiver", "callback");
    const outcome = async () => (await sdk.call("feedback", "next message", "f")).body[0].statusCode;
    for (const [how, told] of [
      ["complete", "Success"],
      ["reject", "Rejected"],
    ]) {
      await emulator.sendCloudToDevice(HUB, id, `to ${how}`, { colour: "blue" }, undefined, {
        messageId: how!,
        ack: "full",
      });
      const first = await sdk.call(id, "next message", "message");
      expect(first).toMatchObject({
        body: `to ${how}`,
        messageId: how,
        properties: expect.arrayContaining([{ key: "iothub-app-colour", value: "blue" }]),
      });
      await sdk.call(id, "abandon", { kept: "message" });
      await sdk.call(id, "next message", "message");
      await sdk.call(id, how!, { kept: "message" });
      expect(await outcome()).toBe(told);
    }
    await expect(sdk.call(id, "complete", { kept: "message" })).rejects.toMatchObject({
      status: 412,
      body: expect.stringContaining("ErrorCode:DeviceMessageLockLost;"),
    });
  });

  test("a file is uploaded, services are told, and it is what was sent", async () => {
    await sdk.keep("files", "ServiceReceiver", "service", "getFileNotificationReceiver", "callback");
    const text = "x".repeat(100_000);
    await sdk.call(id, "uploadToBlob", "log of today & more.txt", { stream: text }, text.length);
    const { body } = await sdk.call("files", "next message", "f");
    expect(body).toMatchObject({
      deviceId: id,
      blobName: `${id}/log of today & more.txt`,
      blobSizeInBytes: text.length,
      blobUri: expect.stringMatching(/^https:\/\/127\.0\.0\.1:\d+\/devstoreaccount1\/uploads\//),
    });
    expect(Date.parse(body.lastUpdatedTime)).toBeGreaterThan(Date.now() - 60_000);
    await sdk.keep("blob", "BlockBlobClient", "container", "getBlockBlobClient", body.blobName);
    const { data } = await sdk.call("blob", "downloadToBuffer");
    const hashOf = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");
    expect(hashOf(Buffer.from(data))).toBe(hashOf(text));
  });
});

describe("the edges of file upload", () => {
  const VERSION = "api-version=2021-04-12";
  const post = (path: string, body: unknown, { id = "dev-1", host = HUB } = {}) =>
    ask(emulator, "POST", `/devices/${id}/files${path}?${VERSION}`, {
      host,
      body,
      headers: { authorization: hubToken(id, KEY, undefined, host) },
    });
  const codeOf = (answer: { status: number; headers: object }) => [
    answer.status,
    (answer.headers as Record<string, string>)["iothub-errorcode"],
  ];

  beforeAll(() => {
    for (const [hub, id] of [
      [HUB, "dev-2"],
      [OTHER_HUB, "dev-2"],
    ] as const)
      emulator.devices.create(hub, id, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  });

  test("a hub without storage, and bodies that are none", async () => {
    expect(codeOf(await post("", { blobName: "a" }, { id: "dev-2", host: OTHER_HUB }))).toEqual([
      400,
      "DefaultStorageEndpointNotConfigured",
    ]);
    for (const body of [{}, { blobName: "" }, { blobName: "a\nb" }, { blobName: "x".repeat(1025) }, "["])
      expect(codeOf(await post("", body))).toEqual([400, "ArgumentInvalid"]);
    expect(codeOf(await post("", " ".repeat(65 * 1024)))).toEqual([413, "MessageTooLarge"]);
    expect(codeOf(await post("/notifications", { correlationId: "a", isSuccess: 1 }))).toEqual([
      400,
      "ArgumentInvalid",
    ]);
  });

  test("a correlation id of none, of another device, of an upload that ended, and one that is late", async () => {
    const unknown = [400, "InvalidFileUploadCorrelationId"];
    const notify = (correlationId: string, isSuccess: boolean, id = "dev-1") =>
      post("/notifications", { correlationId, isSuccess, statusCode: 200, statusDescription: "" }, { id });
    expect(codeOf(await notify("none", true))).toEqual(unknown);
    const { correlationId } = (await post("", { blobName: "a" })).json;
    expect(codeOf(await notify(correlationId, false, "dev-2"))).toEqual(unknown);
    // Nothing was uploaded.
    expect(codeOf(await notify(correlationId, true))).toEqual([400, "InvalidStorageEndpointOrBlob"]);
    expect((await notify(correlationId, false)).status).toBe(204);
    expect(codeOf(await notify(correlationId, false))).toEqual(unknown);
    const late = (await post("", { blobName: "late" })).json.correlationId;
    emulator.clock.jump(3_600_000);
    const answer = await ask(emulator, "POST", `/devices/dev-1/files/notifications?${VERSION}`, {
      body: { correlationId: late, isSuccess: false },
      headers: { authorization: hubToken("dev-1", KEY, Math.floor(emulator.clock.now() / 1000) + 60) },
    });
    emulator.clock.set(0);
    expect(codeOf(answer)).toEqual([400, "ExpiredFileUploadCorrelationId"]);
  });

  test("ten uploads at one time, of each device", async () => {
    const begun = [];
    for (let count = 0; count < 10; count++)
      begun.push((await post("", { blobName: `f-${count}` }, { id: "dev-2" })).json);
    expect(codeOf(await post("", { blobName: "one more" }, { id: "dev-2" }))).toEqual([
      403,
      "DeviceMaximumActiveFileUploadLimitExceeded",
    ]);
    expect((await post("", { blobName: "another's" })).status).toBe(200);
    await post(
      "/notifications",
      { correlationId: begun[0].correlationId, isSuccess: false },
      { id: "dev-2" },
    );
    expect((await post("", { blobName: "one more" }, { id: "dev-2" })).status).toBe(200);
  });

  test("step by step, as the SDK has it, and a signature is for its one blob", async () => {
    await sdk.client(
      "steps",
      "DeviceClient",
      `HostName=${HUB};DeviceId=dev-1;SharedAccessKey=${KEY}`,
      "DeviceHttp",
    );
    const info = await sdk.call("steps", "getBlobSharedAccessSignature", "own.txt");
    expect(info).toMatchObject({ containerName: CONTAINER, blobName: "dev-1/own.txt" });
    const put = (name: string) =>
      sdk.call("storage", "put", `https://${info.hostName}/${CONTAINER}/${name}${info.sasToken}`, "hello");
    expect(await put("dev-1/own.txt")).toBe(201);
    expect(await put("dev-1/other.txt")).toBe(403);
    await sdk.call("steps", "notifyBlobUploadStatus", info.correlationId, true, 201, "done");
    await sdk.call("steps", "close");
  });

  test("by a token that is made elsewhere, and renewed", async () => {
    const given = [hubToken("dev-1", Buffer.alloc(32).toString("base64")), { class: "DeviceHttp" }];
    await sdk.keep("by token", "DeviceClient", "DeviceClient", "fromSharedAccessSignature", ...given);
    await sdk.call("by token", "setRetryPolicy", { made: "NoRetry" });
    await expect(sdk.call("by token", "sendEvent", { message: { body: "x" } })).rejects.toMatchObject({
      status: 401,
    });
    await sdk.call("by token", "updateSharedAccessSignature", hubToken("dev-1"), "callback");
    await sdk.call("by token", "sendEvent", { message: { body: "x" } });
    await sdk.call("by token", "close");
  });
});

/** Methods that have nothing here to talk to. */
const NOT_SERVED: [pattern: RegExp, why: string][] = [
  [/^DeviceClient\.(getTwin|onDeviceMethod)$/, "not over HTTPS, in Azure neither"],
];

test("README.md says which methods of the SDKs pass, and no other one does", () =>
  checkMatrix(
    "microsoft-device-https.test.ts",
    sdk,
    ["SymmetricKeyRegistration", "X509Registration", "DeviceClient"],
    NOT_SERVED,
  ));
