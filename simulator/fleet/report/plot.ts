// SPDX-License-Identifier: MIT
/** The plots of a report as one SVG that stands alone: light or dark as whoever looks at it has it. */
import type { Plot } from "../figures";
import { type FleetReport, rulesOf, time, whole } from "./report";

const WIDTH = 760;
const LEFT = 60;
const RIGHT = 14;
const PANEL = 120;
const GAP = 46;
const TOP = 40;

interface Panel {
  readonly title: string;
  readonly series: keyof Omit<Plot, "step">;
  /** Of the quota, a second. */
  readonly limit?: number;
}

/** Round numbers from 0 to at least `most`. */
function ticksTo(most: number): number[] {
  const rough = most / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}

/** Whole seconds, minutes or hours, eight at most. */
function timesTo(most: number): number[] {
  const steps = [5, 10, 20, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200];
  const step = steps.find((one) => most / one <= 8) ?? 86_400;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
}

function shortTime(seconds: number, most: number): string {
  if (most <= 120) return `${seconds} s`;
  return most <= 7_200 ? `${seconds / 60} min` : `${seconds / 3_600} h`;
}

/** To which second the plots go: until all are back everywhere, but no farther than four times what the first one takes. */
export function spanOf(report: FleetReport): number {
  const all = rulesOf(report).map(({ figures: { secondsUntil, seconds } }) =>
    Math.min(seconds, Math.max(10, (secondsUntil["100"] ?? seconds) * 1.05)),
  );
  const whole = report.scenario === "token-renewals";
  return whole
    ? Math.max(...rulesOf(report).map(({ figures }) => figures.seconds))
    : Math.min(Math.max(...all), 4 * Math.min(...all));
}

export function plots(report: FleetReport): string {
  const all = rulesOf(report);
  const span = spanOf(report);
  const panels: Panel[] = [
    { title: "at their hub, % of the fleet", series: "online" },
    { title: "connections accepted, a second", series: "connections", limit: report.quotas.hub },
    { title: "CONNACK 3, a second", series: "refused" },
    { title: "registrations accepted, a second", series: "registrations" },
    { title: "registrations answered by 429, a second", series: "throttled" },
  ].filter(({ series }) =>
    all.some(({ figures }) => figures.plot[series as Panel["series"]].some((value) => value > 0)),
  ) as Panel[];
  const height = TOP + panels.length * (PANEL + GAP);
  const legend = all.map(
    ({ name }, at) =>
      `<path class="line rule${at}" d="M${LEFT + at * 150} 16h22"/><text x="${LEFT + 28 + at * 150}" y="20">${name}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${report.scenario}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    ...legend,
    ...panels.map((panel, at) => drawn(panel, report, span, TOP + at * (PANEL + GAP))),
    "</svg>",
  ].join("\n");
}

function drawn({ title, series, limit }: Panel, report: FleetReport, span: number, top: number): string {
  const all = rulesOf(report);
  const lines = all.map(({ figures: { plot } }) =>
    plot[series]
      .map((value, at) => [(at + 0.5) * plot.step, value] as const)
      .filter(([second]) => second <= span),
  );
  const most =
    series === "online" ? 100 : Math.max(1, ...lines.flatMap((line) => line.map(([, value]) => value)));
  const ticks = series === "online" ? [0, 50, 100] : ticksTo(most);
  const highest = ticks.at(-1) as number;
  const x = (second: number): string => (LEFT + (second / span) * (WIDTH - LEFT - RIGHT)).toFixed(1);
  const y = (value: number): string => (top + 20 + (1 - value / highest) * PANEL).toFixed(1);
  const bottom = top + 20 + PANEL;
  return [
    `<text class="title" x="${LEFT}" y="${top + 12}">${title}</text>`,
    ...ticks.map(
      (value) =>
        `<path class="grid" d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}"/><text class="tick y" x="${LEFT - 6}" y="${Number(y(value)) + 4}">${whole(value)}</text>`,
    ),
    ...timesTo(span).map(
      (second) =>
        `<text class="tick x" x="${x(second)}" y="${bottom + 14}">${shortTime(second, span)}</text>`,
    ),
    ...(limit !== undefined && limit <= highest
      ? [
          `<path class="limit" d="M${LEFT} ${y(limit)}H${WIDTH - RIGHT}"><title>quota, ${whole(limit)} a second</title></path>`,
        ]
      : []),
    // The first one lies on top of the others.
    ...[...lines.keys()]
      .slice(1)
      .concat(0)
      .map((at) => {
        const line = lines[at] ?? [];
        const path = line.map(([second, value]) => `${x(second)} ${y(value)}`).join("L");
        return `<path class="line rule${at}" d="M${path}"><title>${all[at]?.name}: ${peak(line, series)}</title></path>`;
      }),
  ].join("\n");
}

function peak(line: readonly (readonly [number, number])[], series: string): string {
  const [second, value] = line.reduce((best, one) => (one[1] > best[1] ? one : best), [0, 0] as const);
  return series === "online" ? `${value} % at most` : `${whole(value)} at most, after ${time(second)}`;
}

/** Colours that people who see few can tell apart. */
const STYLE = `
svg{--ground:#fff;--ink:#222;--faint:#666;--grid:#e3e3e3;--rule0:#0a66c2;--rule1:#d1600a;--rule2:#2a8a4a}
@media(prefers-color-scheme:dark){svg{--ground:#16181c;--ink:#e8e8e8;--faint:#a0a4ab;--grid:#30343b;--rule0:#6cb2ff;--rule1:#ffa657;--rule2:#6fd08c}}
.ground{fill:var(--ground)}text{font:13px system-ui,sans-serif;fill:var(--ink)}.title{font-weight:600}
.tick{font-size:11px;fill:var(--faint)}.y{text-anchor:end}.x{text-anchor:middle}
.grid{stroke:var(--grid)}.limit{stroke:var(--faint);stroke-dasharray:5 4}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
.rule0{stroke:var(--rule0)}.rule1{stroke:var(--rule1);stroke-dasharray:7 3}.rule2{stroke:var(--rule2);stroke-dasharray:2 3}`;
