// SPDX-License-Identifier: MIT
/**
 * `npm run bench`: measures, prints the tables and writes them to bench/RESULTS.md.
 * --json prints one JSON object instead; --budget makes what was measured on XS the budget of CI.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { openEngine } from "../hosts/xs/engine";
import { measuredFigures, overBudget, writeBudget } from "./budget";
import { bundleSizes } from "./bundles";
import { figuresOnNode } from "./node";
import { type Results, tables } from "./report";
import { lifeOnXs, mqttPacketOnXs, oursOnXs } from "./xs";

const RESULTS = new URL("./RESULTS.md", import.meta.url);

function versionOf(name: string): string {
  const file = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

const engine = await openEngine((line) => console.error(line));
if (process.argv.includes("--budget")) {
  writeBudget(await measuredFigures(engine));
  console.error("bench/budget.json written");
}
const results: Results = {
  versions: {
    Node: process.versions.node,
    "XS of @agoric/xsnap": versionOf("@agoric/xsnap"),
    "mqtt-packet": versionOf("mqtt-packet"),
    esbuild: versionOf("esbuild"),
  },
  xs: { ours: await oursOnXs(engine), mqttPacket: await mqttPacketOnXs(engine) },
  life: await lifeOnXs(engine),
  node: await figuresOnNode(),
  bundles: await bundleSizes(),
};
const text = tables(results);
if (process.argv.includes("--json")) console.log(JSON.stringify(results));
else console.log(text);
writeFileSync(RESULTS, `# Results\n\nWritten by \`npm run bench\`.\n\n${text}\n`);
for (const line of overBudget(await measuredFigures(engine))) console.error(`over budget: ${line}`);
