// SPDX-License-Identifier: MIT
/** The rules of .dependency-cruiser.js, on files that break them and files that do not. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "@jest/globals";

const project = fileURLToPath(new URL("../..", import.meta.url));

const REFUSED: [string, string][] = [
  ["src/mqtt", 'import { x } from "mqtt-packet";'],
  ["src/mqtt", 'import type { X } from "node:net";'],
  ["src/mqtt", 'import Timer from "timer";'],
  ["src/mqtt", 'import "../../hosts/node/clock";'],
  ["src/mqtt", 'export * from "../azure/dps";'],
  ["src/mqtt", 'export { x } from "../agent/agent";'],
  ["src/storage", 'import { x } from "../mqtt/session";'],
  ["src/azure", 'import { x } from "../agent/agent";'],
  ["src", 'import { x } from "./mqtt/session";'],
  ["src/agent", 'import { x } from "../../emulator/emulator";'],
  ["src/agent", 'export const load = () => import("node:fs");'],
  ["src/agent", 'import fs = require("fs"); export { fs };'],
  ["hosts/node", 'import { x } from "../moddable/clock";'],
  ["hosts/node", 'import { x } from "../../emulator/emulator";'],
  ["hosts/node", 'import { x } from "../../cli/main";'],
  ["hosts/node", 'import { x } from "aedes";'],
  ["hosts/moddable", 'import { x } from "node:fs";'],
  ["hosts/moddable", 'import { x } from "./scripts/main";'],
  ["hosts/native", 'import { x } from "node:fs";'],
  ["hosts/xs", 'import { x } from "../node/clock";'],
  ["firmware", 'import { x } from "../hosts/node/clock";'],
  ["firmware", 'import { x } from "aedes";'],
  ["examples/telemetry", 'import { x } from "../../src/error";'],
  ["examples/telemetry", 'import { x } from "node:fs";'],
  ["examples/telemetry", 'import { x } from "berth/src/error";'],
  ["examples", 'import { x } from "../src/error";'],
  ["emulator", 'import { x } from "../src/azure/sas";'],
  ["emulator/dps", 'import { x } from "../../hosts/node/clock";'],
  ["simulator", 'import { x } from "../src/azure/dps";'],
  ["simulator", 'import { x } from "../emulator/emulator";'],
  ["cli", 'import { x } from "../hosts/moddable/clock";'],
  ["cli", 'import { x } from "../test/helper.js";'],
  ["factory", 'import { x } from "../emulator/emulator";'],
  ["scripts", 'import { x } from "../src/error";'],
];
const FINE: [string, string][] = [
  ["src/agent", 'import { x } from "../azure/dps"; import type { H } from "../host";'],
  ["src/azure", 'import { x } from "./percent"; import { y } from "../mqtt/packets";'],
  ["src/mqtt", 'import { BerthError } from "../error"; import { x } from "./packets";'],
  ["src", 'import type { E } from "./error";'],
  [
    "hosts/node",
    'import { x } from "node:tls"; import { y } from "../../src/host"; import { z } from "./clock";',
  ],
  ["hosts/moddable", 'import Timer from "timer"; import Net from "net"; import { y } from "../../src/host";'],
  ["hosts/native", 'import { Hmac } from "berth/natives/hmac"; import { x } from "../sockets/tcp";'],
  ["hosts/native/scripts", 'import { x } from "esbuild"; import { y } from "../../../scripts/build-lock";'],
  ["firmware", 'import { y } from "../hosts/moddable/clock"; import { z } from "../src/agent/agent";'],
  ["examples/telemetry", 'import Device, { log } from "berth"; import { light } from "berth/board";'],
  ["emulator", 'import * as v from "valibot"; import { x } from "./emulator";'],
  [
    "cli",
    'import { x } from "../hosts/node/clock"; import { y } from "../emulator/emulator"; import { z } from "../src/error";',
  ],
  ["test", 'import { x } from "../emulator/emulator";'],
];
/** What is imported above. */
const TARGETS =
  `src/host src/error src/mqtt/session src/mqtt/packets src/azure/dps src/azure/sas src/azure/percent
  src/agent/agent hosts/node/clock hosts/moddable/clock hosts/moddable/scripts/main hosts/sockets/tcp emulator/emulator
  cli/main scripts/build-lock`.split(/\s+/);

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

let root: string;
let violations: readonly Violation[];

function cruise(directory: string): readonly Violation[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(project, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
      ...["--config", join(project, ".dependency-cruiser.js"), "--output-type", "json"],
      ...["src", "hosts", "firmware", "examples", "simulator", "emulator", "factory", "cli", "scripts"],
    ],
    { cwd: directory, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout).summary.violations;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "berth-imports-"));
  const plant = (path: string, source: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), source);
  };
  plant("node_modules/aedes/package.json", '{"name":"aedes","main":"index.js"}');
  plant("node_modules/aedes/index.js", "export default 1;\n");
  for (const target of TARGETS) plant(`${target}.ts`, "export const x = 1;\n");
  for (const [i, [folder, source]] of REFUSED.entries())
    plant(`${folder}/refused${i}.ts`, `/* ä */\n${source}\n`);
  for (const [i, [folder, source]] of FINE.entries()) plant(`${folder}/fine${i}.ts`, `/* ä */\n${source}\n`);
  plant("src/agent/round.ts", 'export * from "./about";\n');
  plant("src/agent/about.ts", 'export * from "./round";\n');
  violations = cruise(root);
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

test.each(REFUSED.map(([folder, source], i) => [folder, source, i] as const))(
  "%s with %s is refused",
  (folder, _source, i) => {
    const found = violations.filter(({ from }) => from === `${folder}/refused${i}.ts`);
    expect(found.map(({ rule: { name } }) => name)).toEqual([
      folder === "emulator/dps" ? "emulator" : folder,
    ]);
  },
);

test.each(FINE.map(([folder, source], i) => [folder, source, i] as const))(
  "%s with %s is fine",
  (folder, _source, i) => {
    expect(violations.filter(({ from }) => from === `${folder}/fine${i}.ts`)).toEqual([]);
  },
);

test("a circle is refused, and nothing else is", () => {
  const others = violations.filter(({ from }) => !from.includes("/refused"));
  expect(others.map(({ rule }) => rule.name)).toEqual(["no-circular"]);
});
