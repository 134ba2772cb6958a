// SPDX-License-Identifier: MIT

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { checkImports } from "../../scripts/check-imports.js";

const project = fileURLToPath(new URL("../..", import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-imports-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(path: string, source: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), source);
}

function violationsOf(path: string, source: string): string[] {
  plant(path, source);
  return checkImports(root);
}

test("the project itself has no violation", () => {
  expect(checkImports(project)).toEqual([]);
});

test.each<[string, string]>([
  ["src/mqtt/a.ts", 'import { x } from "mqtt-packet";'],
  ["src/mqtt/a.ts", 'import type { X } from "node:net";'],
  ["src/mqtt/a.ts", 'import Timer from "timer";'],
  ["src/mqtt/a.ts", 'import "../../hosts/node/clock";'],
  ["src/mqtt/a.ts", 'export * from "../azure/dps";'],
  ["src/mqtt/a.ts", 'export { x } from "../agent/agent";'],
  ["src/storage/a.ts", 'import { x } from "../mqtt/session";'],
  ["src/azure/a.ts", 'import { x } from "../agent/agent";'],
  ["src/error.ts", 'import { x } from "./mqtt/session";'],
  ["src/agent/a.ts", 'import { x } from "../../emulator/emulator";'],
  ["src/agent/a.ts", 'export const load = () => import("node:fs");'],
  ["src/agent/a.ts", "export const load = (name: string) => import(name);"],
  ["src/agent/a.ts", 'export type X = import("node:fs").Stats;'],
  ["src/agent/a.ts", 'import fs = require("fs"); export { fs };'],
  ["hosts/node/a.ts", 'import { x } from "../moddable/clock";'],
  ["hosts/node/a.ts", 'import { x } from "../../emulator/emulator";'],
  ["hosts/node/a.ts", 'import { x } from "../../cli/main";'],
  ["hosts/node/a.ts", 'import { x } from "aedes";'],
  ["hosts/moddable/a.ts", 'import { x } from "node:fs";'],
  ["hosts/xs/a.ts", 'import { x } from "../node/clock";'],
  ["firmware/a.ts", 'import { x } from "../hosts/node/clock";'],
  ["emulator/a.ts", 'import { x } from "../src/azure/sas";'],
  ["emulator/dps/a.ts", 'import { x } from "../../hosts/node/clock";'],
  ["simulator/a.ts", 'import { x } from "../src/azure/dps";'],
  ["simulator/a.ts", 'import { x } from "../emulator/emulator";'],
  ["cli/a.ts", 'import { x } from "../hosts/moddable/clock";'],
  ["cli/a.js", 'import { x } from "../test/helper.js";'],
])("%s with %s is refused", (path, source) => {
  const found = violationsOf(path, `// SPDX\n/* ä */\n\n${source}\n`);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${path.replace(".", "\\.")}:4 imports `));
});

test.each<[string, string]>([
  ["src/agent/a.ts", 'import { x } from "../azure/dps"; import type { H } from "../host";'],
  ["src/azure/a.ts", 'import { x } from "./percent"; import { y } from "../mqtt/packets";'],
  ["src/mqtt/a.ts", 'import { BerthError } from "../error"; import { x } from "./packets";'],
  ["src/host.ts", 'import type { E } from "./error";'],
  [
    "hosts/node/a.ts",
    'import { x } from "node:tls"; import { y } from "../../src/host"; import { z } from "./b";',
  ],
  ["hosts/moddable/a.ts", 'import Timer from "timer"; import { y } from "../../src/host";'],
  ["firmware/a.ts", 'import { y } from "../hosts/moddable/host"; import { z } from "../src/agent/agent";'],
  ["emulator/a.ts", 'import aedes from "aedes"; import { x } from "./dps/endpoint";'],
  ["emulator/a.ts", "export const load = (name: string) => import(name);"],
  [
    "cli/a.ts",
    'import { x } from "../hosts/node/host"; import { y } from "../emulator"; import { z } from "../src/error";',
  ],
  ["test/a.ts", 'import { x } from "../emulator/emulator";'],
])("%s with %s is fine", (path, source) => {
  expect(violationsOf(path, source)).toEqual([]);
});

test.each<[string, string]>([
  ["setTimeout", "setTimeout(() => 0, 1);"],
  ["Buffer", "export const b = Buffer.from([]);"],
  ["TextEncoder", "export const e = new TextEncoder();"],
  ["URL", 'export const u = new URL("x:y");'],
  ["crypto", "export const c = crypto.subtle;"],
  ["process", "export const e = process.env;"],
  ["console", 'console.log("x");'],
  ["performance", "export const t = performance.now();"],
  ["globalThis", "export const g = globalThis;"],
  ["trace", 'trace("x");'],
  ["fetch", "export const f = { fetch };"],
  ["structuredClone", "export const c = (x: object) => structuredClone(x as never);"],
  ["process", "export class A { [process.pid] = 1; }"],
  ["Buffer", "export const f = ({ a = Buffer }) => a;"],
])("the global %s in src/ is refused: %s", (name, source) => {
  expect(violationsOf("src/agent/a.ts", `\n${source}\n`)).toEqual([
    `src/agent/a.ts:2 uses the global ${name}, which is no ECMAScript 2024`,
  ]);
});

test.each<[string, string]>([
  ["uses Date.now; take it from the host", "export const t = Date.now();"],
  ["uses Date.now; take it from the host", 'export const t = Date["now"]();'],
  ["uses Math.random; take it from the host", "export const r = Math.random;"],
  ["uses Date without a time; take the time from the host's clock", "export const d = new Date();"],
  ["uses Date without a time; take the time from the host's clock", "export const d = Date;"],
  ["uses import.meta; the core has no host", "export const m = import.meta;"],
])("%s: %s", (what, source) => {
  expect(violationsOf("src/a.ts", source)).toEqual([`src/a.ts:1 ${what}`]);
});

test("names that only look like globals are fine in src/", () => {
  const source = `
    // Buffer, process and Date.now() in a comment
    export interface Url { process: string; Buffer?: Uint8Array }
    export const text = "process.env Date.now()";
    export class Holder {
      process = 1;
      crypto(): number { return this.process; }
      get console(): number { return 2; }
    }
    export function use(performance: number, { fetch, URL = 3, a: { trace } }: never, ...[window]: number[]) {
      label: for (;;) break label;
      return { performance, fetch, trace, process: URL, window };
    }
    export const when = new Date(0).toISOString() + Date.UTC(2024, 0) + Math.floor(1.5);
    export const fail = (error: unknown): string => { try { throw error; } catch (caught) { return String(caught); } };
  `;
  expect(violationsOf("src/a.ts", source)).toEqual([]);
});

test("globals outside src/ are not its business", () => {
  expect(violationsOf("hosts/node/a.ts", "setTimeout(() => Date.now(), Math.random());")).toEqual([]);
});

test("as a command it prints the violations and fails, or says that all is well", () => {
  const run = () =>
    spawnSync(process.execPath, [join(project, "scripts/check-imports.js"), root], { encoding: "utf8" });
  plant("src/a.ts", "export const fine = 1;");
  expect(run()).toMatchObject({ status: 0, stdout: "imports: all point down\n", stderr: "" });
  plant("src/b.ts", 'import "node:fs";');
  expect(run()).toMatchObject({
    status: 1,
    stdout: "imports: 1 violations\n",
    stderr: 'src/b.ts:1 imports "node:fs", which src/ may not\n',
  });
});
