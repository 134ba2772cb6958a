// SPDX-License-Identifier: MIT
/**
 * Builds `dist/page/`, the page of the emulator, by Vite: at first use and when its sources have changed.
 *
 *   node --import tsx scripts/build-page.ts
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { withLock } from "./build-lock";
import { isFresh, PAGE_INPUTS, stateOf } from "./dist-state.js";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PAGE = join(ROOT, "emulator", "page");

/** Builds it. @returns files of packages that are in it, by their names from the project's root */
export async function buildPage(): Promise<string[]> {
  const ofPackages = new Set<string>();
  const others = ["scripts/build-page.ts", "package-lock.json", "emulator/page"];
  const inputs: Record<string, string> = {};
  for (const name of others) inputs[name] = stateOf(name);
  // A folder's own time tells of files that come and go.
  for (const name of readdirSync(PAGE, { recursive: true, encoding: "utf8" }))
    inputs[`emulator/page/${name}`] = stateOf(`emulator/page/${name}`);
  await build({
    root: PAGE,
    configFile: false,
    logLevel: "error",
    // As TypeScript has it in emulator/page/tsconfig.json.
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      outDir: join(ROOT, "dist", "page"),
      emptyOutDir: true,
      target: "es2022",
      // Data in the address would be against the policy of its content.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    plugins: [
      {
        name: "inputs",
        load(id) {
          const name = relative(ROOT, id.replace(/\?.*$/, ""));
          if (name.includes("node_modules")) ofPackages.add(name);
          else if (!name.startsWith("..")) inputs[name] = stateOf(name);
          return null;
        },
      },
    ],
  });
  writeFileSync(PAGE_INPUTS, `${JSON.stringify(inputs, undefined, 1)}\n`);
  return [...ofPackages];
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(join(ROOT, "build"), { recursive: true });
  await withLock(
    join(ROOT, "build", "page.lock"),
    async () => {
      // Another process may have built it meanwhile.
      if (!isFresh(PAGE_INPUTS)) await buildPage();
    },
    { log: (line) => console.error(`berth: ${line}`) },
  );
}
