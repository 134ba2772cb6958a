// SPDX-License-Identifier: MIT
/**
 * Makes modules ready to be frozen as the linker of the Moddable SDK freezes what a manifest preloads: everything
 * that they declare, not only what they export.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Declaration, type ModuleItem, type Pattern, parseSync } from "@swc/core";
import { type ModuleGraph, moduleGraph, ROOT, single } from "./modules";

/** How a module's own names are exported beside what it exports itself. */
export const PRELOAD_PREFIX = "preload_";

export interface PreloadGraph extends ModuleGraph {
  /** Names of functions and classes: their bindings never change, though the language would let them. */
  readonly declared: readonly string[];
  /** `let` and `var` at the top level, as "module: name": state, which a preloaded module cannot have. */
  readonly variables: readonly string[];
}

/** The modules that can be loaded from `files`, and what they need. @throws Error of esbuild */
export async function preloadGraph(files: readonly string[]): Promise<PreloadGraph> {
  const sources: Record<string, string> = {};
  const resolutions: Record<string, string> = {};
  for (const file of files) {
    const graph = await moduleGraph(file);
    Object.assign(sources, graph.sources);
    Object.assign(resolutions, graph.resolutions);
  }
  return exposed({ entry: "", sources, resolutions });
}

/** A module by itself, given as text. */
export function preloadSingle(name: string, source: string): PreloadGraph {
  return exposed(single(name, source));
}

function exposed({ entry, sources, resolutions }: ModuleGraph): PreloadGraph {
  const exposedSources: Record<string, string> = {};
  const declared = new Set<string>();
  const variables: string[] = [];
  for (const [name, source] of Object.entries(sources)) {
    const names: string[] = [];
    for (const declaration of declarationsOf(source)) {
      if (declaration.type === "VariableDeclaration") {
        const own = declaration.declarations.flatMap(({ id }) => namesOf(id));
        names.push(...own);
        if (declaration.kind !== "const") variables.push(...own.map((variable) => `${name}: ${variable}`));
      } else if (declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration") {
        names.push(declaration.identifier.value);
        declared.add(declaration.identifier.value);
      }
    }
    const list = names.map((own) => `${own} as ${PRELOAD_PREFIX}${own}`).join(", ");
    exposedSources[name] = `${source}\nexport { ${list} };\n`;
  }
  return { entry, sources: exposedSources, resolutions, declared: [...declared], variables };
}

function declarationsOf(source: string): Declaration[] {
  const { body } = parseSync(source, { syntax: "ecmascript", target: "es2022" });
  return body.flatMap((item: ModuleItem): Declaration[] => {
    if (item.type === "ExportDeclaration") return [item.declaration];
    const declares = ["VariableDeclaration", "FunctionDeclaration", "ClassDeclaration"].includes(item.type);
    return declares ? [item as Declaration] : [];
  });
}

function namesOf(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.value];
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element ? namesOf(element) : []));
    case "ObjectPattern":
      return pattern.properties.flatMap((property) => {
        if (property.type === "KeyValuePatternProperty") return namesOf(property.value);
        return property.type === "AssignmentPatternProperty"
          ? [property.key.value]
          : namesOf(property.argument);
      });
    case "AssignmentPattern":
      return namesOf(pattern.left);
    case "RestElement":
      return namesOf(pattern.argument);
    default:
      return [];
  }
}

/** All TypeScript modules below `directory`, a path from the project's root. */
export function modulesBelow(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
    .map((file) => `${directory}/${file.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"))
    .sort();
}
