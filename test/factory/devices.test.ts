// SPDX-License-Identifier: MIT
import { createHmac, createPrivateKey, X509Certificate } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../emulator/certificates";
import { DEVICE_COLUMNS, type DeviceDefaults, type FactoryDevice } from "../../factory/device";
import { readDevices } from "../../factory/devices";
import { nvsImage } from "../../factory/nvs-image";
import { SDK_NVS_PARTITION } from "../../factory/partition";
import { IDENTITY_KEYS, readDeviceIdentity } from "../../hosts/moddable/device-identity";
import { readSettings, SETTINGS } from "../../firmware/settings";
import { readNvs } from "../helpers/nvs-reader";

const KEY = Buffer.alloc(32, 7).toString("base64");
const LONG_KEY = Buffer.alloc(64, 8).toString("base64");
const GROUP_KEY = Buffer.alloc(64, 9).toString("base64");
const { size } = SDK_NVS_PARTITION;

let base: string;
let root: CertificateAndKey;
let intermediate: CertificateAndKey;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "berth-test-"));
  root = await createRootCertificate({ commonName: "root", keyType: "ec-p256" });
  intermediate = await createIntermediateCertificate({ commonName: "ca", keyType: "ec-p256" }, root);
  mkdirSync(join(base, "certs"));
  for (const [id, issuer] of [
    ["dev-1", intermediate],
    ["dev:2", intermediate],
    ["dev-3", undefined],
  ] as const) {
    const pair = await createDeviceCertificate({ commonName: id, keyType: "ec-p256" }, issuer);
    const stem = join(base, "certs", id.replace(":", "_"));
    writeFileSync(`${stem}.pem`, pair.certificatePem + (issuer === undefined ? "" : issuer.certificatePem));
    writeFileSync(`${stem}.alone.pem`, pair.certificatePem);
    writeFileSync(`${stem}.long.pem`, pair.certificatePem + intermediate.certificatePem.repeat(2));
    writeFileSync(
      `${stem}.full.pem`,
      pair.certificatePem + intermediate.certificatePem + root.certificatePem,
    );
    writeFileSync(`${stem}.key.pem`, pair.privateKeyPem);
  }
  writeFileSync(join(base, "ca.pem"), intermediate.certificatePem);
  writeFileSync(join(base, "root.pem"), root.certificatePem);
  const later = new Date(Date.now() + 86_400_000);
  const future = await createDeviceCertificate({ commonName: "dev-4", keyType: "ec-p256", notBefore: later });
  writeFileSync(join(base, "certs", "dev-4.pem"), future.certificatePem);
  writeFileSync(join(base, "certs", "dev-4.key.pem"), future.privateKeyPem);
  for (const [name, length] of [
    ["wide", 1500],
    ["large", 4000],
  ] as const) {
    const made = await createRootCertificate({ commonName: "x".repeat(length), keyType: "ec-p256" });
    writeFileSync(join(base, `${name}.pem`), made.certificatePem);
  }
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function read(table: string, defaults: Partial<DeviceDefaults> = {}) {
  const none = { idScope: undefined, groupKey: undefined, certificates: undefined };
  return readDevices(table, { ...none, base, now: Date.now(), ...defaults }, size);
}

function imageOf(device: FactoryDevice | undefined): Uint8Array {
  return nvsImage(device?.namespaces ?? [], size).bytes;
}

/** Values of the first device as the firmware's `preference` gives them. */
function preferencesOf(table: string, defaults: Partial<DeviceDefaults> = {}) {
  const { devices, problems } = read(table, defaults);
  expect(problems).toEqual([]);
  const { values } = readNvs(imageOf(devices[0]));
  return (domain: string) => (key: string) => {
    const found = values[`${domain}/${key}`];
    if (found?.type === "blob") return Uint8Array.from(Buffer.from(String(found.value), "hex")).buffer;
    return found?.type === "u8" ? found.value !== 0 : found?.value;
  };
}

describe("what the firmware reads from the image", () => {
  test("a symmetric key, the scope of the fleet, settings of the device", () => {
    const table = `registrationId,symmetricKey,ssid,password,telemetryEvery,connectTo\ndev-1, ${KEY} ,"a,b", pass word ,30,:10.0.0.1:8883\n`;
    const preferences = preferencesOf(table, { idScope: "0ne1" });
    expect(readDeviceIdentity(preferences("berth-id"), {})).toEqual({
      identity: { idScope: "0ne1", registrationId: "dev-1", attestation: "symmetricKey" },
      symmetricKey: KEY,
      efuseBlock: undefined,
      clientCertificate: undefined,
      root: undefined,
    });
    const { settings, problems } = readSettings({ preference: preferences("berth"), config: {} });
    expect(problems).toEqual([]);
    expect(settings).toMatchObject({
      ssid: "a,b",
      password: " pass word ",
      telemetryEvery: 30,
      connectTo: ":10.0.0.1:8883",
      keepAlive: SETTINGS.keepAlive.fallback,
    });
  });

  test("the key derived for it, the scope of the row", () => {
    const preferences = preferencesOf("registrationId,idScope\ndev-1,0ne2\n", {
      idScope: "0ne1",
      groupKey: GROUP_KEY,
    });
    // "Symmetric key attestation": HMAC-SHA256 of the registration id under the group's key.
    const derived = createHmac("sha256", Buffer.from(GROUP_KEY, "base64")).update("dev-1").digest("base64");
    expect(readDeviceIdentity(preferences("berth-id"), {})).toMatchObject({
      identity: { idScope: "0ne2" },
      symmetricKey: derived,
    });
  });

  test.each([
    ["from a directory", "registrationId\ndev:2\n", true],
    [
      "named in the row",
      "registrationId,certificate,clientKey\ndev:2,certs/dev_2.pem,certs/dev_2.key.pem\n",
      true,
    ],
    [
      "with its issuer apart",
      "registrationId,certificate,clientKey,issuer\ndev:2,certs/dev_2.alone.pem,certs/dev_2.key.pem,ca.pem\n",
      true,
    ],
    [
      "with the whole chain",
      "registrationId,certificate,clientKey\ndev:2,certs/dev_2.full.pem,certs/dev_2.key.pem\n",
      true,
    ],
    [
      "without an issuer",
      "registrationId,certificate,clientKey\ndev-3,certs/dev-3.pem,certs/dev-3.key.pem\n",
      false,
    ],
  ])("a certificate %s", (_name, table, issued) => {
    const preferences = preferencesOf(table, { idScope: "0ne1", certificates: join(base, "certs") });
    const { identity, clientCertificate } = readDeviceIdentity(preferences("berth-id"), {});
    expect(identity.attestation).toBe("x509");
    expect(clientCertificate?.chain).toHaveLength(issued ? 2 : 1);
    const key = Buffer.from(clientCertificate?.key as ArrayBuffer);
    const leaf = new X509Certificate(Buffer.from(clientCertificate?.chain[0] as ArrayBuffer));
    expect(leaf.checkPrivateKey(createPrivateKey({ key, format: "der", type: "pkcs8" }))).toBe(true);
  });

  test("a root of one's own", () => {
    const preferences = preferencesOf(`registrationId,symmetricKey,root\ndev-1,${KEY},root.pem\n`, {
      idScope: "0ne1",
    });
    expect(readDeviceIdentity(preferences("berth-id"), {}).root?.byteLength).toBeGreaterThan(200);
  });
});

describe("a key in eFuse", () => {
  test("does not go into NVS; its 32 bytes go beside", () => {
    const { devices, problems } = read(`registrationId,symmetricKey,efuseBlock\ndev-1,${KEY},5\n`, {
      idScope: "0ne1",
    });
    expect(problems).toEqual([]);
    expect(devices[0]?.efuse).toEqual({ block: 5, key: new Uint8Array(32).fill(7) });
    const { values } = readNvs(imageOf(devices[0]));
    expect(values).toEqual({
      "berth-id/idScope": { type: "string", value: "0ne1" },
      "berth-id/registrationId": { type: "string", value: "dev-1" },
      "berth-id/efuseBlock": { type: "i32", value: 5 },
    });
  });

  test("may be a derived one, or one that was burned before", () => {
    const derived = read("registrationId,efuseBlock\ndev-1,0\n", { idScope: "0ne1", groupKey: GROUP_KEY });
    expect(derived.devices[0]?.efuse?.key).toHaveLength(32);
    const before = read("registrationId,efuseBlock\ndev-1,0\n", { idScope: "0ne1" });
    expect(before.devices[0]?.efuse).toEqual({ block: 0, key: undefined });
  });
});

describe("what is wrong is told with line and column, and nothing secret is shown", () => {
  test.each<[string, string, string | undefined, string]>([
    ["no id", `registrationId,symmetricKey\n,${KEY}\n`, "registrationId", "it is empty"],
    [
      "a wrong id",
      `registrationId,symmetricKey\na/b,${KEY}\n`,
      "registrationId",
      "registration id: 1 to 128",
    ],
    [
      "a wrong scope",
      `registrationId,symmetricKey,idScope\na,${KEY},0ne 1\n`,
      "idScope",
      "id scope: letters",
    ],
    ["a key that is none", "registrationId,symmetricKey\na,secret!\n", "symmetricKey", "is not base64"],
    ["a short key", "registrationId,symmetricKey\na,c2VjcmV0\n", "symmetricKey", "has 6 bytes"],
    ["no proof", "registrationId\na\n", undefined, "nothing to prove itself with"],
    ["a wrong block", `registrationId,symmetricKey,efuseBlock\na,${KEY},6\n`, "efuseBlock", "0 to 5"],
    [
      "a key too long for eFuse",
      `registrationId,symmetricKey,efuseBlock\na,${LONG_KEY},1\n`,
      "symmetricKey",
      "has 64 bytes",
    ],
    [
      "key and certificate",
      `registrationId,symmetricKey,certificate\na,${KEY},x\n`,
      undefined,
      "give one of them",
    ],
    ["certificate and eFuse", "registrationId,certificate,efuseBlock\na,x,1\n", undefined, "an eFuse block"],
    ["clientKey and eFuse", "registrationId,clientKey,efuseBlock\na,x,1\n", undefined, "an eFuse block"],
    ["key and issuer", `registrationId,symmetricKey,issuer\na,${KEY},x\n`, undefined, "give one of them"],
    ["half a pair", "registrationId,certificate\na,x\n", undefined, "give both"],
    ["an issuer alone", "registrationId,issuer\na,x\n", undefined, "give both"],
    [
      "no such file",
      "registrationId,certificate,clientKey\na,none.pem,certs/dev-1.key.pem\n",
      "certificate",
      "ENOENT",
    ],
    [
      "a key where its file belongs",
      `registrationId,certificate,clientKey\na,certs/dev-1.pem,${LONG_KEY}\n`,
      "clientKey",
      "ENOENT",
    ],
    [
      "a key as issuer",
      `registrationId,certificate,clientKey,issuer\ndev-1,certs/dev-1.alone.pem,certs/dev-1.key.pem,${KEY}\n`,
      "issuer",
      "ENOENT",
    ],
    ["a key as root", `registrationId,symmetricKey,root\na,${KEY},${LONG_KEY}\n`, "root", "ENOENT"],
    [
      "another's certificate",
      "registrationId,certificate,clientKey\na,certs/dev-1.pem,certs/dev-1.key.pem\n",
      "certificate",
      'is for "dev-1"',
    ],
    [
      "another's key",
      "registrationId,certificate,clientKey\ndev-1,certs/dev-1.pem,certs/dev_2.key.pem\n",
      "certificate",
      "not that of the certificate",
    ],
    [
      "too many intermediates",
      "registrationId,certificate,clientKey\ndev-1,certs/dev-1.long.pem,certs/dev-1.key.pem\n",
      "certificate",
      "holds 2 intermediates",
    ],
    [
      "an issuer twice",
      "registrationId,certificate,clientKey,issuer\ndev-1,certs/dev-1.pem,certs/dev-1.key.pem,ca.pem\n",
      "certificate",
      "leave the column issuer empty",
    ],
    [
      "another's issuer",
      "registrationId,certificate,clientKey,issuer\ndev-1,certs/dev-1.alone.pem,certs/dev-1.key.pem,root.pem\n",
      "certificate",
      "did not issue",
    ],
    [
      "a root that is none",
      `registrationId,symmetricKey,root\na,${KEY},ca.pem\n`,
      "root",
      "no self-signed authority",
    ],
    ["a root too large", `registrationId,symmetricKey,root\na,${KEY},large.pem\n`, undefined, "root has 8"],
    [
      "a wrong number",
      `registrationId,symmetricKey,keepAlive\na,${KEY},5\n`,
      "keepAlive",
      "a whole number from 30 to 1177",
    ],
    [
      "a text where a number belongs",
      `registrationId,symmetricKey,keepAlive\na,${KEY},secret\n`,
      "keepAlive",
      "a whole number",
    ],
    [
      "a wrong host",
      `registrationId,symmetricKey,dpsHost\na,${KEY},secret host\n`,
      "dpsHost",
      "is not a host name",
    ],
    [
      "a wrong address",
      `registrationId,symmetricKey,connectTo\na,${KEY},x\n`,
      "connectTo",
      "HOST:ADDRESS:PORT",
    ],
    [
      "a password too long",
      `registrationId,symmetricKey,ssid,password\na,${KEY},net,${"secret".repeat(11)}\n`,
      "password",
      "is not 8 to 63 ASCII characters",
    ],
    [
      "a password without its network",
      `registrationId,symmetricKey,ssid,password\na,${KEY},,secretsecret\n`,
      "ssid",
      "there is a password",
    ],
    [
      "a line end",
      `registrationId,symmetricKey,ssid\na,${KEY},"secret\nsecret"\n`,
      undefined,
      "ssid has a control character",
    ],
  ])("%s", (_name, table, column, message) => {
    const { devices, problems } = read(table, { idScope: "0ne1" });
    expect(devices).toEqual([]);
    expect(problems).toEqual([
      { line: table.includes('"secret\n') ? 3 : 2, column, message: expect.stringContaining(message) },
    ]);
    for (const secret of ["secret", "c2VjcmV0", KEY, LONG_KEY])
      expect(problems[0]?.message).not.toContain(secret);
  });

  test("a certificate in another case is taken with one warning, and a chain in another order without", () => {
    const certs = join(base, "certs");
    const [leaf = "", issuer = ""] = readFileSync(join(certs, "dev-1.pem"), "utf8").split(
      /(?<=-----END CERTIFICATE-----\n)/,
    );
    writeFileSync(join(certs, "dev-1.reversed.pem"), issuer + leaf);
    const table = (id: string, file: string) =>
      read(`registrationId,certificate,clientKey\n${id},certs/${file},certs/dev-1.key.pem\n`, {
        idScope: "0ne1",
      });
    const other = table("Dev-1", "dev-1.pem");
    expect(other.problems).toEqual([]);
    expect(other.warnings).toEqual([
      {
        line: 2,
        column: "certificate",
        message: expect.stringContaining(
          'is for "dev-1", which differs from "Dev-1" in case; DPS takes that now',
        ),
      },
    ]);
    const reversed = table("dev-1", "dev-1.reversed.pem");
    expect(reversed).toMatchObject({ problems: [], warnings: [] });
    expect(reversed.devices[0]?.namespaces).toEqual(table("dev-1", "dev-1.pem").devices[0]?.namespaces);
  });

  test("what --certificates has not is named by the device", () => {
    const { problems } = read("registrationId\nnobody:1\n", {
      idScope: "0ne1",
      certificates: join(base, "certs"),
    });
    expect(problems).toEqual([{ line: 2, column: undefined, message: "--certificates has no nobody_1.pem" }]);
  });

  test("what only simulators heed is no column", () => {
    const column = "exitAfter";
    expect(DEVICE_COLUMNS).not.toContain(column);
    const { problems } = read(`registrationId,symmetricKey,${column}\na,${KEY},1\n`, { idScope: "0ne1" });
    expect(problems).toMatchObject([
      { line: 1, message: expect.stringContaining(`"${column}" is no column`) },
    ]);
  });

  test("every problem at once, and one bad row spoils the table", () => {
    const table = `registrationId,symmetricKey,keepAlive\na,${KEY},60\n,x,5\nb\n`;
    const { devices, problems } = read(table);
    expect(devices).toEqual([]);
    expect(problems.map(({ line, column }) => [line, column])).toEqual([
      [4, undefined],
      [2, "idScope"],
      [3, "registrationId"],
      [3, "idScope"],
      [3, "keepAlive"],
    ]);
  });

  test.each<[string, string, string]>([
    ["the same id", `dev-1,${KEY},,\ndev-1,${LONG_KEY},,\n`, "registrationId"],
    ["the same id in other letters", `dev-1,${KEY},,\nDEV-1,${LONG_KEY},,\n`, "registrationId"],
    ["the same files", `dev:1,${KEY},,\ndev_1,${LONG_KEY},,\n`, "registrationId"],
    ["the same key", `dev-1,${KEY},,\ndev-2,${KEY},,\n`, "symmetricKey"],
    [
      "the same key in another spelling",
      `dev-1,${KEY},,\ndev-2,${KEY.replace(/c=$/, "d=")},,\n`,
      "symmetricKey",
    ],
    [
      "a key that HMAC makes the same",
      `dev-1,${Buffer.alloc(16, 5).toString("base64")},,\ndev-2,${Buffer.concat([Buffer.alloc(16, 5), Buffer.alloc(8)]).toString("base64")},,\n`,
      "symmetricKey",
    ],
  ])("two devices with %s", (_name, rows, column) => {
    const { problems } = read(`registrationId,symmetricKey,certificate,clientKey\n${rows}`, {
      idScope: "0ne1",
    });
    expect(problems).toEqual([{ line: 3, column, message: expect.stringContaining("that of line 2") }]);
  });

  test("two devices with the same private key", async () => {
    const { privateKeyPem } = await createDeviceCertificate({ commonName: "x", keyType: "ec-p256" });
    for (const id of ["one", "two"]) {
      const pair = await createDeviceCertificate({ commonName: id, keyType: "ec-p256", privateKeyPem });
      writeFileSync(join(base, "certs", `${id}.pem`), pair.certificatePem);
      writeFileSync(join(base, "certs", `${id}.key.pem`), privateKeyPem);
    }
    const { problems } = read("registrationId\none\ntwo\n", {
      idScope: "0ne1",
      certificates: join(base, "certs"),
    });
    expect(problems).toEqual([
      { line: 3, column: "clientKey", message: "the private key is that of line 2" },
    ]);
  });
});

test("what may be meant is a warning", () => {
  const upper = read("registrationId\nDEV-1\n", { idScope: "0ne1", groupKey: GROUP_KEY });
  expect(upper.warnings).toMatchObject([{ line: 2, column: "registrationId" }]);
  expect(upper.devices).toHaveLength(1);
  const future = read("registrationId\ndev-4\n", { idScope: "0ne1", certificates: join(base, "certs") });
  expect(future.warnings).toMatchObject([{ line: 2, column: "certificate" }]);
  expect(future.devices).toHaveLength(1);
});

test("what does not fit the partition is told with the line", () => {
  const table =
    "registrationId,certificate,clientKey,root\ndev-1,certs/dev-1.pem,certs/dev-1.key.pem,wide.pem\n";
  const defaults = { idScope: "0ne1", groupKey: undefined, certificates: undefined, base, now: Date.now() };
  expect(readDevices(table, defaults, size).devices).toHaveLength(1);
  const { devices, problems } = readDevices(table, defaults, 0x3000);
  expect(devices).toEqual([]);
  expect(problems).toMatchObject([{ line: 2, message: expect.stringContaining("need 2 pages of NVS") }]);
});

test("the identity's keys are columns, each of them", () => {
  for (const key of Object.values(IDENTITY_KEYS)) expect(DEVICE_COLUMNS).toContain(key);
});
