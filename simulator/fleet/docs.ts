// SPDX-License-Identifier: MIT
/**
 * `npm run fleet:docs [-- SCENARIO ...]`: runs all scenarios or these, and writes their figures and plots to docs/fleet; the
 * page docs/fleet.md has a table of each.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { plots } from "./report/plot";
import { type FleetReport, type Row, rows } from "./report/report";
import { SCENARIO_NAMES, SCENARIOS, type ScenarioName } from "./scenarios";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PAGE = `${ROOT}docs/fleet.md`;
/** What a page of a forge shows at once. */
const MOST_BYTES = 60_000;
const FLEET = ["--seed", "1", "--tier", "S1", "--units", "1"];
/** A day of renewals takes as long with fewer as another scenario. */
const devicesOf = (scenario: ScenarioName): string => (scenario === "token-renewals" ? "2000" : "5000");

function table([head, ...body]: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [
    line(head as Row),
    line((head as Row).map((_, at) => (at === 0 ? "---" : "---:"))),
    ...body.map(line),
  ].join("\n");
}

const wordsOf = (scenario: ScenarioName): string[] => [
  "fleet",
  "--scenario",
  scenario,
  "--devices",
  devicesOf(scenario),
  ...FLEET,
];
const fileOf = (scenario: ScenarioName, kind: "json" | "svg"): string =>
  `${ROOT}docs/fleet/${scenario}.${kind}`;

function made(scenario: ScenarioName): void {
  const words = wordsOf(scenario);
  console.error(`berth ${words.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [`${ROOT}cli/berth.js`, ...words, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`berth ended with ${status}`);
  const { event: _name, ...report } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as FleetReport & {
    readonly event: string;
  };
  const svg = plots(report);
  if (svg.length > MOST_BYTES) throw new Error(`the plots of ${scenario} have ${svg.length} bytes`);
  const figures = JSON.stringify(report, (key, value) => (key === "plot" ? undefined : value), 2);
  writeFileSync(fileOf(scenario, "svg"), svg);
  writeFileSync(fileOf(scenario, "json"), `${figures}\n`);
}

function section(scenario: ScenarioName): string {
  const report = JSON.parse(readFileSync(fileOf(scenario, "json"), "utf8")) as FleetReport;
  const { title, about } = SCENARIOS[scenario];
  return [
    `### ${title}`,
    about,
    table(rows(report)),
    `![${title}](fleet/${scenario}.svg)`,
    `\`berth ${wordsOf(scenario).join(" ")}\`, figures: [${scenario}.json](fleet/${scenario}.json)`,
  ].join("\n\n");
}

mkdirSync(`${ROOT}docs/fleet`, { recursive: true });
const asked = process.argv.slice(2);
const unknown = asked.find((name) => !(SCENARIO_NAMES as string[]).includes(name));
if (unknown !== undefined) throw new Error(`${unknown} is none of ${SCENARIO_NAMES.join(", ")}`);
for (const scenario of SCENARIO_NAMES) if (asked.length === 0 || asked.includes(scenario)) made(scenario);
const [before, , after] = readFileSync(PAGE, "utf8").split(/<!-- \/?reports -->/);
if (after === undefined) throw new Error(`${PAGE} has no place for reports`);
const reports = SCENARIO_NAMES.map(section).join("\n\n");
writeFileSync(PAGE, `${before}<!-- reports -->\n\n${reports}\n\n<!-- /reports -->${after}`);
