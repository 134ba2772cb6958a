// SPDX-License-Identifier: MIT
/** Checks a configuration document field by field; Azure's own read-only fields are accepted and ignored. */

import { readAttestation } from "./attestation-reader";
import type {
  Configuration,
  EnrollmentBase,
  EnrollmentGroup,
  IndividualEnrollment,
  InitialTwin,
  LinkedHub,
} from "./configuration";
import { readSection } from "./hub/twin";
import { JsonReader } from "./json-reader";
import { DEVICE_ID_RULE, isDeviceId, isHostName, isRegistrationId } from "./names";

const SHARED_FIELDS = [
  "attestation",
  "provisioningStatus",
  "allocationPolicy",
  "customAllocationDefinition",
  "reprovisionPolicy",
  "iotHubs",
  "iotHubHostName",
  "initialTwin",
  // What Azure's API returns beside them, so that an exported enrollment can be pasted in.
  "capabilities",
  "etag",
  "createdDateTimeUtc",
  "lastUpdatedDateTimeUtc",
  "optionalDeviceInformation",
  "registrationState",
  "clientCertificateIssuancePolicy",
  "credentialPolicyName",
];

/**
 * Reads a configuration document.
 * @param text the file's content
 * @param source what to call the document in errors, for example its file name
 * @throws DocumentError naming the place, what is wrong and what to do
 */
export function parseConfiguration(text: string, source = "configuration"): Configuration {
  return readConfiguration(JsonReader.parse(text, source));
}

/** As `parseConfiguration`, from a parsed document; the key `faults` is left to `readFaults`. */
export function readConfiguration(root: JsonReader): Configuration {
  root.only(["idScope", "iotHubs", "enrollments", "enrollmentGroups", "faults"]);
  const idScope = root.get("idScope").string(64);
  if (!/^[A-Za-z0-9]+$/.test(idScope))
    root.get("idScope").fail("must be letters and digits, for example 0ne00000000");
  const iotHubs = root.get("iotHubs").array(50).map(readHub);
  if (iotHubs.length === 0) root.get("iotHubs").fail("is empty; name at least one hub");
  const hubs = unique(
    root.get("iotHubs"),
    iotHubs.map((hub) => hub.name),
  );
  const enrollments = optionalArray(root.get("enrollments")).map((node) => readEnrollment(node, hubs));
  unique(
    root.get("enrollments"),
    enrollments.map((enrollment) => enrollment.registrationId.toLowerCase()),
  );
  const enrollmentGroups = optionalArray(root.get("enrollmentGroups")).map((node) => readGroup(node, hubs));
  unique(
    root.get("enrollmentGroups"),
    enrollmentGroups.map((group) => group.enrollmentGroupId.toLowerCase()),
  );
  return { idScope, iotHubs, enrollments, enrollmentGroups };
}

/** Reads one individual enrollment. @param hubs the linked hubs. @throws DocumentError */
export function readEnrollment(node: JsonReader, hubs: readonly string[]): IndividualEnrollment {
  node.only(["registrationId", "deviceId", ...SHARED_FIELDS]);
  const registrationId = readId(node.get("registrationId"));
  const deviceId = node.get("deviceId").missing ? undefined : readDeviceId(node.get("deviceId"));
  const base = readBase(node, hubs);
  if (base.attestation.type === "x509" && !base.attestation.x509.clientCertificates) {
    node
      .get("attestation")
      .fail(
        "needs x509.clientCertificates.primary: an individual enrollment names the device's own certificate",
      );
  }
  return { registrationId, ...(deviceId === undefined ? {} : { deviceId }), ...base };
}

/** Reads one enrollment group. @param hubs the linked hubs. @throws DocumentError */
export function readGroup(node: JsonReader, hubs: readonly string[]): EnrollmentGroup {
  node.only(["enrollmentGroupId", ...SHARED_FIELDS]);
  const enrollmentGroupId = readId(node.get("enrollmentGroupId"));
  const base = readBase(node, hubs);
  if (base.attestation.type === "x509" && !base.attestation.x509.signingCertificates?.primary.certificate) {
    node
      .get("attestation")
      .fail(
        "needs x509.signingCertificates.primary.certificate: a group names the certificate that signs its devices",
      );
  }
  return { enrollmentGroupId, ...base };
}

function readHub(node: JsonReader): LinkedHub {
  const plain = typeof node.json() === "string";
  const nameNode = plain ? node : node.only(["name", "allocationWeight"]).get("name");
  const name = nameNode.string(253).toLowerCase();
  if (!isHostName(name))
    nameNode.fail(
      "must be a host name alone (no https://, no port, no blank), for example contoso.azure-devices.net",
    );
  if (plain || node.get("allocationWeight").missing) return { name };
  return { name, allocationWeight: node.get("allocationWeight").integer(1, 1000) };
}

function readBase(node: JsonReader, hubs: readonly string[]): EnrollmentBase {
  const base: EnrollmentBase = { attestation: readAttestation(node.get("attestation")) };
  const status = node.get("provisioningStatus");
  if (!status.missing) base.provisioningStatus = status.choice(["enabled", "disabled"]);
  const policy = node.get("allocationPolicy");
  if (!policy.missing) base.allocationPolicy = policy.choice(["hashed", "geoLatency", "static", "custom"]);
  const custom = node.get("customAllocationDefinition");
  // Azure's own fields are accepted; without a module the function handed to the emulator decides.
  if (!custom.missing && !custom.only(["module", "webhookUrl", "apiVersion"]).get("module").missing) {
    base.customAllocationDefinition = { module: custom.get("module").string(4096) };
  }
  const reprovision = node.get("reprovisionPolicy");
  if (!reprovision.missing) {
    reprovision.only(["updateHubAssignment", "migrateDeviceData"]);
    base.reprovisionPolicy = {
      updateHubAssignment: reprovision.get("updateHubAssignment").boolean(),
      migrateDeviceData: reprovision.get("migrateDeviceData").boolean(),
    };
  }
  if (!node.get("iotHubs").missing) {
    base.iotHubs = node
      .get("iotHubs")
      .array(50)
      .map((hub) => readLinkedName(hub, hubs));
  }
  if (!node.get("iotHubHostName").missing)
    base.iotHubHostName = readLinkedName(node.get("iotHubHostName"), hubs);
  if (base.allocationPolicy === "static" && !base.iotHubHostName && base.iotHubs?.length !== 1) {
    node.get("iotHubHostName").fail("is needed by the allocation policy static; name the hub");
  }
  if (!node.get("initialTwin").missing) base.initialTwin = readInitialTwin(node.get("initialTwin"));
  return base;
}

function readId(node: JsonReader): string {
  const id = node.string(128);
  if (!isRegistrationId(id))
    node.fail('may hold letters, digits and "-", ".", "_", ":", and ends in a letter, a digit or "-"');
  return id;
}

function readDeviceId(node: JsonReader): string {
  const id = node.string(128);
  if (!isDeviceId(id)) node.fail(DEVICE_ID_RULE);
  return id;
}

function readLinkedName(node: JsonReader, hubs: readonly string[]): string {
  const name = node.string(253).toLowerCase();
  if (!hubs.includes(name))
    node.fail(`names "${name}", which is not a linked hub; linked are ${hubs.join(", ")}`);
  return name;
}

/** Reads an initial twin. @throws DocumentError, also when a hub would refuse what it holds */
export function readInitialTwin(node: JsonReader): InitialTwin {
  node.only(["tags", "properties"]);
  const desired = node.get("properties").missing
    ? undefined
    : node.get("properties").only(["desired"]).get("desired");
  return {
    ...(node.get("tags").missing ? {} : { tags: readSection(node.get("tags"), "tags") }),
    ...(desired === undefined || desired.missing
      ? {}
      : { properties: { desired: readSection(desired, "desired") } }),
  };
}

function optionalArray(node: JsonReader): JsonReader[] {
  return node.missing ? [] : node.array();
}

function unique(node: JsonReader, names: string[]): string[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) node.fail(`names "${name}" twice; remove one`);
    seen.add(name);
  }
  return names;
}
