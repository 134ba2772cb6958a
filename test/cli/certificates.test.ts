// SPDX-License-Identifier: MIT

import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { parseConfiguration } from "../../emulator/configuration-reader";
import { berth, eventsOf } from "./command";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const read = (name: string) => readFileSync(join(directory, name), "utf8");
const make = (id: string, ...more: string[]) =>
  berth("identity", "certificates", "--registration-id", id, "--directory", directory, ...more);

test("it makes a chain for the device and the enrollments that fit it", async () => {
  const { status, out } = await make("dev-1", "--group-id", "line-7", "--json");
  expect(status).toBe(0);
  expect(eventsOf(out).every(({ event, made }) => event === "file" && made === true)).toBe(true);
  expect(readdirSync(directory).sort()).toEqual([
    "dev-1.enrollment.json",
    "dev-1.key.pem",
    "dev-1.pem",
    "intermediate.key.pem",
    "intermediate.pem",
    "line-7.group.json",
    "root.key.pem",
    "root.pem",
  ]);
  const [leaf, issuer] = read("dev-1.pem")
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .map((pem) => new X509Certificate(pem));
  const root = new X509Certificate(read("root.pem"));
  expect(leaf?.subject).toBe("CN=dev-1");
  expect(leaf?.checkPrivateKey(createPrivateKey(read("dev-1.key.pem")))).toBe(true);
  expect(leaf?.ca).toBe(false);
  expect(issuer?.ca).toBe(true);
  expect(leaf?.verify((issuer as X509Certificate).publicKey)).toBe(true);
  expect(issuer?.verify(root.publicKey)).toBe(true);
  for (const key of ["dev-1.key.pem", "root.key.pem", "intermediate.key.pem"]) {
    if (process.platform !== "win32") expect(statSync(join(directory, key)).mode & 0o077).toBe(0);
  }
  const individual = JSON.parse(read("dev-1.enrollment.json"));
  const { primary } = individual.attestation.x509.clientCertificates;
  expect(primary.info.sha256Thumbprint).toBe(leaf?.fingerprint256.replaceAll(":", ""));
  expect(individual).toMatchObject({ registrationId: "dev-1", attestation: { type: "x509" } });
});

test("the enrollments are what the emulator reads", async () => {
  await make("dev-1");
  const individual = JSON.parse(read("dev-1.enrollment.json"));
  const group = JSON.parse(read("berth-test-group.group.json"));
  const document = {
    idScope: "0ne0",
    iotHubs: ["hub.example"],
    enrollments: [individual],
    enrollmentGroups: [group],
  };
  const configuration = parseConfiguration(JSON.stringify(document));
  expect(configuration.enrollments[0]?.registrationId).toBe("dev-1");
  expect(configuration.enrollmentGroups[0]?.attestation.type).toBe("x509");
});

test("a second device comes under the same authority", async () => {
  await make("dev-1");
  const before = ["root.pem", "intermediate.pem", "root.key.pem", "berth-test-group.group.json"].map(read);
  const { status, out } = await make("dev-2", "--json");
  expect(status).toBe(0);
  expect(eventsOf(out).filter(({ made }) => made === false)).toHaveLength(3);
  expect(["root.pem", "intermediate.pem", "root.key.pem", "berth-test-group.group.json"].map(read)).toEqual(
    before,
  );
  const leaf = new X509Certificate(read("dev-2.pem"));
  expect(leaf.verify(new X509Certificate(read("intermediate.pem")).publicKey)).toBe(true);
});

test("nothing that is there is overwritten", async () => {
  await make("dev-1");
  const before = readdirSync(directory).map(read);
  const again = await make("dev-1");
  expect(again.status).toBe(2);
  expect(again.err).toContain(join(directory, "dev-1.pem"));
  expect(readdirSync(directory).map(read)).toEqual(before);
});

test("half an authority is refused by name", async () => {
  writeFileSync(join(directory, "root.pem"), "x");
  const { status, err } = await make("dev-1");
  expect(status).toBe(2);
  expect(err).toContain("root.key.pem");
  expect(readdirSync(directory)).toEqual(["root.pem"]);
});

test.each([
  ["root", "files"],
  ["Intermediate", "files"],
  ["a/b", "registration id"],
  ["..", "registration id"],
])("the id %s is refused", async (id, message) => {
  const { status, err } = await make(id);
  expect(status).toBe(2);
  expect(err).toContain(message);
  expect(readdirSync(directory)).toEqual([]);
});

test("--key-type rsa-2048 makes RSA keys; another type is refused", async () => {
  await make("dev-1", "--key-type", "rsa-2048");
  expect(createPrivateKey(read("dev-1.key.pem")).asymmetricKeyType).toBe("rsa");
  expect((await make("dev-2", "--key-type", "dsa")).status).toBe(2);
});

test("a name that Windows keeps for a device is not that of a file", async () => {
  expect((await make("nul", "--group-id", "con.1")).status).toBe(0);
  expect(readdirSync(directory)).toEqual(
    expect.arrayContaining(["nul_.pem", "nul_.key.pem", "con_.1.group.json"]),
  );
});

test("an authority that is there is used only when it is whole", async () => {
  await make("dev-1");
  const key = createPrivateKey(read("root.key.pem"));
  writeFileSync(join(directory, "root.key.pem"), read("intermediate.key.pem"));
  expect((await make("dev-2")).err).toContain("root.key.pem is not the private key of");
  const encrypted = key.export({ type: "pkcs8", format: "pem", cipher: "aes-128-cbc", passphrase: "x" });
  writeFileSync(join(directory, "root.key.pem"), encrypted);
  expect((await make("dev-2")).err).toContain("root.key.pem is encrypted");
});
