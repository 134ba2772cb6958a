// SPDX-License-Identifier: MIT
/** The firmware of a release, as far as it can be judged without the SDK. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseSync } from "@swc/core";
import { bundleApp, LOADED_BY_NAME } from "../../../../hosts/moddable/scripts/bundle";
import { SDK_MODULES } from "../../../../hosts/moddable/scripts/check-manifests";

const PROJECT = fileURLToPath(new URL("../../../..", import.meta.url));

interface Bundle {
  /** Files by specifier. */
  readonly modules: Readonly<Record<string, string>>;
  readonly preload: readonly string[];
  readonly include: string;
  readonly texts: Readonly<Record<string, string>>;
}

let directory: string;
let firmware: Bundle;
let full: Bundle;

async function bundle(name: string, manifest: string): Promise<Bundle> {
  const file = await bundleApp(PROJECT, manifest, "esp32", join(directory, name));
  const { modules, preload, include } = JSON.parse(readFileSync(file, "utf8"));
  const { "~": _, ...named } = modules;
  const texts = Object.entries(named).map(([specifier, path]) => [
    specifier,
    readFileSync(join(directory, name, `${path}.js`), "utf8"),
  ]);
  return { modules: named, preload, include, texts: Object.fromEntries(texts) };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "berth-bundle-"));
  firmware = await bundle("firmware", join(PROJECT, "firmware", "manifest.json"));
  const site = join(directory, "site");
  mkdirSync(site);
  const names = ["firmware/manifest.json", "manifest_certificates.json", "manifest_outbox.json"];
  const include = names.map((name) => join(PROJECT, name));
  writeFileSync(join(site, "manifest.json"), JSON.stringify({ include }));
  full = await bundle("full", join(site, "manifest.json"));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

function importsOf(text: string): string[] {
  return [...text.matchAll(/ from "([^"]+)";$/gm)].map((match) => match[1] ?? "");
}

describe("the firmware of a release", () => {
  test("is main, which is not preloaded, and what it starts", () => {
    expect(Object.keys(firmware.modules)).toEqual(
      expect.arrayContaining(["berth/firmware/main", "berth/firmware/start"]),
    );
    expect(Object.keys(firmware.modules).length).toBeLessThan(4);
    expect(firmware.preload).not.toContain("berth/firmware/main");
    expect([...firmware.preload, "berth/firmware/main"].sort()).toEqual(Object.keys(firmware.modules).sort());
    expect(readdirSync(join(directory, "firmware")).length).toBe(Object.keys(firmware.modules).length + 1);
    expect(firmware.texts["berth/firmware/main"]).toMatch(/as default/);
  });

  test("with what a site adds, has those modules by the names by which the device loads them", () => {
    expect(Object.keys(full.modules)).toEqual(expect.arrayContaining(LOADED_BY_NAME));
    expect(full.preload).toEqual(expect.arrayContaining(LOADED_BY_NAME));
    expect(Object.keys(firmware.modules)).not.toContain(LOADED_BY_NAME[0]);
  });

  test("all that the device loads by name is among them", () => {
    const host = readFileSync(join(PROJECT, "hosts/moddable/host.ts"), "utf8");
    const lines = host.split("\n").filter((line) => !line.startsWith("import "));
    const ours = lines.flatMap((line) => /"(berth\/[^"]+)"/.exec(line)?.[1] ?? []);
    expect([...new Set(ours)].sort()).toEqual([...LOADED_BY_NAME].sort());
  });

  test("imports what is there: its own modules, those of the SDK, and the natives", () => {
    for (const { modules, texts } of [firmware, full]) {
      const known = [...Object.keys(modules), ...Object.keys(SDK_MODULES)];
      const imported = [...new Set(Object.values(texts).flatMap(importsOf))];
      expect(imported.length).toBeGreaterThan(5);
      for (const name of imported.filter((name) => !name.startsWith("berth/natives/")))
        expect(known).toContain(name);
    }
  });

  test("keeps nothing in RAM that cannot change, and no private names", () => {
    for (const text of [firmware, full].flatMap(({ texts }) => Object.values(texts))) {
      expect(text).not.toMatch(/^(?:var|let) /m);
      expect(text).not.toMatch(/[.{;\s]#[\w$]+\s*[=(;]/);
    }
  });
});

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Kinds of nodes, names of properties that are called, and what is made with `new`. */
function usesOf(text: string): Set<string> {
  const uses = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    const node = value as Node;
    uses.add(node.type);
    if (node.async === true || node.isAsync === true) uses.add("async");
    if (node.generator === true || node.isGenerator === true) uses.add("generator");
    const { property } = (node.type === "MemberExpression" ? node : {}) as { property?: Node };
    if (property?.type === "Identifier") uses.add(`.${property.value}`);
    const callee = node.type === "NewExpression" ? (node.callee as Node) : undefined;
    if (callee?.type === "Identifier") uses.add(`new ${callee.value}`);
    Object.values(node).forEach(visit);
  };
  visit(parseSync(text, { syntax: "ecmascript", target: "es2022" }));
  return uses;
}

/** XS leaves a built-in out of an image in which nobody says its name: what each of these would bring, in bytes on ESP32-C3. */
const COSTLY = {
  "regular expressions, 21 KB": ["RegExpLiteral", "new RegExp", ".match", ".matchAll", ".search"],
  "Unicode, 12 KB": [
    ".toLowerCase",
    ".toUpperCase",
    ".toLocaleLowerCase",
    ".toLocaleUpperCase",
    ".normalize",
  ],
  "maps and sets, 6 KB": ["new Map", "new Set", "new WeakMap", "new WeakSet"],
  "promises, generators": ["async", "generator", "AwaitExpression", "YieldExpression", "new Promise"],
  "big integers": ["BigIntLiteral"],
  "splice, 2 KB": [".splice"],
  proxies: ["new Proxy"],
};

test.each(Object.entries(COSTLY))("the firmware does without %s", (_, names) => {
  const uses = new Set(Object.values(firmware.texts).flatMap((text) => [...usesOf(text)]));
  expect(uses.has("ClassExpression")).toBe(true);
  for (const name of names) expect([...uses]).not.toContain(name);
});

test.each([
  ["/a/.test(x)", "RegExpLiteral"],
  ["x.toLowerCase()", ".toLowerCase"],
  ["new Map()", "new Map"],
  ["async () => 1", "async"],
  ["function* a() { yield 1; }", "generator"],
  ["1n", "BigIntLiteral"],
])("%s would be seen", (code, use) => {
  expect([...usesOf(code)]).toContain(use);
});
