// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { connectTarget, parseConnectTo } from "../../../hosts/node/connect-to";

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
  const target = connectTarget([parseConnectTo(entry)], host, port);
  expect(`${target.address} ${target.port}`).toBe(expected);
});

test("the first entry that matches counts", () => {
  const entries = ["a:10.0.0.1:1", "b:10.0.0.2:2", ":10.0.0.3:3"].map(parseConnectTo);
  expect(connectTarget(entries, "b", 8883)).toEqual({ address: "10.0.0.2", port: 2 });
  expect(connectTarget(entries, "c", 8883)).toEqual({ address: "10.0.0.3", port: 3 });
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
])('the entry "%s" is refused with an example', (entry) => {
  expect(() => parseConnectTo(entry)).toThrow(
    expect.objectContaining({
      code: "invalid-argument",
      message: expect.stringContaining("hub.example:127.0.0.1:8883"),
    }),
  );
});
