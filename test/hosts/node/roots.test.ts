// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { loadRoots } from "../../../hosts/node/roots";
import { issue } from "./tls-server";

let directory: string;
let good: string;
let expired: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  good = join(directory, "good.pem");
  expired = join(directory, "expired.pem");
  const first = await issue({ subject: "Good Root" });
  const second = await issue({ subject: "Second Root" });
  writeFileSync(good, `# two roots\n${first.certificatePem}\ntext between\n${second.certificatePem}`);
  writeFileSync(expired, (await issue({ subject: "Expired Root", from: -100, to: -1 })).certificatePem);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const names = (roots: readonly string[]): string[] =>
  roots.map((pem) => new X509Certificate(pem).subject.split("\n").pop() ?? "");

const IN_2024 = Date.parse("2024-01-01T00:00:00Z");
const IN_2026 = Date.parse("2026-01-01T00:00:00Z");

test("the default roots are Azure's, all three while they are valid", () => {
  const log: string[] = [];
  expect(names(loadRoots({ now: IN_2024, log: (line) => log.push(line) }))).toEqual([
    "CN=DigiCert Global Root G2",
    "CN=Microsoft RSA Root Certificate Authority 2017",
    "CN=Baltimore CyberTrust Root",
  ]);
  expect(log).toEqual([]);
});

test("the expired Baltimore root is skipped with one line", () => {
  const log: string[] = [];
  expect(names(loadRoots({ now: IN_2026, log: (line) => log.push(line) }))).toEqual([
    "CN=DigiCert Global Root G2",
    "CN=Microsoft RSA Root Certificate Authority 2017",
  ]);
  expect(log).toEqual(["root skipped, expired on 2025-05-12: CN=Baltimore CyberTrust Root"]);
});

test("private roots replace the default ones, or are added to them", () => {
  expect(names(loadRoots({ replace: [good] }))).toEqual(["CN=Good Root", "CN=Second Root"]);
  expect(names(loadRoots({ now: Date.now(), add: [good] })).slice(-2)).toEqual([
    "CN=Good Root",
    "CN=Second Root",
  ]);
  expect(loadRoots({ add: [good] }).length).toBeGreaterThan(3);
});

test("a root out of its time is skipped, but the last one stays for the handshake to judge", () => {
  const log: string[] = [];
  expect(names(loadRoots({ replace: [good, expired], log: (line) => log.push(line) }))).toHaveLength(2);
  expect(log).toHaveLength(1);
  expect(names(loadRoots({ replace: [expired] }))).toEqual(["CN=Expired Root"]);
});

test.each<[string, string | undefined, string]>([
  ["missing", undefined, "ENOENT"],
  ["empty", "", "holds no X.509 certificate"],
  ["no-pem", "hello", "holds no X.509 certificate"],
  ["broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 of"],
])("a file that is %s is refused by name", (name, content, message) => {
  const file = join(directory, `${name}.pem`);
  if (content !== undefined) writeFileSync(file, content);
  const refusal = () => loadRoots({ add: [file] });
  expect(refusal).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(refusal).toThrow(message);
  expect(refusal).toThrow(`${name}.pem`);
});
