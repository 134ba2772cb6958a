// SPDX-License-Identifier: MIT
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { berth, eventsOf } from "./command";

const KEY = Buffer.alloc(32, 7).toString("base64");
const SHORT_KEY = Buffer.alloc(16, 7).toString("base64");
const LONG_KEY = Buffer.alloc(64, 9).toString("base64");

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  for (const [name, key] of [
    ["key", KEY],
    ["short", SHORT_KEY],
    ["long", LONG_KEY],
  ] as const)
    writeFileSync(at(name), `${key}\n`);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
  delete process.env.BERTH_SYMMETRIC_KEY;
});

const at = (name: string) => join(directory, name);
const efuse = (...words: string[]) => berth("identity", "efuse", ...words);
const S3 = ["--chip", "esp32s3", "--block", "3"];

test("it prints the steps, warns, and writes no key unless it is asked to", async () => {
  const { status, out, err } = await efuse(...S3, "--symmetric-key-file", at("key"));
  expect(status).toBe(0);
  expect(err).toContain("cannot be undone");
  expect(out).toContain("the key fits; no file was written");
  expect(out).toContain("2. espefuse --chip esp32s3 --port PORT burn-key BLOCK_KEY3 KEY.bin HMAC_UP\n");
  expect(out).toContain("KEY_PURPOSE_3 is HMAC_UP R/-");
  expect(out + err).not.toContain(KEY);
});

test("--out writes 32 bytes that only their owner can read", async () => {
  const out = at("burn.bin");
  expect((await efuse(...S3, "--symmetric-key-file", at("short"), "--out", out)).status).toBe(0);
  expect(readFileSync(out)).toEqual(Buffer.concat([Buffer.alloc(16, 7), Buffer.alloc(16)]));
  if (process.platform !== "win32") expect(statSync(out).mode & 0o777).toBe(0o600);
  const again = await efuse(...S3, "--symmetric-key-file", at("key"), "--out", out);
  expect(again.status).toBe(2);
  expect(again.err).toContain("is there already");
  expect(readFileSync(out)[31]).toBe(0);
});

test("the key of a group's device is derived", async () => {
  const words = ["--group-key-file", at("long"), "--registration-id", "dev-1", "--out", at("burn.bin")];
  expect((await efuse(...S3, ...words)).status).toBe(0);
  const derived = createHmac("sha256", Buffer.from(LONG_KEY, "base64")).update("dev-1").digest();
  expect(readFileSync(at("burn.bin"))).toEqual(derived);
});

test("--json gives the steps as events", async () => {
  process.env.BERTH_SYMMETRIC_KEY = KEY;
  const { out } = await efuse(...S3, "--json");
  const events = eventsOf(out);
  expect(events.map(({ event }) => event)).toEqual(["warning", "efuse", "step", "step", "step"]);
  expect(events[1]).toEqual({ event: "efuse", chip: "esp32s3", block: 3, checked: true });
  expect(events[3]).toMatchObject({
    command: expect.stringContaining("burn-key BLOCK_KEY3 KEY.bin HMAC_UP"),
  });
  expect(out).not.toContain(KEY);
});

test("without a key the steps are printed, and it says that none was checked", async () => {
  const { status, out } = await efuse("--chip", "esp32c3", "--block", "0");
  expect(status).toBe(0);
  expect(out).toContain("no key was given, so none was checked");
  expect(out).toContain("BLOCK_KEY0");
});

test.each<[string, (file: (name: string) => string) => string[], string]>([
  ["the original ESP32", () => ["--chip", "esp32", "--block", "0"], "the ESP32 has no HMAC peripheral"],
  ["another chip", () => ["--chip", "esp8266", "--block", "0"], "is not one of esp32s2"],
  ["another block", () => ["--chip", "esp32s3", "--block", "6"], "0 to 5"],
  [
    "a key of 64 bytes",
    (file) => [...S3, "--symmetric-key-file", file("long")],
    "has 64 bytes, a KEY block takes 32",
  ],
  ["a key that is none", () => [...S3, "--symmetric-key", "x"], "not base64"],
  ["a missing file", (file) => [...S3, "--symmetric-key-file", file("none")], "--symmetric-key-file: "],
  [
    "a group's missing file",
    (file) => [...S3, "--group-key-file", file("none"), "--registration-id", "d"],
    "--group-key-file: ",
  ],
  ["--out without a key", (file) => [...S3, "--out", file("burn.bin")], "--out needs a key"],
  [
    "--out in no directory",
    (file) => [...S3, "--symmetric-key-file", file("key"), "--out", file("none/burn.bin")],
    "none/burn.bin: no such file or directory; correct the name, or make its directory",
  ],
  [
    "two keys",
    (file) => [...S3, "--symmetric-key", KEY, "--group-key-file", file("long"), "--registration-id", "d"],
    "give one of them",
  ],
  [
    "a group without its device",
    (file) => [...S3, "--group-key-file", file("long")],
    "needs --registration-id",
  ],
  ["a device without its group", () => [...S3, "--registration-id", "d"], "goes with --group-key-file"],
])("%s is refused", async (_name, words, message) => {
  const { status, out, err } = await efuse(...words(at));
  expect({ status, out }).toEqual({ status: 2, out: "" });
  expect(err).toContain(message);
  expect(err).not.toContain(LONG_KEY);
  expect(existsSync(at("burn.bin"))).toBe(false);
});

test("what is no symmetric key is told by what it is", async () => {
  writeFileSync(at("group.json"), '{"symmetricKey":null}');
  writeFileSync(at("x.pem"), "-----BEGIN EC PRIVATE KEY-----\n");
  const json = await efuse(...S3, "--symmetric-key-file", at("group.json"));
  expect(json).toMatchObject({ status: 2, err: expect.stringContaining("is JSON, an enrollment perhaps") });
  const pem = await efuse(...S3, "--group-key-file", at("x.pem"), "--registration-id", "d");
  expect(pem).toMatchObject({
    status: 2,
    err: expect.stringContaining("is PEM, which proves a device by x.509"),
  });
});
