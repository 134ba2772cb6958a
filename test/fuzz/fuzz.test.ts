// SPDX-License-Identifier: MIT
/**
 * The whole corpus as it stands, and a fixed amount of fuzzing on both engines; `npm run fuzz` goes on for ever.
 * The limits of time are there to end what hangs, nothing is judged by them.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { text } from "../../hosts/node/text";
import { ROOT } from "../../hosts/xs/modules";
import { engine, withEngineEach } from "../helpers/xs";
import { readCorpus, targetsWithCorpus } from "./corpus";
import { XsReplay } from "./on-xs";
import { reduce } from "./reduce";
import { deviceTargets } from "./targets";
import { targets } from "./targets/node";

const FIXED_SEED = "20141029";
const freshSeed = process.env.BERTH_SEED ?? String(Math.floor(Math.random() * 2 ** 31));
console.info(`fresh seed: BERTH_SEED=${freshSeed}`);
const LIMIT = 300_000;

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** `npm run fuzz -- WORDS`. */
function fuzz(...words: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, ["--import", "tsx", "test/fuzz/main.ts", ...words], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT,
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    out += part;
  });
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    err += part;
  });
  return new Promise((resolve) => child.on("close", (status) => resolve({ status, out, err })));
}

describe("the corpus", () => {
  test("every target has one", () => {
    expect(targetsWithCorpus()).toEqual(Object.keys(targets).sort());
  });

  test.each(Object.keys(targets))("%s: every sample keeps the rules", (name) => {
    const { named, found } = readCorpus(name);
    expect(named.length).toBeGreaterThan(0);
    for (const sample of [...named, ...found]) expect(() => targets[name]?.run(sample, text)).not.toThrow();
  });

  withEngineEach(Object.keys(deviceTargets))(
    "%s: XS comes to the same",
    async (name) => {
      const xs = await XsReplay.open(await engine());
      const { named, found } = readCorpus(name);
      try {
        expect(await xs.compare(name, [...named, ...found])).toBeUndefined();
        expect(xs.executions).toBe(named.length + found.length);
      } finally {
        await xs.close();
      }
    },
    LIMIT,
  );
});

test.each([FIXED_SEED, freshSeed])(
  "a fixed number of executions finds nothing, seed %s",
  async (seed) => {
    const { status, out, err } = await fuzz("--executions", "2000", "--seed", seed, "--read-only", "--json");
    expect([status, err]).toEqual([0, expect.stringContaining(`seed ${seed}`)]);
    const standings = out.trim().split("\n");
    expect(standings).toHaveLength(Object.keys(targets).length);
    for (const standing of standings) {
      const { executions, branches } = JSON.parse(standing) as { executions: number; branches: unknown[] };
      expect(executions).toBeGreaterThanOrEqual(2_000);
      expect(branches.length).toBeGreaterThan(0);
    }
  },
  LIMIT,
);

describe("what is planted", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-fuzz-"));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const planted = (target: string, measured: string, ...more: readonly string[]) =>
    fuzz(
      ...["--targets", "test/fuzz/planted", "--measured", measured, "--corpus", directory, "--no-xs"],
      ...["--target", target, "--seed", FIXED_SEED, "--executions", "400000", ...more],
    );

  test(
    "is found by coverage, not by chance; the reproducer is minimal and can be replayed",
    async () => {
      expect((await planted("magic", "^nothing$", "--read-only")).status).toBe(0);
      const { status, err } = await planted("magic", "^test/fuzz/planted");
      expect([status, err]).toEqual([1, expect.stringContaining("planted at 4")]);
      const [file = ""] = readdirSync(join(directory, "magic")).filter((name) => name.startsWith("broke-"));
      const path = join(directory, "magic", file);
      expect([...readFileSync(path)]).toEqual([0x42, 0xe5, 0x17, 0x9a]);
      const replayed = await fuzz("--targets", "test/fuzz/planted", "--replay", path);
      expect([replayed.status, replayed.out]).toEqual([1, expect.stringContaining("planted at 4")]);
    },
    LIMIT,
  );

  test(
    "the same seed does the same",
    async () => {
      const [once, again] = await Promise.all([
        planted("magic", "^test/fuzz/planted", "--read-only"),
        planted("magic", "^test/fuzz/planted", "--read-only"),
      ]);
      const executions = ({ out }: Ended): string | undefined => /(\d+) on Node/.exec(out)?.[1];
      expect(executions(once)).toBeDefined();
      expect(executions(again)).toBe(executions(once));
    },
    LIMIT,
  );

  test(
    "too large a buffer, and an input that never ends, are findings",
    async () => {
      const greedy = await planted("greedy", "^test/fuzz/planted", "--read-only");
      expect([greedy.status, greedy.err]).toEqual([1, expect.stringMatching(/allocates \d+ bytes at once/)]);
      const endless = await planted("endless", "^test/fuzz/planted", "--read-only", "--longest", "2000");
      expect([endless.status, endless.err]).toEqual([
        1,
        expect.stringContaining("does not end within 2000 ms\n  ff"),
      ]);
    },
    LIMIT,
  );

  test(
    "a target that is not there is refused",
    async () => {
      const { status, err } = await fuzz("--target", "nonsense");
      expect([status, err]).toEqual([2, expect.stringContaining("no target nonsense")]);
    },
    LIMIT,
  );
});

test("reduce leaves what matters", async () => {
  const noise = Uint8Array.from({ length: 300 }, (_, i) => i & 0x7f);
  noise[200] = 0xff;
  const fails = (bytes: Uint8Array): boolean => bytes.includes(0xff) && bytes.length >= 2;
  expect([...(await reduce(noise, fails))].sort((a, b) => a - b)).toEqual([0x30, 0xff]);
});
