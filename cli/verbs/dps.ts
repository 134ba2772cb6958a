// SPDX-License-Identifier: MIT
/** `berth dps enrollment|group|registration …`. Options as `az iot dps` has them. */
import { InvalidArgumentError } from "commander";
import { certificatesIn } from "../../hosts/node/credentials";
import { readBytes } from "../options";
import type { Output } from "../output";
import type { Document, ServiceClient } from "../service/client";
import { TOP } from "./hub-device";
import {
  done,
  jsonObject,
  needed,
  oneOf,
  optional,
  part,
  record,
  rows,
  type Told,
  type Verb,
  verb,
} from "./verb";

/** Enrollments of one device, and those of groups: the same verbs with other names. */
interface Kind {
  readonly word: "enrollment" | "group";
  readonly what: string;
  readonly path: string;
  /** The member that names it. */
  readonly key: "registrationId" | "enrollmentGroupId";
  readonly id: string;
  readonly flag: "enrollmentId" | "groupId";
  /** Of `attestation.x509`. */
  readonly certificates: "clientCertificates" | "signingCertificates";
  /** Of a query. */
  readonly table: string;
}

const KINDS: readonly Kind[] = [
  {
    word: "enrollment",
    what: "the enrollment of one device",
    path: "/enrollments",
    key: "registrationId",
    id: "--enrollment-id <id>",
    flag: "enrollmentId",
    certificates: "clientCertificates",
    table: "enrollments",
  },
  {
    word: "group",
    what: "an enrollment group",
    path: "/enrollmentGroups",
    key: "enrollmentGroupId",
    id: "--group-id <id>",
    flag: "groupId",
    certificates: "signingCertificates",
    table: "enrollmentGroups",
  },
];

interface IdFlags {
  readonly enrollmentId?: string;
  readonly groupId?: string;
  readonly showKeys?: boolean;
}

interface ChangeFlags extends IdFlags {
  readonly attestationType?: "symmetricKey" | "x509";
  readonly primaryKey?: string;
  readonly secondaryKey?: string;
  readonly certificatePath?: string;
  readonly secondaryCertificatePath?: string;
  readonly deviceId?: string;
  readonly provisioningStatus?: string;
  readonly reprovisionPolicy?: keyof typeof REPROVISION;
  readonly allocationPolicy?: string;
  readonly iotHubs?: readonly string[];
  readonly credentialPolicy?: string;
  readonly initialTwinTags?: object;
  readonly initialTwinProperties?: object;
}

/** What a device takes along when it registers again, in the words of `az`. */
const REPROVISION = Object.freeze({
  reprovisionandmigratedata: { updateHubAssignment: true, migrateDeviceData: true },
  reprovisionandresetdata: { updateHubAssignment: true, migrateDeviceData: false },
  never: { updateHubAssignment: false, migrateDeviceData: false },
});

const CHANGES = [
  oneOf("--attestation-type <type>", "what proves a device", ["symmetricKey", "x509"]),
  optional("--primary-key <base64>", "made when it is left out"),
  optional("--secondary-key <base64>", "made when it is left out"),
  optional(
    "--certificate-path <file>",
    "of the device, or what signs those of a group, in PEM or DER; of several in a file the first",
  ),
  optional("--secondary-certificate-path <file>", "the second one"),
  oneOf("--provisioning-status <status>", "may it register", ["enabled", "disabled"]),
  oneOf("--reprovision-policy <policy>", "when it registers again", Object.keys(REPROVISION)),
  oneOf("--allocation-policy <policy>", "which hub", ["hashed", "geoLatency", "static"]),
  optional("--iot-hubs <names>", "separated by blanks or commas", hubNames),
  optional("--credential-policy <name>", "who issues certificates to devices that ask for one"),
  optional("--initial-twin-tags <json>", "a JSON object, or @FILE", jsonObject("--initial-twin-tags")),
  optional(
    "--initial-twin-properties <json>",
    "desired properties: a JSON object, or @FILE",
    jsonObject("--initial-twin-properties"),
  ),
];
const DEVICE_ID = optional("--device-id <id>", "its name in the hub; default: the registration id");
const SHOW_KEYS = optional("--show-keys", "with its keys");

/** The table. */
export const DPS: readonly Verb[] = [
  ...KINDS.flatMap(enrollmentVerbs),
  verb<{ groupId: string; top?: number }>({
    words: "dps registration list",
    about: "devices that came by an enrollment group",
    service: "dps",
    options: [needed("--group-id <id>", "the enrollment group"), TOP],
    run: async (dps, { groupId, top = 1000 }) =>
      rows(await dps.pages("POST", `/registrations/${part(groupId)}/query`, { query: "SELECT *" }, top), [
        "registrationId",
        "deviceId",
        "assignedHub",
        "status",
        "lastUpdatedDateTimeUtc",
      ]),
  }),
  verb<{ registrationId: string }>({
    words: "dps registration show",
    about: "where a device was assigned",
    service: "dps",
    options: [needed("--registration-id <id>", "the device")],
    run: async (dps, { registrationId }) => record(await dps.get(`/registrations/${part(registrationId)}`)),
  }),
  verb<{ registrationId: string }>({
    words: "dps registration delete",
    about: "forget where a device was assigned; the hub keeps it",
    service: "dps",
    options: [needed("--registration-id <id>", "the device")],
    run: async (dps, { registrationId }) => {
      await dps.delete(`/registrations/${part(registrationId)}`);
      return done(`deleted the registration of ${registrationId}`);
    },
  }),
];

function enrollmentVerbs(kind: Kind): Verb[] {
  const { word, what, path, key, flag, table } = kind;
  const id = needed(kind.id, what);
  const changes = [...CHANGES, ...(word === "enrollment" ? [DEVICE_ID] : [])];
  const placeOf = (flags: IdFlags) => `${path}/${part(flags[flag] ?? "")}`;
  const write = async (
    dps: ServiceClient,
    flags: ChangeFlags,
    output: Output,
    old: Document | undefined,
  ): Promise<Told> => {
    const body = { ...old, [key]: flags[flag], ...changesOf(kind, flags, output, old) };
    const match: Record<string, string> = old ? { "if-match": `"${old.etag}"` } : {};
    const written = await dps.put(placeOf(flags), body, match);
    return record(flags.showKeys ? await withKeys(dps, placeOf(flags), written) : written);
  };
  return [
    verb<{ top?: number }>({
      words: `dps ${word} list`,
      about: word === "group" ? "enrollment groups" : "enrollments of single devices",
      service: "dps",
      options: [TOP],
      run: async (dps, { top = 1000 }) =>
        rows(await dps.pages("POST", `${path}/query`, { query: `SELECT * FROM ${table}` }, top), [
          key,
          "provisioningStatus",
          "attestation.type",
          "allocationPolicy",
          ...(word === "enrollment" ? ["registrationState.assignedHub"] : []),
        ]),
    }),
    verb<IdFlags>({
      words: `dps ${word} show`,
      about: what,
      service: "dps",
      options: [id, SHOW_KEYS],
      run: async (dps, flags) => {
        const found = await dps.get(placeOf(flags));
        return record(flags.showKeys ? await withKeys(dps, placeOf(flags), found) : found);
      },
    }),
    verb<ChangeFlags>({
      words: `dps ${word} create`,
      about: `make ${what}`,
      service: "dps",
      options: [id, ...changes, SHOW_KEYS],
      run: (dps, flags, { output }) => write(dps, flags, output, undefined),
    }),
    verb<ChangeFlags>({
      words: `dps ${word} update`,
      about: `change ${what}`,
      service: "dps",
      options: [id, ...changes, SHOW_KEYS],
      // Keys are not in what it shows, and one that is written without them has new ones.
      run: async (dps, flags, { output }) =>
        write(dps, flags, output, await withKeys(dps, placeOf(flags), await dps.get(placeOf(flags)))),
    }),
    verb<IdFlags>({
      words: `dps ${word} delete`,
      about: `delete ${what}; devices that are assigned stay in their hubs`,
      service: "dps",
      options: [id],
      run: async (dps, flags) => {
        await dps.delete(placeOf(flags), { "if-match": "*" });
        return done(`deleted ${flags[flag]}`);
      },
    }),
  ];
}

async function withKeys(dps: ServiceClient, path: string, enrollment: Document): Promise<Document> {
  const { type } = enrollment.attestation as { type?: string };
  if (type !== "symmetricKey") return enrollment;
  return { ...enrollment, attestation: await dps.post(`${path}/attestationmechanism`) };
}

function changesOf(kind: Kind, flags: ChangeFlags, output: Output, old: Document | undefined): Document {
  const { deviceId, provisioningStatus, reprovisionPolicy, allocationPolicy, iotHubs } = flags;
  const { initialTwinTags: tags, initialTwinProperties: desired } = flags;
  const attestation =
    attestationOf(kind, flags, output, old) ?? (old ? undefined : { type: "symmetricKey", symmetricKey: {} });
  const members = {
    attestation,
    deviceId,
    provisioningStatus,
    reprovisionPolicy: reprovisionPolicy && REPROVISION[reprovisionPolicy],
    allocationPolicy,
    iotHubs,
    credentialPolicyName: flags.credentialPolicy,
    initialTwin:
      tags || desired
        ? {
            ...(old?.initialTwin as Document | undefined),
            ...(tags && { tags }),
            ...(desired && { properties: { desired } }),
          }
        : undefined,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function attestationOf(
  { certificates }: Kind,
  flags: ChangeFlags,
  output: Output,
  old: Document | undefined,
): Document | undefined {
  const { attestationType, primaryKey, secondaryKey, certificatePath, secondaryCertificatePath } = flags;
  if (certificatePath !== undefined || secondaryCertificatePath !== undefined || attestationType === "x509") {
    const one = (path: string | undefined, option: string) =>
      path === undefined ? undefined : { certificate: firstCertificate(path, option, output) };
    const primary = one(certificatePath, "--certificate-path");
    const secondary = one(secondaryCertificatePath, "--secondary-certificate-path");
    return {
      type: "x509",
      x509: { [certificates]: { ...(primary && { primary }), ...(secondary && { secondary }) } },
    };
  }
  if (attestationType === undefined && primaryKey === undefined && secondaryKey === undefined)
    return undefined;
  const { symmetricKey: former } = (old?.attestation ?? {}) as { symmetricKey?: Document };
  return {
    type: "symmetricKey",
    symmetricKey: { ...former, ...(primaryKey && { primaryKey }), ...(secondaryKey && { secondaryKey }) },
  };
}

/** The device's stands first, its intermediates follow for TLS: an enrollment is about one alone. In PEM. */
function firstCertificate(path: string, option: string, output: Output): string {
  const [first, ...others] = certificatesIn(readBytes(path, option), path);
  // With --json the answer stands alone, and shows which it is.
  if (others.length > 0 && !output.json)
    output.warning(
      `${option}: ${path} holds ${others.length + 1} certificates; the first is taken, of ${first!.subject}`,
    );
  return first!.toString();
}

function hubNames(text: string): string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  if (names.length === 0) throw new InvalidArgumentError("Give the names of linked hubs.");
  return names;
}
