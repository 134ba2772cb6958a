// SPDX-License-Identifier: MIT
/** Applications on berth-native: what they are given, and how they end. Whole ones: test/examples. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { bundleNativeApp } from "../../../hosts/native/scripts/bundle";
import { KEY, SCOPE } from "../../helpers/emulator-client";
import { native, withNative, withNativeEach } from "../../helpers/native";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-app-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs `source` until the input ends. @param lines of standard input */
async function run(source: string, lines: readonly string[]) {
  const main = join(directory, "main.ts");
  writeFileSync(main, source);
  const script = join(directory, "app.js");
  writeFileSync(script, await bundleNativeApp(main));
  const child = spawn(native?.host ?? "", [script], { env: {} });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(lines.map((line) => `${line}\n`).join(""));
  const [status]: (number | null)[] = await once(child, "close");
  return { status, out };
}

const settings = (identity: object = {}): string =>
  JSON.stringify({
    host: { stateDirectory: join(directory, "state"), roots: [], symmetricKey: KEY },
    identity: { idScope: SCOPE, registrationId: "dev-1", attestation: "symmetricKey", ...identity },
  });

withNative("logs, hears the button, and ends with the input", async () => {
  const source = `import { log, Device } from "berth";
import { button, light } from "berth/board";
log("grüße 🙂");
log(String(button(() => light(true))));
button(() => light(false));
`;
  // The application is loaded in a job of its own: the press comes to it when it is there.
  expect(await run(source, [settings(), "press"])).toEqual({
    status: 0,
    out: expect.stringMatching(/^grüße 🙂\ntrue\n/) as unknown as string,
  });
});

withNativeEach([
  ["no JSON", "import 'berth';", (): string => "{", 64, /^error: .+/],
  [
    "an identity that is wrong",
    'import Device from "berth"; new Device();',
    (): string => settings({ idScope: "" }),
    70,
    /^error: .*id scope/i,
  ],
  ["an exception", 'throw new TypeError("on purpose");', (): string => settings(), 70, /on purpose/],
] as const)("ends by itself with %s", async (_name, source, line, expected, message): Promise<void> => {
  const { status, out } = await run(source, [line()]);
  expect(out).toMatch(message);
  expect(out).not.toContain(KEY);
  expect(status).toBe(expected);
});

test("what is bundled has no import left, and what is not there is told", async () => {
  const main = join(directory, "main.ts");
  writeFileSync(main, 'import { log } from "berth"; log("here");');
  expect(await bundleNativeApp(main)).not.toMatch(/^\s*import\b|\brequire\(/m);
  writeFileSync(main, 'import { readFileSync } from "node:fs"; readFileSync("x");');
  await expect(bundleNativeApp(main)).rejects.toThrow('Could not resolve "node:fs"');
  expect(readFileSync(main, "utf8")).toContain("node:fs");
});
