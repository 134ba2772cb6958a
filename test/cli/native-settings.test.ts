// SPDX-License-Identifier: MIT
import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { resolve } from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
import type { EngineHost } from "../../cli/device-engine";
import { nativeSettings } from "../../cli/native-settings";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import { parseConnectTo } from "../../hosts/sockets/connect-to";
import type { AgentOptions } from "../../src/agent/agent";
import { remade } from "../helpers/hostile-certificates";
import { authority } from "../helpers/hostile-pki";

const KEY = Buffer.alloc(32, 7).toString("base64");
const AGENT: AgentOptions = {
  identity: { idScope: "0ne0", registrationId: "d", attestation: "symmetricKey" },
  provisioning: { host: "dps.example", port: 8883 },
  hub: { port: 8883 },
};
let root: CertificateAndKey;
let intermediate: CertificateAndKey;
let leaf: CertificateAndKey;

beforeAll(async () => {
  const keyType = "ec-p256";
  root = await createRootCertificate({ commonName: "Root", keyType });
  intermediate = await createIntermediateCertificate({ commonName: "Intermediate", keyType }, root);
  leaf = await createDeviceCertificate({ commonName: "d", keyType }, intermediate);
});

const der = (pem: string): string => new X509Certificate(pem).raw.toString("base64");

function hostOf(device: Partial<EngineHost>, agent: AgentOptions = AGENT) {
  return nativeSettings({ stateDirectory: "s", roots: [root.certificatePem], ...device }, agent, false).host;
}

test("certificates and keys become DER, the directory absolute, the key what Node's signer makes of it", () => {
  const { certificatePem, privateKeyPem } = leaf;
  const certificate = `# leaf\n${certificatePem}\n# issuer\n${intermediate.certificatePem}`;
  const key = createPrivateKey(privateKeyPem);
  const sec1 = key.export({ type: "sec1", format: "pem" }).toString();
  const pkcs8 = key.export({ type: "pkcs8", format: "der" }).toString("base64");
  expect(hostOf({ symmetricKey: ` ${KEY}\n` })).toEqual({
    stateDirectory: resolve("s"),
    roots: [der(root.certificatePem)],
    symmetricKey: KEY,
  });
  for (const pem of [privateKeyPem, sec1]) {
    expect(hostOf({ certificate, key: pem })).toMatchObject({
      certificate: [der(certificatePem), der(intermediate.certificatePem)],
      key: pkcs8,
    });
  }
});

test("--connect-to goes there as it is", () => {
  const connectTo = parseConnectTo("Hub.Example:localhost:1,b:1883:127.0.0.1:,:127.0.0.1:2");
  expect(hostOf({ connectTo }).connectTo).toEqual(connectTo);
  expect(hostOf({ connectTo: [] })).not.toHaveProperty("connectTo");
});

const to = (entry: string): Partial<EngineHost> => ({ connectTo: parseConnectTo(entry) });
const encrypted = createPrivateKey(
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
).export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-256-cbc",
  passphrase: "x",
});
const ed25519 = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });

function ecKey(namedCurve: string, paramEncoding: "named" | "explicit" = "named"): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve, paramEncoding });
  return String(privateKey.export({ type: "pkcs8", format: "pem" }));
}

/** A certificate with such a key, signed by itself. */
async function certificateOn(
  namedCurve: string,
  paramEncoding: "named" | "explicit" = "named",
): Promise<string> {
  const keys = generateKeyPairSync("ec", { namedCurve, paramEncoding });
  return remade(await authority("Odd"), keys.privateKey, keys).pem;
}

const GOOD = "P-256 (prime256v1), P-384 (secp384r1)";

test.each<[string, "named" | "explicit", string]>([
  ["secp521r1", "named", "is on secp521r1"],
  ["secp256k1", "named", "is on secp256k1"],
  ["prime192v1", "named", "is on prime192v1"],
  ["prime256v1", "explicit", "spells the parameters of its curve out"],
])(
  "a key on %s, %s, is refused, in a certificate too, with the curves that work",
  async (curve, encoding, why) => {
    const certificate = await certificateOn(curve, encoding);
    const refused = (what: string) =>
      expect.objectContaining({
        code: "invalid-argument",
        message: expect.stringMatching(
          new RegExp(`${what} .*${why}; --engine native takes named curves: P-256 `),
        ),
      });
    expect(() => hostOf({ key: ecKey(curve, encoding) })).toThrow(refused("the private key") as never);
    expect(() => hostOf({ key: ecKey(curve, encoding) })).toThrow(GOOD);
    expect(() => hostOf({ certificate })).toThrow(refused("the device's certificate") as never);
    if (curve === "secp521r1") {
      hostOf({ roots: [certificate], certificate: leaf.certificatePem + certificate });
      return;
    }
    expect(() => hostOf({ roots: [certificate] })).toThrow(refused("a root certificate") as never);
    expect(() => hostOf({ certificate: leaf.certificatePem + certificate })).toThrow(
      refused("certificate 2") as never,
    );
  },
);

test("an address of IPv6 to connect to is taken, and a proxy as it is", () => {
  const host = hostOf({ ...to("a:[::1]:1"), proxy: "http://user:word@[::1]:3128" });
  expect(host).toMatchObject({ connectTo: [{ address: "::1" }], proxy: "http://user:word@[::1]:3128" });
});

test("a key on P-384 is taken, and so is its certificate", async () => {
  expect(hostOf({ key: ecKey("secp384r1"), certificate: await certificateOn("secp384r1") })).toHaveProperty(
    "key",
  );
});

test.each<[string, Partial<EngineHost>, string, Partial<AgentOptions>]>([
  ["an endpoint with an address of IPv6", {}, "as a name: --endpoint ::1", { provisioning: { host: "::1" } }],
  ["a gateway with an address of IPv6", {}, "as a name: --gateway ::1", { hub: { gateway: "::1" } }],
  ["a proxy that is none", { proxy: "ftp://x" }, "the option proxy is no http://", {}],
  ["a key that is none", { symmetricKey: "secret!" }, "not base64", {}],
  ["a certificate that is none", { certificate: "x", key: "x" }, "not in PEM", {}],
  ["a root that is none", { roots: ["x"] }, "a root certificate cannot be used", {}],
  ["a private key that is none", { key: "x" }, "the private key cannot be used", {}],
  ["an encrypted private key", { key: String(encrypted) }, "the private key cannot be used", {}],
  ["a key of a kind that mbedTLS has not", { key: String(ed25519) }, "RSA and EC keys, not ed25519", {}],
])("%s is refused", (_what, device, message, agent) => {
  const thrown = expect.objectContaining({
    code: "invalid-argument",
    message: expect.stringContaining(message),
  });
  expect(() => hostOf(device, { ...AGENT, ...agent })).toThrow(thrown as never);
  expect(() => hostOf(device, { ...AGENT, ...agent })).not.toThrow(/secret/);
});
