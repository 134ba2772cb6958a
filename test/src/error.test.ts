// SPDX-License-Identifier: MIT
/** The error class, and docs/errors.md against the table of codes. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { asBerthError, BerthError, ERRORS, type ErrorCode } from "../../src/error";

const codes = Object.keys(ERRORS) as ErrorCode[];

describe("BerthError", () => {
  test("has a code, a meaning, and what goes with it", () => {
    const details = { retryAfter: 30, status: 429, errorCode: 429_001, trackingId: "t" };
    const error = new BerthError("dps-throttled", "status 429", details);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(details);
    expect(error.code).toBe("dps-throttled");
    expect(error.retriable).toBe(true);
    expect(error.message).toBe("DPS answered 429: too many requests; wait as told (status 429)");
    expect(String(error)).toBe(`BerthError: ${error.message}`);
  });

  test("alone, it has the meaning only", () => {
    const error = new BerthError("dps-disabled");
    expect(error.message).toBe(ERRORS["dps-disabled"]);
    expect(error.retriable).toBe(false);
    expect([error.retryAfter, error.status, error.errorCode, error.trackingId]).toEqual(
      Array.from({ length: 4 }),
    );
  });

  test("a wrong argument is told alone: it names the argument", () => {
    expect(new BerthError("invalid-argument", "--port: 8883 is in use").message).toBe(
      "--port: 8883 is in use",
    );
    expect(new BerthError("invalid-argument").message).toBe(ERRORS["invalid-argument"]);
  });

  test("its name is on the prototype: a platform that prints errors finds it", () => {
    expect(Object.hasOwn(new BerthError("internal"), "name")).toBe(false);
    expect(new BerthError("internal").name).toBe("BerthError");
  });

  test("the table cannot be changed", () => {
    expect(Object.isFrozen(ERRORS)).toBe(true);
  });
});

describe("asBerthError", () => {
  test("leaves a BerthError as it is", () => {
    const error = new BerthError("tls-expired");
    expect(asBerthError(error, "connection-lost")).toBe(error);
  });

  test.each<[string, unknown, string]>([
    ["an Error", new TypeError("boom"), " (boom)"],
    ["a string", "boom", " (boom)"],
    ["a number", 7, " (7)"],
    ["undefined", undefined, ""],
    ["null", null, " (null)"],
    ["a symbol", Symbol("boom"), " (Symbol(boom))"],
  ])("wraps %s", (_, thrown, about) => {
    expect(asBerthError(thrown).message).toBe(ERRORS.internal + about);
    expect(asBerthError(thrown, "connection-lost").code).toBe("connection-lost");
  });

  const hostile = new Error();
  Object.defineProperty(hostile, "message", {
    get: () => {
      throw new Error("from the getter");
    },
  });
  test.each<[string, unknown]>([
    ["without a prototype", Object.create(null)],
    ["whose toString throws", { toString: () => hostile.message }],
    ["whose message throws", hostile],
    ["whose message is no text", Object.assign(new Error(), { message: Object.create(null) })],
  ])("an object %s does not make it throw", (_, thrown) => {
    expect(asBerthError(thrown).code).toBe("internal");
  });
});

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The rows of the table in docs/errors.md: code, retriable, meaning, what the device does. */
function documented(): string[][] {
  const page = readFileSync(join(root, "docs/errors.md"), "utf8");
  return page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}

/** The TypeScript below `folder`. */
function sources(folder: string, except: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !join(folder, name).endsWith(except))
    .map((name) => join(root, folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, "utf8"))
    .join("\n");
}

describe("docs/errors.md", () => {
  const rows = documented();

  test("lists every code once, in the order of src/error.ts", () => {
    expect(rows.map(([code]) => code)).toEqual(codes.map((code) => `\`${code}\``));
  });

  test.each(rows)("%s: retriable and meaning are those of the source", (...row) => {
    const [code = "", retriable, meaning, action] = row;
    const name = code.replaceAll("`", "") as ErrorCode;
    expect(row).toHaveLength(4);
    expect(retriable).toBe(new BerthError(name).retriable ? "yes" : "no");
    expect(meaning).toBe(ERRORS[name]);
    expect(action).toMatch(/\w/);
  });
});

describe("every code", () => {
  const raised = `${sources("src", "error.ts")}\n${sources("hosts", "none")}`;
  const tested = sources("test", "error.test.ts");

  test.each(codes.filter((code) => code !== "internal"))("%s is raised somewhere in src or hosts", (code) => {
    expect(raised.includes(`"${code}"`)).toBe(true);
  });

  test.each(codes)("%s is expected by a test", (code) => {
    expect(new RegExp(`["\` ]${code}["\`]`).test(tested)).toBe(true);
  });
});
