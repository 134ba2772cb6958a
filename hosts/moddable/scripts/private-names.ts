// SPDX-License-Identifier: MIT
/**
 * Private names of JavaScript as properties with names of their own. In XS every method holds a slot for each private name that
 * it uses, 16 bytes in the image, and every object one for each private method, in RAM.
 */
import { parseSync } from "@swc/core";

/** Begins the properties; no other property of the sources does. */
const MARK = "_$";

interface Node {
  readonly type: string;
  readonly span?: { readonly start: number; readonly end: number };
  readonly [key: string]: unknown;
}

interface Class {
  readonly declared: ReadonlySet<string>;
  /** Begins its names, so that no class has those of its base: an object has both. */
  readonly lineage: string;
}

/**
 * @param code a module of esbuild: each class that another one extends is a variable of the module
 * @param outside a number; two modules with classes whose base is in another module have two
 * @returns the same with properties
 * @throws Error where that would not be the same: `#name in object`, or a name that is one of these properties already
 */
export function withoutPrivateNames(code: string, outside: string): string {
  if (code.includes(`.${MARK}`)) throw new Error(`a property of the sources begins with ${MARK}`);
  const module = parseSync(code, { syntax: "ecmascript", target: "es2022" }) as unknown as Node;
  const names: { node: Node; property: string }[] = [];
  const lineages = new Map<string, string>();
  const visit = (value: unknown, classes: readonly Class[], named: string | undefined): void => {
    if (Array.isArray(value)) for (const one of value) visit(one, classes, undefined);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    const node = value as Node;
    if (node.type === "PrivateName") {
      const name = String(node.value);
      const owner = classes.findLast(({ declared }) => declared.has(name));
      if (!owner) throw new Error(`no class has #${name}`);
      names.push({ node, property: `${MARK}${owner.lineage}${name}` });
      return;
    }
    if (node.type === "BinaryExpression" && node.operator === "in" && isPrivate(node.left))
      throw new Error("#name in object cannot be a property");
    let inside = classes;
    if (node.type === "ClassExpression" || node.type === "ClassDeclaration") {
      const base = node.superClass as Node | null;
      const ofBase = base?.type === "Identifier" ? lineages.get(String(base.value)) : undefined;
      const lineage = !base ? "" : ofBase === undefined ? `${outside}_` : `${ofBase}1`;
      const name = named ?? (node.identifier as Node | null)?.value;
      if (name !== undefined && (lineages.get(String(name)) ?? lineage) !== lineage)
        throw new Error(`two classes are named ${name}`);
      if (name !== undefined) lineages.set(String(name), lineage);
      inside = [...classes, { declared: privatesOf(node), lineage }];
    }
    for (const [key, child] of Object.entries(node)) {
      const name = node.type === "VariableDeclarator" && key === "init" ? nameOf(node.id) : undefined;
      visit(child, inside, name);
    }
  };
  visit(module.body, [], undefined);
  return replaced(code, names);
}

function isPrivate(node: unknown) {
  return (node as Node).type === "PrivateName";
}

function nameOf(id: unknown): string | undefined {
  const { type, value } = id as Node;
  return type === "Identifier" ? String(value) : undefined;
}

function privatesOf(node: Node): Set<string> {
  const keys = (node.body as Node[]).map(({ key }) => key as Node | undefined);
  return new Set(keys.flatMap((key) => (key?.type === "PrivateName" ? [String(key.value)] : [])));
}

function replaced(code: string, names: readonly { node: Node; property: string }[]): string {
  // swc counts bytes, from 1.
  const bytes = Buffer.from(code);
  const text = (from: number, to: number) => bytes.toString("utf8", from, to);
  let result = "";
  let at = 0;
  for (const { node, property } of names.toSorted((one, other) => start(one.node) - start(other.node))) {
    const from = start(node);
    const name = `#${node.value}`;
    if (text(from, from + name.length) !== name) throw new Error(`there is no ${name} at ${from}`);
    result += text(at, from) + property;
    at = from + name.length;
  }
  return result + text(at, bytes.length);
}

function start({ span }: Node): number {
  return (span?.start ?? 0) - 1;
}
