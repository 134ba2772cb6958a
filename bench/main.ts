// SPDX-License-Identifier: MIT
/** `npm run bench`: measures and prints the tables; see `npm run bench -- --help`. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { Command, InvalidArgumentError } from "commander";
import { type Engine, openEngine } from "../hosts/xs/engine";
import { refuseWhatNpmKept } from "../scripts/npm-options";
import { measuredFigures, overBudget, writeBudget } from "./budget";
import { bundleSizes } from "./bundles";
import { handshakeFigures, missing } from "./handshake/run";
import { imageFigures } from "./image";
import { memoryOnNode } from "./memory/memory";
import { figuresOnNode } from "./node";
import type { Results, XsFigures } from "./results";
import { locateSdk, NO_SDK, type Sdk } from "./sdk";
import { startFigures } from "./start";
import { tables } from "./tables";
import { onTheWire } from "./wire/wire";
import { lifeOnXs, mqttPacketOnXs, oursOnXs, sdkOnXs, sessionOnXs } from "./xs";

const RESULTS = new URL("./RESULTS.md", import.meta.url);
const COMMAND = "MODDABLE=... npm run bench -- --write";

const PARTS = ["xs", "node", "memory", "wire", "bundles", "start", "image", "handshake"] as const;
type Part = (typeof PARTS)[number];

interface Options {
  readonly budget?: true;
  readonly json?: true;
  readonly only?: readonly Part[];
  readonly write?: true;
}

function isPart(name: string): name is Part {
  return (PARTS as readonly string[]).includes(name);
}

function parts(value: string): Part[] {
  const names = value.split(",");
  if (!names.every(isPart)) throw new InvalidArgumentError(`Give some of ${PARTS.join(",")}.`);
  return names;
}

const program = new Command("npm run bench --")
  .description("Measures Berth beside its peers and prints the tables.")
  .option(
    "--write",
    "write them to bench/RESULTS.md as well; needs the Moddable SDK, so that no column is lost",
  )
  .option("--json", "print one JSON object instead, with all that was measured")
  .option("--only <parts>", `some parts: ${PARTS.join(",")}`, parts)
  .option("--budget", "make what was measured of ours on XS the budget of CI, and nothing else")
  .addHelpText(
    "after",
    "\nExit status 1 when the counts of XS differ from one run to the next, or exceed the budget.",
  )
  .showHelpAfterError();
refuseWhatNpmKept(program);
const options = program.parse().opts<Options>();

function wanted(part: Part): boolean {
  return options.only === undefined || options.only.includes(part);
}

function versionOf(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

async function xsFigures(engine: Engine, sdk: Sdk | undefined): Promise<XsFigures> {
  return {
    ours: await oursOnXs(engine),
    mqttPacket: await mqttPacketOnXs(engine),
    session: await sessionOnXs(engine),
    ...(sdk && { sdk: await sdkOnXs(engine, sdk) }),
    life: await lifeOnXs(engine),
  };
}

/** Counts repeat, or they are none. @throws Error that names what differs */
async function xsFiguresTwice(engine: Engine, sdk: Sdk | undefined): Promise<XsFigures> {
  const first = await xsFigures(engine, sdk);
  const second = await xsFigures(engine, sdk);
  const differing = Object.entries(first).filter(
    ([part, figures]) => !isDeepStrictEqual(figures, second[part as keyof XsFigures]),
  );
  if (differing.length > 0) {
    throw new Error(`the counts of XS differ from one run to the next: ${differing.map(([part]) => part)}`);
  }
  return first;
}

const log = (line: string): void => console.error(line);

async function main(): Promise<void> {
  const sdk = locateSdk();
  if (!sdk) log(NO_SDK);
  if (options.write && (!sdk || options.only !== undefined)) {
    throw new Error("--write takes all parts, and the Moddable SDK: set MODDABLE, leave --only out");
  }
  const lacking = sdk && (wanted("handshake") || wanted("image")) ? missing() : [];
  for (const what of lacking) log(`neither handshakes nor the image are measured: ${what}`);
  const canBuild = sdk !== undefined && lacking.length === 0;
  if (options.write && !canBuild) throw new Error("--write takes all parts, handshakes and the image too");
  const engine = await openEngine(log);
  if (options.budget) {
    writeBudget(await measuredFigures(engine));
    log("bench/budget.json written");
    return;
  }
  const measured = {
    ...(wanted("xs") && { xs: await xsFiguresTwice(engine, sdk) }),
    ...(wanted("node") && { node: await figuresOnNode() }),
    ...(wanted("memory") && { memory: await memoryOnNode() }),
    ...(wanted("wire") && { wire: await onTheWire() }),
    ...(wanted("handshake") && canBuild && { handshake: await handshakeFigures() }),
    ...(wanted("bundles") && { bundles: await bundleSizes() }),
    ...(wanted("image") && canBuild && { image: await imageFigures() }),
    ...(wanted("start") && { start: await startFigures() }),
  };
  const results: Results = {
    command: COMMAND,
    computer: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, ${process.platform} ${process.arch}`,
    versions: {
      Node: process.versions.node,
      "XS of @agoric/xsnap": versionOf("@agoric/xsnap"),
      "mqtt-packet": versionOf("mqtt-packet"),
      "MQTT.js": versionOf("mqtt"),
      "azure-iot-device-mqtt": versionOf("azure-iot-device-mqtt"),
      "azure-iot-provisioning-device-mqtt": versionOf("azure-iot-provisioning-device-mqtt"),
      esbuild: versionOf("esbuild"),
      ...(sdk && { "Moddable SDK": sdk.version }),
      ...(measured.handshake && { mbedTLS: measured.handshake.version }),
    },
    ...measured,
  };
  const text = tables(results);
  console.log(options.json ? JSON.stringify(results) : text);
  if (options.write) {
    writeFileSync(RESULTS, `# Results\n\nWritten by \`${COMMAND}\`.\n\n${text}\n`);
    log("bench/RESULTS.md written");
  }
  if (!results.xs) return;
  for (const line of overBudget(await measuredFigures(engine))) {
    log(`over budget: ${line}`);
    process.exitCode = 1;
  }
}

try {
  await main();
} catch (error) {
  log(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
