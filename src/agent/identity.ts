// SPDX-License-Identifier: MIT
/** Who the device says it is, and the password that proves it. */

import { checkIdScope, checkRegistrationId } from "../azure/identifiers";
import { DPS_POLICY, dpsResource, hubResource, sasToken } from "../azure/sas";
import { BerthError, invalidArgument } from "../error";
import type { Host } from "../host";

/** Per device; never part of a firmware image. */
export interface Identity {
  readonly idScope: string;
  /** For x.509 the common name of the device's certificate. */
  readonly registrationId: string;
  /** `symmetricKey` needs the host's signer; with `x509` the transport carries the certificate. */
  readonly attestation: "symmetricKey" | "x509";
}

/** A password, and for how long it is good. */
export interface Credential {
  /** Absent for x.509. */
  readonly password: string | undefined;
  /** Milliseconds until the token ends; undefined for x.509. */
  readonly lifetime: number | undefined;
}

const X509: Credential = Object.freeze({ password: undefined, lifetime: undefined });

/** @throws BerthError `invalid-argument` naming what is wrong */
export function checkIdentity(identity: Identity, host: Host): void {
  checkIdScope(identity.idScope);
  checkRegistrationId(identity.registrationId);
  if (identity.attestation === "symmetricKey") {
    if (!host.signer) throw invalidArgument("symmetricKey needs a signer");
  } else if (identity.attestation !== "x509") {
    throw invalidArgument("attestation is symmetricKey or x509");
  }
}

/** For DPS. @param lifetime of a token, milliseconds @throws BerthError `clock-not-set` */
export function dpsCredential(identity: Identity, host: Host, lifetime: number): Credential {
  return credential(
    identity,
    host,
    dpsResource(identity.idScope, identity.registrationId),
    lifetime,
    DPS_POLICY,
  );
}

/** For a hub. @param lifetime of a token, milliseconds @throws BerthError `clock-not-set` */
export function hubCredential(
  identity: Identity,
  host: Host,
  hub: string,
  deviceId: string,
  lifetime: number,
): Credential {
  return credential(identity, host, hubResource(hub, deviceId), lifetime);
}

function credential(
  identity: Identity,
  host: Host,
  resource: string,
  lifetime: number,
  policy?: string,
): Credential {
  if (identity.attestation === "x509" || !host.signer) return X509;
  const now = host.clock.now();
  if (now === undefined) throw new BerthError("clock-not-set");
  const expiry = Math.floor((now + lifetime) / 1000);
  return { password: sasToken({ resource, expiry, policy }, host.signer, host.text), lifetime };
}
