// SPDX-License-Identifier: MIT

import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { main } from "../../cli/main";
import { berth } from "./command";

test.each([
  [
    [],
    [
      "simulate",
      "emulator",
      "hub",
      "dps",
      "fault",
      "events",
      "clock",
      "certificate",
      "device",
      "identity",
      "sas",
    ],
  ],
  [
    ["hub", "device", "create"],
    ["--device-id", "--connection-string", "--hub-name", "--json", "other users", "Exit status"],
  ],
  [
    ["fault", "add"],
    ["--step", "--emulator", "--url", "--json"],
  ],
  [["simulate"], ["--devices", "--x509", "--keep", "--json"]],
  [
    ["emulator"],
    [
      "--config",
      "--port",
      "--https-port",
      "--amqps-port",
      "--host",
      "--name",
      "--azure-ports",
      "--connection-strings",
      "--state",
    ],
  ],
  [
    ["hub", "connection-string"],
    ["--state", "--host", "--policy", "--json"],
  ],
  [["device"], ["--id-scope", "--registration-id", "--connect-to", "--telemetry", "--json", "other users"]],
  [["identity"], ["derive", "certificates", "factory", "efuse"]],
  [
    ["identity", "derive"],
    ["--group-key", "--registration-id", "--json", "other users"],
  ],
  [
    ["identity", "certificates"],
    ["--registration-id", "--directory", "--json"],
  ],
  [
    ["identity", "factory"],
    ["--csv", "--out", "--group-key-file", "--certificates", "--force", "--json", "registrationId"],
  ],
  [
    ["identity", "efuse"],
    ["--chip", "--block", "--out", "--json", "other users", "cannot be undone"],
  ],
  [["sas"], ["--resource", "--key", "--expiry", "--policy", "--json", "other users"]],
])("berth %j --help", async (words, expected) => {
  const { status, out, err } = await berth(...words, "--help");
  expect({ status, err }).toEqual({ status: 0, err: "" });
  for (const word of expected) expect(out).toContain(word);
});

test("--version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await berth("--version")).toEqual({ status: 0, out: `${version}\n`, err: "" });
});

test.each([
  ["an unknown command", ["dance"], "unknown command 'dance'"],
  ["an unknown option", ["simulate", "--fly"], "unknown option '--fly'"],
  ["one where another is missing", ["device", "--id-scop", "0ne0"], "(Did you mean --id-scope?)"],
  ["another command's name for one", ["hub", "send", "-d", "a", "--message", "x"], "Here it is --data."],
  ["a missing option", ["device"], "--registration-id"],
  ["a wrong number", ["simulate", "--devices", "0"], "from 1 to 1000"],
  ["a wrong --connect-to", ["device", "--connect-to", "nowhere"], "HOST:ADDRESS:PORT"],
  ["an argument too many", ["sas", "--resource", "r", "x"], "too many arguments"],
])("%s is status 2, in words and in JSON", async (_what, words, message) => {
  const plain = await berth(...words);
  expect({ status: plain.status, out: plain.out }).toEqual({ status: 2, out: "" });
  expect(plain.err).toContain(message);
  const json = await berth(...words, "--json");
  expect({ status: json.status, err: json.err }).toEqual({ status: 2, err: "" });
  expect(JSON.parse(json.out)).toMatchObject({ event: "error", code: "invalid-argument", retriable: false });
  expect(json.out).toContain(message);
});

test.each(["https://host", "host:8883", "host ", " host", "[::1]", "host/", "", "ho_st", "host."])(
  "--endpoint %j is no name of a server: refused before anything starts",
  async (name) => {
    const { status, out, err } = await berth(
      "device",
      "--id-scope",
      "0ne0",
      "--registration-id",
      "d",
      "--endpoint",
      name,
    );
    expect({ status, out }).toEqual({ status: 2, out: "" });
    expect(err).toContain("Give a host name alone");
  },
);

test.each(["dps.example", "localhost", "127.0.0.1", "::1"])("--endpoint %s is one", async (name) => {
  const { err } = await berth("device", "--id-scope", "0ne0", "--registration-id", "d", "--endpoint", name);
  expect(err).toContain("nothing to prove itself with");
});

test("an option that npm has kept is no run without it", async () => {
  const environment = { npm_lifecycle_event: "start", npm_command: "start", npm_config_x509: "true" };
  let err = "";
  const streams = {
    out: () => undefined,
    err: (text: string) => {
      err += text;
    },
  };
  expect(await main(["node", "berth", "simulate"], streams, environment)).toBe(2);
  expect(err).toContain("npm start -- --x509");
});

test("no error says that an argument is wrong without saying which", async () => {
  for (const words of [
    ["device", "--connect-to", "nowhere"],
    ["emulator"],
    ["sas", "--resource", "https://h/devices/d", "--key", GOOD_KEY],
  ]) {
    const { status, err } = await berth(...words);
    expect(status).toBe(2);
    expect(err).not.toContain("an option or argument is wrong");
  }
});

test("no command at all shows the help and is status 2", async () => {
  const { status, err } = await berth();
  expect(status).toBe(2);
  expect(err).toContain("Usage: berth");
});

const GOOD_KEY = Buffer.alloc(32, 7).toString("base64");
const DEVICE = ["device", "--id-scope", "0ne0", "--registration-id", "d"];
test.each([
  ["no proof", [], "--symmetric-key-file"],
  ["half a pair", ["--cert", "x"], "--key"],
  ["key and certificate", ["--symmetric-key", "x", "--cert", "x", "--key", "x"], "one of them"],
  ["a missing pair", ["--cert", "/nonexistent/c", "--key", "/nonexistent/k"], "--cert: /nonexistent/c"],
  [
    "a missing key file",
    ["--symmetric-key-file", "/nonexistent/key"],
    "--symmetric-key-file: /nonexistent/key",
  ],
  ["a bad payload", ["--symmetric-key", GOOD_KEY, "--payload", "[1]"], "--payload is no JSON object"],
  ["a key that is none", ["--symmetric-key", "x"], "not base64"],
  ["a bad root", ["--symmetric-key", GOOD_KEY, "--ca", "/nonexistent/ca"], "/nonexistent/ca"],
])("device with %s is a usage error", async (_what, words, message) => {
  const { status, out, err } = await berth(...DEVICE, ...words);
  expect({ status, out }).toEqual({ status: 2, out: "" });
  expect(err).toContain(message);
});
