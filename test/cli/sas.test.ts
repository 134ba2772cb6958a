// SPDX-License-Identifier: MIT

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { berth } from "./command";

// Computed from the key that Azure publishes in "Symmetric key attestation", and again by a second implementation.
const GROUP_KEY = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
const KEY = "Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=";
const ID = "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6";
const DPS_TOKEN = `SharedAccessSignature sr=0ne00000000%2Fregistrations%2F${ID}&sig=gNjkn3R1j5N9USDokt3gtJVTEnXNk2KJLunM5qRuFN8%3D&se=1700003600&skn=registration`;
const HUB_TOKEN = `SharedAccessSignature sr=contoso.azure-devices.net%2Fdevices%2F${ID}&sig=VrKa1fKwDGGFvjBLZY5%2Ftv3ZMfgKiDPTpV%2B0qL5QxSU%3D&se=1700003600`;
const DPS = [
  "sas",
  "--resource",
  `0ne00000000/registrations/${ID}`,
  "--expiry",
  "1700003600",
  "--policy",
  "registration",
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => {
  delete process.env.BERTH_SYMMETRIC_KEY;
});

test("it prints exactly the token for DPS and for a hub", async () => {
  expect(await berth(...DPS, "--key", KEY)).toEqual({ status: 0, out: `${DPS_TOKEN}\n`, err: "" });
  const hub = [
    "sas",
    "--resource",
    `contoso.azure-devices.net/devices/${ID}`,
    "--expiry",
    "1700003600",
    "--key",
    KEY,
  ];
  expect(await berth(...hub)).toEqual({ status: 0, out: `${HUB_TOKEN}\n`, err: "" });
});

test("the key may come from a file or from the environment", async () => {
  const file = join(directory, "key");
  writeFileSync(file, `${KEY}\n`);
  expect((await berth(...DPS, "--key-file", file)).out).toBe(`${DPS_TOKEN}\n`);
  process.env.BERTH_SYMMETRIC_KEY = KEY;
  expect((await berth(...DPS)).out).toBe(`${DPS_TOKEN}\n`);
});

test("--json gives the token in an object", async () => {
  const { out } = await berth(...DPS, "--key", KEY, "--json");
  expect(JSON.parse(out)).toEqual({
    event: "sas",
    token: DPS_TOKEN,
    resource: `0ne00000000/registrations/${ID}`,
    expiry: 1700003600,
    policy: "registration",
  });
});

test("--ttl counts from now", async () => {
  const before = Math.floor(Date.now() / 1000);
  const { out } = await berth("sas", "--resource", "h/devices/d", "--key", KEY, "--ttl", "600");
  const after = Math.floor(Date.now() / 1000);
  const expiry = Number(/&se=(\d+)$/m.exec(out)?.[1]);
  expect(expiry).toBeGreaterThanOrEqual(before + 600);
  expect(expiry).toBeLessThanOrEqual(after + 600);
});

test("the singular of an old article is signed as asked, with a word on standard error", async () => {
  const { status, out, err } = await berth(
    "sas",
    "--resource",
    "0ne0/registration/d",
    "--key",
    KEY,
    "--expiry",
    "5",
  );
  expect(status).toBe(0);
  expect(out).toContain("sr=0ne0%2Fregistration%2Fd&");
  expect(err).toContain("SCOPE/registrations/ID");
});

test.each<[string, string[], string]>([
  ["no key", [], "BERTH_SYMMETRIC_KEY"],
  ["a key that is no base64", ["--key", "no key at all"], "not base64"],
  ["a missing key file", ["--key-file", "/nonexistent/key"], "--key-file: /nonexistent/key"],
  ["key and key file", ["--key", KEY, "--key-file", "x"], "twice"],
  ["expiry and ttl", ["--key", KEY, "--ttl", "5"], "--ttl"],
])("%s is a usage error that says what to do and shows no key", async (_what, words, message) => {
  const { status, out, err } = await berth(...DPS, ...words);
  expect({ status, out }).toEqual({ status: 2, out: "" });
  expect(err).toContain(message);
  expect(err).toContain("[invalid-argument]");
  expect(err).not.toContain(KEY);
});

test.each(["-1", "0", "1.5", "soon", ""])("the expiry %j is refused", async (expiry) => {
  const { status, err } = await berth("sas", "--resource", "r", "--key", KEY, `--expiry=${expiry}`);
  expect(status).toBe(2);
  expect(err).toContain("whole number");
});

test("identity derive prints exactly the key of Azure's example", async () => {
  const derived = await berth("identity", "derive", "--group-key", GROUP_KEY, "--registration-id", ID);
  expect(derived).toEqual({ status: 0, out: `${KEY}\n`, err: "" });
  const { out } = await berth(
    "identity",
    "derive",
    "--group-key",
    GROUP_KEY,
    "--registration-id",
    ID,
    "--json",
  );
  expect(JSON.parse(out)).toEqual({ event: "key", registrationId: ID, key: KEY });
});

test("identity derive refuses an id that DPS would refuse, and a missing key", async () => {
  const wrong = await berth("identity", "derive", "--group-key", GROUP_KEY, "--registration-id", "a b");
  expect(wrong).toMatchObject({ status: 2, out: "" });
  expect(wrong.err).toContain("registration id");
  const keyless = await berth("identity", "derive", "--registration-id", "a");
  expect(keyless).toMatchObject({ status: 2, out: "" });
  expect(keyless.err).toContain("--group-key-file");
  const missing = await berth(
    "identity",
    "derive",
    "--group-key-file",
    "/nonexistent/k",
    "--registration-id",
    "a",
  );
  expect(missing).toMatchObject({ status: 2, out: "" });
  expect(missing.err).toContain("--group-key-file: /nonexistent/k");
});
