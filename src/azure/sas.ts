// SPDX-License-Identifier: MIT
/**
 * Shared access signatures, the password of a device that proves itself with a symmetric key.
 * Source: "Control access to IoT Hub with shared access signatures", "Symmetric key attestation" (DPS).
 */
import { invalidArgument } from "../error";
import type { Signer, TextCodec } from "../host";
import { base64 } from "../base64";
import { percentEncode } from "./percent";

/** The policy name that DPS wants in a device's token. */
export const DPS_POLICY = "registration";

/** What a token is for. */
export interface SasOptions {
  /** The resource, not encoded: see `dpsResource` and `hubResource`. */
  readonly resource: string;
  /** When the token ends, in whole seconds since 1970-01-01T00:00:00Z. */
  readonly expiry: number;
  /** `skn`: "registration" for DPS, absent for a device's own key on a hub. */
  readonly policy?: string | undefined;
}

/** `{idScope}/registrations/{registrationId}`: plural. An often-copied article has the singular, which DPS refuses. */
export function dpsResource(idScope: string, registrationId: string): string {
  return `${idScope}/registrations/${registrationId}`;
}

/** `{hub}/devices/{deviceId}`. */
export function hubResource(hub: string, deviceId: string): string {
  return `${hub}/devices/${deviceId}`;
}

/**
 * A token: `SharedAccessSignature sr=...&sig=...&se=...[&skn=...]`. A secret; it must not be logged.
 * @throws BerthError `invalid-argument` for an expiry that is not a whole number of seconds above 0, a
 *   resource that is empty, or a signer that does not give 32 bytes
 */
export function sasToken(options: SasOptions, signer: Signer, text: TextCodec): string {
  const { resource, expiry, policy } = options;
  if (!(Number.isSafeInteger(expiry) && expiry > 0)) {
    throw invalidArgument("expiry is not a whole number of seconds since 1970");
  }
  if (resource === "") throw invalidArgument("the resource is empty");
  const encoded = percentEncode(resource);
  const signature = percentEncode(base64(signature32(signer, text.encode(`${encoded}\n${expiry}`)), text));
  const token = `SharedAccessSignature sr=${encoded}&sig=${signature}&se=${expiry}`;
  return policy === undefined ? token : `${token}&skn=${percentEncode(policy)}`;
}

/**
 * The key of one device of an enrollment group, in base64: HMAC-SHA256 under the group's key over the
 * registration id. For the factory, not for the device: a group key must never be in firmware.
 * @param group signs with the group's primary or secondary key
 * @throws BerthError `invalid-argument` for an empty id or a signer that does not give 32 bytes
 */
export function deriveDeviceKey(registrationId: string, group: Signer, text: TextCodec): string {
  if (registrationId === "") throw invalidArgument("the registration id is empty");
  return base64(signature32(group, text.encode(registrationId)), text);
}

function signature32(signer: Signer, message: Uint8Array): Uint8Array {
  const signature = signer.sign(message);
  if (signature.length !== 32) {
    throw invalidArgument(`the signer gave ${signature.length} bytes, not 32`);
  }
  return signature;
}
