// SPDX-License-Identifier: MIT
import { createHmac } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createRootCertificate } from "../../emulator/certificates";
import { readNvs } from "../helpers/nvs-reader";
import { berth, eventsOf } from "./command";

const GROUP_KEY = Buffer.alloc(64, 9).toString("base64");
const KEY = Buffer.alloc(32, 7).toString("base64");
const TABLE = `registrationId,symmetricKey,ssid,password,efuseBlock
dev-1,${KEY},net,hidden-word,
line:2,,net,hidden-word,
dev-3,,,,4
`;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  write("devices.csv", TABLE);
  write("group.key", `${GROUP_KEY}\n`);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const at = (name: string) => join(directory, name);
function write(name: string, content: string): void {
  writeFileSync(at(name), content);
}
const factory = (...more: string[]) =>
  berth("identity", "factory", "--csv", at("devices.csv"), "--out", at("out"), "--id-scope", "0ne1", ...more);
const withGroup = (...more: string[]) => factory("--group-key-file", at("group.key"), ...more);
const derived = (id: string) => createHmac("sha256", Buffer.from(GROUP_KEY, "base64")).update(id).digest();
const valuesOf = (name: string) => readNvs(readFileSync(at(`out/${name}`))).values;

test("each device of the table gets an image and a table for Espressif's generator", async () => {
  const { status, out, err } = await withGroup();
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(readdirSync(at("out")).sort()).toEqual([
    "dev-1.bin",
    "dev-1.csv",
    "dev-3.bin",
    "dev-3.csv",
    "dev-3.efuse-key.bin",
    "line_2.bin",
    "line_2.csv",
  ]);
  expect(valuesOf("dev-1.bin")).toEqual({
    "berth-id/idScope": { type: "string", value: "0ne1" },
    "berth-id/registrationId": { type: "string", value: "dev-1" },
    "berth-id/symmetricKey": { type: "string", value: KEY },
    "berth/ssid": { type: "string", value: "net" },
    "berth/password": { type: "string", value: "hidden-word" },
  });
  expect(valuesOf("line_2.bin")).toMatchObject({
    "berth-id/registrationId": { value: "line:2" },
    "berth-id/symmetricKey": { value: derived("line:2").toString("base64") },
  });
  expect(valuesOf("dev-3.bin")).toEqual({
    "berth-id/idScope": { type: "string", value: "0ne1" },
    "berth-id/registrationId": { type: "string", value: "dev-3" },
    "berth-id/efuseBlock": { type: "i32", value: 4 },
  });
  expect(readFileSync(at("out/dev-3.efuse-key.bin"))).toEqual(derived("dev-3"));
  expect(readFileSync(at("out/dev-1.bin"))).toHaveLength(0x6000);
  expect(readFileSync(at("out/dev-3.csv"), "utf8")).toBe(
    "key,type,encoding,value\nberth-id,namespace,,\nidScope,data,string,0ne1\nregistrationId,data,string,dev-3\nefuseBlock,data,i32,4\n",
  );
  expect(out).toContain(`esptool --port PORT write-flash 0x9000 ${at("out/ID.bin")}`);
  expect(out).toContain("berth identity efuse --chip CHIP --block 4");
  for (const secret of [KEY, GROUP_KEY, derived("line:2").toString("base64"), "hidden-word"]) {
    expect(out).not.toContain(secret);
  }
});

test("only their owner can read the files", async () => {
  await withGroup();
  if (process.platform === "win32") return;
  expect(statSync(at("out")).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(at("out"))) expect(statSync(at(`out/${name}`)).mode & 0o777).toBe(0o600);
});

test("--json tells each device, where its files are and what comes next", async () => {
  const { out } = await withGroup("--json");
  const events = eventsOf(out);
  expect(events.map(({ event }) => event)).toEqual(["device", "device", "device", "step", "step"]);
  expect(events[0]).toEqual({
    event: "device",
    registrationId: "dev-1",
    attestation: "symmetricKey",
    image: at("out/dev-1.bin"),
    csv: at("out/dev-1.csv"),
    usedPages: 1,
    freePages: 5,
  });
  expect(events[2]).toMatchObject({ efuseBlock: 4, efuseKey: at("out/dev-3.efuse-key.bin") });
  expect(events[4]).toMatchObject({ command: expect.stringContaining("write-flash 0x9000") });
  expect(out).not.toContain(KEY);
});

test("certificates of berth identity certificates are found by the device's id", async () => {
  write("devices.csv", "registrationId\ndev-1\n");
  await berth("identity", "certificates", "--registration-id", "dev-1", "--directory", at("certs"));
  const { status, out } = await factory("--certificates", at("certs"));
  expect(status).toBe(0);
  expect(Object.keys(valuesOf("dev-1.bin")).sort()).toEqual([
    "berth-id/certificate",
    "berth-id/clientKey",
    "berth-id/idScope",
    "berth-id/issuer",
    "berth-id/registrationId",
  ]);
  expect(out).toContain(`write-flash 0x9000 ${at("out/dev-1.bin")}`);
});

test("a wrong table is told line by line, and nothing is written", async () => {
  write("devices.csv", `registrationId,symmetricKey,keepAlive\ndev-1,${KEY},5\nb,hidden!,60\n`);
  const plain = await withGroup();
  expect({ status: plain.status, out: plain.out }).toEqual({ status: 2, out: "" });
  expect(plain.err).toContain("devices.csv line 2, column keepAlive: ");
  expect(plain.err).toContain("devices.csv line 3, column symmetricKey: ");
  expect(plain.err).not.toContain("hidden");
  const json = await withGroup("--json");
  expect(json.status).toBe(2);
  expect(eventsOf(json.out)).toMatchObject([
    { event: "error", code: "invalid-argument", line: 2, column: "keepAlive" },
    { event: "error", code: "invalid-argument", line: 3, column: "symmetricKey" },
  ]);
  expect(readdirSync(directory)).not.toContain("out");
});

test("a problem that repeats is not told for ever", async () => {
  write("devices.csv", `registrationId,symmetricKey\n${"a,x\n".repeat(30)}`);
  const { err } = await withGroup();
  expect(err.split("\n").filter((line) => line !== "")).toHaveLength(21);
  expect(err).toContain("10 more problems; nothing was written");
});

test("what is there stays, unless --force", async () => {
  await withGroup();
  writeFileSync(at("out/dev-1.bin"), "mine");
  rmSync(at("out/line_2.bin"));
  const again = await withGroup();
  expect(again.status).toBe(2);
  expect(again.err).toContain("and 5 more are there already");
  expect(readFileSync(at("out/dev-1.bin"), "utf8")).toBe("mine");
  expect(readdirSync(at("out"))).not.toContain("line_2.bin");
  expect((await withGroup("--force")).status).toBe(0);
  expect(Object.keys(valuesOf("dev-1.bin"))).toHaveLength(5);
});

test("nothing of an earlier identity stays beside the new one", async () => {
  write("devices.csv", "registrationId,efuseBlock\nd1,4\nd2,\n");
  await withGroup();
  expect(readdirSync(at("out")).sort()).toEqual(["d1.bin", "d1.csv", "d1.efuse-key.bin", "d2.bin", "d2.csv"]);
  write("devices.csv", `registrationId,symmetricKey\nd1,${KEY}\n`);
  rmSync(at("out/d1.bin"));
  const again = await factory("--only", "bin");
  expect(again.status).toBe(2);
  expect(again.err).toContain("d1.csv and 1 more are there already");
  expect((await factory("--only", "bin", "--force")).status).toBe(0);
  expect(readdirSync(at("out")).sort()).toEqual(["d1.bin", "d2.bin", "d2.csv"]);
});

test.each([
  ["the table in other letters", "Devices.csv", "registrationId\ndevices\n"],
  ["a certificate", "cert.bin", "registrationId,root\ncert,cert.bin\n"],
])("not even --force loses %s", async (_name, name, table) => {
  rmSync(at("devices.csv"));
  const root = await createRootCertificate({ commonName: "root", keyType: "ec-p256" });
  write("cert.bin", root.certificatePem);
  const csv = name === "Devices.csv" ? name : "table.csv";
  write(csv, table);
  const before = readFileSync(at(name), "utf8");
  const { status, err } = await berth(
    ...["identity", "factory", "--csv", at(csv), "--out", directory, "--id-scope", "0ne1"],
    ...["--group-key-file", at("group.key"), "--force", "--only", "csv"],
  );
  expect(status).toBe(2);
  expect(err).toContain("is read and would be lost");
  expect(readFileSync(at(name), "utf8")).toBe(before);
});

test("not even --force writes over what is read", async () => {
  write("devices.csv", "registrationId\ndevices\n");
  const { status, err } = await berth(
    ...["identity", "factory", "--csv", at("devices.csv"), "--out", directory, "--id-scope", "0ne1"],
    ...["--group-key-file", at("group.key"), "--force"],
  );
  expect(status).toBe(2);
  expect(err).toContain("is read and would be lost");
  expect(readFileSync(at("devices.csv"), "utf8")).toBe("registrationId\ndevices\n");
});

test.each(["a", "A"])("no two devices share a file: %s", async (id) => {
  write("devices.csv", `registrationId,efuseBlock\n${id},1\na.efuse-key,\n`);
  const { status, err } = await withGroup("--force");
  expect(status).toBe(2);
  expect(err).toContain("a.efuse-key.bin would be a file of two devices");
  expect(readdirSync(directory)).not.toContain("out");
});

test("--only leaves the other copy of the secrets away", async () => {
  const csv = await withGroup("--only", "csv");
  expect(readdirSync(at("out")).filter((name) => /^dev-1/.test(name))).toEqual(["dev-1.csv"]);
  expect(csv.out).toContain("esp_idf_nvs_partition_gen generate");
  rmSync(at("out"), { recursive: true });
  await withGroup("--only", "bin");
  expect(readdirSync(at("out")).filter((name) => /^dev-1/.test(name))).toEqual(["dev-1.bin"]);
});

test("offset and size come from the firmware's partition table", async () => {
  write("partitions.csv", "# Name, Type, SubType, Offset, Size\nnvs, data, nvs, 0x11000, 0x4000\n");
  const { status, out } = await withGroup("--partitions", at("partitions.csv"));
  expect(status).toBe(0);
  expect(out).toContain("write-flash 0x11000");
  expect(readFileSync(at("out/dev-1.bin"))).toHaveLength(0x4000);
});

test.each<[string, (file: (name: string) => string) => string[], string]>([
  [
    "group key and certificates",
    (file) => ["--group-key-file", file("group.key"), "--certificates", "c"],
    "give one",
  ],
  [
    "a kind that is none",
    (file) => ["--group-key-file", file("group.key"), "--only", "hex"],
    "--only is bin or csv",
  ],
  ["a group key that is none", (file) => ["--group-key-file", file("devices.csv")], "not base64"],
  ["no such group key", (file) => ["--group-key-file", file("none")], "--group-key-file: "],
  ["no such partition table", (file) => ["--partitions", file("none")], "--partitions: "],
  ["a partition too small", (file) => ["--partitions", file("small.csv")], "12288 at least"],
])("%s is a usage error", async (_name, words, message) => {
  write("small.csv", "nvs, data, nvs, 0x9000, 0x2000\n");
  const { status, out, err } = await factory(...words(at));
  expect({ status, out }).toEqual({ status: 2, out: "" });
  expect(err).toContain(message);
  expect(readdirSync(directory)).not.toContain("out");
});

test("a warning stops nothing", async () => {
  write("devices.csv", "registrationId\nDEV-1\n");
  const { status, err } = await withGroup();
  expect(status).toBe(0);
  expect(err).toContain(
    "devices.csv line 2, column registrationId: the derived key depends on the upper case",
  );
});
