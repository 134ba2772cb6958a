// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { fetchXsnap, installedXsnap, XSNAP } from "../../../../hosts/native/scripts/xsnap";

let directory: string;
let registry: Server | undefined;
let environment: NodeJS.ProcessEnv;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  // npm's own cache could answer.
  const cache = join(directory, "cache");
  environment = { ...process.env, npm_config_cache: cache, npm_config_fetch_retries: "0" };
});

afterEach(() => {
  registry?.close();
  registry = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** A registry whose package of that version holds `tarball`. */
async function serve(tarball: Buffer): Promise<void> {
  const server = createServer(({ url }, response) => {
    const base = environment.npm_config_registry;
    const { name, version } = XSNAP;
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const manifest = { name, version, dist: { tarball: `${base}package.tgz`, integrity } };
    response.end(
      url?.endsWith(".tgz")
        ? tarball
        : JSON.stringify({ name, "dist-tags": { latest: version }, versions: { [version]: manifest } }),
    );
  });
  registry = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  environment.npm_config_registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("it is the version of package-lock.json, by its hash", () => {
  const lock = JSON.parse(readFileSync(new URL("../../../../package-lock.json", import.meta.url), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${XSNAP.name}`];
  expect({ version, integrity }).toEqual({ version: XSNAP.version, integrity: XSNAP.integrity });
});

test("it is found where it is installed", () => {
  expect(installedXsnap(import.meta.url)).toMatch(/node_modules\/@agoric\/xsnap$/);
  writeFileSync(join(directory, "module.js"), "");
  expect(installedXsnap(pathToFileURL(join(directory, "module.js")).href)).toBeUndefined();
});

test("a registry that has another package of that version is not believed", async () => {
  await serve(Buffer.from("something else"));
  const lines: string[] = [];
  await expect(fetchXsnap(directory, (line) => lines.push(line), environment)).rejects.toThrow(
    "@agoric/xsnap@0.15.0 cannot be fetched: the registry has another package of that version; or run `npm i @agoric/xsnap@0.15.0 --ignore-scripts`",
  );
  expect(lines).toHaveLength(1);
  expect(readdirSync(directory).filter((name) => name.startsWith("xsnap"))).toEqual([]);
});

test("no registry: one line says what to do, and nothing is left behind", async () => {
  await serve(Buffer.alloc(0));
  await new Promise((resolve) => registry?.close(resolve));
  const failed = fetchXsnap(directory, () => {}, environment);
  await expect(failed).rejects.toThrow(/^@agoric\/xsnap@0\.15\.0 cannot be fetched: [^\n]+; or run `npm i /);
  expect(readdirSync(directory).filter((name) => name.startsWith("xsnap"))).toEqual([]);
});
