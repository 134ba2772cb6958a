// SPDX-License-Identifier: MIT
/** What the device's code may cost on XS: exact counts, so that one step too many is seen. */
import { readFileSync, writeFileSync } from "node:fs";
import type { Engine } from "../hosts/xs/engine";
import { oursSizes } from "./bundles";
import { lifeOnXs, oursOnXs } from "./xs";

/** Figures by name. */
export type Figures = Readonly<Record<string, number>>;

interface Budget {
  /** Part of a figure by which it may be exceeded. */
  readonly tolerance: number;
  readonly figures: Figures;
}

const FILE = new URL("./budget.json", import.meta.url);

/** The figures that have a budget. */
export async function measuredFigures(engine: Engine): Promise<Figures> {
  const figures: Record<string, number> = {};
  for (const [name, { computrons, bytes }] of Object.entries(await oursOnXs(engine))) {
    figures[`${name}: computrons`] = computrons;
    figures[`${name}: bytes`] = bytes;
  }
  const { provisioning, telemetry, telemetryWithProperties, telemetryByWindows } = await lifeOnXs(engine);
  for (const name of ["computrons", "bytes", "peakBytes", "packetsOut", "packetsIn"] as const) {
    figures[`provisioning: ${name}`] = provisioning[name];
  }
  figures["telemetry: computrons"] = telemetry.computrons;
  figures["telemetry: bytes"] = telemetry.bytes;
  figures["telemetry with properties: computrons"] = telemetryWithProperties.computrons;
  figures["telemetry with properties: bytes"] = telemetryWithProperties.bytes;
  figures["telemetry, a window at a time: computrons"] = telemetryByWindows.computrons;
  figures["telemetry, a window at a time: bytes"] = telemetryByWindows.bytes;
  for (const [name, { minified }] of Object.entries(await oursSizes())) {
    figures[`${name}: minified bytes`] = minified;
  }
  return figures;
}

/** What is over its budget, one line each; a figure without a budget too. */
export function overBudget(figures: Figures): string[] {
  const { tolerance, figures: budget } = JSON.parse(readFileSync(FILE, "utf8")) as Budget;
  const over: string[] = [];
  for (const [name, figure] of Object.entries(figures)) {
    const allowed = budget[name];
    if (allowed === undefined) over.push(`${name}: ${figure}, no budget`);
    else if (figure > allowed * (1 + tolerance)) over.push(`${name}: ${figure}, budget ${allowed}`);
  }
  return over;
}

/** Makes what was measured the budget. */
export function writeBudget(figures: Figures): void {
  const budget: Budget = { tolerance: 0.01, figures };
  writeFileSync(FILE, `${JSON.stringify(budget, undefined, 2)}\n`);
}
