// SPDX-License-Identifier: MIT
/** Checks a configuration document field by field; Azure's own read-only fields are accepted and ignored. */
import { X509Certificate } from "node:crypto";
import type {
  Attestation,
  CertificatePair,
  Configuration,
  EnrolledCertificate,
  EnrollmentBase,
  EnrollmentGroup,
  IndividualEnrollment,
  InitialTwin,
  LinkedHub,
} from "./configuration";
import { JsonReader } from "./json-reader";
import { isHostName, isRegistrationId } from "./names";
import { decodeKey } from "./shared-access-signature";

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
  const deviceId = node.get("deviceId").missing ? undefined : node.get("deviceId").string(128);
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
  if (!isHostName(name)) nameNode.fail("must be a host name, for example contoso.azure-devices.net");
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

function readAttestation(node: JsonReader): Attestation {
  node.only(["type", "symmetricKey", "x509", "tpm"]);
  const type = node.get("type").choice(["symmetricKey", "x509"]);
  if (type === "symmetricKey") {
    const keys = node.get("symmetricKey").only(["primaryKey", "secondaryKey"]);
    const primaryKey = readKey(keys.get("primaryKey"));
    if (keys.get("secondaryKey").missing) return { type, symmetricKey: { primaryKey } };
    return { type, symmetricKey: { primaryKey, secondaryKey: readKey(keys.get("secondaryKey")) } };
  }
  const x509 = node.get("x509").only(["clientCertificates", "signingCertificates", "caReferences"]);
  const client = x509.get("clientCertificates");
  const signing = x509.get("signingCertificates");
  return {
    type,
    x509: {
      ...(client.missing ? {} : { clientCertificates: readPair(client) }),
      ...(signing.missing ? {} : { signingCertificates: readPair(signing) }),
    },
  };
}

function readKey(node: JsonReader): string {
  const key = node.string(128);
  // The key itself stays out of the message: errors end up in logs.
  if (!decodeKey(key)) node.fail("must be 16 to 64 bytes in base64");
  return key;
}

function readPair(node: JsonReader): CertificatePair {
  node.only(["primary", "secondary"]);
  const primary = readCertificate(node.get("primary"));
  return node.get("secondary").missing
    ? { primary }
    : { primary, secondary: readCertificate(node.get("secondary")) };
}

function readCertificate(node: JsonReader): EnrolledCertificate {
  node.only(["certificate", "info"]);
  const certificate = node.get("certificate");
  if (!certificate.missing) {
    const text = certificate.string(64 * 1024);
    try {
      // Azure takes PEM and bare base64 of DER alike.
      return {
        certificate: new X509Certificate(
          text.includes("-----") ? text : Buffer.from(text, "base64"),
        ).toString(),
      };
    } catch {
      certificate.fail("is not an X.509 certificate; give it in PEM");
    }
  }
  const info = node.get("info");
  if (info.missing) node.fail("needs `certificate` in PEM, or `info` with a thumbprint");
  const sha1 = info.get("sha1Thumbprint");
  const sha256 = info.get("sha256Thumbprint");
  if (sha1.missing && sha256.missing) info.fail("needs sha256Thumbprint or sha1Thumbprint");
  return {
    info: {
      ...(sha1.missing ? {} : { sha1Thumbprint: readThumbprint(sha1, 40) }),
      ...(sha256.missing ? {} : { sha256Thumbprint: readThumbprint(sha256, 64) }),
    },
  };
}

function readThumbprint(node: JsonReader, digits: number): string {
  const thumbprint = node.string(256).replaceAll(/[:\s]/g, "").toUpperCase();
  if (thumbprint.length !== digits || !/^[0-9A-F]+$/.test(thumbprint))
    node.fail(`must be ${digits} hexadecimal digits`);
  return thumbprint;
}

function readId(node: JsonReader): string {
  const id = node.string(128);
  if (!isRegistrationId(id))
    node.fail('may hold letters, digits and "-", ".", "_", ":", and ends in a letter, a digit or "-"');
  return id;
}

function readLinkedName(node: JsonReader, hubs: readonly string[]): string {
  const name = node.string(253).toLowerCase();
  if (!hubs.includes(name))
    node.fail(`names "${name}", which is not a linked hub; linked are ${hubs.join(", ")}`);
  return name;
}

function readInitialTwin(node: JsonReader): InitialTwin {
  node.only(["tags", "properties"]);
  const desired = node.get("properties").missing
    ? undefined
    : node.get("properties").only(["desired"]).get("desired");
  return {
    ...(node.get("tags").missing ? {} : { tags: node.get("tags").object() }),
    ...(desired === undefined || desired.missing ? {} : { properties: { desired: desired.object() } }),
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
