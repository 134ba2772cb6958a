// SPDX-License-Identifier: MIT
/** `npm run fleet:docs`: runs each scenario and writes its figures and plots to docs/fleet, the tables to docs/fleet.md. */
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
const FLEET = ["--devices", process.argv[2] ?? "5000", "--seed", "1", "--tier", "S1", "--units", "1"];

function table([head, ...body]: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head as Row), line((head as Row).map((_, at) => (at === 0 ? "---" : "---:"))), ...body.map(line)].join("\n");
}

function section(scenario: ScenarioName): string {
  const words = ["fleet", "--scenario", scenario, ...FLEET];
  console.error(`berth ${words.join(" ")}`);
  const { status, stdout } = spawnSync(process.execPath, [`${ROOT}cli/berth.js`, ...words, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`berth ended with ${status}`);
  const report = JSON.parse(stdout) as FleetReport;
  const svg = plots(report);
  if (svg.length > MOST_BYTES) throw new Error(`the plots of ${scenario} have ${svg.length} bytes`);
  const without = JSON.stringify(report, (key, value) => (key === "plot" ? undefined : value), 1);
  writeFileSync(`${ROOT}docs/fleet/${scenario}.svg`, svg);
  writeFileSync(`${ROOT}docs/fleet/${scenario}.json`, `${without}\n`);
  const { title, about } = SCENARIOS[scenario];
  return [
    `### ${title}`,
    about,
    table(rows(report)),
    `![${title}](fleet/${scenario}.svg)`,
    `\`berth ${words.join(" ")}\`, figures: [${scenario}.json](fleet/${scenario}.json)`,
  ].join("\n\n");
}

mkdirSync(`${ROOT}docs/fleet`, { recursive: true });
const page = readFileSync(PAGE, "utf8");
const [before, , after] = page.split(/<!-- \/?reports -->/);
if (after === undefined) throw new Error(`${PAGE} has no place for reports`);
const reports = SCENARIO_NAMES.map(section).join("\n\n");
writeFileSync(PAGE, `${before}<!-- reports -->\n\n${reports}\n\n<!-- /reports -->${after}`);
