// SPDX-License-Identifier: MIT
/** Checks a configuration document; Azure's own read-only fields are accepted and left out. */
import * as v from "valibot";
import { ATTESTATION, KEY } from "./attestation-reader";
import type { Configuration, EnrollmentBase } from "./configuration";
import { FAULTS } from "./fault-reader";
import { readStorage } from "./hub/blob-storage";
import { twinSection } from "./hub/twin";
import { DocumentError, parseJson, readJson } from "./json-reader";
import { memberLines } from "./member-lines";
import { DEVICE_ID_RULE, isDeviceId, isHostName, isRegistrationId } from "./names";
import { RIGHTS } from "./rights";
import { choice, FLAG, isJsonObject, list, maybe, object, text, told, whole } from "./shapes";

/** What Azure's API returns beside the rest, so that an exported enrollment can be pasted in. */
const READ_ONLY = [
  "capabilities",
  "etag",
  "createdDateTimeUtc",
  "lastUpdatedDateTimeUtc",
  "optionalDeviceInformation",
  "registrationState",
];

const HOST = v.pipe(text(253), v.toLowerCase());
const HUB_NAME = v.pipe(
  HOST,
  v.check(
    isHostName,
    "must be a host name alone (no https://, no port, no blank), for example contoso.azure-devices.net",
  ),
);
/** Members of a shared access policy. */
export const ACCESS_POLICY = {
  keyName: v.pipe(text(64), v.regex(/^[\w.-]+$/, "may hold letters, digits and . _ -")),
  primaryKey: KEY,
  secondaryKey: KEY,
};
const POLICIES = maybe(
  list(object({ ...ACCESS_POLICY, secondaryKey: maybe(KEY), rights: maybe(list(choice(RIGHTS), 16)) }), 100),
);
/** An account of storage. It stays out of the message: it has a key in it. */
const STORAGE = object({
  connectionString: v.pipe(
    text(4096),
    v.rawCheck(({ dataset, addIssue }) => {
      const read = dataset.typed ? readStorage(dataset.value) : undefined;
      if (read && "problem" in read) addIssue({ message: read.problem });
    }),
  ),
  containerName: v.pipe(
    text(63),
    v.regex(
      /^[a-z0-9](-?[a-z0-9])+$/,
      "must be the name of a container: lower-case letters, digits and dashes",
    ),
  ),
});
const HUB = object({
  name: HUB_NAME,
  allocationWeight: maybe(whole(1, 1000)),
  authorizationPolicies: POLICIES,
  storage: maybe(STORAGE),
});
const HUB_UNION = v.union([HUB_NAME, HUB]);
const NAMED_HUB = v.pipe(
  // Not the first that fits, but the one that is meant: its errors have their place.
  {
    ...HUB_UNION,
    "~run": (dataset, config) =>
      (typeof dataset.value === "string" ? HUB_NAME : HUB)["~run"](dataset, config),
  } as typeof HUB_UNION,
  v.transform((hub) => (typeof hub === "string" ? { name: hub } : hub)),
);

const ID = v.pipe(
  text(128),
  v.check(
    isRegistrationId,
    'may hold letters, digits and "-", ".", "_", ":", and ends in a letter, a digit or "-"',
  ),
);

/** The twin that a device starts with: nothing that a hub would refuse. */
export const INITIAL_TWIN = object({
  tags: maybe(twinSection("tags")),
  properties: maybe(object({ desired: maybe(twinSection("desired")) })),
});

const BASE = {
  attestation: ATTESTATION,
  provisioningStatus: maybe(choice(["enabled", "disabled"])),
  allocationPolicy: maybe(choice(["hashed", "geoLatency", "static", "custom"])),
  // Without a module the function handed to the emulator decides.
  customAllocationDefinition: maybe(object({ module: maybe(text(4096)) }, ["webhookUrl", "apiVersion"])),
  reprovisionPolicy: maybe(object({ updateHubAssignment: FLAG, migrateDeviceData: FLAG })),
  iotHubs: maybe(list(HOST, 50)),
  iotHubHostName: maybe(HOST),
  initialTwin: maybe(INITIAL_TWIN),
  clientCertificateIssuancePolicy: maybe(object({ certificateAuthorityName: text(128) })),
  credentialPolicyName: maybe(text(128)),
};

/** An individual enrollment. */
export const ENROLLMENT = v.pipe(
  object(
    {
      registrationId: ID,
      deviceId: maybe(v.pipe(text(128), v.check(isDeviceId, DEVICE_ID_RULE))),
      ...BASE,
    },
    READ_ONLY,
  ),
  v.forward(
    v.check(
      ({ attestation }) => attestation.type !== "x509" || attestation.x509.clientCertificates !== undefined,
      "needs x509.clientCertificates.primary: an individual enrollment names the device's own certificate",
    ),
    ["attestation"],
  ),
);

/** An enrollment group. */
export const GROUP = v.pipe(
  object({ enrollmentGroupId: ID, ...BASE }, READ_ONLY),
  v.forward(
    v.check(({ attestation }) => {
      if (attestation.type !== "x509") return true;
      const primary = attestation.x509.signingCertificates?.primary;
      return primary !== undefined && "certificate" in primary;
    }, "needs x509.signingCertificates.primary.certificate: a group names the certificate that signs its devices"),
    ["attestation"],
  ),
);

/** The whole document. An enrollment by itself, as Azure exports it, is told from one. */
export const CONFIGURATION = told(
  object(
    {
      idScope: v.pipe(
        text(64),
        v.regex(/^[A-Za-z0-9]+$/, "must be letters and digits, for example 0ne00000000"),
      ),
      serviceOperationsHostName: maybe(HUB_NAME),
      authorizationPolicies: POLICIES,
      iotHubs: v.pipe(list(NAMED_HUB, 50), v.minLength(1, "is empty; name at least one hub")),
      enrollments: maybe(list(ENROLLMENT)),
      enrollmentGroups: maybe(list(GROUP)),
      faults: maybe(FAULTS),
    },
    ["$schema"],
  ),
  (value) => {
    const of = isJsonObject(value) && ["enrollmentGroup", "registration"].find((of) => `${of}Id` in value);
    if (!of) return undefined;
    const array = of === "registration" ? "enrollments" : "enrollmentGroups";
    return `is one enrollment, not a configuration; put it into the array ${array} of one (berth emulator --example FILE makes one)`;
  },
);

/**
 * Reads a configuration document.
 * @param document the file's content
 * @param source what to call the document in errors, for example its file name
 * @throws DocumentError naming the place, what is wrong and what to do
 */
export function parseConfiguration(document: string, source = "configuration"): Configuration {
  const read = readJson(CONFIGURATION, parseJson(document, source), source);
  const { faults: _, enrollments = [], enrollmentGroups = [], ...rest } = read;
  const { iotHubs } = rest;
  const fail = (place: string, problem: string): never => {
    throw new DocumentError(source, place, problem);
  };
  const unique = (list: string, field: string, names: readonly string[]) => {
    for (const [at, name] of names.entries()) {
      const first = names.indexOf(name);
      if (first !== at) fail(`${list}[${at}]${field}`, `is that of ${list}[${first}], too; remove one`);
    }
  };
  const hubs = iotHubs.map(({ name }) => name);
  unique("iotHubs", "", hubs);
  unique(
    "enrollments",
    ".registrationId",
    enrollments.map(({ registrationId }) => registrationId.toLowerCase()),
  );
  unique(
    "enrollmentGroups",
    ".enrollmentGroupId",
    enrollmentGroups.map(({ enrollmentGroupId }) => enrollmentGroupId.toLowerCase()),
  );
  for (const [list, members] of Object.entries({ enrollments, enrollmentGroups })) {
    for (const [at, member] of members.entries()) {
      const wrong = unlinked(member, hubs);
      if (wrong) fail(`${list}[${at}].${wrong.field}`, wrong.problem);
    }
  }
  const lines = memberLines(document, ["enrollments", "enrollmentGroups"]);
  return { ...rest, enrollments, enrollmentGroups, places: { source, ...lines } };
}

/** The first member of an enrollment that names no hub, where one of `hubs` is to be named. */
export function unlinked(
  { allocationPolicy, iotHubHostName, iotHubs = [] }: EnrollmentBase,
  hubs: readonly string[],
): { field: string; problem: string } | undefined {
  if (allocationPolicy === "static" && iotHubHostName === undefined && iotHubs.length !== 1)
    return { field: "iotHubHostName", problem: "is needed by the allocation policy static; name the hub" };
  const problem = "is not a linked hub; take one of the document's iotHubs";
  if (iotHubHostName !== undefined && !hubs.includes(iotHubHostName))
    return { field: "iotHubHostName", problem };
  const at = iotHubs.findIndex((name) => !hubs.includes(name));
  return at < 0 ? undefined : { field: `iotHubs[${at}]`, problem };
}
