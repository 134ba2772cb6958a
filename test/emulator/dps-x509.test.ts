// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
  thumbprintsOf,
} from "../../emulator/certificates";
import { DPS_HOST } from "../../emulator/certificate-authority";
import type { Emulator } from "../../emulator/emulator";
import { RawMqttClient } from "../helpers/raw-mqtt-client";
import { dpsUser, HUB, hubUser, open, provision, record, startEmulator } from "../helpers/emulator-client";

const keyType = "ec-p256";
const DAY = 86_400_000;
let emulator: Emulator;
let root: CertificateAndKey;
let line: CertificateAndKey;

beforeAll(async () => {
  emulator = await startEmulator();
  root = await createRootCertificate({ commonName: "factory root", keyType });
  line = await createIntermediateCertificate({ commonName: "factory line", keyType }, root);
  emulator.setEnrollmentGroup({
    enrollmentGroupId: "factory",
    attestation: {
      type: "x509",
      x509: { signingCertificates: { primary: { certificate: root.certificatePem } } },
    },
  });
});
afterAll(() => emulator.stop());

const chainOf = (leaf: CertificateAndKey, ...issuers: CertificateAndKey[]) => ({
  cert: [leaf, ...issuers].map(({ certificatePem }) => certificatePem).join(""),
  key: leaf.privateKeyPem,
});

async function connackOf(
  id: string,
  identity: { cert?: string; key?: string },
  username = dpsUser(id),
  at = emulator,
): Promise<number> {
  const client = await open(at, identity);
  const { returnCode } = await client.connect({ clientId: id, username, password: "" });
  if (returnCode === 0) await client.disconnect();
  else await client.closed;
  return returnCode ?? -1;
}

function enroll(registrationId: string, certificate: object, secondary?: object): void {
  const clientCertificates = { primary: certificate, ...(secondary ? { secondary } : {}) };
  emulator.setEnrollment({ registrationId, attestation: { type: "x509", x509: { clientCertificates } } });
}

test.each([
  [
    "its SHA-256 thumbprint",
    (pem: string) => ({ info: { sha256Thumbprint: thumbprintsOf(pem).sha256Thumbprint } }),
  ],
  [
    "its SHA-1 thumbprint",
    (pem: string) => ({ info: { sha1Thumbprint: thumbprintsOf(pem).sha1Thumbprint } }),
  ],
  ["the certificate itself", (pem: string) => ({ certificate: pem })],
])("an individual enrollment by %s leads to DPS and to the hub", async (_name, certificateOf) => {
  const leaf = await createDeviceCertificate({ commonName: "own-1", keyType });
  enroll("own-1", certificateOf(leaf.certificatePem));
  const answer = await provision(emulator, "own-1", chainOf(leaf));
  // The device is told nothing of its certificate, as recorded from Azure; the service's side is.
  expect(answer.body).toMatchObject({ status: "assigned", registrationState: { x509: {} } });
  expect(answer.body.registrationState!.x509).toEqual({});
  expect(emulator.registration("OWN-1")!.x509).toEqual({
    certificateInfo: {
      subjectName: "CN=own-1",
      issuerName: "CN=own-1",
      ...thumbprintsOf(leaf.certificatePem),
      notBeforeUtc: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$/),
      notAfterUtc: expect.stringMatching(/Z$/),
      serialNumber: expect.stringMatching(/^[0-9A-F]+$/),
      version: 3,
    },
  });
  expect(await connackOf("own-1", chainOf(leaf), hubUser("own-1"))).toBe(0);
});

test("the secondary certificate of an individual enrollment is accepted", async () => {
  const [first, second] = [
    await createDeviceCertificate({ commonName: "own-2", keyType }),
    await createDeviceCertificate({ commonName: "own-2", keyType }),
  ];
  enroll("own-2", { certificate: first!.certificatePem }, { certificate: second!.certificatePem });
  expect(await connackOf("own-2", chainOf(second!))).toBe(0);
});

test("another certificate of the same name is refused by an individual enrollment and by the hub", async () => {
  const leaf = await createDeviceCertificate({ commonName: "own-3", keyType });
  const other = await createDeviceCertificate({ commonName: "own-3", keyType });
  enroll("own-3", { certificate: leaf.certificatePem });
  await provision(emulator, "own-3", chainOf(leaf));
  expect(await connackOf("own-3", chainOf(other))).toBe(5);
  expect(await connackOf("own-3", chainOf(other), hubUser("own-3"))).toBe(5);
  expect(await connackOf("own-3", {}, hubUser("own-3"))).toBe(5);
});

test("a session that is resumed has lost the issuers, and the device is admitted all the same", async () => {
  const leaf = await createDeviceCertificate({ commonName: "again-1", keyType }, line);
  let session: Buffer | undefined;
  const reused: boolean[] = [];
  for (let count = 0; count < 3; count++) {
    const socket: TLSSocket = connect({
      ...{ host: "127.0.0.1", port: emulator.port, servername: DPS_HOST, ca: emulator.ca.pem },
      ...{ maxVersion: "TLSv1.2", ...(session ? { session } : {}), ...chainOf(leaf, line) },
    });
    socket.on("session", (next) => {
      session = next;
    });
    await once(socket, "secureConnect");
    reused.push(socket.isSessionReused());
    const client = new RawMqttClient(socket);
    const username = dpsUser("again-1");
    expect(await client.connect({ clientId: "again-1", username, password: "" })).toMatchObject({
      returnCode: 0,
    });
    await client.disconnect();
  }
  expect(reused).toEqual([false, true, true]);
});

test("a group's device with leaf and intermediate is assigned; the record keeps who signed it", async () => {
  const leaf = await createDeviceCertificate({ commonName: "unit-1", keyType }, line);
  const answer = await provision(emulator, "unit-1", chainOf(leaf, line));
  expect(answer.body.registrationState!.x509).toEqual({ enrollmentGroupId: "factory" });
  expect(emulator.registration("unit-1")).toMatchObject({
    x509: {
      enrollmentGroupId: "factory",
      certificateInfo: { subjectName: "CN=unit-1", issuerName: "CN=factory line" },
      signingCertificateInfo: thumbprintsOf(root.certificatePem),
    },
    assignedHub: HUB,
  });
  expect(await connackOf("unit-1", chainOf(leaf, line), hubUser("unit-1"))).toBe(0);
});

test("a leaf signed by the group's certificate directly needs no chain", async () => {
  const leaf = await createDeviceCertificate({ commonName: "unit-2", keyType }, root);
  expect(await connackOf("unit-2", chainOf(leaf))).toBe(0);
});

test("an RSA leaf below an RSA intermediate as signing certificate is accepted", async () => {
  const signer = await createIntermediateCertificate({ commonName: "rsa line" }, root);
  emulator.setEnrollmentGroup({
    enrollmentGroupId: "rsa",
    attestation: {
      type: "x509",
      x509: { signingCertificates: { primary: { certificate: signer.certificatePem } } },
    },
  });
  const leaf = await createDeviceCertificate({ commonName: "unit-rsa" }, signer);
  expect(await connackOf("unit-rsa", chainOf(leaf, signer))).toBe(0);
});

describe("the length of a path (RFC 5280 section 6.1.4 (l))", () => {
  const ca = (name: string, issuer: CertificateAndKey, pathLength?: number) =>
    createIntermediateCertificate(
      { commonName: name, keyType, ...(pathLength === undefined ? {} : { pathLength }) },
      issuer,
    );
  const device = (issuer: CertificateAndKey) =>
    createDeviceCertificate({ commonName: "unit-7", keyType }, issuer);
  const enrollGroup = ({ certificatePem: certificate }: CertificateAndKey) =>
    emulator.setEnrollmentGroup({
      enrollmentGroupId: "path",
      attestation: { type: "x509", x509: { signingCertificates: { primary: { certificate } } } },
    });

  test("an intermediate of pathlen 0 makes devices, and no CAs that make devices", async () => {
    const sub = await ca("sub", line);
    const leaf = await device(sub);
    const refused = record(emulator, "refuse");
    expect(await connackOf("unit-7", chainOf(leaf, sub, line))).toBe(5);
    expect(refused.map((event) => (event as { reason: string }).reason)).toEqual([
      'Invalid certificate. The CA "factory line" has pathlen 0, and more CAs than that stand below it.',
    ]);
    // Where the enrollment itself names the sub-CA, nothing above it counts.
    enrollGroup(sub);
    expect(await connackOf("unit-7", chainOf(leaf, sub, line))).toBe(0);
    expect(emulator.enrollments.removeGroup("path")).toBe(true);
  });

  test("it is the enrolled certificate's own that counts too, sent along or not", async () => {
    const other = await createRootCertificate({ commonName: "other root", keyType });
    const signer = await ca("signer", other, 0);
    const sub = await ca("sub", signer, 0);
    const leaf = await device(sub);
    enrollGroup(signer);
    expect(await connackOf("unit-7", chainOf(leaf, sub))).toBe(5);
    expect(await connackOf("unit-7", chainOf(leaf, sub, signer))).toBe(5);
    expect(await connackOf("unit-7", chainOf(await device(signer)))).toBe(0);
  });

  test("as many CAs as it says may follow, and not one more", async () => {
    const wide = await ca("wide", root, 1);
    const sub = await ca("sub", wide, 1);
    expect(await connackOf("unit-7", chainOf(await device(sub), sub, wide))).toBe(0);
    const third = await ca("third", sub, 1);
    expect(await connackOf("unit-7", chainOf(await device(third), third, sub, wide))).toBe(5);
  });

  test("a CA that issued itself takes nothing from it", async () => {
    const again = await ca("factory line", line);
    expect(await connackOf("unit-7", chainOf(await device(again), again, line))).toBe(0);
  });
});

test("a leaf for servers only is taken, unless clientAuth is asked for", async () => {
  const server = await createServerCertificate({ commonName: "own-9", keyType, dnsNames: [] }, root);
  const client = await createDeviceCertificate({ commonName: "own-9", keyType }, root);
  expect(await connackOf("own-9", chainOf(server))).toBe(0);
  const group = emulator.enrollments.group("factory")!;
  const strict = await startEmulator({ dps: { requireClientAuth: true } });
  try {
    strict.setEnrollmentGroup(group);
    expect(await connackOf("own-9", chainOf(server), dpsUser("own-9"), strict)).toBe(5);
    expect(await connackOf("own-9", chainOf(client), dpsUser("own-9"), strict)).toBe(0);
    // Without the extension every use is allowed.
    const plain = await createRootCertificate({ commonName: "own-9", keyType });
    strict.setEnrollment({
      registrationId: "own-9",
      attestation: {
        type: "x509",
        x509: { clientCertificates: { primary: { certificate: plain.certificatePem } } },
      },
    });
    expect(await connackOf("own-9", chainOf(plain), dpsUser("own-9"), strict)).toBe(0);
  } finally {
    await strict.stop();
  }
});

test("these certificates are refused with CONNACK 5", async () => {
  const stranger = await createRootCertificate({ commonName: "factory root", keyType });
  const forged = { certificatePem: line.certificatePem, privateKeyPem: stranger.privateKeyPem };
  const leaf = (options: object, issuer = line) =>
    createDeviceCertificate({ commonName: "unit-9", keyType, ...options }, issuer);
  const past = { notBefore: new Date(Date.now() - 30 * DAY), days: 10 };
  const future = { notBefore: new Date(Date.now() + 10 * DAY) };
  const oldLine = await createIntermediateCertificate({ commonName: "old line", keyType, ...past }, root);
  const notCa = await createDeviceCertificate({ commonName: "no CA", keyType }, root);
  const cases: [string, { cert?: string; key?: string }][] = [
    ["no certificate at all", {}],
    ["another common name", chainOf(await leaf({ commonName: "unit-8" }), line)],
    ["expired", chainOf(await leaf(past), line)],
    ["not valid yet", chainOf(await leaf(future), line)],
    ["below an expired intermediate", chainOf(await leaf({}, oldLine), oldLine)],
    ["without its intermediate", chainOf(await leaf({}))],
    ["signed by a stranger of the same name", chainOf(await leaf({}, stranger))],
    ["signed by a stranger, the right root beside it", chainOf(await leaf({}, stranger), root)],
    // Its issuer's name and key identifier are the right ones; only the signature tells.
    ["signed by a stranger in the name of the line", chainOf(await leaf({}, forged), line)],
    ["signed by a certificate that is no CA", chainOf(await leaf({}, notCa), notCa)],
    ["self-signed", chainOf(await createDeviceCertificate({ commonName: "unit-9", keyType }))],
  ];
  const results: [string, number][] = [];
  const refusals = record<{ reason: string }>(emulator, "refuse");
  for (const [name, identity] of cases) results.push([name, await connackOf("unit-9", identity)]);
  expect(results).toEqual(cases.map(([name]) => [name, 5]));
  const reasonOf = (name: string) => refusals[cases.findIndex(([other]) => other === name)]?.reason;
  const dates = "good from \\S+Z to \\S+Z, and it is \\S+Z here\\.$";
  expect(reasonOf("expired")).toMatch(new RegExp(`It has expired: ${dates}`));
  expect(reasonOf("not valid yet")).toMatch(new RegExp(`It is not valid yet: ${dates}`));
  expect(reasonOf("below an expired intermediate")).toMatch(new RegExp(`Its issuer's has expired: ${dates}`));
  expect(reasonOf("without its intermediate")).toContain("no enrollment is for unit-9");
  expect(reasonOf("without its intermediate")).toContain("it came without an intermediate");
  expect(reasonOf("signed by a stranger, the right root beside it")).not.toContain("without an intermediate");
});
