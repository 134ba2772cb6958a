// SPDX-License-Identifier: MIT
/** Keys and tokens of Azure, by the browser's own HMAC. Source: "Symmetric key attestation", "Control access to IoT Hub". */
import { fromBase64, toBase64 } from "./bytes";

async function hmac(key: string, message: string): Promise<string> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = fromBase64(key.trim());
  } catch {
    throw new Error("the key is not base64; copy it whole");
  }
  if (bytes.length === 0) throw new Error("the key is empty; an enrollment has one");
  const imported = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  return toBase64(
    new Uint8Array(await crypto.subtle.sign("HMAC", imported, new TextEncoder().encode(message))),
  );
}

/** The key of a group's device. @throws Error in words when the group's key is no base64 */
export function deriveDeviceKey(groupKey: string, registrationId: string): Promise<string> {
  return hmac(groupKey, registrationId);
}

/**
 * A shared access signature.
 * @param expiry seconds since 1970
 * @throws Error in words when the key is no base64
 */
export async function sasToken(
  resource: string,
  key: string,
  expiry: number,
  policy?: string,
): Promise<string> {
  const sr = encodeURIComponent(resource);
  const sig = encodeURIComponent(await hmac(key, `${sr}\n${expiry}`));
  return `SharedAccessSignature sr=${sr}&sig=${sig}&se=${expiry}${policy === undefined ? "" : `&skn=${policy}`}`;
}
