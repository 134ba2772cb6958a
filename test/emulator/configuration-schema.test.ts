// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { parseConfiguration } from "../../emulator/configuration-reader";
import { configurationSchema } from "../../emulator/configuration-schema";
import { parseFaults } from "../../emulator/fault-reader";
import { berth } from "../cli/command";
import { KEY } from "../helpers/emulator-client";

type Schema = { readonly [keyword: string]: unknown };

/** Whether `value` is what `schema` says, by JSON Schema draft 7; a keyword that is not known here fails the test. */
function accepts(schema: Schema, value: unknown): boolean {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const members = isObject ? Object.entries(value as object) : [];
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Schema>;
    required?: string[];
  };
  const some = (name: string) => (schema[name] as Schema[]).filter((one) => accepts(one, value)).length;
  const judges: Record<string, (limit: never) => boolean> = {
    $schema: () => true,
    type: (type: string) => {
      if (type === "integer") return Number.isInteger(value);
      if (type === "array") return Array.isArray(value);
      if (type === "null") return value === null;
      return type === "object" ? isObject : typeof value === type;
    },
    const: (only: unknown) => value === only,
    enum: (all: unknown[]) => all.includes(value),
    minLength: (least: number) => typeof value !== "string" || value.length >= least,
    maxLength: (most: number) => typeof value !== "string" || value.length <= most,
    pattern: (pattern: string) => typeof value !== "string" || new RegExp(pattern, "u").test(value),
    minimum: (least: number) => typeof value !== "number" || value >= least,
    maximum: (most: number) => typeof value !== "number" || value <= most,
    minItems: (least: number) => !Array.isArray(value) || value.length >= least,
    items: (of: Schema) => !Array.isArray(value) || value.every((one) => accepts(of, one)),
    anyOf: () => some("anyOf") > 0,
    oneOf: () => some("oneOf") === 1,
    required: () => !isObject || required.every((key) => Object.hasOwn(value as object, key)),
    properties: () => members.every(([key, member]) => !properties[key] || accepts(properties[key], member)),
    additionalProperties: (others: boolean) =>
      others || members.every(([key]) => Object.hasOwn(properties, key)),
  };
  return Object.entries(schema).every(([keyword, limit]) => {
    const judge = judges[keyword];
    if (!judge) throw new Error(`unknown keyword ${keyword}`);
    return judge(limit as never);
  });
}

const keys = { type: "symmetricKey", symmetricKey: { primaryKey: KEY } };
/** As Azure exports it: with null for what is not there. */
const exported = {
  registrationId: "d-1",
  deviceId: null,
  attestation: { ...keys, tpm: null, x509: null },
  etag: "x",
  capabilities: { iotEdge: false },
  reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: true },
  initialTwin: { tags: { a: 1 }, properties: { desired: {} } },
  customAllocationDefinition: null,
};
const byThumbprint = {
  registrationId: "d-2",
  attestation: {
    type: "x509",
    x509: {
      clientCertificates: {
        primary: { info: { sha256Thumbprint: "AB".repeat(32), version: 3 } },
        secondary: null,
      },
    },
  },
};
const base = { idScope: "0ne00000000", iotHubs: ["a.example", { name: "b.example", allocationWeight: 3 }] };
const faults = [{ step: "poll", action: "status", status: 429, body: { a: 1 }, count: 2, id: null }];

test.each<[string, object]>([
  ["the least", base],
  ["one with its schema named", { $schema: "./berth.schema.json", ...base }],
  ["exported enrollments", { ...base, enrollments: [exported, byThumbprint], enrollmentGroups: null }],
  [
    "a group",
    { ...base, enrollmentGroups: [{ enrollmentGroupId: "g", attestation: keys, iotHubs: ["a.example"] }] },
  ],
  ["faults", { ...base, faults }],
])("schema and reader take %s", (_name, document) => {
  expect(accepts(configurationSchema() as Schema, document)).toBe(true);
  parseConfiguration(JSON.stringify(document));
  parseFaults(JSON.stringify(document));
});

test.each<[string, object]>([
  ["no hub", { ...base, iotHubs: [] }],
  ["no id scope", { iotHubs: base.iotHubs }],
  ["another id scope", { ...base, idScope: "a b" }],
  ["an unknown field", { ...base, enrolments: [] }],
  ["an unknown field of an enrollment", { ...base, enrollments: [{ ...exported, device: "x" }] }],
  ["no attestation", { ...base, enrollments: [{ registrationId: "d" }] }],
  [
    "another attestation",
    { ...base, enrollments: [{ registrationId: "d", attestation: { type: "tpm", tpm: {} } }] },
  ],
  [
    "no key",
    { ...base, enrollments: [{ registrationId: "d", attestation: { ...keys, symmetricKey: null } }] },
  ],
  ["another policy", { ...base, enrollments: [{ ...exported, allocationPolicy: "nearest" }] }],
  ["tags that are none", { ...base, enrollments: [{ ...exported, initialTwin: { tags: [] } }] }],
  ["too large a weight", { ...base, iotHubs: [{ name: "a.example", allocationWeight: 1001 }] }],
  ["a wrong fault", { ...base, faults: [{ step: "poll", action: "explode" }] }],
])("schema and reader refuse %s", (_name, document) => {
  expect(accepts(configurationSchema() as Schema, document)).toBe(false);
  expect(() => parseConfiguration(JSON.stringify(document))).toThrow("configuration: ");
});

test("berth emulator --schema prints it", async () => {
  const { status, out, err } = await berth("emulator", "--schema");
  expect({ status, err }).toEqual({ status: 0, err: "" });
  expect(JSON.parse(out)).toEqual(configurationSchema());
  expect(JSON.parse(out)).toMatchObject({ $schema: "http://json-schema.org/draft-07/schema#" });
});
