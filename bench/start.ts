// SPDX-License-Identifier: MIT
/** How long the command takes to start: from dist/, as it is started, and from its sources through tsx. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { refreshDist } from "../scripts/dist-state.js";

/** Milliseconds, the median of several rounds. */
export interface StartCost {
  readonly sources: number;
  readonly built: number;
}

const ROUNDS = 11;
const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const FROM_SOURCES = `
  import { register } from "tsx/esm/api";
  register();
  const { main } = await import("./cli/main.ts");
  process.exitCode = await main(process.argv);
`;
const WAYS: Readonly<Record<keyof StartCost, readonly string[]>> = {
  sources: ["--input-type=module", "-e", FROM_SOURCES, "--", "berth"],
  built: ["cli/berth.js"],
};

/** By command; the emulator's is until it is ready, with the authority that it made before, the simulation's until its first line. */
export async function startFigures(): Promise<Readonly<Record<string, StartCost>>> {
  if (!refreshDist()) throw new Error("dist/ cannot be built");
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-"));
  try {
    const file = join(directory, "berth.json");
    spawnSync(process.execPath, ["cli/berth.js", "emulator", "--example", file], { cwd: PROJECT });
    const emulator = ["emulator", "--config", file, "--state", join(directory, "state"), "--port", "0"];
    await firstLine(WAYS.built, emulator);
    return {
      "berth --help": await inTurn(["--help"]),
      "berth emulator, until it is ready": await inTurn(emulator),
      "berth simulate, until its first line, three new RSA keys in it": await inTurn(["simulate"]),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** In turn, so that what else the computer does meets both. */
async function inTurn(words: readonly string[]): Promise<StartCost> {
  const times: Record<keyof StartCost, number[]> = { sources: [], built: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const way of ["sources", "built"] as const) times[way].push(await firstLine(WAYS[way], words));
  }
  const median = (all: number[]) => all.sort((a, b) => a - b)[ROUNDS >> 1] as number;
  return { sources: median(times.sources), built: median(times.built) };
}

/** Milliseconds until the command prints; it is ended then. @throws Error when it ends without */
function firstLine(way: readonly string[], words: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let time: number | undefined;
    const child = spawn(process.execPath, [...way, ...words], {
      cwd: PROJECT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.once("data", () => {
      time = performance.now() - start;
      child.kill();
    });
    child.on("error", reject);
    child.on("close", () => {
      if (time === undefined) reject(new Error(`berth ${words.join(" ")} ended without a word`));
      else resolve(time);
    });
  });
}
