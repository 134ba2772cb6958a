// SPDX-License-Identifier: MIT
import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { afterAll, expect, test } from "@jest/globals";
import { DPS_HOST, openAuthority } from "../../emulator/certificate-authority";
import {
  createDeviceCertificate,
  createRootCertificate,
  createServerCertificate,
  thumbprintsOf,
} from "../../emulator/certificates";
import { HUB, OTHER_HUB } from "../helpers/emulator-client";

const directory = mkdtempSync(join(tmpdir(), "berth-ca-"));
afterAll(() => rmSync(directory, { recursive: true }));
const DAY = 86_400_000;

test.each(["rsa-2048", "ec-p256"] as const)("a device certificate with a key of type %s", async (keyType) => {
  const root = await createRootCertificate({ commonName: "a root", keyType });
  const device = await createDeviceCertificate({ commonName: "dev-1", keyType, days: 7 }, root);
  const certificate = new X509Certificate(device.certificatePem);
  expect(certificate.subject).toBe("CN=dev-1");
  expect(certificate.issuer).toBe("CN=a root");
  expect(certificate.ca).toBe(false);
  expect(certificate.verify(new X509Certificate(root.certificatePem).publicKey)).toBe(true);
  expect(certificate.checkPrivateKey(createPrivateKey(device.privateKeyPem))).toBe(true);
  expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(7 * DAY);
  expect(device.privateKeyPem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(thumbprintsOf(device.certificatePem)).toEqual({
    sha1Thumbprint: createHash("sha1").update(certificate.raw).digest("hex").toUpperCase(),
    sha256Thumbprint: createHash("sha256").update(certificate.raw).digest("hex").toUpperCase(),
  });
});

test("a given private key is certified, and kept", async () => {
  const first = await createDeviceCertificate({ commonName: "dev-1", keyType: "ec-p256" });
  const second = await createDeviceCertificate({ commonName: "dev-1", privateKeyPem: first.privateKeyPem });
  expect(second.privateKeyPem).toBe(first.privateKeyPem);
  const key = createPrivateKey(first.privateKeyPem);
  expect(new X509Certificate(second.certificatePem).checkPrivateKey(key)).toBe(true);
});

test("a private key of another kind is refused with what to do", async () => {
  const { generateKeyPairSync } = await import("node:crypto");
  const { privateKey } = generateKeyPairSync("ed25519");
  const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await expect(createDeviceCertificate({ commonName: "dev-1", privateKeyPem })).rejects.toThrow(
    "the private key is neither RSA nor on the curve P-256; make one of these",
  );
});

test("the authority keeps its root, and issues the server certificate anew for other hubs or near its end", async () => {
  const now = Date.now();
  const first = await openAuthority(directory, [HUB], now);
  const again = await openAuthority(directory, [HUB], now);
  expect(again).toEqual(first);
  const more = await openAuthority(directory, [HUB, OTHER_HUB], now);
  expect(more.rootPem).toBe(first.rootPem);
  expect(more.serverChainPem).not.toBe(first.serverChainPem);
  const names = new X509Certificate(more.serverChainPem).subjectAltName;
  for (const name of [DPS_HOST, HUB, OTHER_HUB, "localhost", "127.0.0.1"]) expect(names).toContain(name);
  const later = await openAuthority(directory, [HUB, OTHER_HUB], now + 350 * DAY);
  expect(later.rootPem).toBe(first.rootPem);
  expect(later.serverChainPem).not.toBe(more.serverChainPem);
  expect(readdirSync(directory).sort()).toEqual([
    "devices.key.pem",
    "devices.pem",
    "intermediate.key.pem",
    "intermediate.pem",
    "root.key.pem",
    "root.pem",
    "server.key.pem",
    "server.pem",
  ]);
  for (const file of readdirSync(directory)) expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
});

test("a torn or foreign file in the authority's directory is replaced", async () => {
  const first = await openAuthority(directory, [HUB], Date.now());
  writeFileSync(join(directory, "server.pem"), first.serverChainPem.slice(0, 300));
  writeFileSync(join(directory, "root.key.pem"), readFileSync(join(directory, "server.key.pem")));
  const again = await openAuthority(directory, [HUB], Date.now());
  expect(again.rootPem).not.toBe(first.rootPem);
  expect([first.rootReplaced, again.rootReplaced]).toEqual([false, true]);
  expect(new X509Certificate(again.serverChainPem).subject).toBe(`CN=${DPS_HOST}`);
});

test("OpenSSL accepts the chain for every name, with a suite that Moddable's TLS has", async () => {
  const authority = await openAuthority(directory, [HUB], Date.now());
  const server = createServer({
    cert: authority.serverChainPem,
    key: authority.serverKeyPem,
    maxVersion: "TLSv1.2",
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const seen: string[] = [];
  for (const servername of [DPS_HOST, HUB, "localhost"]) {
    await new Promise<void>((resolve, reject) => {
      const ciphers = "ECDHE-RSA-AES128-GCM-SHA256";
      const socket = connect({ host: "127.0.0.1", port, servername, ca: authority.rootPem, ciphers }, () => {
        seen.push(
          `${socket.getCipher().name} ${(socket.getPeerCertificate(true).issuerCertificate as object) !== undefined}`,
        );
        socket.end();
      });
      socket.on("error", reject);
      socket.on("close", () => resolve());
    });
  }
  server.close();
  expect(seen).toEqual(Array(3).fill("ECDHE-RSA-AES128-GCM-SHA256 true"));
});

test("a server certificate for another name can be made for tests", async () => {
  const root = await createRootCertificate({ commonName: "r" });
  const leaf = await createServerCertificate({ commonName: "other", dnsNames: ["other.example"] }, root);
  expect(new X509Certificate(leaf.certificatePem).checkHost("localhost")).toBeUndefined();
  expect(new X509Certificate(leaf.certificatePem).checkHost("other.example")).toBe("other.example");
});
