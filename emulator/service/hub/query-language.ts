// SPDX-License-Identifier: MIT
/**
 * The part of IoT Hub's query language that is about devices: SELECT with fields, aliases, COUNT, SUM, AVG, MIN, MAX,
 * and WHERE. Source: "IoT Hub query language for device and module twins, jobs, and message routing" (Azure documents).
 */
import type { Json, JsonObject } from "../../json-reader";

/** Characters of a query, and expressions inside one another. */
const LONGEST = 4096;
const DEEPEST = 50;

/** Finds a value by its path, for example `["tags", "room"]`; undefined when there is none. */
export type Lookup = (path: readonly string[]) => Json | undefined;
/** Undefined is what a missing property has, and what an expression on it comes to. */
type Expression = (lookup: Lookup) => Json | undefined;

/** A query that was understood. */
export interface Query {
  /** Whole devices, fields of each, or one row for all of them. */
  select:
    | { kind: "all" }
    | { kind: "fields"; fields: { name: string; value: Expression }[] }
    | { kind: "aggregates"; aggregates: Aggregate[] };
  /** Is the device among those asked for? */
  where(lookup: Lookup): boolean;
  /** From `SELECT TOP n`. */
  top: number | undefined;
}

/** One column of a row about all devices. */
export interface Aggregate {
  name: string;
  over(values: Lookup[]): Json;
}

/** A query that this emulator does not understand; the message says where. */
export class QueryError extends RangeError {}

const TOKEN =
  /\s*(?:(?<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?<word>\[\[[^\]]*\]\]|[A-Za-z_$][\w$-]*)|(?<mark><>|!=|<=|>=|[=<>(),.*[\]]))/y;

type Token = { kind: "string" | "number" | "word" | "mark" | "end"; text: string; at: number };

function tokens(text: string): Token[] {
  const found: Token[] = [];
  const pattern = new RegExp(TOKEN.source, "y");
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const at = pattern.lastIndex;
    const groups = pattern.exec(text)?.groups;
    if (!groups) throw new QueryError(`the query cannot be read from character ${at + 1} on`);
    for (const kind of ["string", "number", "word", "mark"] as const) {
      const part = groups[kind];
      if (part !== undefined) found.push({ kind, text: part, at });
    }
  }
  return [...found, { kind: "end", text: "", at: end }];
}

const AGGREGATES: Record<string, (values: number[]) => Json> = {
  SUM: (values) => values.reduce((sum, value) => sum + value, 0),
  AVG: (values) =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length,
  MIN: (values) => (values.length === 0 ? null : values.reduce((one, other) => Math.min(one, other))),
  MAX: (values) => (values.length === 0 ? null : values.reduce((one, other) => Math.max(one, other))),
};

const TESTS: Record<string, (value: Json | undefined) => boolean> = {
  IS_DEFINED: (value) => value !== undefined,
  IS_NULL: (value) => value === null,
  IS_STRING: (value) => typeof value === "string",
  IS_NUMBER: (value) => typeof value === "number",
  IS_BOOL: (value) => typeof value === "boolean",
  IS_ARRAY: (value) => Array.isArray(value),
  IS_OBJECT: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  IS_PRIMITIVE: (value) => value === null || ["string", "number", "boolean"].includes(typeof value),
};

const TEXT_TESTS: Record<string, (text: string, part: string) => boolean> = {
  STARTSWITH: (text, part) => text.startsWith(part),
  ENDSWITH: (text, part) => text.endsWith(part),
  CONTAINS: (text, part) => text.includes(part),
};

/** Reads a query. @throws QueryError */
export function parseQuery(text: string): Query {
  return new Parser(text).query();
}

/** Reads what follows WHERE by itself, as jobs have it. @throws QueryError */
export function parseCondition(text: string): Query["where"] {
  return new Parser(text).wholeCondition();
}

class Parser {
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    if (text.length > LONGEST) throw new QueryError(`a query has at most ${LONGEST} characters`);
    this.#tokens = tokens(text);
  }

  query(): Query {
    this.#expect("SELECT");
    const top = this.#take("TOP") ? this.#wholeNumber() : undefined;
    const select = this.#select();
    this.#expect("FROM");
    this.#expect("devices");
    if (this.#is(".")) this.#fail("only FROM devices is served, neither jobs nor modules");
    const where = this.#take("WHERE") ? this.#condition() : () => true;
    this.#end();
    return { select, where: (lookup) => where(lookup) === true, top };
  }

  wholeCondition(): Query["where"] {
    const condition = this.#condition();
    this.#end();
    return (lookup) => condition(lookup) === true;
  }

  #select(): Query["select"] {
    if (this.#take("*")) return { kind: "all" };
    const fields: { name: string; value: Expression }[] = [];
    const aggregates: Aggregate[] = [];
    do {
      const name = this.#peek().text.toUpperCase();
      if (this.#next(1).text === "(") aggregates.push(this.#aggregate(name));
      else {
        const path = this.#path();
        fields.push({ name: this.#alias(path.at(-1)!), value: (lookup) => lookup(path) });
      }
    } while (this.#take(","));
    if (aggregates.length === 0) return { kind: "fields", fields };
    if (fields.length > 0) this.#fail("fields beside an aggregate need GROUP BY, which is not served");
    return { kind: "aggregates", aggregates };
  }

  #aggregate(name: string): Aggregate {
    const reduce = Object.hasOwn(AGGREGATES, name) ? AGGREGATES[name] : undefined;
    if (!reduce && name !== "COUNT") this.#fail(`${name} is no aggregate that is served`);
    this.#at++;
    this.#expect("(");
    const path = this.#is(")") ? undefined : this.#take("*") ? undefined : this.#path();
    this.#expect(")");
    const alias = this.#alias(name.toLowerCase());
    if (!reduce) return { name: alias, over: (all) => all.length };
    if (!path) this.#fail(`${name} needs a property`);
    return {
      name: alias,
      over: (all) =>
        reduce(
          all.flatMap((lookup) => {
            const value = lookup(path);
            return typeof value === "number" ? [value] : [];
          }),
        ),
    };
  }

  #alias(name: string): string {
    return this.#take("AS") ? this.#word() : name;
  }

  #condition(): Expression {
    if (++this.#depth > DEEPEST) this.#fail("it nests too deep");
    let left = this.#conjunction();
    while (this.#take("OR")) {
      const [one, other] = [left, this.#conjunction()];
      left = (lookup) => one(lookup) === true || other(lookup) === true;
    }
    this.#depth--;
    return left;
  }

  #conjunction(): Expression {
    let left = this.#negation();
    while (this.#take("AND")) {
      const [one, other] = [left, this.#negation()];
      left = (lookup) => one(lookup) === true && other(lookup) === true;
    }
    return left;
  }

  #negation(): Expression {
    let negated = false;
    while (this.#take("NOT")) negated = !negated;
    const inner = this.#comparison();
    return negated ? (lookup) => inner(lookup) !== true : inner;
  }

  #comparison(): Expression {
    const left = this.#operand();
    const { text } = this.#peek();
    if (this.#take("IN")) return this.#membership(left, false);
    if (text.toUpperCase() === "NOT" || text.toUpperCase() === "NIN") {
      if (this.#take("NOT")) this.#expect("IN");
      else this.#at++;
      return this.#membership(left, true);
    }
    if (!["=", "!=", "<>", "<", "<=", ">", ">="].includes(text)) return left;
    this.#at++;
    const right = this.#operand();
    return (lookup) => compare(text, left(lookup), right(lookup));
  }

  #membership(left: Expression, negated: boolean): Expression {
    const close = this.#take("(") ? ")" : "]";
    if (close === "]") this.#expect("[");
    const members: Expression[] = [];
    do members.push(this.#operand());
    while (this.#take(","));
    this.#expect(close);
    return (lookup) => {
      const value = left(lookup);
      if (value === undefined) return false;
      return members.some((member) => compare("=", value, member(lookup)) === true) !== negated;
    };
  }

  #operand(): Expression {
    const token = this.#peek();
    if (this.#take("(")) {
      const inner = this.#condition();
      this.#expect(")");
      return inner;
    }
    if (token.kind === "number" || token.kind === "string") {
      this.#at++;
      const value = token.kind === "number" ? Number(token.text) : unquoted(token.text);
      return () => value;
    }
    if (token.kind !== "word") this.#fail("a property, a value or ( is wanted");
    if (this.#next(1).text === "(") return this.#test(token.text.toUpperCase());
    const literals: Record<string, Json> = { true: true, false: false, null: null };
    const word = token.text.toLowerCase();
    if (Object.hasOwn(literals, word)) {
      this.#at++;
      return () => literals[word];
    }
    const path = this.#path();
    return (lookup) => lookup(path);
  }

  #test(name: string): Expression {
    const one = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
    const two = Object.hasOwn(TEXT_TESTS, name) ? TEXT_TESTS[name] : undefined;
    if (!one && !two) this.#fail(`the function ${name} is not served`);
    this.#at++;
    this.#expect("(");
    const first = this.#operand();
    if (one) {
      this.#expect(")");
      return (lookup) => one(first(lookup));
    }
    this.#expect(",");
    const second = this.#operand();
    this.#expect(")");
    return (lookup) => {
      const [text, part] = [first(lookup), second(lookup)];
      return typeof text === "string" && typeof part === "string" && two!(text, part);
    };
  }

  /** `tags.room`, `tags.['the room']`, `tags[[the room]]`, `devices.tags.room`. */
  #path(): string[] {
    const path = [this.#word()];
    for (;;) {
      if (this.#take(".")) path.push(this.#take("[") ? this.#bracketed() : this.#word());
      else if (this.#take("[")) path.push(this.#bracketed());
      else if (this.#peek().text.startsWith("[[")) path.push(this.#word());
      else break;
    }
    return path.length > 1 && path[0] === "devices" ? path.slice(1) : path;
  }

  #bracketed(): string {
    const token = this.#peek();
    if (token.kind !== "string") this.#fail("a name in quotation marks is wanted");
    this.#at++;
    this.#expect("]");
    return unquoted(token.text);
  }

  #word(): string {
    const token = this.#peek();
    if (token.kind !== "word") this.#fail("a name is wanted");
    this.#at++;
    return token.text.startsWith("[[") ? token.text.slice(2, -2) : token.text;
  }

  #wholeNumber(): number {
    const { kind, text } = this.#peek();
    if (kind !== "number" || !/^\d{1,9}$/.test(text)) this.#fail("a whole number is wanted");
    this.#at++;
    return Number(text);
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #next(offset: number): Token {
    return this.#tokens[Math.min(this.#at + offset, this.#tokens.length - 1)]!;
  }

  #is(text: string): boolean {
    const token = this.#peek();
    return token.kind !== "string" && token.text.toUpperCase() === text.toUpperCase();
  }

  #take(text: string): boolean {
    const found = this.#is(text) && this.#peek().kind !== "end";
    if (found) this.#at++;
    return found;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail(`${text} is wanted`);
  }

  #end(): void {
    if (this.#peek().kind !== "end") this.#fail("nothing that is served begins like this");
  }

  #fail(problem: string): never {
    throw new QueryError(`the query at character ${this.#peek().at + 1}: ${problem}`);
  }
}

function unquoted(text: string): string {
  return text.slice(1, -1).replaceAll(/\\(.)/g, "$1");
}

/** Values of different types are unequal, and neither is the greater. */
function compare(operator: string, left: Json | undefined, right: Json | undefined): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (operator === "=") return same(left, right);
  if (operator === "!=" || operator === "<>") return !same(left, right);
  const comparable = typeof left === typeof right && (typeof left === "number" || typeof left === "string");
  if (!comparable) return undefined;
  const [one, other] = [left as number, right as number];
  switch (operator) {
    case "<":
      return one < other;
    case "<=":
      return one <= other;
    case ">":
      return one > other;
    default:
      return one >= other;
  }
}

function same(left: Json, right: Json): boolean {
  return left === right || (typeof left === "object" && JSON.stringify(left) === JSON.stringify(right));
}

/** The value at a path inside `document`. */
export function valueAt(document: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = value[key];
  }
  return value;
}
