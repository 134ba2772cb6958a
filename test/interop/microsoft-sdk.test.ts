// SPDX-License-Identifier: MIT
/**
 * The judge of the emulator: Microsoft's Node.js device SDKs, unmodified, on their fixed port 8883, with the real host
 * names, trusting the emulator's CA by NODE_EXTRA_CA_CERTS. The device runs in a process of its own, because that
 * variable is read when Node.js starts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { DPS_HOST } from "../../emulator/certificate-authority";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
  thumbprintsOf,
} from "../../emulator/certificates";
import type { Emulator } from "../../emulator/emulator";
import { deriveDeviceKey } from "../../emulator/shared-access-signature";
import { GROUP_KEY, HUB, KEY, SCOPE } from "../helpers/emulator-client";
import { startOn8883 } from "../helpers/port-8883";

const here = join(process.cwd(), "test", "interop");
let emulator: Emulator;
let address = "";

beforeAll(async () => {
  ({ emulator, address } = await startOn8883({ dps: { retryAfter: 1 } }));
});
afterAll(() => emulator?.stop());

interface Step {
  step: string;
  [detail: string]: unknown;
}

/** Runs the device to its end; `onStep` plays the service's part meanwhile. */
async function runDevice(device: object, onStep: (step: Step) => void): Promise<Step[]> {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      ...["resolve-to-loopback.cjs", "redirect-https.cjs"].flatMap((file) => ["--require", join(here, file)]),
      join(here, "microsoft-device.cjs"),
    ],
    {
      env: {
        PATH: process.env.PATH,
        NODE_EXTRA_CA_CERTS: emulator.ca.path,
        EMULATOR_ADDRESS: address,
        EMULATOR_HTTPS_PORT: String(emulator.httpsPort),
        DEVICE: JSON.stringify({ host: DPS_HOST, idScope: SCOPE, ...device }),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const steps: Step[] = [];
  let noise = "";
  child.stderr!.on("data", (chunk: Buffer) => {
    noise += chunk.toString();
  });
  createInterface({ input: child.stdout! }).on("line", (line) => {
    const step = JSON.parse(line) as Step;
    steps.push(step);
    onStep(step);
  });
  await new Promise((resolve) => child.on("close", resolve));
  // What the child had to say about itself belongs into a failing test's message.
  if (steps.length === 0) throw new Error(`the device said nothing; its standard error: ${noise}`);
  return steps;
}

async function wholeLife(registrationId: string, credentials: object): Promise<Step[]> {
  let served: Promise<void> | undefined;
  const steps = await runDevice({ registrationId, ...credentials }, ({ step }) => {
    if (step !== "sent") return;
    served = emulator
      .sendCloudToDevice(HUB, registrationId, "hello", { colour: "sky blue", "$.mid": "c2d-1" })
      .then(() => emulator.invokeMethod(HUB, registrationId, "blink", { times: 3 }))
      .then(({ status, payload }) =>
        expect({ status, payload }).toEqual({ status: 200, payload: { times: 3 } }),
      );
  });
  await served;
  return steps;
}

function expectWholeLife(steps: Step[], registrationId: string): void {
  expect(steps.filter(({ step }) => step === "failed")).toEqual([]);
  expect(steps.map(({ step }) => step)).toEqual([
    "assigned",
    "connected",
    "twin",
    "reported",
    "sent",
    "message",
    "called",
    "closed",
  ]);
  expect(steps[0]).toMatchObject({ hub: HUB, deviceId: registrationId });
  expect(steps[5]).toMatchObject({ text: "hello", properties: [["colour", "sky blue"]] });
  const telemetry = emulator.telemetry.filter(({ deviceId }) => deviceId === registrationId);
  expect(telemetry).toHaveLength(1);
  expect(telemetry[0]!.body.toString()).toBe('{"temperature":21}');
  expect(Object.fromEntries(telemetry[0]!.properties)).toMatchObject({
    "$.mid": "m-1",
    "$.ct": "application/json",
    "$.ce": "utf-8",
    room: "küche & co",
  });
  expect(emulator.twin(HUB, registrationId).reported).toEqual({ firmware: "1.0" });
}

test("symmetric key, individual enrollment", async () => {
  expectWholeLife(await wholeLife("dev-1", { key: KEY }), "dev-1");
});

test("symmetric key, over WebSocket", async () => {
  emulator.telemetry.length = 0;
  expectWholeLife(await wholeLife("dev-1", { key: KEY, webSocket: true }), "dev-1");
});

test("symmetric key, enrollment group", async () => {
  const key = deriveDeviceKey(Buffer.from(GROUP_KEY, "base64"), "sn-1");
  expectWholeLife(await wholeLife("sn-1", { key }), "sn-1");
});

test("X.509, individual enrollment with a self-signed RSA certificate", async () => {
  const device = await createDeviceCertificate({ commonName: "x509-one" });
  const info = thumbprintsOf(device.certificatePem);
  emulator.setEnrollment({
    registrationId: "x509-one",
    attestation: { type: "x509", x509: { clientCertificates: { primary: { info } } } },
  });
  const credentials = { cert: device.certificatePem, certKey: device.privateKeyPem };
  expectWholeLife(await wholeLife("x509-one", credentials), "x509-one");
  emulator.telemetry.length = 0;
  expectWholeLife(await wholeLife("x509-one", { ...credentials, webSocket: true }), "x509-one");
});

test("X.509, enrollment group with a chain of EC certificates", async () => {
  const root = await createRootCertificate({ commonName: "factory root", keyType: "ec-p256" });
  const line = await createIntermediateCertificate({ commonName: "factory line", keyType: "ec-p256" }, root);
  const device = await createDeviceCertificate({ commonName: "x509-two", keyType: "ec-p256" }, line);
  emulator.setEnrollmentGroup({
    enrollmentGroupId: "factory",
    attestation: {
      type: "x509",
      x509: { signingCertificates: { primary: { certificate: root.certificatePem } } },
    },
  });
  const cert = device.certificatePem + line.certificatePem;
  expectWholeLife(await wholeLife("x509-two", { cert, certKey: device.privateKeyPem }), "x509-two");
});

test("a wrong key is refused", async () => {
  const key = Buffer.alloc(32, 1).toString("base64");
  const steps = await runDevice({ registrationId: "dev-1", key }, () => {});
  // The SDK hands on what its MQTT library says about CONNACK 5.
  expect(steps).toEqual([{ step: "failed", name: "Error", message: "Connection refused: Not authorized" }]);
});

test("a 401 response is understood as unauthorized", async () => {
  emulator.faults.add({ step: "register", action: "status", status: 401, count: 1 });
  const steps = await runDevice({ registrationId: "dev-1", key: KEY }, () => {});
  expect(steps).toMatchObject([{ step: "failed", name: "UnauthorizedError" }]);
});

test("throttled registrations and polls are made again until they succeed", async () => {
  emulator.faults.add({ step: "register", action: "status", status: 429, retryAfter: 1, count: 1 });
  emulator.faults.add({ step: "poll", action: "status", status: 500, retryAfter: 1, count: 1 });
  expect(
    (await wholeLife("sn-2", { key: deriveDeviceKey(Buffer.from(GROUP_KEY, "base64"), "sn-2") }))[0],
  ).toMatchObject({
    step: "assigned",
    deviceId: "sn-2",
  });
});

test("a custom allocation sees the SDK's payload and answers with one", async () => {
  emulator.setEnrollment({
    registrationId: "dev-9",
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
    allocationPolicy: "custom",
    customAllocationDefinition: { module: join(here, "allocate-by-model.mjs") },
  });
  const payload = { modelId: "dtmi:example:thermostat;1" };
  const steps = await wholeLife("dev-9", { key: KEY, payload });
  expect(steps[0]).toMatchObject({
    step: "assigned",
    hub: HUB,
    payload: { sawModel: "dtmi:example:thermostat;1" },
  });
});
