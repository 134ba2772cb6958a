// SPDX-License-Identifier: MIT
/** README.md and docs/examples.md show the examples as they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { EXAMPLES } from "../../examples/start";

const project = fileURLToPath(new URL("../..", import.meta.url));
const read = (...path: string[]): string => readFileSync(join(project, ...path), "utf8");
const pages = read("README.md") + read("docs", "examples.md");

test.each(EXAMPLES)("a page has the source of %s", (name) => {
  const source = read("examples", name, "main.ts").replace(/^\/\/ SPDX-.*\n/, "");
  expect(pages).toContain(`\n\`\`\`ts\n${source}\`\`\`\n`);
});

test.each(EXAMPLES)("%s has 10 to 40 lines, five of README, and a manifest", (name) => {
  const lines = read("examples", name, "main.ts").trimEnd().split("\n").length;
  expect(lines).toBeGreaterThanOrEqual(10);
  expect(lines).toBeLessThanOrEqual(40);
  expect(read("examples", name, "README.md").split("\n").filter(Boolean)).toHaveLength(5);
  const { include, modules } = JSON.parse(read("examples", name, "manifest.json"));
  expect(include[0]).toBe("$(MODDABLE)/examples/manifest_base.json");
  expect(modules).toEqual({ "*": "./main" });
  expect(existsSync(join(project, "examples", name, include[1]))).toBe(true);
});
