// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { connectTarget, locate, parseConnectTo, type Resolve } from "../../../hosts/sockets/connect-to";

test.each<[string, string, number, string]>([
  ["hub.example:127.0.0.1:9000", "hub.example", 8883, "127.0.0.1 9000"],
  ["Hub.Example:127.0.0.1:9000", "hub.EXAMPLE", 443, "127.0.0.1 9000"],
  ["hub.example:127.0.0.1:9000", "other.example", 8883, "other.example 8883"],
  ["hub.example:8883:127.0.0.1:9000", "hub.example", 8883, "127.0.0.1 9000"],
  ["hub.example:8883:127.0.0.1:9000", "hub.example", 443, "hub.example 443"],
  ["hub.example:127.0.0.1:", "hub.example", 8883, "127.0.0.1 8883"],
  [":127.0.0.1:9000", "any.example", 8883, "127.0.0.1 9000"],
  [":8883:127.0.0.1:9000", "any.example", 8883, "127.0.0.1 9000"],
  ["hub.example:[::1]:9000", "hub.example", 8883, "::1 9000"],
  ["[fe80::2]:8883:[::1]:9000", "fe80::2", 8883, "::1 9000"],
])("%s sends %s:%i to %s", (entry, host, port, expected) => {
  const target = connectTarget(parseConnectTo(entry), host, port);
  expect(`${target.address} ${target.port}`).toBe(expected);
});

test("the first entry that matches counts", () => {
  const entries = parseConnectTo("a:10.0.0.1:1,b:10.0.0.2:2,:10.0.0.3:3");
  expect(connectTarget(entries, "b", 8883)).toEqual({ address: "10.0.0.2", port: 2 });
  expect(connectTarget(entries, "c", 8883)).toEqual({ address: "10.0.0.3", port: 3 });
});

test("entries by host or for all", () => {
  const entries = parseConnectTo("Hub.example:127.0.0.1:1, :emu.local:2");
  expect(connectTarget(entries, "hub.EXAMPLE", 8883)).toMatchObject({ address: "127.0.0.1", port: 1 });
  expect(connectTarget(entries, "other", 8883)).toMatchObject({ address: "emu.local", port: 2 });
  expect(connectTarget([], "other", 8883)).toEqual({ address: "other", port: 8883 });
});

test.each([
  "",
  "hub",
  "hub:127.0.0.1",
  "hub:127.0.0.1:x",
  "hub:127.0.0.1:0",
  "hub:127.0.0.1:65536",
  "hub::8883",
  "a:b:c:d:5",
  "a:b",
  "a::1",
  ":a:0",
  "a:b:1:2",
  ":a b:1",
  ":a_b:1",
  ":[a]:1",
  "a b:c:1",
  "[a]:c:1",
  "a:::1:1",
  ":a:0x50",
  ":a: 1",
  ":a:1e3",
  "a:b:1,",
])("%j is refused with an example", (entry) => {
  expect(() => parseConnectTo(entry)).toThrow(
    expect.objectContaining({
      code: "invalid-argument",
      message: expect.stringContaining("hub.example:127.0.0.1:8883"),
    }),
  );
});

test("an address needs no DNS, a name does, and a name without address is told", () => {
  const found: unknown[] = [];
  const asked: string[] = [];
  const options = {
    port: 8883,
    connectTo: parseConnectTo("moved.example:127.0.0.9:1,renamed.example:other.example:2"),
    resolve: (name: string, done: Parameters<Resolve>[1]) => {
      asked.push(name);
      // A platform has one address or none to tell, or several.
      if (name === "nowhere.example") done(name, undefined);
      else if (name === "silent.example") done(name);
      else done(name, "10.0.0.1", "2001:db8::1");
    },
  };
  for (const host of [
    "10.1.2.3",
    "moved.example",
    "renamed.example",
    "hub.example",
    "nowhere.example",
    "silent.example",
    "2001:db8::2",
  ]) {
    locate({ ...options, host }, (...all) => void found.push(all));
  }
  expect(found).toEqual([
    [["10.1.2.3"], 8883, "10.1.2.3"],
    [["127.0.0.9"], 1, "127.0.0.9"],
    [["10.0.0.1", "2001:db8::1"], 2, "other.example"],
    [["10.0.0.1", "2001:db8::1"], 8883, "hub.example"],
    [[], 8883, "nowhere.example"],
    [[], 8883, "silent.example"],
    [["2001:db8::2"], 8883, "2001:db8::2"],
  ]);
  expect(asked).toEqual(["other.example", "hub.example", "nowhere.example", "silent.example"]);
});
