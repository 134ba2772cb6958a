// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { Command } from "commander";
import { optionsNpmKept, optionsOf } from "../../scripts/npm-options";

const OPTIONS = { x509: false, devices: true, "read-only": false, "no-xs": false, engine: true, ca: true };
const START = { npm_lifecycle_event: "start", npm_command: "start" };
const RUN = { npm_lifecycle_event: "fuzz", npm_command: "run" };

test.each<[string, Record<string, string>, string[], string]>([
  ["a switch", { ...START, npm_config_x509: "true" }, ["simulate"], "npm start -- --x509"],
  ["a value behind =", { ...START, npm_config_devices: "5" }, ["simulate"], "npm start -- --devices 5"],
  [
    "a value that was left",
    { ...START, npm_config_devices: "true" },
    ["simulate", "5"],
    "npm start -- --devices VALUE",
  ],
  [
    "--engine",
    { ...START, npm_config_engine_strict: "true" },
    ["simulate", "native"],
    "npm start -- --engine native",
  ],
  [
    "two",
    { ...RUN, npm_config_x509: "true", npm_config_read_only: "true" },
    [],
    "npm run fuzz -- --x509 --read-only",
  ],
  ["--no-xs", { ...RUN, npm_config_xs: "" }, [], "npm run fuzz -- --no-xs"],
])("npm has kept %s", (_, environment, words, right) => {
  expect(optionsNpmKept(OPTIONS, words, environment)).toMatch(new RegExp(`: ${right}$`));
});

test("the command stands in front of what npm run has kept", () => {
  const environment = { npm_lifecycle_event: "berth", npm_command: "run-script", npm_config_x509: "true" };
  expect(optionsNpmKept(OPTIONS, ["device"], environment, ["device"])).toMatch(
    /npm run berth -- device --x509$/,
  );
});

test.each<[string, Record<string, string>]>([
  ["without npm", { npm_config_x509: "true" }],
  ["without an option of ours", START],
  ["with a .npmrc that sets npm's own", { ...START, npm_config_ca: "x", npm_config_engine_strict: "true" }],
  ["with a switch turned off", { ...START, npm_config_x509: "" }],
])("%s there is nothing to say", (_, environment) => {
  expect(optionsNpmKept(OPTIONS, ["simulate"], environment)).toBeUndefined();
});

test("the options of a command", () => {
  const command = new Command()
    .option("--x509", "")
    .option("--devices <count>", "")
    .option("-v", "")
    .option("--no-xs", "");
  expect(optionsOf(command)).toEqual({ x509: false, devices: true, "no-xs": false });
});
