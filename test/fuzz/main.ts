// SPDX-License-Identifier: MIT
/** `npm run fuzz`: see `npm run fuzz -- --help`. */
import { readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { Command } from "commander";
import { text } from "../../hosts/node/text";
import { tryEngine } from "../../hosts/xs/engine";
import { refuseWhatNpmKept } from "../../scripts/npm-options";
import { count, duration } from "./arguments";
import { Campaign, type Standing } from "./campaign";
import { CORPUS, readCorpus, writeFound, writeReproducer } from "./corpus";
import { XsReplay } from "./on-xs";
import { deviceTargets } from "./targets";
import type { Target, Targets } from "./targets/target";

/** Mutations in a row of one target, before the next has its turn. */
const ROUND = 4_000;

interface Options {
  readonly target?: readonly string[];
  readonly for?: number;
  readonly executions?: number;
  readonly seed?: number;
  readonly replay?: string;
  readonly readOnly?: true;
  readonly json?: true;
  readonly xs: boolean;
  readonly untaken?: true;
  readonly longest: number;
  readonly targets: string;
  readonly measured: string;
  readonly corpus: string;
}

const program = new Command("npm run fuzz --")
  .description(
    "Fuzzes what takes bytes of a peer or of flash, guided by coverage, on Node and on XS, until Ctrl-C.\n" +
      "What is found is written to the corpus: new samples to found.hex, what breaks a rule to a file of its own.",
  )
  .option("--target <name...>", "these only")
  .option("--for <duration>", "end after that time: 30s, 10m, 1h", duration)
  .option("--executions <count>", "end after so many on Node for each target", count)
  .option("--seed <number>", "do the same again", count)
  .option(
    "--replay <file>",
    "run one input on both engines and say what comes of it; its folder names the target",
  )
  .option("--read-only", "write nothing")
  .option("--json", "one JSON line a target at the end")
  .option("--no-xs", "on Node only")
  .option("--untaken", "name the branches at the end that no input takes")
  .option("--longest <milliseconds>", "what takes longer for one input never ends", count, 20_000)
  .option("--corpus <directory>", "another corpus", CORPUS)
  .option("--targets <module>", "another module of targets", "test/fuzz/targets/node")
  .option(
    "--measured <pattern>",
    "which files are under test",
    "^(src|hosts/moddable|hosts/native|emulator)/",
  );

async function main(): Promise<number> {
  refuseWhatNpmKept(program);
  const options = program.parse().opts<Options>();
  const { targets } = (await import(`../../${options.targets}.ts`)) as { targets: Targets };
  const engine = options.xs ? await tryEngine((line) => console.error(line)) : undefined;
  if (options.replay !== undefined) {
    const name = options.target?.[0] ?? basename(dirname(options.replay));
    const target = targets[name];
    if (!target) return refuse(name, targets);
    const xs = engine && name in deviceTargets ? await XsReplay.open(engine) : undefined;
    return replay(name, target, new Uint8Array(readFileSync(options.replay)), xs);
  }
  const names = options.target ?? Object.keys(targets);
  const unknown = names.find((name) => !(name in targets));
  if (unknown !== undefined) return refuse(unknown, targets);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  console.error(`seed ${seed}`);
  const campaign = await Campaign.open({
    module: options.targets,
    measured: new RegExp(options.measured),
    seed,
    engine,
    longest: options.longest,
    onXs: new Set(Object.keys(deviceTargets).filter((name) => name in targets)),
  });
  try {
    return await fuzz(campaign, names, options);
  } finally {
    await campaign.close();
  }
}

function refuse(name: string, targets: Targets): number {
  console.error(`no target ${name}; there are ${Object.keys(targets).join(", ")}`);
  return 2;
}

/** @returns 1 when a rule was broken */
async function fuzz(campaign: Campaign, names: readonly string[], options: Options): Promise<number> {
  let stopped = false;
  process.once("SIGINT", () => {
    stopped = true;
  });
  const end = performance.now() + (options.for ?? Number.POSITIVE_INFINITY);
  const executions = options.executions ?? Number.POSITIVE_INFINITY;
  const isOver = (): boolean => stopped || campaign.hangs || performance.now() >= end;
  for (const name of names) {
    const { named, found } = readCorpus(name, options.corpus);
    await campaign.start(name, [...named, ...found]);
  }
  await campaign.settle();
  let left = names.filter((name) => !campaign.standing(name).finding);
  let announced = performance.now();
  const done = new Map(names.map((name) => [name, 0]));
  while (left.length > 0 && !isOver()) {
    for (const name of left) {
      if (isOver()) break;
      const before = done.get(name) ?? 0;
      const now = Math.min(ROUND, executions - before);
      await campaign.round(name, now);
      done.set(name, before + now);
    }
    await campaign.settle();
    left = left.filter((name) => !campaign.standing(name).finding && (done.get(name) ?? 0) < executions);
    if (performance.now() - announced > 10_000) {
      announced = performance.now();
      for (const name of names) console.error(line(campaign.standing(name)));
    }
  }
  return report(campaign, names, options);
}

async function report(campaign: Campaign, names: readonly string[], options: Options): Promise<number> {
  for (const name of names) await campaign.conclude(name);
  const standings = names.map((name) => campaign.standing(name));
  for (const standing of standings) {
    const { target, finding, branches } = standing;
    if (options.json) console.log(JSON.stringify({ ...standing, finding: finding?.error }));
    else {
      console.log(line(standing));
      for (const { file, taken, all } of branches) console.log(`    ${file} ${taken} of ${all} branches`);
    }
    if (finding) {
      const file = options.readOnly ? undefined : writeReproducer(target, finding.bytes, options.corpus);
      console.error(`${target}: ${finding.error}\n  ${Buffer.from(finding.bytes).toString("hex")}`);
      if (file) console.error(`  npm run fuzz -- --replay ${file}`);
    } else if (!options.readOnly && !campaign.hangs) {
      const { named } = readCorpus(target, options.corpus);
      writeFound(target, await campaign.cover(target, named), options.corpus);
    }
  }
  if (options.untaken) for (const place of campaign.untaken()) console.log(place);
  return standings.some(({ finding }) => finding) ? 1 : 0;
}

function line({ target, executions, executionsOnXs, time, branches, finding }: Standing): string {
  const all = branches.reduce((sum, file) => sum + file.all, 0);
  const taken = branches.reduce((sum, file) => sum + file.taken, 0);
  const rate = time > 0 ? Math.round((executions / time) * 1_000) : 0;
  const verdict = finding ? "BROKEN" : "ok";
  return `${target.padEnd(24)} ${verdict.padEnd(6)} ${executions} on Node (${rate}/s), ${executionsOnXs} on XS, ${taken} of ${all} branches`;
}

async function replay(
  name: string,
  target: Target,
  bytes: Uint8Array,
  xs: XsReplay | undefined,
): Promise<number> {
  let status = 0;
  try {
    console.log(`on Node: ${target.run(bytes, text)}`);
  } catch (error) {
    console.log(error);
    status = 1;
  }
  if (xs && status === 0) {
    const finding = await xs.compare(name, [bytes]);
    console.log(finding?.error ?? "on XS: the same");
    if (finding) status = 1;
  }
  await xs?.close();
  return status;
}

process.exitCode = await main();
