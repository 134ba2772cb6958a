// SPDX-License-Identifier: MIT
/**
 * Who this device is: read from a domain of `preference` that a factory partition fills, never from the image, or
 * handed over by the app. The id scope alone, which is no secret and the same for a fleet, may also stand in `mc/config`.
 */
import type { Bytes, ClientCertificate } from "../sockets/client-certificate";
import type { Identity } from "../../src/agent/identity";
import { BerthError } from "../../src/error";

/** The domain (the namespace of NVS) of the identity. `berth identity factory` writes it. */
export const IDENTITY_DOMAIN = "berth-id";

/** The keys in it. */
export const IDENTITY_KEYS = Object.freeze({
  /** Text. */
  idScope: "idScope",
  /** Text; for x.509 the common name of the certificate. */
  registrationId: "registrationId",
  /** Text, base64: SAS. */
  symmetricKey: "symmetricKey",
  /** Whole number, 0 to 5: SAS under a key in this KEY block of eFuse instead (ESP32-S2, S3, C3, C6). */
  efuseBlock: "efuseBlock",
  /** Bytes: x.509, the device's certificate, DER. */
  certificate: "certificate",
  /** Bytes: the certificate that issued it, DER; where DPS knows only the root. */
  issuer: "issuer",
  /** Bytes: the private key of `certificate`, PKCS#8, DER. */
  clientKey: "clientKey",
  /** Bytes: a root certificate of one's own, DER, trusted beside the built-in ones. */
  root: "root",
});

/** The identity with what proves it. */
export interface DeviceIdentity {
  readonly identity: Identity;
  readonly symmetricKey: string | undefined;
  readonly efuseBlock: number | undefined;
  readonly clientCertificate: ClientCertificate | undefined;
  /** A root of one's own. */
  readonly root: Bytes | undefined;
}

/** A value by its key. May throw. */
export type ReadIdentityValue = (key: string) => unknown;

/**
 * Reads the identity. What it holds is checked by the agent and the host.
 * @param place where `read` looks, for messages
 * @throws BerthError `invalid-argument` naming the key that is missing, of a wrong type or one too many; never its
 *   value
 */
export function readDeviceIdentity(
  read: ReadIdentityValue,
  config: Readonly<Record<string, unknown>>,
  place: string = IDENTITY_DOMAIN,
): DeviceIdentity {
  const values = new IdentityValues(read, place);
  const idScope =
    values.text(IDENTITY_KEYS.idScope) ?? (typeof config.idScope === "string" ? config.idScope : "");
  const registrationId = values.text(IDENTITY_KEYS.registrationId) ?? "";
  if (idScope === "") throw values.missing(IDENTITY_KEYS.idScope);
  if (registrationId === "") throw values.missing(IDENTITY_KEYS.registrationId);
  const symmetricKey = values.text(IDENTITY_KEYS.symmetricKey);
  const efuseBlock = values.number(IDENTITY_KEYS.efuseBlock);
  const certificate = values.bytes(IDENTITY_KEYS.certificate);
  const clientKey = values.bytes(IDENTITY_KEYS.clientKey);
  const issuer = values.bytes(IDENTITY_KEYS.issuer);
  const root = values.bytes(IDENTITY_KEYS.root);
  const [one, other] = [
    ...present({ symmetricKey, efuseBlock }),
    ...present({ certificate, clientKey, issuer }).slice(0, 1),
  ];
  // What an earlier life of the board has left behind must not decide who it is.
  if (one !== undefined && other !== undefined) {
    throw new BerthError(
      "invalid-argument",
      `${place} has ${one} and ${other}: a device proves itself in one way; erase what is not its own`,
    );
  }
  if (symmetricKey !== undefined || efuseBlock !== undefined) {
    return {
      identity: { idScope, registrationId, attestation: "symmetricKey" },
      symmetricKey,
      efuseBlock,
      clientCertificate: undefined,
      root,
    };
  }
  if (!certificate) {
    const { symmetricKey: text, efuseBlock: block, certificate: bytes } = IDENTITY_KEYS;
    throw values.missing(`${text}, ${block} or ${bytes}`);
  }
  if (!clientKey) throw values.missing(IDENTITY_KEYS.clientKey);
  return {
    identity: { idScope, registrationId, attestation: "x509" },
    symmetricKey: undefined,
    efuseBlock: undefined,
    clientCertificate: { chain: issuer ? [certificate, issuer] : [certificate], key: clientKey },
    root,
  };
}

/** The keys that have a value. */
function present(values: { readonly [K in keyof typeof IDENTITY_KEYS]?: unknown }): string[] {
  return Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [key]));
}

/** The casts are for apps whose TypeScript is not strict: it narrows no `unknown`. */
class IdentityValues {
  readonly #read: ReadIdentityValue;
  readonly #place: string;

  constructor(read: ReadIdentityValue, place: string) {
    this.#read = read;
    this.#place = place;
  }

  text(key: string): string | undefined {
    const value = this.#read(key);
    if (value === undefined || typeof value === "string") return value as string | undefined;
    throw this.#wrong(key, "is no text");
  }

  number(key: string): number | undefined {
    const value = this.#read(key);
    if (value === undefined || typeof value === "number") return value as number | undefined;
    throw this.#wrong(key, "is no number");
  }

  bytes(key: string): Bytes | undefined {
    const value = this.#read(key);
    if (value === undefined || value instanceof ArrayBuffer || value instanceof Uint8Array)
      return value as Bytes | undefined;
    throw this.#wrong(key, "holds no bytes");
  }

  missing(key: string): BerthError {
    const place = this.#place;
    return new BerthError("invalid-argument", `no identity: ${place} has no ${key}; see firmware/README.md`);
  }

  #wrong(key: string, problem: string): BerthError {
    return new BerthError("invalid-argument", `${this.#place}/${key} ${problem}`);
  }
}
