// SPDX-License-Identifier: MIT
/** Which methods of Microsoft's SDKs pass, as emulator/README.md says it: made by the test that calls them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { ServiceSdk } from "./service-sdk";

/**
 * Compares the table of the README that `test` makes; writes it when BERTH_UPDATE_README is set.
 * @param names of the classes
 * @param notServed methods that have nothing here to talk to, by a pattern of `Class.method`
 */
export async function checkMatrix(
  test: string,
  sdk: ServiceSdk,
  names: readonly string[],
  notServed: readonly [pattern: RegExp, why: string][],
): Promise<void> {
  const rows: string[] = [];
  for (const name of names) {
    const methods = (await sdk.methodsOf(name)).map((method) => `${name}.${method}`);
    const passed = methods.filter((method) => sdk.passed.has(method));
    const left = methods.filter((method) => !sdk.passed.has(method));
    const reasons = new Map<string, string[]>();
    for (const method of left) {
      const why = notServed.find(([pattern]) => pattern.test(method))?.[1];
      if (why === undefined) throw new Error(`${method} is neither called by a test nor named as not served`);
      reasons.set(why, [...(reasons.get(why) ?? []), method.slice(name.length + 1)]);
    }
    const list = (all: string[]) => all.map((method) => `\`${method.replace(`${name}.`, "")}\``).join(", ");
    const not = [...reasons].map(([why, all]) => `${why}: ${list(all)}`).join("; ");
    rows.push(`| \`${name}\` | ${list(passed) || "none"} | ${not} |`);
  }
  const file = join(process.cwd(), "emulator", "README.md");
  const readme = readFileSync(file, "utf8");
  const table = ["| class | passes | not served |", "| --- | --- | --- |", ...rows, ""].join("\n");
  const [, before = "", after = ""] =
    new RegExp(`^([\\s\\S]*<!-- made by ${test} -->\n)[\\s\\S]*?(<!-- end -->[\\s\\S]*)$`).exec(readme) ?? [];
  const written = `${before}${table}${after}`;
  if (process.env.BERTH_UPDATE_README) writeFileSync(file, written);
  else expect(written).toBe(readme);
}
