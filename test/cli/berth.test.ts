// SPDX-License-Identifier: MIT
/** The start of the command: it has to run on any Node.js far enough to say that it is too old. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const BERTH = fileURLToPath(new URL("../../cli/berth.js", import.meta.url));

/** `berth --version` where Node.js says that it is `version`. */
function startOn(version: string) {
  const pretend = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
  return spawnSync(process.execPath, ["--import", pretend, BERTH, "--version"], { encoding: "utf8" });
}

test.each(["18.20.8", "20.18.3", "12.22.12"])("Node.js %s: one line, no stack", (version) => {
  const { status, stdout, stderr } = startOn(version);
  expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  expect(stderr).toBe(`berth: Node.js ${version} is too old; take 20.19 or later from https://nodejs.org\n`);
});

test("Node.js 20.19 is the version of package.json, and is taken", () => {
  const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(engines.node).toBe(">=20.19");
  expect(startOn("20.19.0")).toMatchObject({ status: 0, stderr: "" });
});

test("nothing is loaded before the version is known: an import would fail first", () => {
  expect(readFileSync(BERTH, "utf8")).not.toMatch(/^(import|export|const .*await) /m);
});
