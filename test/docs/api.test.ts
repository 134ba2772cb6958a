// SPDX-License-Identifier: MIT
/** docs/api.md has a row for every option and method of the public page, and none for what is not there. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { parseSync } from "@swc/core";
import * as plugAndPlay from "../../src/azure/hub/plug-and-play";
import { Device } from "../../src/device";

const project = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(project, "docs", "api.md"), "utf8");

interface Interface {
  readonly members: readonly string[];
  readonly bases: readonly string[];
}

/** The interfaces of a file, by name. */
function interfacesOf(file: string): Map<string, Interface> {
  const module = parseSync(readFileSync(join(project, file), "utf8"), {
    syntax: "typescript",
    target: "es2022",
  });
  const found = new Map<string, Interface>();
  for (const item of module.body) {
    const declaration = item.type === "ExportDeclaration" ? item.declaration : item;
    if (declaration.type !== "TsInterfaceDeclaration") continue;
    const members = declaration.body.body.flatMap((member) =>
      "key" in member && member.key.type === "Identifier" ? [member.key.value] : [],
    );
    const bases = declaration.extends.flatMap(({ expression }) =>
      expression.type === "Identifier" ? [expression.value] : [],
    );
    found.set(declaration.id.value, { members, bases });
  }
  return found;
}

const interfaces = new Map(
  [
    "src/agent/options.ts",
    "src/agent/hub-connection.ts",
    "src/agent/outbox.ts",
    "src/azure/hub/cloud-to-device.ts",
    "src/agent/provisioner.ts",
    "src/azure/hub/direct-methods.ts",
    "src/azure/hub/twin.ts",
    "src/credentials/signed-roots.ts",
    "src/telemetry-device.ts",
    "src/device.ts",
    "hosts/node/berth.ts",
    "hosts/moddable/device-host.ts",
  ].flatMap((file) => [...interfacesOf(file)]),
);

/** Members with those of the bases. */
function membersOf(name: string): string[] {
  const { members, bases } = interfaces.get(name) ?? { members: [], bases: [] };
  return [...members, ...bases.flatMap(membersOf)];
}

/** Of the agent's options the device has these, under their own names. */
const FROM_AGENT = [
  "provisioning",
  "hub",
  "outbox",
  "credentials",
  "transports",
  "startSpread",
  "maximumFailures",
  "backoff",
  "slowBackoff",
];

/** First column of the table under `heading`, every name in it. */
function rowsOf(heading: string): string[] {
  const section = page.split(/^#{2,3} /m).find((part) => part.startsWith(heading)) ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) =>
    [...(row.split("|")[1] ?? "").matchAll(/`(\w+)/g)].map((match) => match[1] ?? ""),
  );
}

test.each([
  ["DeviceOptions", [...membersOf("DeviceOptions"), ...FROM_AGENT]],
  ["OutboxOptions", membersOf("OutboxOptions")],
  ["MessageOptions", membersOf("CloudToDeviceOptions").filter((name) => name !== "onMessage")],
  ["SendOptions", membersOf("SendOptions")],
  ["HubOptions", membersOf("HubOptions")],
  ["ProvisioningOptions", membersOf("ProvisioningOptions")],
  ["DirectMethodsOptions", membersOf("DirectMethodsOptions")],
  // Callbacks of the feature are options of the device.
  ["TwinOptions", membersOf("TwinOptions").filter((name) => !name.startsWith("on"))],
  ["SignedRootsOptions", membersOf("SignedRootsOptions")],
  ["NodeDeviceOptions", interfaces.get("NodeDeviceOptions")?.members ?? []],
  ["NodeIdentity", membersOf("NodeIdentity")],
  ["ModdableOptions", membersOf("ModdableOptions")],
  ["ModdableIdentity", membersOf("ModdableIdentity")],
])("the page lists the options of %s", (name, expected) => {
  expect(expected.length).toBeGreaterThan(0);
  expect(rowsOf(`\`${name}\``).sort()).toEqual([...new Set(expected)].sort());
});

test("the options of the agent that the device has are still there", () => {
  expect(membersOf("AgentOptions")).toEqual(expect.arrayContaining(FROM_AGENT));
});

test("the page lists the methods", () => {
  const own: string[] = [];
  for (let type = Device.prototype; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
    own.push(...Object.getOwnPropertyNames(type));
  }
  const expected = new Set(own.filter((name) => name !== "constructor" && name !== "assertOpen"));
  expect(
    rowsOf("Methods")
      .filter((name) => name !== "new")
      .sort(),
  ).toEqual([...expected].sort());
});

test("the page lists the functions of Plug and Play", () => {
  expect(rowsOf("IoT Plug and Play").sort()).toEqual(Object.keys(plugAndPlay).sort());
});
