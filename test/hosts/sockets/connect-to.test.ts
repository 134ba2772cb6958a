// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { connectTarget, locate, parseConnectTo } from "../../../hosts/sockets/connect-to";

test("entries by host or for all", () => {
  const entries = parseConnectTo("Hub.example:127.0.0.1:1, :emu.local:2");
  expect(connectTarget(entries, "hub.EXAMPLE", 8883)).toMatchObject({ address: "127.0.0.1", port: 1 });
  expect(connectTarget(entries, "other", 8883)).toMatchObject({ address: "emu.local", port: 2 });
  expect(connectTarget([], "other", 8883)).toEqual({ address: "other", port: 8883 });
});

test.each([
  "a:b",
  "a::1",
  ":a:0",
  ":a:65536",
  ":a:x",
  "a:b:1:2",
  ":a b:1",
  ":a_b:1",
  ":a:0x50",
  ":a: 1",
  ":a:1e3",
  ":a:",
])("%j is refused", (wrong) => {
  expect(() => parseConnectTo(wrong)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});

test("an address needs no DNS, a name does, and a name without address is told", () => {
  const found: unknown[] = [];
  const asked: string[] = [];
  const options = {
    port: 8883,
    connectTo: parseConnectTo("moved.example:127.0.0.9:1,renamed.example:other.example:2"),
    resolve: (name: string, done: (name: string, address?: string) => void) => {
      asked.push(name);
      done(name, name === "nowhere.example" ? undefined : "10.0.0.1");
    },
  };
  for (const host of ["10.1.2.3", "moved.example", "renamed.example", "hub.example", "nowhere.example"]) {
    locate({ ...options, host }, (...all) => void found.push(all));
  }
  expect(found).toEqual([
    ["10.1.2.3", 8883, "10.1.2.3"],
    ["127.0.0.9", 1, "127.0.0.9"],
    ["10.0.0.1", 2, "other.example"],
    ["10.0.0.1", 8883, "hub.example"],
    [undefined, 8883, "nowhere.example"],
  ]);
  expect(asked).toEqual(["other.example", "hub.example", "nowhere.example"]);
});
