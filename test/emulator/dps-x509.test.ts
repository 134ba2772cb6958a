// SPDX-License-Identifier: MIT
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
  thumbprintsOf,
} from "../../emulator/certificates";
import type { Emulator } from "../../emulator/emulator";
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
): Promise<number> {
  const client = await open(emulator, identity);
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
  expect(answer.body).toMatchObject({
    status: "assigned",
    registrationState: {
      x509: { certificateInfo: { subjectName: "CN=own-1", ...thumbprintsOf(leaf.certificatePem) } },
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

test("a group's device with leaf and intermediate is assigned, and told who signed it", async () => {
  const leaf = await createDeviceCertificate({ commonName: "unit-1", keyType }, line);
  const answer = await provision(emulator, "unit-1", chainOf(leaf, line));
  expect(answer.body.registrationState).toMatchObject({
    x509: {
      enrollmentGroupId: "factory",
      signingCertificateInfo: { sha256Thumbprint: thumbprintsOf(root.certificatePem).sha256Thumbprint },
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
