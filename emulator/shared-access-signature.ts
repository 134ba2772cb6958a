// SPDX-License-Identifier: MIT
/**
 * Shared access signatures of DPS and IoT Hub, from the service's side.
 * Source: "Control access to IoT Hub with shared access signatures" and "Symmetric key attestation" (Azure documents).
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** The parts of a token; `sr` as it was sent, still percent-encoded, because that is what was signed. */
export interface SharedAccessSignature {
  sr: string;
  /** The decoded signature. */
  sig: Buffer;
  /** Expiry in seconds since 1970. */
  se: number;
  /** Policy name; absent in a device token for a hub. */
  skn?: string;
}

const PREFIX = "SharedAccessSignature ";

/** Parses a token; fields may come in any order. Undefined when it is malformed or a field is missing or doubled. */
export function parseSharedAccessSignature(text: string): SharedAccessSignature | undefined {
  if (!text.startsWith(PREFIX) || text.length > 4096) return undefined;
  const fields = new Map<string, string>();
  for (const part of text.slice(PREFIX.length).split("&")) {
    const at = part.indexOf("=");
    if (at < 1 || fields.has(part.slice(0, at))) return undefined;
    fields.set(part.slice(0, at), part.slice(at + 1));
  }
  const sr = fields.get("sr");
  const sig = decodePercent(fields.get("sig"));
  const se = fields.get("se");
  const skn = fields.get("skn");
  if (!sr || !sig || !se || !/^\d{1,15}$/.test(se)) return undefined;
  return { sr, sig: Buffer.from(sig, "base64"), se: Number(se), ...(skn === undefined ? {} : { skn }) };
}

/** True when the token was signed with `key` (raw bytes): HMAC-SHA256 over the received `sr`, a line feed and `se`. */
export function isSignedBy(token: SharedAccessSignature, key: Buffer): boolean {
  const expected = createHmac("sha256", key).update(`${token.sr}\n${token.se}`).digest();
  return expected.length === token.sig.length && timingSafeEqual(expected, token.sig);
}

/** Compares two secrets, without telling by time where they differ. */
export function constantTimeEqual(one: string, other: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** The resource that the token is for, decoded. Undefined when its percent-encoding is broken. */
export function resourceOf(token: SharedAccessSignature): string | undefined {
  return decodePercent(token.sr);
}

/** The bytes of a base64 key of 16 to 64 bytes, Azure's limits. Undefined when it is none. */
export function decodeKey(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  const key = Buffer.from(text, "base64");
  return key.length >= 16 && key.length <= 64 ? key : undefined;
}

/** A fresh key as Azure makes them: 64 random bytes, base64. */
export function newSymmetricKey(): string {
  return randomBytes(64).toString("base64");
}

/** The key of one device of a symmetric-key group: base64 of HMAC-SHA256 over the registration id. */
export function deriveDeviceKey(groupKey: Buffer, registrationId: string): string {
  return createHmac("sha256", groupKey).update(registrationId, "utf8").digest("base64");
}

/** Decodes `%XX`; a plus sign stays one, because this is no form encoding. Undefined when it is broken. */
export function decodePercent(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** In words: that it ended. Milliseconds since 1970. */
export function endedAt(end: number, now: number): string {
  const time = (value: number) => new Date(value).toISOString();
  return `has expired: good until ${time(end)}, and it is ${time(now)} here; check the device's clock`;
}
