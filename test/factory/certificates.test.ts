// SPDX-License-Identifier: MIT
import "reflect-metadata";
import { createPrivateKey, generateKeyPairSync, webcrypto, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { BasicConstraintsExtension, X509CertificateGenerator } from "@peculiar/x509";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
} from "../../emulator/certificates";
import {
  checkDeviceCertificate,
  checkIssuer,
  checkRoot,
  commonNameOf,
  fingerprintOf,
  onlyCertificateOf,
  readCertificates,
  readPrivateKey,
} from "../../factory/certificates";

const DAY = 86_400_000;
let directory: string;
let root: CertificateAndKey;
let intermediate: CertificateAndKey;
let device: CertificateAndKey;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  root = await createRootCertificate({ commonName: "root", keyType: "ec-p256" });
  intermediate = await createIntermediateCertificate({ commonName: "ca", keyType: "ec-p256" }, root);
  device = await createDeviceCertificate({ commonName: "dev-1", keyType: "ec-p256", days: 30 }, intermediate);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(content: string | Uint8Array): string {
  const path = join(mkdtempSync(join(directory, "f")), "file");
  writeFileSync(path, content);
  return path;
}

const parsed = ({ certificatePem }: CertificateAndKey) => new X509Certificate(certificatePem);
const keyOf = ({ privateKeyPem }: CertificateAndKey) => readPrivateKey(file(privateKeyPem));

test("certificates come from PEM, in their order, or from DER", () => {
  const both = readCertificates(file(`text\n${device.certificatePem}${intermediate.certificatePem}`));
  expect(both.map(({ subject }) => subject)).toEqual(["CN=dev-1", "CN=ca"]);
  expect(readCertificates(file(parsed(root).raw))[0]?.subject).toBe("CN=root");
  expect(onlyCertificateOf(file(root.certificatePem)).subject).toBe("CN=root");
  expect(() => onlyCertificateOf(file(root.certificatePem + root.certificatePem))).toThrow(
    "holds 2 certificates",
  );
});

test.each([
  ["a key", () => device.privateKeyPem, "holds no X.509 certificate in PEM or DER; it holds a private key"],
  ["nothing", () => "", "holds no X.509 certificate"],
  [
    "half a certificate before a whole one",
    () => `${device.certificatePem.slice(0, 200)}\n${root.certificatePem}`,
    "certificate 1 of",
  ],
  [
    "garbage behind a certificate",
    () => `${root.certificatePem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
    "certificate 2 of",
  ],
])("%s is no certificate", (_name, content, message) => {
  expect(() => readCertificates(file(content()))).toThrow(message);
});

test("PowerShell writes PEM in UTF-16", () => {
  const utf16 = (text: string) => file(Buffer.from(`\ufeff${text}`, "utf16le"));
  expect(onlyCertificateOf(utf16(device.certificatePem)).subject).toBe("CN=dev-1");
  expect(readPrivateKey(utf16(device.privateKeyPem))).toEqual(keyOf(device));
});

test.each([
  ["what names no file", "c2VjcmV0", "ENOENT"],
  ["what no file can be named", "c2Vj\0cmV0", "ERR_INVALID_ARG_VALUE"],
  ["too long a name", "c2VjcmV0".repeat(100), "ENAMETOOLONG"],
])("%s may be a key in the wrong place, and is not shown", (_name, name, code) => {
  for (const read of [readCertificates, readPrivateKey]) {
    const failing = () => read(join(directory, name));
    expect(failing).toThrow(`the file cannot be read (${code})`);
    expect(failing).not.toThrow("c2Vj");
  }
});

test("every form of a private key becomes PKCS#8", () => {
  const { privateKey: ec } = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const { privateKey: rsa } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  for (const [key, old] of [
    [ec, "sec1"],
    [rsa, "pkcs1"],
  ] as const) {
    const pkcs8 = key.export({ type: "pkcs8", format: "der" });
    for (const type of ["pkcs8", old] as const) {
      for (const format of ["pem", "der"] as const) {
        const content = key.export({ type, format } as { type: "pkcs8"; format: "pem" });
        expect(readPrivateKey(file(content)).equals(pkcs8)).toBe(true);
      }
    }
  }
});

const encrypted = (form: { type: "pkcs8" | "sec1"; format: "pem" }) =>
  createPrivateKey(device.privateKeyPem).export({ ...form, cipher: "aes-128-cbc", passphrase: "x" });
test.each<[string, () => string | Buffer, string]>([
  ...(["pem", "der"] as const).map((format): [string, () => string | Buffer, string] => [
    `an encrypted key in ${format}`,
    () => encrypted({ type: "pkcs8", format: format as "pem" }),
    "is encrypted, and a device has nobody to type the passphrase; write it out with openssl pkey",
  ]),
  ["an encrypted key of the old form", () => encrypted({ type: "sec1", format: "pem" }), "is encrypted"],
  [
    "a certificate",
    () => device.certificatePem,
    "holds no private key in PEM or DER; it holds a certificate",
  ],
  ["garbage", () => "garbage", "holds no private key"],
  ["P-521", () => pemOf(generateKeyPairSync("ec", { namedCurve: "P-521" })), "cannot use"],
  ["RSA-1024", () => pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 })), "cannot use"],
  ["Ed25519", () => pemOf(generateKeyPairSync("ed25519")), "cannot use"],
])("%s is refused", (_name, content, message) => {
  expect(() => readPrivateKey(file(content()))).toThrow(message);
});

function pemOf({ privateKey }: { privateKey: import("node:crypto").KeyObject }): string {
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

test("a device's certificate is the device's", async () => {
  const certificate = parsed(device);
  const key = keyOf(device);
  const now = Date.now();
  expect(commonNameOf(certificate)).toBe("dev-1");
  expect(() => checkDeviceCertificate(certificate, key, "dev-1", now)).not.toThrow();
  expect(() => checkDeviceCertificate(certificate, key, "dev-2", now)).toThrow('is for "dev-1"');
  expect(() => checkDeviceCertificate(certificate, keyOf(root), "dev-1", now)).toThrow(
    "not that of the certificate",
  );
  const rsa = await createDeviceCertificate({ commonName: "dev-1", keyType: "rsa-2048" });
  expect(() => checkDeviceCertificate(certificate, keyOf(rsa), "dev-1", now)).toThrow(
    "not that of the certificate",
  );
  expect(() => checkDeviceCertificate(parsed(rsa), keyOf(rsa), "dev-1", now)).not.toThrow();
  expect(() => checkDeviceCertificate(certificate, key, "dev-1", now + 31 * DAY)).toThrow("has expired");
  const server = await createServerCertificate(
    { commonName: "dev-1", keyType: "ec-p256", dnsNames: ["dev-1"] },
    root,
  );
  expect(() => checkDeviceCertificate(parsed(server), keyOf(server), "dev-1", now)).toThrow(
    "client authentication",
  );
  expect(fingerprintOf(key)).not.toBe(fingerprintOf(keyOf(root)));
});

test("a certificate of another maker counts by its common name alone", async () => {
  // As `openssl req -x509` makes it: several names, an authority by default, no extended key usage.
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const made = await X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["Contoso, Ltd"] }, { CN: ["dev-1"] }, { OU: ["line 7"] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  const certificate = new X509Certificate(Buffer.from(made.rawData));
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  expect(commonNameOf(certificate)).toBe("dev-1");
  expect(() => checkDeviceCertificate(certificate, key, "dev-1", Date.now())).not.toThrow();
});

test("an issuer is the one that issued", async () => {
  const now = Date.now();
  expect(() => checkIssuer(parsed(device), parsed(intermediate), now)).not.toThrow();
  expect(() => checkIssuer(parsed(device), parsed(root), now)).toThrow("did not issue");
  const namesake = await createIntermediateCertificate({ commonName: "ca", keyType: "ec-p256" }, root);
  expect(() => checkIssuer(parsed(device), parsed(namesake), now)).toThrow("did not issue");
  expect(() => checkIssuer(parsed(device), parsed(intermediate), now + 400 * DAY)).toThrow("has expired");
});

test("a root is a self-signed authority", () => {
  const now = Date.now();
  expect(() => checkRoot(parsed(root), now)).not.toThrow();
  expect(() => checkRoot(parsed(intermediate), now)).toThrow("no self-signed authority");
  expect(() => checkRoot(parsed(device), now)).toThrow("no self-signed authority");
  expect(() => checkRoot(parsed(root), now + 3651 * DAY)).toThrow("root has expired");
});
