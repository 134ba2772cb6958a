// SPDX-License-Identifier: MIT
/** The tables of docs/budget.md are what the code computes. `BERTH_WRITE_DOCS=1 npm test -- test/docs/budget` renews them. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { publishPacketSize } from "../helpers/publish-size";
import { flashWear } from "../../src/flash-log";
import { NorFlash } from "../helpers/nor-flash";
import { flashQueue } from "../helpers/flash-queue";

const PAGE = new URL("../../docs/budget.md", import.meta.url);
const DAY = 86_400;
const DAYS = 3_652.5;
const MESSAGE = { payload: 200, bag: 60 };
const SECTOR = 4_096;

const shown = (value: number, digits = 0): string =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

function wearTable(): string {
  const rows = (
    [
      ["hour", 3_600, 16],
      ["minute", 60, 16],
      ["minute", 60, 64],
      ["10 s", 10, 64],
      ["second", 1, 64],
    ] as const
  ).map(([name, every, sectors]) => {
    const { held, erasesPerDay, erasesPerSectorPerDay, years } = flashWear(
      { sectors, sectorSize: SECTOR },
      MESSAGE,
      DAY / every,
    );
    const cells = [
      name,
      `${(sectors * SECTOR) / 1024} KiB`,
      shown(held),
      shown(erasesPerDay, 1),
      shown(erasesPerSectorPerDay * DAYS),
      shown(years),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| a message each | partition | held | erases a day | of each sector, in ten years | years |",
    "| -------------- | --------: | ---: | -----------: | ---------------------------: | ----: |",
    ...rows,
  ].join("\n");
}

function networkTable(): string {
  const out = 1_440 * publishPacketSize(105, 200);
  const row = (name: string, day: number, decade: string): string =>
    `| ${name} | ${shown(day)} | ${decade} |`;
  // The middle of 75 to 85 %.
  const connections = (hours: number): number => Math.ceil(24 / (hours * 0.8));
  return [
    "| | a day | in ten years |",
    "| --- | ---: | ---: |",
    row("messages", 1_440, shown(1_440 * DAYS)),
    row("connections of tokens of an hour", connections(1), shown(connections(1) * DAYS)),
    row("connections of tokens of a day", connections(24), shown(connections(24) * DAYS)),
    row("bytes of MQTT out, 200 a message, topic and bag of 105", out, `${shown((out * DAYS) / 1e9, 1)} GB`),
    row("bytes of MQTT in, PUBACK", 1_440 * 4, `${shown((1_440 * 4 * DAYS) / 1e6)} MB`),
  ].join("\n");
}

test.each([
  ["wear", wearTable],
  ["network", networkTable],
] as const)("the table of %s", (name, table) => {
  const page = readFileSync(PAGE, "utf8");
  const [start, end] = [`<!-- ${name} -->\n\n`, `\n\n<!-- /${name} -->`];
  const from = page.indexOf(start) + start.length;
  const to = page.indexOf(end);
  if (process.env.BERTH_WRITE_DOCS === "1")
    writeFileSync(PAGE, `${page.slice(0, from)}${table()}${page.slice(to)}`);
  else expect(page.slice(from, to)).toBe(table());
});

test("the flash is erased as often as is computed, and each sector as often as another", () => {
  const flash = new NorFlash(4, 512);
  const { queue, add, take } = flashQueue(flash, { dailyErases: 10_000 });
  const payload = "x".repeat(50);
  const count = 4_000;
  for (let i = 0; i < count; i += 1) {
    add(payload, "a=1");
    const message = take();
    if (message) queue.release(message);
  }
  const { erasesPerDay } = flashWear(flash, { payload: 50, bag: 3 }, count);
  const total = flash.erases.reduce((sum, erases) => sum + erases, 0);
  expect(total).toBe(Math.ceil(erasesPerDay));
  expect(Math.max(...flash.erases) - Math.min(...flash.erases)).toBeLessThanOrEqual(1);
});
