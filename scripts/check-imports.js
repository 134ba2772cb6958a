#!/usr/bin/env node
// SPDX-License-Identifier: MIT
/**
 * Dependencies point down only. Checks each import against the table below, and in `src/` each global name:
 * the core runs on XS and Node alike, so it uses nothing but ECMAScript.
 *
 * Usage: node scripts/check-imports.js [DIRECTORY]. Prints one line a violation; exit status 1 when there is one.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, extname, join, posix, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseSync } from "@swc/core";

/**
 * What the files of a folder may import. `folders`: other folders of the project; `files`: single files of it, named
 * without extension; `packages`: which bare specifiers; `dynamic`: may it import what an expression names? The first entry whose folder holds the file counts.
 *
 * @typedef {{ folder: string, folders: string[], files?: string[], packages: (specifier: string) => boolean,
 *   dynamic?: boolean }} Rule
 */

const nothing = () => false;
const anything = () => true;
/** @param {string} specifier */
const node = (specifier) => specifier.startsWith("node:");
/** @param {string} specifier */
const noNode = (specifier) => !specifier.startsWith("node:");
/** The boundary and what it raises. */
const BOUNDARY = ["src/host", "src/error"];

/** @type {readonly Rule[]} */
const RULES = [
  { folder: "src/mqtt", folders: [], files: BOUNDARY, packages: nothing },
  { folder: "src/storage", folders: [], files: BOUNDARY, packages: nothing },
  { folder: "src/azure", folders: ["src/mqtt"], files: BOUNDARY, packages: nothing },
  { folder: "src/agent", folders: ["src"], packages: nothing },
  { folder: "src", folders: [], packages: nothing },
  { folder: "hosts/node", folders: ["src"], packages: node },
  { folder: "hosts/xs", folders: ["src"], files: ["scripts/build-lock"], packages: anything },
  { folder: "hosts/sockets", folders: ["src"], packages: nothing },
  // On Linux the natives come from C, in the SDK from modules of these names.
  {
    folder: "hosts/native",
    folders: ["src", "hosts/sockets"],
    files: ["hosts/transport-tap"],
    packages: (specifier) => specifier.startsWith("berth/natives/"),
  },
  { folder: "hosts/moddable", folders: ["src", "hosts/native", "hosts/sockets"], packages: noNode },
  { folder: "hosts", folders: ["src"], packages: nothing },
  { folder: "firmware", folders: ["src", "hosts/moddable", "hosts/sockets"], packages: noNode },
  { folder: "simulator", folders: [], files: BOUNDARY, packages: anything },
  // The module of a custom allocation policy is named by the configuration.
  {
    folder: "emulator",
    folders: [],
    files: ["hosts/node/durable-file", "hosts/node/directory-lock"],
    packages: anything,
    dynamic: true,
  },
  // What the firmware reads, the factory writes: by the firmware's own names and readers.
  {
    folder: "factory",
    folders: ["src", "hosts/node"],
    files: [
      "firmware/device-identity",
      "firmware/settings",
      "hosts/sockets/connect-to",
      "hosts/moddable/store",
    ],
    packages: anything,
  },
  {
    folder: "cli",
    folders: ["src", "hosts/node", "hosts/xs", "emulator", "factory"],
    files: [
      "hosts/transport-tap",
      "hosts/native/linux/host",
      "hosts/native/linux/protocol",
      "scripts/build-native",
      "scripts/npm-options",
    ],
    packages: anything,
  },
];

/** ECMAScript 2024 without what depends on time, on a host or on chance; `Date` and `Math` are looked at closer. */
const GLOBALS = new Set(
  `undefined NaN Infinity isNaN isFinite parseInt parseFloat Object Function Boolean Symbol Number BigInt Math Date
  String RegExp Array Map Set WeakMap WeakSet WeakRef FinalizationRegistry ArrayBuffer SharedArrayBuffer DataView
  Int8Array Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array
  Float32Array Float64Array Atomics JSON Promise Proxy Reflect Error AggregateError EvalError RangeError
  ReferenceError SyntaxError TypeError URIError encodeURI encodeURIComponent decodeURI decodeURIComponent arguments`
    .split(/\s+/)
    .filter(Boolean),
);

const EXTENSIONS = new Set([".ts", ".js", ".mts", ".mjs"]);

/**
 * All violations below `root`, as `FILE:LINE what is wrong`.
 * @param {string} root
 * @returns {string[]}
 */
export function checkImports(root) {
  const found = [];
  for (const folder of new Set(RULES.map((rule) => rule.folder.split("/")[0] ?? ""))) {
    for (const file of sourcesBelow(join(root, folder))) {
      const path = relative(root, file).split(sep).join("/");
      // Declarations of natives in the SDK's own syntax (`@ "name"`), which no parser of JavaScript takes.
      if (path.startsWith("hosts/native/moddable/")) continue;
      const rule = RULES.find((candidate) => isIn(path, candidate.folder));
      if (rule !== undefined) found.push(...checkFile(path, readFileSync(file, "utf8"), rule));
    }
  }
  return found;
}

/**
 * @param {string} path
 * @param {string} source
 * @param {Rule} rule
 * @returns {string[]}
 */
function checkFile(path, source, rule) {
  /** @type {{ at: number, what: string }[]} */
  const found = [];
  // swc counts bytes, over all that it has parsed in this process: this module starts where it says.
  const module = parseSync(source, { syntax: "typescript", target: "es2022" });
  const pure = isIn(path, "src");
  const declared = pure ? declaredNames(module) : new Set();
  walk(module, (node, parent, key) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined) {
      const problem = importProblem(path, specifier, rule);
      if (problem !== undefined) found.push({ at: node.span.start, what: problem });
    }
    if (!pure) return;
    const problem = globalProblem(node, parent, key, declared);
    if (problem !== undefined) found.push({ at: node.span.start, what: problem });
  });
  const first = firstByte(module, source);
  const bytes = Buffer.from(source);
  return found.map(({ at, what }) => {
    const line = bytes
      .subarray(0, Math.max(0, at - first))
      .toString()
      .split("\n").length;
    return `${path}:${line} ${what}`;
  });
}

/**
 * The position that swc gives to the first byte of `source`. A module's span begins at its first token.
 * @param {any} module
 * @param {string} source
 */
function firstByte(module, source) {
  const blank = /^(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|#![^\n]*\n)*/.exec(source)?.[0] ?? "";
  return module.span.start - Buffer.byteLength(blank);
}

/**
 * @param {string} path
 * @param {string | null} specifier null for an expression
 * @param {Rule} rule
 * @returns {string | undefined}
 */
function importProblem(path, specifier, rule) {
  if (specifier === null) {
    return rule.dynamic ? undefined : "imports what an expression names; name it in the import";
  }
  if (!specifier.startsWith(".")) {
    return rule.packages(specifier) ? undefined : `imports "${specifier}", which ${rule.folder}/ may not`;
  }
  const target = posix.normalize(posix.join(dirname(path), specifier)).replace(/\.(ts|js|mts|mjs)$/, "");
  if (isIn(target, rule.folder) && !belongsElsewhere(target, rule)) return undefined;
  if (rule.folders.some((folder) => isIn(target, folder))) return undefined;
  if (rule.files?.includes(target)) return undefined;
  return `imports ${target}; ${rule.folder}/ may use ${allowed(rule)} only`;
}

/**
 * `src/error` may not import `src/mqtt/...`, though both lie in `src`.
 * @param {string} target
 * @param {Rule} rule
 */
function belongsElsewhere(target, rule) {
  return RULES.find((candidate) => isIn(target, candidate.folder))?.folder !== rule.folder;
}

/** @param {Rule} rule */
function allowed(rule) {
  return [rule.folder, ...rule.folders, ...(rule.files ?? [])].join(", ");
}

/**
 * @param {string} path
 * @param {string} folder
 */
function isIn(path, folder) {
  return path === folder || path.startsWith(`${folder}/`);
}

/**
 * The specifier of an import of any kind; null when it is no constant; undefined for another node.
 * @param {any} node
 * @returns {string | null | undefined}
 */
function specifierOf(node) {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
      return node.source?.value;
    case "TsExternalModuleReference":
      return node.expression.value;
    case "TsImportType":
      return node.argument.value;
    case "CallExpression": {
      const { callee } = node;
      const isImport = callee.type === "Import";
      const isRequire = callee.type === "Identifier" && callee.value === "require";
      if (!isImport && !isRequire) return undefined;
      const argument = node.arguments[0]?.expression;
      return argument?.type === "StringLiteral" ? argument.value : null;
    }
    default:
      return undefined;
  }
}

/**
 * @param {any} node
 * @param {any} parent
 * @param {string} key under which the parent holds the node
 * @param {Set<string>} declared
 * @returns {string | undefined}
 */
function globalProblem(node, parent, key, declared) {
  if (node.type === "MetaProperty" && node.kind === "import.meta")
    return "uses import.meta; the core has no host";
  if (
    node.type === "MemberExpression" &&
    node.object.type === "Identifier" &&
    !declared.has(node.object.value)
  ) {
    const name = node.property.type === "Computed" ? node.property.expression.value : node.property.value;
    const whole = `${node.object.value}.${name}`;
    if (whole === "Math.random" || whole === "Date.now") return `uses ${whole}; take it from the host`;
  }
  if (node.type !== "Identifier" || !isReference(parent, key) || declared.has(node.value)) return undefined;
  if (node.value === "Date") {
    const withTime = parent.type === "NewExpression" && (parent.arguments?.length ?? 0) > 0;
    const isStatic = parent.type === "MemberExpression";
    return withTime || isStatic ? undefined : "uses Date without a time; take the time from the host's clock";
  }
  return GLOBALS.has(node.value) ? undefined : `uses the global ${node.value}, which is no ECMAScript 2024`;
}

/** Keys under which an identifier is only a name, by the type of its parent. */
const NAMES = new Map([
  ["MemberExpression", ["property"]],
  ["SuperPropExpression", ["property"]],
  ["KeyValueProperty", ["key"]],
  ["KeyValuePatternProperty", ["key"]],
  ["MethodProperty", ["key"]],
  ["GetterProperty", ["key"]],
  ["SetterProperty", ["key"]],
  ["ClassMethod", ["key"]],
  ["ClassProperty", ["key"]],
  ["Constructor", ["key"]],
  ["AssignmentPatternProperty", ["key"]],
  ["PrivateName", ["id"]],
  ["LabeledStatement", ["label"]],
  ["BreakStatement", ["label"]],
  ["ContinueStatement", ["label"]],
  ["ExportSpecifier", ["orig", "exported"]],
  ["ImportSpecifier", ["local", "imported"]],
  ["MetaProperty", ["meta", "property"]],
]);

/**
 * @param {any} parent
 * @param {string} key
 */
function isReference(parent, key) {
  // Types are tsc's business: src/tsconfig.json has no library but ECMAScript.
  if (
    parent.type.startsWith("Ts") &&
    !["TsAsExpression", "TsNonNullExpression", "TsSatisfiesExpression", "TsConstAssertion"].includes(
      parent.type,
    )
  ) {
    return false;
  }
  return !NAMES.get(parent.type)?.includes(key);
}

/**
 * Every name that the module declares anywhere. A global under the same name elsewhere in it would go unseen;
 * biome's noRedeclare and noShadowRestrictedNames cover that.
 * @param {any} module
 */
function declaredNames(module) {
  /** @type {Set<string>} */
  const names = new Set();
  walk(module, (node) => {
    switch (node.type) {
      case "ImportDefaultSpecifier":
      case "ImportNamespaceSpecifier":
      case "ImportSpecifier":
        names.add(node.local.value);
        break;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ClassDeclaration":
      case "ClassExpression":
        if (node.identifier) names.add(node.identifier.value);
        break;
      case "VariableDeclarator":
        addPattern(node.id, names);
        break;
      case "Parameter":
        addPattern(node.pat, names);
        break;
      case "ArrowFunctionExpression":
        for (const parameter of node.params) addPattern(parameter, names);
        break;
      case "SetterProperty":
        addPattern(node.param, names);
        break;
      case "CatchClause":
        if (node.param) addPattern(node.param, names);
        break;
      default:
    }
  });
  return names;
}

/**
 * @param {any} pattern
 * @param {Set<string>} names
 */
function addPattern(pattern, names) {
  switch (pattern?.type) {
    case "Identifier":
      names.add(pattern.value);
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) addPattern(element, names);
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        // { key }, { key = default }; { key: pattern }; { ...rest }
        if (property.type === "AssignmentPatternProperty") addPattern(property.key, names);
        else addPattern(property.type === "RestElement" ? property.argument : property.value, names);
      }
      break;
    case "AssignmentPattern":
      addPattern(pattern.left, names);
      break;
    case "RestElement":
      addPattern(pattern.argument, names);
      break;
    default:
  }
}

/**
 * Calls `visit` for every node below `node`.
 * @param {any} node
 * @param {(node: any, parent: any, key: string) => void} visit
 * @param {any} [parent]
 * @param {string} [key]
 */
function walk(node, visit, parent = { type: "" }, key = "") {
  if (Array.isArray(node)) {
    for (const element of node) walk(element, visit, parent, key);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  const isNode = typeof node.type === "string";
  if (isNode) visit(node, parent, key);
  for (const [name, child] of Object.entries(node)) {
    // Arguments and array elements are wrapped in objects without a type.
    if (name !== "span") walk(child, visit, isNode ? node : parent, isNode ? name : key);
  }
}

/**
 * @param {string} directory
 * @returns {string[]}
 */
function sourcesBelow(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : sourcesBelow(path);
      return EXTENSIONS.has(extname(entry.name)) && !entry.name.endsWith(".d.ts") ? [path] : [];
    });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(resolve(process.argv[1])).href) {
  const root = process.argv[2] ?? fileURLToPath(new URL("..", import.meta.url));
  const found = checkImports(resolve(root));
  for (const line of found) console.error(line);
  console.log(found.length === 0 ? "imports: all point down" : `imports: ${found.length} violations`);
  process.exitCode = found.length === 0 ? 0 : 1;
}
