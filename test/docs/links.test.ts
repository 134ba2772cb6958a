// SPDX-License-Identifier: MIT
/** The documents: every link leads somewhere, in the checkout and in the npm package; and one name for the modules. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const project = fileURLToPath(new URL("../..", import.meta.url));
const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { cwd: project, encoding: "utf8", maxBuffer: 1 << 26 });
const read = (path: string): string => readFileSync(join(project, path), "utf8");

const documents = run("git", "ls-files", "*.md").trim().split("\n");
const [pack] = JSON.parse(run("npm", "pack", "--dry-run", "--json", "--ignore-scripts", "--silent")) as [
  { files: { path: string }[] },
];
const shipped = new Set(pack.files.map(({ path }) => path));
const folders = new Set([...shipped].flatMap((path) => parents(path)));

function parents(path: string): string[] {
  const folder = dirname(path);
  return folder === "." ? [] : [folder, ...parents(folder)];
}

/** Relative links, pictures included: where each leads, and the heading that it names. */
function linksOf(path: string): { link: string; target: string; heading: string }[] {
  const text = read(path).replaceAll(/^```.*?^```$/gms, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [file = "", heading = ""] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file)).replace(/\/$/, "");
      return { link: `${path}: ${link}`, target, heading };
    });
}

/** As GitHub makes them. */
function headingsOf(path: string): string[] {
  const text = read(path).replaceAll(/^```.*?^```$/gms, "");
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every link of a document leads to what is there", () => {
  const links = documents.flatMap(linksOf);
  expect(links.length).toBeGreaterThan(50);
  const isThere = ({ target, heading }: { target: string; heading: string }) =>
    existsSync(join(project, target)) &&
    (heading === "" || (target.endsWith(".md") && headingsOf(target).includes(heading)));
  expect(links.filter((link) => !isThere(link)).map(({ link }) => link)).toEqual([]);
});

test("every link of a document of the package leads to what is in the package", () => {
  const links = documents.filter((path) => shipped.has(path)).flatMap(linksOf);
  expect(links.length).toBeGreaterThan(30);
  const dead = links.filter(({ target }) => !shipped.has(target) && !folders.has(target));
  expect(dead.map(({ link }) => link)).toEqual([]);
});

test("modules are imported by the name under which README has the package installed", () => {
  expect(read("README.md")).toContain("npm i berth@npm:berth-iot");
  const texts = [...documents, ...run("git", "ls-files", "docs", "examples").trim().split("\n")].filter(
    (path) => /\.(md|mjs|js|ts|yaml)$/.test(path),
  );
  const wrong = texts.filter((path) => /["'`]berth-iot["']|berth-iot\/\w/.test(read(path)));
  expect(wrong).toEqual([]);
});
