// SPDX-License-Identifier: MIT
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  checkManifests,
  importsOf,
  MODULE_MANIFESTS,
  writePreload,
} from "../../../../hosts/moddable/scripts/check-manifests";

const CORE = "hosts/moddable/manifest_core.json";

let project: string;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "berth-manifests-"));
  for (const part of [
    ...readdirSync(".").filter((name) => /^manifest.*\.json$/.test(name)),
    "src",
    "hosts/moddable",
    "hosts/native",
    "hosts/sockets",
    "firmware",
    "typings",
    "test/on-device",
  ]) {
    cpSync(part, join(project, part), { recursive: true });
  }
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

/** Changes a file of the copy and returns what the check says. */
function changed(file: string, change: (text: string) => string): string[] {
  const path = join(project, file);
  writeFileSync(path, change(readFileSync(path, "utf8")));
  return checkManifests(project);
}

/** Puts a file into the copy. */
function withFile(file: string, text: string): string[] {
  writeFileSync(join(project, file), text);
  return checkManifests(project);
}

function append(text: string): (before: string) => string {
  return (before) => `${before}\n${text}\n`;
}

describe("the manifests", () => {
  test("of this project are right", () => {
    expect(checkManifests()).toEqual([]);
  });

  test.each<[string, string, string | RegExp, string, string]>([
    ["a path that is not there", CORE, "../src/storage/*", "../src/sttorage/*", "matches no file"],
    [
      "an include that is not there",
      "firmware/manifest.json",
      "../hosts/moddable/manifest_core.json",
      "../hosts/moddable/manifesto.json",
      "is not there",
    ],
    ["a missing error for other platforms", CORE, '"error"', '"warning"', "no error for other platforms"],
    [
      "an option of ESP-IDF that mcconfig would pass over",
      "firmware/sdkconfig/sdkconfig.defaults",
      "CONFIG_MBEDTLS_CERTIFICATE_BUNDLE=n",
      "# CONFIG_MBEDTLS_CERTIFICATE_BUNDLE is not set",
      'is no CONFIG_NAME=value ("=n" is off)',
    ],
    ["weaker types", "firmware/manifest.json", '"strict": true', '"strict": false', "compilerOptions.strict"],
    ["a module that is not preloaded", CORE, '"berth/src/error",', "", "preload lacks berth/src/error"],
    [
      "a module that is not there",
      CORE,
      '    "berth/src/error"',
      '    "berth/src/terror"',
      "berth/src/terror",
    ],
    [
      "a JSON file that becomes a module",
      "firmware/manifest.json",
      '"./tsconfig"',
      '"./settings"',
      "is no TypeScript",
    ],
    [
      "an option of TypeScript that would hold for all of an app",
      CORE,
      '"skipLibCheck": true',
      '"skipLibCheck": true, "erasableSyntaxOnly": true',
      `${CORE}: imposes typescript.tsconfig.compilerOptions.erasableSyntaxOnly on apps`,
    ],
    [
      "a manifest that takes the network of an app",
      CORE,
      '"*": "$(MODULES)/io/common/builtinCommon",',
      '"~": "$(BUILD)/devices/esp32/setup/network",',
      `${CORE}: takes the network of an app (setup/network)`,
    ],
    [
      "a manifest that keeps BERTH_SDKCONFIG from its settings of ESP-IDF",
      "test/on-device/manifest.json",
      /,\s*"..\/..\/firmware\/manifest_sdkconfig.json"/,
      "",
      "includes manifest_sdkconfig.json not, or not last",
    ],
    [
      "a path that only a board takes",
      "firmware/manifest_ethernet.json",
      "../hosts/moddable/manifest_ethernet.json",
      "../hosts/moddable/manifest_cable.json",
      "is not there",
    ],
    [
      "a module that the smaller manifest lacks",
      "src/telemetry-device.ts",
      "import { utf8Length }",
      'import { Twin } from "./azure/hub/twin";\nexport const twin = Twin;\nimport { utf8Length }',
      'imports "./azure/hub/twin", which is not there on esp32, lin, mac, win',
    ],
  ])("%s is found", (_, file, what, instead, problem) => {
    expect(changed(file, (text) => text.replace(what, instead))).toContainEqual(
      expect.stringContaining(problem),
    );
  });

  test.each<[string, string, string, string, string]>([
    [
      "a module that only another target has",
      CORE,
      '"berth/hosts/sockets/connect-to": "../sockets/connect-to",',
      "",
      'imports "../sockets/connect-to", which is not there on esp32',
    ],
    [
      "a native without C",
      "hosts/native/moddable/hmac-natives.js",
      '"xs_berth_hmac_close"',
      '"xs_berth_hmac_shut"',
      "no C has xs_berth_hmac_shut",
    ],
    [
      "the SDK's own TLS",
      "hosts/moddable/cryptography.ts",
      'import TCP from "embedded:io/socket/tcp";',
      'import TCP from "embedded:io/socket/tcp/tls";',
      'imports "embedded:io/socket/tcp/tls", which is not there on esp32, lin, mac, win',
    ],
  ])("%s is found on the targets that lack it", (_, file, what, instead, problem) => {
    expect(changed(file, (text) => text.replace(what, instead)).join("\n")).toContain(problem);
  });

  test("C under a name that an app may have is found", () => {
    expect(withFile("hosts/native/hmac/hmac.c", "int hmac;\n")).toEqual([
      "hosts/native/manifest_hmac.json: hmac.c is no name of our own in C (berth_*)",
    ]);
  });

  test("of apps bring their own base, so that the order of includes does not matter, and a stack that is enough", () => {
    const { include, creation, typescript } = JSON.parse(readFileSync(CORE, "utf8"));
    expect(include[0]).toBe("$(MODDABLE)/examples/manifest_base.json");
    expect(creation).toEqual({ stack: 768 });
    // Without it XS grows into what TLS needs.
    expect(include).toContain("./manifest_memory.json");
    expect(typescript).toEqual({ tsconfig: { compilerOptions: { skipLibCheck: true } } });
    for (const file of MODULE_MANIFESTS) {
      const manifest = JSON.parse(readFileSync(file, "utf8"));
      // One is another with more in it.
      if (manifest.include[0] === "./manifest.json") continue;
      expect(manifest.include).toEqual([`./${CORE}`]);
      expect(manifest.modules.berth).toBeDefined();
    }
  });

  test("a new module is missed, and --write adds it", () => {
    expect(withFile("src/azure/new.ts", "export const one = 1;\n")).toEqual([
      "hosts/moddable/manifest_core.json: preload lacks berth/src/azure/new (--write adds it)",
    ]);
    writePreload(project);
    expect(checkManifests(project)).toEqual([]);
  });
});

describe("device code", () => {
  test.each([
    ["Node's modules", 'import { readFileSync } from "node:fs";\nreadFileSync("x");'],
    ["a package of npm", 'import mqtt from "mqtt";\nmqtt.connect();'],
    ["the host of Node", 'import { clock } from "../../../../hosts/node/clock";\nclock.now();'],
    ["a file that is not there", 'import { x } from "./nowhere";\nx();'],
    ["a module of the board in common code", 'import getResetReason from "resetReason";\ngetResetReason();'],
    ["an import at run time", 'export const later = () => import("node:os");'],
  ])("does not import %s", (_, code) => {
    expect(changed("src/azure/percent.ts", append(code))).toContainEqual(
      expect.stringMatching(/percent\.ts: imports /),
    );
  });

  test.each([
    ["Buffer", 'export const b = Buffer.from("x");'],
    ["process", "export const p = process.env;"],
    ["console", 'export const c = () => console.log("x");'],
    ["setTimeout", "export const t = () => setTimeout(() => {}, 1);"],
    ["TextEncoder", "export const e = () => new TextEncoder();"],
    ["module state", "let count = 0;\nexport const next = () => (count += 1);"],
    ["regular expression", "const DIGITS = /^[0-9]+$/;\nexport const all = (t: string) => DIGITS.test(t);"],
    ["regular expression", "const ANY: RegExp = /./;\nexport const any = (t: string) => ANY.test(t);"],
    ["regular expression", "export function any(t: string) {\n  return /[a-z]/.test(t);\n}"],
    ["regular expression", 'export const bare = (t: string) => t.replace(/"/g, "");'],
  ])("does not use %s", (about, code) => {
    expect(changed("src/azure/percent.ts", append(code))).toContainEqual(expect.stringContaining(about));
  });

  test("may speak of it in comments and texts, and import types", () => {
    const code = [
      "// console.log and process.env are Node's",
      'export const text = "Buffer.from(x), process.exit(1)";',
      'import type { Host } from "../host";',
      'import { type Clock } from "../host";',
      "export type Both = Host | Clock;",
      "export const half = (n: number) => (n + 1) / 2 / (n / 3);",
    ].join("\n");
    expect(changed("src/azure/percent.ts", append(code))).toEqual([]);
  });

  test("what imports preference must not be preloaded", () => {
    const problems = changed(
      "hosts/moddable/evidence.ts",
      append('import Preference from "preference";\nexport const p = Preference;'),
    );
    expect(problems).toEqual([`${CORE}: preload has berth/hosts/moddable/evidence, which it must not`]);
  });
});

test("importsOf sees values, not types", () => {
  const source = `
    // import a from "a";
import b from "b";
import { c, type d } from "c";
import { type e, type f } from "e";
import type g from "g";
import "h";
import {
  i,
} from "i";
export { j } from "j";
export type { k } from "k";
export * from "l";
export function m() {
  return import("m");
}
`;
  expect(importsOf(source).sort()).toEqual(["b", "c", "h", "i", "j", "l", "m"]);
});
