// SPDX-License-Identifier: MIT
/** What `src/` must not use, refused by the compiler or by scripts/check-purity.ts. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { checkPurity } from "../../scripts/check-purity";

const project = fileURLToPath(new URL("../..", import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "berth-purity-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function plant(path: string, source: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), source);
}

test("the project itself has no violation", () => {
  expect(checkPurity(project)).toEqual([]);
});

const GLOBALS: [string, string][] = [
  ["setTimeout", "setTimeout(() => 0, 1);"],
  ["Buffer", "export const b = Buffer.from([]);"],
  ["TextEncoder", "export const e = new TextEncoder();"],
  ["URL", 'export const u = new URL("x:y");'],
  ["crypto", "export const c = crypto.subtle;"],
  ["process", "export const e = process.env;"],
  ["console", 'console.log("x");'],
  ["performance", "export const t = performance.now();"],
  ["trace", 'trace("x");'],
  ["fetch", "export const f = { fetch };"],
  ["structuredClone", "export const c = (x: object) => structuredClone(x as never);"],
  ["process", "export class A { [process.pid] = 1; }"],
  ["Buffer", "export const f = ({ a = Buffer }) => a;"],
];

test("no global of a host is known to the compiler of src/", () => {
  for (const file of ["tsconfig.base.json", "src/tsconfig.json"]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    copyFileSync(join(project, file), join(root, file));
  }
  for (const [i, [, source]] of GLOBALS.entries()) plant(`src/g${i}.ts`, `${source}\nexport {};\n`);
  const tsc = join(project, "node_modules", "typescript", "bin", "tsc");
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", "src"], { cwd: root, encoding: "utf8" });
  for (const [i, [name]] of GLOBALS.entries()) {
    expect(stdout).toMatch(new RegExp(`^src/g${i}\\.ts\\(1,\\d+\\): error .*'${name}'`, "m"));
  }
});

test.each<[string, string]>([
  ["uses Date.now; take it from the host", "export const t = Date.now();"],
  ["uses Date.now; take it from the host", 'export const t = Date["now"]();'],
  ["uses Math.random; take it from the host", "export const r = Math.random;"],
  ["uses Date without a time; take the time from the host's clock", "export const d = new Date();"],
  ["uses Date without a time; take the time from the host's clock", "export const d = Date;"],
  ["uses import.meta; the core has no host", "export const m = import.meta;"],
  ["uses globalThis; the core has no host", "export const g = globalThis;"],
  ["uses eval; the core has no host", 'export const e = eval("1");'],
  ["uses Intl; the core has no host", "export const i = new Intl.NumberFormat();"],
  [
    "imports what an expression names; name it in the import",
    "export const load = (name: string) => import(name);",
  ],
  ["names a module inside a type; import it at the top", 'export type X = import("node:fs").Stats;'],
])("%s: %s", (what, source) => {
  plant("src/agent/a.ts", source);
  expect(checkPurity(root)).toEqual([`src/agent/a.ts ${what}`]);
});

test("names that only look like globals are fine in src/", () => {
  plant(
    "src/a.ts",
    `
    // Buffer, process and Date.now() in a comment
    export interface Url { process: string; eval?: Uint8Array; when: Date }
    export const text = "process.env Date.now()";
    export class Holder {
      Intl = 1;
      eval(): number { return this.Intl; }
    }
    export const when = new Date(0).toISOString() + Date.UTC(2024, 0) + Math.floor(1.5);
  `,
  );
  expect(checkPurity(root)).toEqual([]);
});

test("globals outside src/ are not its business; an import that only the emulator and the starter may do is", () => {
  plant("hosts/node/a.ts", "setTimeout(() => Date.now(), Math.random());");
  plant("emulator/a.ts", "export const load = (name: string) => import(name);");
  plant("cli/berth.js", "await import(new URL('../dist/command.js', import.meta.url).href);");
  expect(checkPurity(root)).toEqual([]);
  plant("cli/a.ts", "export const load = (name: string) => import(name);");
  expect(checkPurity(root)).toHaveLength(1);
});

test("as a command it prints the violations and fails", () => {
  const run = () =>
    spawnSync(process.execPath, ["--import", "tsx", join(project, "scripts/check-purity.ts"), root], {
      encoding: "utf8",
    });
  plant("src/a.ts", "export const fine = 1;");
  expect(run()).toMatchObject({ status: 0, stderr: "" });
  plant("src/b.ts", "export const t = Date.now();");
  expect(run()).toMatchObject({ status: 1, stderr: "src/b.ts uses Date.now; take it from the host\n" });
});
