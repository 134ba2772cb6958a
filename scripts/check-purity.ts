// SPDX-License-Identifier: MIT
/**
 * What `src/` must not use though the compiler knows it as ECMAScript: time, chance, the host. All other globals are unknown
 * to src/tsconfig.json. And what dependency-cruiser does not see: a module that a type names, or an expression; the latter is
 * for the emulator alone, whose configuration names a module, and for cli/berth.js, which runs what is built.
 *
 *   npx tsx scripts/check-purity.ts [DIRECTORY]     One line a violation; exit status 1 when there is one.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "@swc/core";

const FOLDERS = ["src", "hosts", "firmware", "factory", "cli", "scripts"];
/** In the syntax of the SDK's compiler. */
const NATIVES = /^hosts\/(native\/moddable|moddable\/qemu)\/[^/]*-natives\.js$/;
const STARTER = "cli/berth.js";
const UNWANTED = ["globalThis", "Intl", "eval", "escape", "unescape"];

/** A node of swc's tree. */
type Node = Readonly<Record<string, unknown>> & { readonly type: string };

/** All violations below `root`, as `FILE what is wrong`. */
export function checkPurity(root: string): string[] {
  return FOLDERS.flatMap((folder) => {
    if (!existsSync(join(root, folder))) return [];
    return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map((name) => relative(root, join(root, folder, name)))
      .filter((file) => /\.[jt]s$/.test(file) && !file.endsWith(".d.ts") && !NATIVES.test(file))
      .sort()
      .flatMap((file) => problemsIn(file, readFileSync(join(root, file), "utf8")));
  });
}

function problemsIn(file: string, source: string): string[] {
  const found: string[] = [];
  const pure = file.startsWith("src/");
  walk(parseSync(source, { syntax: "typescript", target: "es2022" }), (node, parent, key) => {
    const problem =
      (file === STARTER ? undefined : hiddenImport(node)) ?? (pure ? impurity(node, parent, key) : undefined);
    if (problem !== undefined) found.push(`${file} ${problem}`);
  });
  return found;
}

/** An import that dependency-cruiser does not see. */
function hiddenImport(node: Node): string | undefined {
  if (node.type === "TsImportType") return "names a module inside a type; import it at the top";
  if (node.type !== "CallExpression" || (node.callee as Node).type !== "Import") return undefined;
  const [first] = node.arguments as { readonly expression: Node }[];
  return first?.expression.type === "StringLiteral"
    ? undefined
    : "imports what an expression names; name it in the import";
}

function impurity(node: Node, parent: Node, key: string): string | undefined {
  if (node.type === "MetaProperty" && node.kind === "import.meta") {
    return "uses import.meta; the core has no host";
  }
  if (node.type === "MemberExpression") {
    const whole = `${nameOf(node.object)}.${nameOf(node.property)}`;
    return whole === "Math.random" || whole === "Date.now"
      ? `uses ${whole}; take it from the host`
      : undefined;
  }
  // A type, or a name that belongs to an object.
  const isName = ["property", "key"].includes(key) || /^Ts.*(Type|Reference|Signature)/.test(parent.type);
  if (node.type !== "Identifier" || isName) return undefined;
  const name = String(node.value);
  if (UNWANTED.includes(name)) return `uses ${name}; the core has no host`;
  if (name !== "Date" || parent.type === "MemberExpression") return undefined;
  const withTime = parent.type === "NewExpression" && (parent.arguments as unknown[] | undefined)?.length;
  return withTime ? undefined : "uses Date without a time; take the time from the host's clock";
}

/** Of an identifier, or of a constant in brackets. */
function nameOf(node: unknown): unknown {
  const { type, value, expression } = node as Node;
  return type === "Computed" ? (expression as Node).value : value;
}

function walk(
  node: unknown,
  visit: (node: Node, parent: Node, key: string) => void,
  parent: Node = { type: "" },
  key = "",
): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) {
    for (const element of node) walk(element, visit, parent, key);
    return;
  }
  const isNode = "type" in node && typeof node.type === "string";
  if (isNode) visit(node as Node, parent, key);
  for (const [name, child] of Object.entries(node)) {
    // Arguments and elements are wrapped in objects without a type.
    walk(child, visit, isNode ? (node as Node) : parent, isNode ? name : key);
  }
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const found = checkPurity(resolve(process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url))));
  for (const line of found) console.error(line);
  if (found.length > 0) process.exitCode = 1;
}
