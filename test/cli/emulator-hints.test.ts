// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { hints, ownAddresses, placeOf } from "../../cli/emulator-hints";
import { configuration } from "../helpers/emulator-client";

const emulator = {
  port: 8883,
  httpsPort: 8443,
  idScope: "0ne0",
  ca: { path: "/state/ca/root.pem", pem: "", replaced: false },
};

test.each([
  ["127.0.0.1", [], { local: "127.0.0.1", outside: undefined, url: "https://localhost:8443" }],
  ["127.0.0.2", ["named.test"], { local: "127.0.0.2", outside: undefined, url: "https://127.0.0.2:8443" }],
  ["0.0.0.0", ["named.test"], { local: "127.0.0.1", outside: "named.test", url: "https://localhost:8443" }],
  ["192.0.2.7", [], { local: "192.0.2.7", outside: "192.0.2.7", url: "https://192.0.2.7:8443" }],
  ["2001:db8::7", [], { local: "2001:db8::7", outside: "2001:db8::7", url: "https://[2001:db8::7]:8443" }],
  ["::1", [], { local: "::1", outside: undefined, url: "https://localhost:8443" }],
])("an emulator on %s, %j", (host, names, place) => {
  expect(placeOf(emulator, host, names)).toEqual(place);
});

test("only who listens on all addresses has those of the computer", () => {
  expect(ownAddresses("127.0.0.1")).toEqual([]);
  for (const address of ownAddresses("0.0.0.0")) expect(address).not.toMatch(/^127\./);
});

test("on this computer a device needs the port; elsewhere it is told all, and no key", () => {
  const here = hints(emulator, configuration(), placeOf(emulator, "127.0.0.1", []));
  expect(here).toEqual([
    "a device on this computer:",
    "  npx berth device --emulator 8883 --registration-id dev-1",
  ]);
  const outside = hints(emulator, configuration(), placeOf(emulator, "0.0.0.0", ["192.0.2.7"])).join("\n");
  expect(outside).toContain("--connect-to :192.0.2.7:8883");
  expect(outside).toContain("dev-1,ITS KEY,0ne0,/state/ca/root.pem");
  expect(outside).toContain("connectTo=:192.0.2.7:8883");
  for (const line of outside.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});
