// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { createRootCertificate, thumbprintsOf } from "../../emulator/certificates";
import { parseConfiguration } from "../../emulator/configuration-reader";
import { EnrollmentRegistry } from "../../emulator/enrollment-registry";
import { KEY } from "../helpers/emulator-client";

const { certificatePem } = await createRootCertificate({ commonName: "r", keyType: "ec-p256" });
const keys = { type: "symmetricKey", symmetricKey: { primaryKey: KEY } };
const base = { idScope: "0ne00000000", iotHubs: ["a.example", { name: "B.example", allocationWeight: 3 }] };
const parse = (changes: object) => parseConfiguration(JSON.stringify({ ...base, ...changes }), "my.json");
const parseOne = (enrollment: object) =>
  parse({ enrollments: [{ registrationId: "d", attestation: keys, ...enrollment }] }).enrollments[0];

test("a configuration in Azure's field names", () => {
  const enrollment = {
    registrationId: "dev-1",
    deviceId: "Kitchen",
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY, secondaryKey: KEY } },
    provisioningStatus: "disabled",
    allocationPolicy: "static",
    reprovisionPolicy: { updateHubAssignment: true, migrateDeviceData: false },
    iotHubs: ["a.example"],
    iotHubHostName: "b.example",
    initialTwin: { tags: { a: 1 }, properties: { desired: { b: 2 } } },
  };
  const group = {
    enrollmentGroupId: "g",
    attestation: {
      type: "x509",
      x509: { signingCertificates: { primary: { certificate: certificatePem } } },
    },
    allocationPolicy: "custom",
    customAllocationDefinition: { module: "./x.js" },
  };
  expect(parse({ enrollments: [enrollment], enrollmentGroups: [group] })).toEqual({
    places: { source: "my.json", enrollments: [1], enrollmentGroups: [1] },
    idScope: "0ne00000000",
    iotHubs: [{ name: "a.example" }, { name: "b.example", allocationWeight: 3 }],
    enrollments: [enrollment],
    enrollmentGroups: [group],
  });
});

test("what Azure's API exports beside them is accepted and left out", () => {
  expect(parseOne({ etag: "x", createdDateTimeUtc: "2020", capabilities: { iotEdge: false } })).toEqual({
    registrationId: "d",
    attestation: keys,
  });
});

test("certificates come as PEM, as base64 of DER, or as a thumbprint in any common notation", () => {
  const of = (primary: object) =>
    parseOne({ attestation: { type: "x509", x509: { clientCertificates: { primary } } } });
  const der = certificatePem.replaceAll(/-----.*-----|\s/g, "");
  for (const certificate of [certificatePem, der]) {
    expect(of({ certificate })?.attestation).toEqual({
      type: "x509",
      x509: { clientCertificates: { primary: { certificate: certificatePem } } },
    });
  }
  const { sha256Thumbprint } = thumbprintsOf(certificatePem);
  const colons = sha256Thumbprint.toLowerCase().replaceAll(/(..)(?=.)/g, "$1:");
  expect(of({ info: { sha256Thumbprint: colons } })?.attestation).toEqual({
    type: "x509",
    x509: { clientCertificates: { primary: { info: { sha256Thumbprint } } } },
  });
});

const x509 = (value: object) => ({ attestation: { type: "x509", x509: value } });
test.each([
  [{ idScope: undefined }, "idScope must be a non-empty string"],
  [{ idScope: "a b" }, "idScope must be letters and digits"],
  [{ iotHubs: [] }, "iotHubs is empty; name at least one hub"],
  [{ iotHubs: "a.example" }, "iotHubs must be an array"],
  [{ iotHubs: ["-bad-"] }, "iotHubs[0] must be a host name alone"],
  [{ iotHubs: ["a.example", "A.example"] }, "iotHubs[1] is that of iotHubs[0], too; remove one"],
  [
    { iotHubs: [{ name: "a.example", allocationWeight: 0 }] },
    "iotHubs[0].allocationWeight must be a whole number from 1 to 1000",
  ],
  [{ enrolments: [] }, "enrolments is not a known field; known here: idScope"],
  [{ enrollments: [{ attestation: keys }] }, "enrollments[0].registrationId must be a non-empty string"],
  [
    { enrollments: [{ registrationId: "a/b", attestation: keys }] },
    "enrollments[0].registrationId may hold letters",
  ],
  [
    { enrollments: [{ registrationId: "a_", attestation: keys }] },
    "enrollments[0].registrationId may hold letters",
  ],
  [
    { enrollments: ["d", "D"].map((registrationId) => ({ registrationId, attestation: keys })) },
    "enrollments[1].registrationId is that of enrollments[0], too",
  ],
  [
    {
      enrollmentGroups: [
        {
          enrollmentGroupId: "g",
          ...x509({ clientCertificates: { primary: { certificate: certificatePem } } }),
        },
      ],
    },
    "enrollmentGroups[0].attestation needs x509.signingCertificates",
  ],
])("a wrong document %# names the place", (changes, message) => {
  expect(() => parse(changes)).toThrow(`my.json: ${message}`);
});

test.each([
  [{ attestation: undefined }, ".attestation must be an object"],
  ...[null, undefined, {}, { primaryKey: null, secondaryKey: null }].map((symmetricKey): [object, string] => [
    { attestation: { type: "symmetricKey", symmetricKey, tpm: null, x509: null } },
    ".attestation.symmetricKey has no primaryKey; az prints the keys with --show-keys only",
  ]),
  [
    x509({ clientCertificates: { primary: { certificate: certificatePem.repeat(2) } } }),
    ".primary.certificate holds 2 certificates; leave the one",
  ],
  [
    x509({ clientCertificates: { primary: { certificate: "-----BEGIN EC PRIVATE KEY-----" } } }),
    ".primary.certificate is a private key",
  ],
  [{ attestation: { type: "tpm" } }, '.attestation.type must be one of "symmetricKey", "x509"'],
  [
    { attestation: { type: "symmetricKey", symmetricKey: { primaryKey: "AAAA" } } },
    ".attestation.symmetricKey.primaryKey must be 16 to 64 bytes in base64",
  ],
  [
    { attestation: { type: "symmetricKey", symmetricKey: { primaryKey: "no base64!" } } },
    ".attestation.symmetricKey.primaryKey must be 16 to 64",
  ],
  [x509({}), ".attestation needs x509.clientCertificates.primary"],
  [
    x509({ clientCertificates: { primary: { certificate: "x" } } }),
    ".attestation.x509.clientCertificates.primary.certificate is not an X.509 certificate",
  ],
  [
    x509({ clientCertificates: { primary: {} } }),
    ".attestation.x509.clientCertificates.primary needs `certificate` in PEM",
  ],
  [x509({ clientCertificates: { primary: { info: {} } } }), ".info needs sha256Thumbprint or sha1Thumbprint"],
  [
    x509({ clientCertificates: { primary: { info: { sha256Thumbprint: "AB" } } } }),
    ".sha256Thumbprint must be 64 hexadecimal digits",
  ],
  [{ deviceId: "kitchen lamp" }, ".deviceId must be 1 to 128 ASCII letters, digits and - . + %"],
  [{ deviceId: "a/b" }, ".deviceId must be 1 to 128 ASCII letters"],
  [{ deviceId: "x".repeat(129) }, ".deviceId has 129 characters"],
  [
    { initialTwin: { tags: { "a b": 1 } } },
    '.initialTwin.tags is nothing that a twin may hold: the key "a b"',
  ],
  [
    { initialTwin: { properties: { desired: { a: "x".repeat(4097) } } } },
    ".initialTwin.properties.desired is nothing that a twin may hold: a string has 4097 bytes",
  ],
  [{ provisioningStatus: "on" }, '.provisioningStatus must be one of "enabled", "disabled"'],
  [{ allocationPolicy: "nearest" }, ".allocationPolicy must be one of"],
  [{ allocationPolicy: "static" }, ".iotHubHostName is needed by the allocation policy static"],
  [
    { iotHubHostName: "c.example" },
    ".iotHubHostName is not a linked hub; take one of the document's iotHubs",
  ],
  [{ iotHubs: ["c.example"] }, ".iotHubs[0] is not a linked hub"],
  [
    { reprovisionPolicy: { updateHubAssignment: true } },
    ".reprovisionPolicy.migrateDeviceData must be true or false",
  ],
  [
    { initialTwin: { properties: { reported: {} } } },
    ".initialTwin.properties.reported is not a known field",
  ],
])("a wrong enrollment %# names the place", (changes, message) => {
  expect(() => parseOne(changes)).toThrow(`enrollments[0]`);
  expect(() => parseOne(changes)).toThrow(message);
});

test("an exported enrollment alone is told from a configuration", () => {
  const group = { enrollmentGroupId: "g", attestation: keys };
  expect(() => parseConfiguration(JSON.stringify(group), "g.json")).toThrow(
    "g.json: the document is one enrollment, not a configuration; put it into the array enrollmentGroups",
  );
});

test.each(["light#1", "a+b", "a@b$c", "A-1.+%_#*?!(),:=@$'"])(
  "the device id %s is one of IoT Hub's, though not each can live in a topic",
  (deviceId) => expect(parseOne({ deviceId })!.deviceId).toBe(deviceId),
);

test("an enrollment that comes while the emulator runs is held to the same", () => {
  const registry = new EnrollmentRegistry({ enrollments: [], enrollmentGroups: [] });
  const attestation = { type: "symmetricKey" as const, symmetricKey: { primaryKey: KEY } };
  const initialTwin = { properties: { desired: { "a#b": 1 } } };
  const enrollment = { registrationId: "d", attestation };
  expect(() => registry.setIndividual({ ...enrollment, deviceId: "kitchen lamp" })).toThrow(
    "no blank, no slash",
  );
  expect(() => registry.setIndividual({ ...enrollment, initialTwin })).toThrow("a hash");
  expect(() => registry.setGroup({ enrollmentGroupId: "g", attestation, initialTwin })).toThrow("a hash");
  expect([...registry.individuals, ...registry.groups]).toEqual([]);
});

test("a key is never repeated in an error", () => {
  const primaryKey = "c2VjcmV0LXNlY3JldC1zZWNyZXQ";
  expect(() => parseOne({ attestation: { type: "symmetricKey", symmetricKey: { primaryKey } } })).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining(primaryKey) }),
  );
});

test("nor is any other value, whatever stands where", () => {
  const full = {
    ...base,
    enrollments: [
      {
        registrationId: "d",
        deviceId: "e",
        attestation: keys,
        iotHubs: ["a.example"],
        iotHubHostName: "a.example",
      },
      {
        registrationId: "f",
        ...x509({ clientCertificates: { primary: { info: { sha256Thumbprint: "00" } } } }),
      },
    ],
    enrollmentGroups: [
      { enrollmentGroupId: "g", attestation: keys, allocationPolicy: "hashed", initialTwin: { tags: {} } },
    ],
    faults: [{ step: "poll", action: "delay", delayMs: 1, probability: 1 }],
  };
  const secret = "c2VjcmV0 c2VjcmV0\n";
  let refused = 0;
  /** Every document in which one value of `node` is another. */
  const change = (node: object, whole: () => string) => {
    for (const [key, value] of Object.entries(node)) {
      for (const other of [secret, [secret], { [KEY]: secret }, { primaryKey: secret }, 7, -1.5, true]) {
        (node as Record<string, unknown>)[key] = other;
        try {
          parseConfiguration(whole());
        } catch (error) {
          refused += 1;
          expect(String(error)).not.toMatch(/c2Vj|Received|-1\.5/);
        }
      }
      (node as Record<string, unknown>)[key] = value;
      if (typeof value === "object") change(value, whole);
    }
  };
  change(full, () => JSON.stringify(full));
  expect(refused).toBeGreaterThan(150);
});

test("nor in what is said of JSON that is broken at the key", () => {
  const document = '{"idScope":"0ne1","enrollments":[{"primaryKey":c2VjcmV0LXNlY3JldC1zZWNyZXQ}]}';
  expect(() => parseConfiguration(document)).toThrow(/not JSON: Unexpected token 'c' behind "imaryKey.":"$/);
  expect(() => parseConfiguration("{'c2VjcmV0'}")).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("c2V") }),
  );
});

test("__proto__ is a field like any other", () => {
  const document = (enrollment: string) =>
    `{"idScope":"0ne1","iotHubs":["a.example"],"enrollments":[{"registrationId":"d","attestation":${JSON.stringify(keys)},${enrollment}}]}`;
  expect(() => parseConfiguration(document('"__proto__":{"deviceId":"e"}'))).toThrow(
    "enrollments[0].__proto__ is not a known field",
  );
  const [read] = parseConfiguration(document('"initialTwin":{"tags":{"__proto__":1}}')).enrollments;
  expect(Object.entries(read?.initialTwin?.tags ?? {})).toEqual([["__proto__", 1]]);
});

test("found by fuzzing: a name that is not known is shown in short, on one line", () => {
  const name = `\u001b[2J\n\u009b2J${"x".repeat(3_000)}`;
  expect(() => parseOne({ [name]: 1 })).toThrow(/^[ -~…]{1,1000}$/);
  const initialTwin = { tags: { [name.slice(0, 1000)]: 1 } };
  expect(() => parseOne({ initialTwin })).toThrow(/the key "\\u001b\[2J\\n\\u009b2Jx+…" holds/);
});

test("what is no JSON is told with the file's name", () => {
  expect(() => parseConfiguration("{", "my.json")).toThrow("my.json: the document is not JSON");
  expect(() => parseConfiguration("[]", "my.json")).toThrow("my.json: the document must be an object");
});
