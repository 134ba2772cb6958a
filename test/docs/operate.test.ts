// SPDX-License-Identifier: MIT
/** The section "Operate the emulator" of docs/command.md, run as it stands but for the ports. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { BerthProcess, berth, HOME } from "../cli/command";

const page = readFileSync(join(process.cwd(), "docs", "command.md"), "utf8");
const section = /\n## Operate the emulator\n(.*?)\n## /s.exec(page)?.[1] ?? "";
const [start = "", ...blocks] = [...section.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);

async function bash(script: string, directory: string): Promise<string> {
  const npx = `npx() { shift; "${process.execPath}" "${process.cwd()}/cli/berth.js" "$@"; }`;
  const child = spawn("bash", ["-euo", "pipefail", "-x", "-c", `${npx}\n${script}`], {
    cwd: directory,
    env: { ...process.env, BERTH_HOME: HOME },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  const [status] = await once(child, "close");
  expect([status, text]).toEqual([0, expect.any(String)]);
  return text;
}

test("every line of the section does what it says", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-test-"));
  const [example = "", run = ""] = start.trim().split("\n");
  const words = (line: string) =>
    line.replace("npx berth ", "").replaceAll(".berth/", `${directory}/.berth/`).split(" ");
  expect((await berth(...words(example))).status).toBe(0);
  const emulator = new BerthProcess([...words(run.replace("8443", "0")), "--port", "0", "--json"]);
  try {
    const { port, httpsPort } = await emulator.event("ready");
    expect(blocks).toHaveLength(2);
    const script = blocks.join("").replaceAll("8883", String(port)).replaceAll("8443", String(httpsPort));
    // What devices keep is not for the one who tests.
    const text = await bash(script, directory);
    expect(text).toMatch(/^telemetry 1 acknowledged$/m);
    expect(text).toMatch(/^device-1 +enabled/m);
    expect(text).toMatch(/^disabled device-1$/m);
    expect(text).toMatch(/^\{"sequence":1\}/m);
    await emulator.event("fault", { step: "connack" });
    await emulator.event("telemetry", { payload: "hello" });
  } finally {
    emulator.kill("SIGINT");
    expect((await emulator.ended).status).toBe(0);
    rmSync(directory, { recursive: true, force: true });
  }
});
