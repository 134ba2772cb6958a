// SPDX-License-Identifier: MIT
/** Who is at the door of a hub. Source: "Control access to IoT Hub with shared access signatures" (Azure documents). */
import type { X509Certificate } from "node:crypto";
import { thumbprintsOf } from "../certificates";
import { isValidAt, validityAt } from "../client-certificate";
import type { Issuer } from "../issuer";
import type { DeviceRecord } from "../records";
import { decodePercent, endedAt, parseSharedAccessSignature, resourceOf } from "../shared-access-signature";
import { haveSigned } from "../symmetric-keys";

/** What a CONNECT to a hub presents. */
export interface HubCredentials {
  hub: string;
  deviceId: string;
  /** Absent or empty for X.509. */
  password: string;
  /** Leaf first; empty without a client certificate. */
  chain: readonly X509Certificate[];
}

/**
 * Checks the credentials of a device.
 * @param device the identity; undefined when the hub has none of that name
 * @param now milliseconds since 1970
 * @param issuer of the devices' certificates
 * @returns when the credentials expire (milliseconds since 1970; undefined for a certificate), or why they are refused
 */
export function authenticateDevice(
  device: DeviceRecord | undefined,
  credentials: HubCredentials,
  now: number,
  issuer: Issuer,
): { expiry: number | undefined } | { problem: string } {
  if (!device)
    return { problem: `no device ${credentials.deviceId} in this hub: never assigned, moved or deleted` };
  if (device.status === "disabled") return { problem: "the device is disabled" };
  return credentials.password === ""
    ? byCertificate(device, credentials, now, issuer)
    : bySignature(device, credentials, now);
}

function bySignature(device: DeviceRecord, { hub, deviceId, password }: HubCredentials, now: number) {
  if (device.authentication.type === "issued")
    return { problem: "the device has to show the certificate that was issued to it, and came with a key" };
  if (device.authentication.type !== "symmetricKey")
    return { problem: "the device has a certificate, not a key" };
  const token = parseSharedAccessSignature(password);
  if (!token) return { problem: "the password is no shared access signature" };
  const [name = "", devices, id, ...rest] = (resourceOf(token) ?? "").split("/");
  // Microsoft's C# SDK and IoT Edge encode the id, and then the whole resource with it.
  const isOwn = id === deviceId || decodePercent(id) === deviceId;
  if (name.toLowerCase() !== hub || devices?.toLowerCase() !== "devices" || !isOwn || rest.length > 0) {
    return { problem: `the token's sr is not ${hub}/devices/${deviceId}, percent-encoded` };
  }
  if (token.se * 1000 <= now) return { problem: `the token ${endedAt(token.se * 1000, now)}` };
  if (!haveSigned(device.authentication.symmetricKey, token))
    return { problem: "the token was signed with another key" };
  return { expiry: token.se * 1000 };
}

function byCertificate(
  { authentication }: DeviceRecord,
  { chain }: HubCredentials,
  now: number,
  issuer: Issuer,
) {
  if (authentication.type === "issued") {
    const problem = issuer.problemOf(chain, authentication.commonName);
    return problem === undefined ? { expiry: undefined } : { problem };
  }
  if (authentication.type === "symmetricKey")
    return { problem: "the password is empty, and the device has a key" };
  const [certificate] = chain;
  if (!certificate) return { problem: "neither a password nor a client certificate" };
  if (!isValidAt(certificate, now))
    return { problem: `the client certificate ${validityAt(certificate, now)}` };
  const { sha1Thumbprint, sha256Thumbprint } = thumbprintsOf(certificate.raw);
  const registered =
    authentication.type === "x509"
      ? [authentication.sha256Thumbprint]
      : [authentication.primaryThumbprint, authentication.secondaryThumbprint];
  if (!registered.includes(sha256Thumbprint) && !registered.includes(sha1Thumbprint)) {
    return { problem: "the client certificate is not the one that was registered" };
  }
  return { expiry: undefined };
}
