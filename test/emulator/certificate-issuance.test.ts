// SPDX-License-Identifier: MIT
/** The emulator issues certificates: raw conversations with DPS and hub, the requests made by @peculiar/x509. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "reflect-metadata";
import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { afterEach, describe, expect, test } from "@jest/globals";
import type { Emulator } from "../../emulator/emulator";
import type { EmulatorOptions } from "../../emulator/options";
import {
  configuration,
  dpsToken,
  HUB,
  hubUser,
  open,
  openDps,
  openHub,
  register,
  SCOPE,
  startEmulator,
} from "../helpers/emulator-client";
import type { RawMqttClient } from "../helpers/raw-mqtt-client";

let emulator: Emulator;
const directories: string[] = [];
afterEach(async () => {
  await emulator.stop();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

async function start(options: Partial<EmulatorOptions> = {}): Promise<void> {
  const [enrollment] = configuration().enrollments;
  emulator = await startEmulator({
    configuration: configuration({
      enrollments: [
        { ...enrollment!, clientCertificateIssuancePolicy: { certificateAuthorityName: "any" } },
        { ...enrollment!, registrationId: "dev-2", credentialPolicyName: "any" },
      ],
    }),
    dps: { immediate: true },
    ...options,
  });
}

async function requestFor(name: string): Promise<{ csr: string; key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys: keys as never,
    signingAlgorithm: algorithm,
  });
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return {
    csr: Buffer.from(request.rawData).toString("base64"),
    key: createPrivateKey({ key: der, format: "der", type: "pkcs8" })
      .export({ type: "pkcs8", format: "pem" })
      .toString(),
  };
}

async function openNewDps(id = "dev-1", version = "2025-07-01-preview"): Promise<RawMqttClient> {
  const client = await open(emulator);
  await client.connect({
    clientId: id,
    username: `${SCOPE}/registrations/${id}/api-version=${version}`,
    password: dpsToken(id),
  });
  await client.subscribe("$dps/registrations/res/#");
  return client;
}

/** Registers with a request; the device's certificate and key. */
async function issued(id = "dev-1"): Promise<{ cert: string; key: string; chain: X509Certificate[] }> {
  const { csr, key } = await requestFor(id);
  const client = await openNewDps(id);
  const { body } = await register(client, JSON.stringify({ csr }));
  await client.disconnect();
  const { issuedCertificateChain } = body.registrationState as { issuedCertificateChain: string[] };
  const chain = issuedCertificateChain.map((one) => new X509Certificate(Buffer.from(one, "base64")));
  return { cert: chain.slice(0, 2).join(""), key, chain };
}

async function connectHub(proof: { cert?: string; key?: string }, id = "dev-1") {
  const client = await open(emulator, proof);
  const { returnCode } = await client.connect({ clientId: id, username: hubUser(id) });
  return { client, returnCode };
}

async function ask(client: RawMqttClient, body: object | string, rid = "1") {
  await client.publish(
    `$iothub/credentials/POST/issueCertificate/?$rid=${rid}`,
    typeof body === "string" ? body : JSON.stringify(body),
  );
  return answer(client);
}

async function answer(client: RawMqttClient) {
  const { topic, text } = await client.message();
  return { topic, body: text === "" ? undefined : JSON.parse(text) };
}

describe("DPS", () => {
  test("issues a chain that leads to the root, for the key of the request, and the hub takes that alone", async () => {
    await start();
    const { chain, ...proof } = await issued();
    const [leaf, ca, root] = chain as [X509Certificate, X509Certificate, X509Certificate];
    expect([leaf.subject, leaf.ca, ca.ca, root.toString()]).toEqual([
      "CN=dev-1",
      false,
      true,
      emulator.ca.pem,
    ]);
    expect([leaf.verify(ca.publicKey), ca.verify(root.publicKey)]).toEqual([true, true]);
    expect(leaf.checkPrivateKey(createPrivateKey(proof.key))).toBe(true);
    expect((await connectHub(proof)).returnCode).toBe(0);
    await expect(openHub(emulator)).rejects.toThrow("CONNACK 5");
    const other = await issued("dev-2");
    expect((await connectHub(other)).returnCode).toBe(5);
    expect((await connectHub({})).returnCode).toBe(5);
  });

  test("of an API version before knows no request", async () => {
    await start();
    const { csr } = await requestFor("dev-1");
    const client = await openDps(emulator, "dev-1");
    const { body } = await register(client, JSON.stringify({ csr }));
    expect(body.registrationState).not.toHaveProperty("issuedCertificateChain");
    await openHub(emulator);
  });

  test.each([
    ["no request", async () => "AAAA"],
    ["a number", async () => 5],
    ["one for another device", async () => (await requestFor("dev-9")).csr],
    ["one that is too long", async () => "A".repeat(8_193)],
  ])("refuses %s with 400040, and assigns nothing", async (_, make) => {
    await start();
    const client = await openNewDps();
    const { status, body } = await register(client, JSON.stringify({ csr: await make() }));
    expect([status, body.errorCode]).toEqual([400, 400_040]);
    expect(emulator.registration("dev-1")).toBeUndefined();
  });

  test("a certificate stays good where the device comes again without a request, and over a restart of the emulator", async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), "berth-test-"));
    directories.push(stateDirectory);
    await start({ stateDirectory });
    const proof = await issued();
    const client = await openDps(emulator, "dev-1");
    const { body } = await register(client);
    expect(body.status).toBe("assigned");
    expect((await connectHub(proof)).returnCode).toBe(0);
    await emulator.stop();
    await start({ stateDirectory });
    expect((await connectHub(proof)).returnCode).toBe(0);
  });
});

describe("the hub", () => {
  const RES = "$iothub/credentials/res/";

  test("renews: 202, then 200 with the chain; one request at a time, unless it replaces the other", async () => {
    await start({ faults: [{ step: "issueCertificate", action: "drop", count: 1 }] });
    const proof = await issued();
    const { client } = await connectHub(proof);
    await client.subscribe(`${RES}#`);
    const { csr, key } = await requestFor("dev-1");
    expect(await ask(client, { id: "dev-1", csr }, "a")).toEqual({
      topic: `${RES}202/?$rid=a`,
      body: undefined,
    });
    expect(await ask(client, { id: "dev-1", csr }, "b")).toMatchObject({
      topic: `${RES}409/?$rid=b`,
      body: { errorCode: 409_005 },
    });
    expect((await ask(client, { id: "dev-1", csr, replace: "*" }, "c")).topic).toBe(`${RES}202/?$rid=c`);
    const { topic, body } = await answer(client);
    expect(topic).toBe(`${RES}200/?$rid=c`);
    const cert = (body.certificates as string[])
      .slice(0, 2)
      .map((one) => new X509Certificate(Buffer.from(one, "base64")).toString())
      .join("");
    expect((await connectHub({ cert, key })).returnCode).toBe(0);
  });

  test.each([
    ["another device's id", { id: "dev-2", csr: "AAAA" }, "400/", 400_004],
    ["no JSON", "x", "400/", 400_004],
    ["no request", { id: "dev-1", csr: "AAAA" }, "400/", 400_040],
  ])("refuses %s", async (_, body, status, errorCode) => {
    await start();
    const { client } = await connectHub(await issued());
    await client.subscribe(`${RES}#`);
    let got = await ask(client, body);
    if (got.topic.includes("/202/")) got = await answer(client);
    expect(got.topic).toContain(`${RES}${status}`);
    expect(got.body.errorCode).toBe(errorCode);
  });

  test("refuses a device that no certificate was issued to", async () => {
    await start();
    const dps = await openDps(emulator, "dev-1");
    await register(dps);
    const client = await openHub(emulator);
    await client.subscribe(`${RES}#`);
    const { csr } = await requestFor("dev-1");
    expect(await ask(client, { id: "dev-1", csr })).toMatchObject({ body: { errorCode: 400_004 } });
    expect(emulator.devices.get(HUB, "dev-1")?.authentication.type).toBe("symmetricKey");
  });
});
