// SPDX-License-Identifier: MIT
/** Property bags of topics ("Communicate with your IoT hub using the MQTT protocol"). */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decodeProperties,
  encodeProperties,
  type Properties,
  SystemProperty,
} from "../../../src/azure/properties";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

/** As entries, so that `__proto__` and the prototype itself can be compared. */
function decoded(bag: string): [string, string | null][] {
  return Object.entries(decodeProperties(bag));
}

describe("encode", () => {
  test.each<[Properties, string]>([
    [{}, ""],
    [{ a: "1" }, "a=1"],
    [{ a: "1", b: "two words", flag: null, empty: "" }, "a=1&b=two%20words&flag&empty="],
    [{ "a&b": "c=d", "e%": "f+g/h" }, "a%26b=c%3Dd&e%25=f%2Bg%2Fh"],
    // Neither the level separator nor a wildcard of MQTT may get into the topic.
    [{ "a/b": "#+" }, "a%2Fb=%23%2B"],
    [
      { [SystemProperty.CONTENT_TYPE]: "application/json", [SystemProperty.CONTENT_ENCODING]: "utf-8" },
      "%24.ct=application%2Fjson&%24.ce=utf-8",
    ],
    [{ ü: "€" }, "%C3%BC=%E2%82%AC"],
  ])("%j", (properties, bag) => {
    expect(encodeProperties(properties)).toBe(bag);
  });

  test("a property `__proto__` of its own", () => {
    expect(encodeProperties(JSON.parse('{"__proto__":"x"}'))).toBe("__proto__=x");
  });

  test("an empty name, or a lone surrogate, is refused", () => {
    expect(thrownCode(() => encodeProperties({ "": "x" }))).toBe("invalid-argument");
    expect(thrownCode(() => encodeProperties({ a: "\ud800" }))).toBe("invalid-argument");
    expect(thrownCode(() => encodeProperties({ "\udc00": "a" }))).toBe("invalid-argument");
  });

  test("the names of system properties", () => {
    expect(Object.values(SystemProperty)).toEqual([
      "$.mid",
      "$.cid",
      "$.uid",
      "$.ct",
      "$.ce",
      "$.ctime",
      "$.sub",
    ]);
  });
});

describe("decode", () => {
  test.each<[string, [string, string | null][]]>([
    ["", []],
    ["&", []],
    ["a=1", [["a", "1"]]],
    ["a", [["a", null]]],
    ["a=", [["a", ""]]],
    ["=b", [["", "b"]]],
    ["a=b=c", [["a", "b=c"]]],
    [
      "a=1&&b=2&",
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    [
      "a=1&b=2&a=3",
      [
        ["a", "3"],
        ["b", "2"],
      ],
    ],
    ["two%20words=%C3%BC", [["two words", "ü"]]],
    // Both spellings of Microsoft's documents.
    ["$.ct=application%2Fjson", [["$.ct", "application/json"]]],
    ["%24.ct=application%2fjson", [["$.ct", "application/json"]]],
    ["a+b=c+d", [["a+b", "c+d"]]],
    // Ill-formed: taken as it stands.
    ["100%=50%", [["100%", "50%"]]],
    ["a%2=%C3", [["a%2", "%C3"]]],
    ["__proto__=x", [["__proto__", "x"]]],
    ["constructor=x&toString", Object.entries({ constructor: "x", toString: null })],
  ])("%j", (bag, entries) => {
    expect(decoded(bag)).toEqual(entries);
  });

  test("a bag changes no prototype", () => {
    const properties = decodeProperties("__proto__=polluted&a=1");
    expect(Object.getPrototypeOf(properties)).toBeNull();
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(properties.toString).toBeUndefined();
  });
});

const name = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom("__proto__", "constructor", "a=b", "a&b", "%", "%41", "+") },
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, "", "%", "a&b", "=") },
);

testProperty(
  "a bag comes back as it was",
  1_000,
  fc.property(
    fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 8 }),
    (entries) => {
      const properties: Record<string, string | null> = Object.create(null);
      for (const [key, held] of entries) properties[key] = held;
      const bag = encodeProperties(properties);
      expect(bag).toMatch(/^[A-Za-z0-9\-._~%=&]*$/);
      expect(decoded(bag)).toEqual(Object.entries(properties));
    },
  ),
);

testProperty(
  "any text is some bag",
  500,
  fc.property(fc.string({ unit: "binary-ascii" }), (bag) => {
    for (const [key, held] of decoded(bag)) {
      expect(typeof key).toBe("string");
      expect(held === null || typeof held === "string").toBe(true);
    }
  }),
);
