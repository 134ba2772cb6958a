// SPDX-License-Identifier: MIT
/** What a device knows itself when a server refuses who it is: its clock, and the dates of its certificate. */
import type { ErrorCode } from "../error";

/** Of a certificate, milliseconds since 1970. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** CONNACK codes with which a server says that it does not know the device: deleted, disabled or moved. */
export function refusesIdentity(code: ErrorCode): boolean {
  return (
    code === "connack-identifier-rejected" ||
    code === "connack-bad-credentials" ||
    code === "connack-not-authorized"
  );
}

/** Only another assignment can help: the hub does not know the device, or this platform cannot use the hub's name. */
export function refusesAssignment(code: ErrorCode): boolean {
  return refusesIdentity(code) || code === "invalid-argument";
}

/**
 * In words, what the device can say about a refusal: a wrong clock and a certificate out of its time look like a wrong
 * key from outside.
 * @param now by the device's clock, milliseconds since 1970; undefined when it is not set
 * @param validity of the device's certificate; undefined for a symmetric key
 * @returns undefined for an error that is no refusal of the device
 */
export function ownView(code: ErrorCode, now: number | undefined, validity?: Validity): string | undefined {
  if (!refusesIdentity(code) && code !== "dps-unauthorized" && code !== "tls-client-certificate") {
    return undefined;
  }
  const clock = `the device's clock: ${now === undefined ? "not set" : timeOf(now)}`;
  if (!validity) return clock;
  const span = `${clock}; its certificate: good from ${timeOf(validity.notBefore)} to ${timeOf(validity.notAfter)}`;
  const about = now === undefined ? undefined : outOfTime(validity, now);
  return about === undefined ? span : `${span}: ${about}`;
}

/** Of a certificate that is not good at `now`, milliseconds since 1970: "expired" or "not valid yet". */
export function outOfTime({ notBefore, notAfter }: Validity, now: number): string | undefined {
  if (now > notAfter) return "expired";
  return now < notBefore ? "not valid yet" : undefined;
}

/**
 * What is to be said of a device's certificate before any server is asked: it will be refused.
 * @returns undefined while it is good
 */
export function staleCertificate(validity: Validity, now: number): string | undefined {
  const about = outOfTime(validity, now);
  if (about === undefined) return undefined;
  const { notBefore, notAfter } = validity;
  return `${about}: good from ${timeOf(notBefore)} to ${timeOf(notAfter)}, and the device's clock says ${timeOf(now)}`;
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
