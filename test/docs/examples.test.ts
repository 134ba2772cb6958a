// SPDX-License-Identifier: MIT
/** README.md shows the examples as they are, and every file that it links is there. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { EXAMPLES } from "../../examples/start";

const project = fileURLToPath(new URL("../..", import.meta.url));
const read = (...path: string[]): string => readFileSync(join(project, ...path), "utf8");
const page = read("README.md");

test.each(EXAMPLES)("README.md has the source of %s", (name) => {
  const source = read("examples", name, "main.ts").replace(/^\/\/ SPDX-.*\n/, "");
  expect(page).toContain(`\n\`\`\`ts\n${source}\`\`\`\n`);
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

test("every file that README.md links is there", () => {
  const links = [...page.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = ""]) => path);
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((path) => !existsSync(join(project, path)))).toEqual([]);
});
