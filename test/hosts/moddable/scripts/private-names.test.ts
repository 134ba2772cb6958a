// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import { withoutPrivateNames } from "../../../../hosts/moddable/scripts/private-names";

/** What the code returns. @param bases classes that it takes from elsewhere */
function run(code: string, bases: Readonly<Record<string, unknown>> = {}): unknown {
  return new Function(...Object.keys(bases), `"use strict";${code}`)(...Object.values(bases));
}

/** The same value with private names and without. */
function same(code: string): void {
  // A module returns nothing: what it would return is its last variable.
  const changed = withoutPrivateNames(code, "0");
  expect(changed).not.toMatch(/#(?!not)\w/);
  const value = run(`${code} return result;`);
  expect(value).toBeDefined();
  expect(run(`${changed} return result;`)).toEqual(value);
}

describe("private names as properties", () => {
  test("fields, methods, accessors and statics do what they did", () => {
    same(`
      const a = class {
        #x = 1;
        static #made = 0;
        static #count() { return ++a.#made; }
        get #twice() { return this.#x * 2; }
        set #twice(value) { this.#x = value / 2; }
        #add(by) { this.#x += by; return this; }
        constructor() { a.#count(); }
        run(other) {
          this.#add(2).#twice = 20;
          other?.#add(1);
          this.#x ??= 5;
          const { x = this.#x } = {};
          return [x, this.#twice, this.#x++, other?.#x, a.#made, [1, 2].map((by) => this.#x + by)];
        }
      };
      const result = new a().run(new a());`);
  });

  test("a class and its bases have fields of one name", () => {
    same(`
      const a = class { #x = "a"; x() { return this.#x; } };
      const b = class extends a { #x = "b"; y() { return this.#x + super.x(); } };
      const c = class extends b { #x = "c"; z() { return this.#x + super.y(); } };
      class d extends c { #x = "d"; w() { return this.#x + super.z(); } }
      const result = [new d().w(), new c().z(), new b().y()];`);
  });

  test("a base in another module has fields of one name", () => {
    const base = withoutPrivateNames('const a = class { #x = "a"; x() { return this.#x; } };', "0");
    const first = withoutPrivateNames("const b = class extends a { #x = 1; y() { return this.#x; } };", "1");
    const second = withoutPrivateNames("const c = class extends b { #x = 2; z() { return this.#x; } };", "2");
    const a = run(`${base} return a;`);
    const b = run(`${first} return b;`, { a });
    const c = run(`${second} return c;`, { b }) as new () => Record<"x" | "y" | "z", () => unknown>;
    const object = new c();
    expect([object.x(), object.y(), object.z()]).toEqual(["a", 1, 2]);
  });

  test("a class within a class uses the names of both", () => {
    same(`
      const a = class {
        #x = 1;
        #y = 2;
        run() {
          const outer = this;
          return new (class { #x = 3; sum() { return this.#x + outer.#y; } })().sum() + this.#x;
        }
      };
      const result = new a().run();`);
  });

  test("texts stay, and what is no ASCII is counted", () => {
    same(
      'const a = class { #x = "ä#not🙂 #not"; x() { return "#not" + this.#x; } }; const result = new a().x();',
    );
  });

  test("what would not be the same is refused", () => {
    expect(() => withoutPrivateNames("const a = class { #x; is(o) { return #x in o; } };", "0")).toThrow(
      "#name in",
    );
    expect(() => withoutPrivateNames("const a = (o) => o._$x;", "0")).toThrow("_$");
    const two = "const a = class {}, b = () => { const a = class extends Array { #x; }; };";
    expect(() => withoutPrivateNames(two, "0")).toThrow("two classes are named a");
  });
});
