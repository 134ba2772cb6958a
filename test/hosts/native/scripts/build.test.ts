// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nativeDirectory } from "../../../../hosts/native/scripts/build";
import { findMbedtls } from "../../../../hosts/native/scripts/mbedtls";

const SOURCES = fileURLToPath(new URL("../../../../hosts/native", import.meta.url));

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("each mbedTLS has a directory of its own", () => {
  const places: [string, string][] = [
    ["2.28.3", ""],
    ["3.6.4", ""],
    ["3.6.4", "/opt/a-b"],
    ["3.6.4", "/opt/a/b"],
    ["3.6.5", "/opt/a/b"],
  ];
  const names = places.map(([version, prefix]) => nativeDirectory(version, prefix));
  expect(new Set(names).size).toBe(names.length);
  // A path that make and a shell take as it is.
  for (const name of names) expect(name).toMatch(/^native-[\w.-]+$/);
});

const system = findMbedtls("");

(system ? test : test.skip)("an object is made anew after a change of mbedTLS's headers", () => {
  const headers = spawnSync("cc", ["-E", "-x", "c", "-", ...(system?.compilerFlags ?? [])], {
    input: "#include <mbedtls/ssl.h>\n",
    encoding: "utf8",
  });
  const ssl = /"([^"]+\/include)\/mbedtls\/ssl\.h"/.exec(headers.stdout)?.[1] ?? "";
  const prefix = join(directory, "mbedtls");
  for (const name of ["mbedtls", "psa"])
    cpSync(join(ssl, name), join(prefix, "include", name), { recursive: true });
  const object = join(directory, "build", "tls", "berth_tls_client.o");
  const make = () => {
    const words = ["-C", SOURCES, `BUILD=${join(directory, "build")}`, `MBEDTLS=${prefix}`, object];
    const { status, stdout } = spawnSync("make", words, { encoding: "utf8" });
    expect(status).toBe(0);
    return stdout.includes("# cc tls/berth_tls_client.c");
  };
  expect(make()).toBe(true);
  expect(make()).toBe(false);
  const header = join(prefix, "include", "mbedtls", "ssl.h");
  const later = statSync(object).mtimeMs / 1000 + 10;
  utimesSync(header, later, later);
  expect(make()).toBe(true);
});
