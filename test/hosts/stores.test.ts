// SPDX-License-Identifier: MIT
/** One contract for all stores, those of tests too. On the SDK itself it is part of `npm run test:moddable`. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { build } from "esbuild";
import { type Preferences, PreferenceStore, type PreferenceValue } from "../../hosts/moddable/store";
import { FileStore } from "../../hosts/node/store";
import type { Store } from "../../src/host";
import { native, withNative } from "../helpers/native";
import { BlindStore, TEARINGS, TornStore } from "../helpers/torn-store";
import { MemoryStore } from "../../simulator/virtual-host";
import { storeContract } from "../on-device/store-contract";

const base = mkdtempSync(join(tmpdir(), "berth-stores-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** `preference` without a computer under it: each read gives bytes of its own, as flash does. */
function preferences(): Preferences {
  const values = new Map<string, PreferenceValue>();
  return {
    get(domain, key) {
      const value = values.get(`${domain} ${key}`);
      return value instanceof ArrayBuffer ? value.slice(0) : value;
    },
    set: (domain, key, value) => void values.set(`${domain} ${key}`, value),
    delete: (domain, key) => void values.delete(`${domain} ${key}`),
  };
}

const STORES: [string, () => Store][] = [
  ["of Node", () => new FileStore(join(base, "node"))],
  ["of Moddable", () => new PreferenceStore(preferences(), "berth")],
  ["in memory", () => new MemoryStore()],
  ...TEARINGS.map(([name, tearing]): [string, () => Store] => [
    name,
    () => new TornStore(new Map(), tearing),
  ]),
  ["that is blind for one key", () => new BlindStore(new MemoryStore(), ["blind"], false)],
];

describe.each(STORES)("the store %s", (_name, make) => {
  test.each(storeContract(make()))("$name", ({ run }) => run());
});

test("none of Node's files leaves the directory", () => {
  expect(readdirSync(base)).toEqual(["node"]);
  expect(readdirSync(join(base, "node"))).toEqual([]);
});

withNative("the store of berth-native", async () => {
  const script = join(base, "contract.js");
  await build({
    entryPoints: ["test/hosts/native/inside/store-contract.ts"],
    bundle: true,
    format: "iife",
    target: "es2022",
    outfile: script,
    logLevel: "silent",
  });
  const directory = join(base, "native");
  const { status, stdout, stderr } = spawnSync(native?.host ?? "", [script], {
    input: `${directory}\n`,
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.trim().split("\n")).toEqual(
    storeContract(new MemoryStore()).map(({ name }) => `${name}: ok`),
  );
  expect(readdirSync(directory)).toEqual([]);
});
