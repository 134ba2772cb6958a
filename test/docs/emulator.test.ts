// SPDX-License-Identifier: MIT
/** docs/emulator: what of it can run here does. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Telemetry } from "../../emulator/hub/endpoint";
import { findMbedtls, MBEDTLS_MISSING } from "../../hosts/native/scripts/mbedtls";
import { HUB, hubToken, KEY, provision, SECOND_KEY, startEmulator } from "../helpers/emulator-client";

const DOCS = join(process.cwd(), "docs", "emulator");
const run = promisify(execFile);

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("node.test.mjs passes", async () => {
  // The command brings dist/ to what the sources are.
  await run(process.execPath, ["cli/berth.js", "--version"]);
  // As in a project that has installed the package by README's line.
  mkdirSync(join(directory, "node_modules"));
  symlinkSync(process.cwd(), join(directory, "node_modules", "berth"));
  copyFileSync(join(DOCS, "node.test.mjs"), join(directory, "node.test.mjs"));
  const { stdout } = await run(process.execPath, ["--test", "--test-reporter=tap"], { cwd: directory });
  expect(stdout).toMatch(/^# pass 3$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});

const mbedtls = findMbedtls();
if (!mbedtls && process.env.CI) throw new Error(MBEDTLS_MISSING);
const withC = mbedtls ? test : test.skip;

withC(
  "telemetry.c compiles without a warning, and its message is at the hub; a wrong key is told",
  async () => {
    const program = join(directory, "telemetry");
    const { compilerFlags = [], linkerFlags = [] } = mbedtls ?? {};
    const flags = [
      "-std=c99",
      "-Wall",
      "-Wextra",
      "-Werror",
      "-fsanitize=address,undefined",
      ...compilerFlags,
    ];
    const libraries = [...linkerFlags, "-lmbedtls", "-lmbedx509", "-lmbedcrypto"];
    const compiled = spawnSync("cc", [...flags, join(DOCS, "telemetry.c"), "-o", program, ...libraries]);
    expect([compiled.status, String(compiled.stderr)]).toEqual([0, ""]);
    const emulator = await startEmulator();
    try {
      await provision(emulator);
      const words = ["127.0.0.1", String(emulator.port), emulator.ca.path, HUB, "dev-1", '{"celsius":21}'];
      const send = (key: string) => run(program, words, { env: { BERTH_PASSWORD: hubToken("dev-1", key) } });
      const received = once(emulator.events, "telemetry") as Promise<[Telemetry]>;
      expect((await send(KEY)).stdout).toBe("acknowledged\n");
      expect((await received)[0].body.toString()).toBe('{"celsius":21}');
      await send(SECOND_KEY);
      await expect(send(Buffer.alloc(32).toString("base64"))).rejects.toMatchObject({
        code: 1,
        stderr: "the hub refuses the device: CONNACK: 5\n",
      });
    } finally {
      await emulator.stop();
    }
  },
);

test("the options in container and compose file are those of the command", async () => {
  const text =
    readFileSync(join(DOCS, "Dockerfile"), "utf8") + readFileSync(join(DOCS, "compose.yaml"), "utf8");
  const used = [...text.matchAll(/"(--[a-z-]+)"/g)].map(([, option]) => option);
  const help = await Promise.all(
    ["emulator", "device"].map(
      async (word) => (await run(process.execPath, ["cli/berth.js", word, "--help"])).stdout,
    ),
  );
  expect(used.length).toBeGreaterThan(8);
  for (const option of used)
    expect(help.join("\n")).toContain(`${option} <`.slice(0, option === "--stay" ? 6 : undefined));
});
