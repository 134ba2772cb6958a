// SPDX-License-Identifier: MIT
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { overlayOf } from "../../../../../hosts/moddable/scripts/qemu/overlay";

test("an app gets what QEMU lacks behind its own manifest, and is written only when something has changed", () => {
  const project = mkdtempSync(join(tmpdir(), "berth-overlay-"));
  const sdkconfig = join(project, "hosts", "moddable", "qemu", "sdkconfig");
  mkdirSync(sdkconfig, { recursive: true });
  writeFileSync(join(sdkconfig, "sdkconfig.defaults"), "CONFIG_ETH_USE_OPENETH=y\n");
  mkdirSync(join(project, "app"));
  const own = join(project, "app", "manifest.json");
  writeFileSync(own, "{}");
  const directory = overlayOf(project, "app");
  const file = join(directory, "manifest.json");
  expect(JSON.parse(readFileSync(file, "utf8")).include).toEqual([
    own,
    join(project, "hosts", "moddable", "qemu", "manifest.json"),
  ]);
  expect(readFileSync(join(directory, "sdkconfig", "sdkconfig.defaults"), "utf8")).toMatch(/OPENETH/);
  utimesSync(file, 1, 1);
  expect(overlayOf(project, join(project, "app"))).toBe(directory);
  expect(statSync(file).mtimeMs).toBe(1000);
  writeFileSync(own, '{ "config": {} }');
  overlayOf(project, "app");
  expect(statSync(file).mtimeMs).toBeGreaterThan(1000);
  rmSync(project, { recursive: true });
});
