// SPDX-License-Identifier: MIT
/** The body that creates or updates a device identity. */
import * as v from "valibot";
import { KEY, thumbprint } from "../../attestation-reader";
import { newSymmetricKey } from "../../shared-access-signature";
import { ANY_TEXT, choice, FLAG, maybe, object, text } from "../../shapes";
import type { DeviceAuthentication } from "../../records";
import { ServiceError } from "../service-error";

/** The SDKs write "" for a key or thumbprint that is to be made, or kept. */
const EMPTY = v.literal("");
const MAYBE_KEY = maybe(v.union([EMPTY, KEY], "must be 16 to 64 bytes in base64, or empty"));
const MAYBE_THUMBPRINT = maybe(
  v.union(
    [EMPTY, thumbprint(40), thumbprint(64)],
    "must be 40 (SHA-1) or 64 (SHA-256) hexadecimal digits, or empty",
  ),
);

/** Members of an identity that a service may write; the others are read-only and passed over. */
export const IDENTITY = {
  status: maybe(choice(["enabled", "disabled"])),
  statusReason: maybe(v.pipe(ANY_TEXT, v.maxLength(128, "has more than 128 characters"))),
  authentication: maybe(
    object(
      {
        type: maybe(choice(["sas", "selfSigned", "certificateAuthority", "none"])),
        symmetricKey: maybe(object({ primaryKey: MAYBE_KEY, secondaryKey: MAYBE_KEY }, "all")),
        x509Thumbprint: maybe(
          object({ primaryThumbprint: MAYBE_THUMBPRINT, secondaryThumbprint: MAYBE_THUMBPRINT }, "all"),
        ),
      },
      "all",
    ),
  ),
  capabilities: maybe(object({ iotEdge: maybe(FLAG) }, "all")),
};

/** The body of a PUT. */
export const IDENTITY_BODY = object({ deviceId: maybe(text(128)), ...IDENTITY }, "all");
export type IdentityBody = Omit<v.InferOutput<typeof IDENTITY_BODY>, "deviceId">;

/**
 * What proves the device from now on: as written, with new keys where a new device has none, and the old ones where
 * an update names none.
 * @throws ServiceError for what no hub takes, or this one does not serve
 */
export function authenticationOf(
  { authentication = {}, capabilities }: IdentityBody,
  old: DeviceAuthentication | undefined,
): DeviceAuthentication {
  if (capabilities?.iotEdge)
    throw new ServiceError("NotImplemented", "capabilities.iotEdge is not served: there is no IoT Edge here");
  const { symmetricKey = {}, x509Thumbprint = {} } = authentication;
  const { primaryThumbprint: first, secondaryThumbprint: second } = x509Thumbprint;
  const type = authentication.type ?? (first || second ? "selfSigned" : old ? undefined : "sas");
  switch (type) {
    case undefined:
      return old!;
    case "sas":
      return { type: "symmetricKey", symmetricKey: keysOf(symmetricKey, old) };
    case "selfSigned": {
      if (!first && !second) {
        if (old && old.type !== "symmetricKey") return old;
        throw new ServiceError("ArgumentInvalid", "authentication.x509Thumbprint names no thumbprint");
      }
      // What DPS has registered comes back as it was shown.
      if (old?.type === "x509" && first === old.sha256Thumbprint && !second) return old;
      const [primary = "", secondary] = [first, second].filter((one) => one);
      return {
        type: "selfSigned",
        primaryThumbprint: primary,
        ...(secondary ? { secondaryThumbprint: secondary } : {}),
      };
    }
    default:
      throw new ServiceError(
        "NotImplemented",
        `authentication.type ${type} is not served; take sas or selfSigned, or let DPS register the device`,
      );
  }
}

function keysOf(
  { primaryKey, secondaryKey }: { primaryKey?: string; secondaryKey?: string },
  old: DeviceAuthentication | undefined,
) {
  const former = old?.type === "symmetricKey" ? old.symmetricKey : undefined;
  return {
    primaryKey: primaryKey || former?.primaryKey || newSymmetricKey(),
    secondaryKey: secondaryKey || former?.secondaryKey || newSymmetricKey(),
  };
}
