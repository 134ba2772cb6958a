// SPDX-License-Identifier: MIT
/** Checks the stored state on the way in. Every function raises `DocumentError` with the place. */
import { readSection } from "./hub/twin";
import type { JsonReader } from "./json-reader";
import type {
  CertificateInfo,
  CertificateRecord,
  DeviceAuthentication,
  DeviceRecord,
  QueuedMessage,
  RegistrationRecord,
  Twin,
} from "./state";

const LARGEST = Number.MAX_SAFE_INTEGER;

/** One registration. */
export function readRegistration(node: JsonReader): RegistrationRecord {
  const payload = node.get("payload");
  const x509 = node.get("x509");
  return {
    registrationId: node.get("registrationId").string(128),
    assignedHub: node.get("assignedHub").string(253),
    deviceId: node.get("deviceId").string(128),
    substatus: node.get("substatus").string(64),
    createdDateTimeUtc: node.get("createdDateTimeUtc").string(64),
    lastUpdatedDateTimeUtc: node.get("lastUpdatedDateTimeUtc").string(64),
    etag: node.get("etag").string(128),
    ...(payload.missing ? {} : { payload: payload.object() }),
    ...(x509.missing ? {} : { x509: readCertificates(x509) }),
  };
}

function readCertificates(node: JsonReader): CertificateRecord {
  const group = node.get("enrollmentGroupId");
  const signer = node.get("signingCertificateInfo");
  return {
    certificateInfo: readCertificate(node.get("certificateInfo")),
    ...(group.missing ? {} : { enrollmentGroupId: group.string(128) }),
    ...(signer.missing ? {} : { signingCertificateInfo: readCertificate(signer) }),
  };
}

function readCertificate(node: JsonReader): CertificateInfo {
  return {
    subjectName: node.get("subjectName").text(),
    sha1Thumbprint: node.get("sha1Thumbprint").text(),
    sha256Thumbprint: node.get("sha256Thumbprint").text(),
    issuerName: node.get("issuerName").text(),
    notBeforeUtc: node.get("notBeforeUtc").text(),
    notAfterUtc: node.get("notAfterUtc").text(),
    serialNumber: node.get("serialNumber").text(),
    version: node.get("version").integer(1, 3),
  };
}

/** One device identity. */
export function readDevice(node: JsonReader): DeviceRecord {
  const session = node.get("session");
  return {
    deviceId: node.get("deviceId").string(128),
    status: node.get("status").choice(["enabled", "disabled"]),
    authentication: readAuthentication(node.get("authentication")),
    twin: readTwin(node.get("twin")),
    queue: node.get("queue").array(1000).map(readMessage),
    ...(session.missing
      ? {}
      : {
          session: Object.fromEntries(session.entries().map(([filter, qos]) => [filter, qos.integer(0, 1)])),
        }),
  };
}

function readAuthentication(node: JsonReader): DeviceAuthentication {
  if (node.get("type").choice(["symmetricKey", "x509"]) === "x509") {
    return { type: "x509", sha256Thumbprint: node.get("sha256Thumbprint").string(64) };
  }
  const keys = node.get("symmetricKey");
  const primaryKey = keys.get("primaryKey").string(128);
  const secondary = keys.get("secondaryKey");
  return {
    type: "symmetricKey",
    symmetricKey: secondary.missing ? { primaryKey } : { primaryKey, secondaryKey: secondary.string(128) },
  };
}

function readTwin(node: JsonReader): Twin {
  return {
    tags: readSection(node.get("tags"), "tags"),
    desired: readSection(node.get("desired"), "desired"),
    desiredVersion: node.get("desiredVersion").integer(1, LARGEST),
    reported: readSection(node.get("reported"), "reported"),
    reportedVersion: node.get("reportedVersion").integer(1, LARGEST),
  };
}

function readMessage(node: JsonReader): QueuedMessage {
  const packetId = node.get("packetId");
  return {
    sequence: node.get("sequence").integer(0, LARGEST),
    bag: node.get("bag").text(),
    bodyBase64: node.get("bodyBase64").text(),
    expiry: node.get("expiry").integer(0, LARGEST),
    deliveryCount: node.get("deliveryCount").integer(0, LARGEST),
    ...(packetId.missing ? {} : { packetId: packetId.integer(1, 65_535) }),
  };
}
