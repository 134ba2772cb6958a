// SPDX-License-Identifier: MIT
/**
 * A platform's certificates without cryptography, for decisions in virtual time: keys are numbers, a signature is the
 * point that it is of and a sum. Real ones are the business of the hosts' tests.
 */
import type { CertificateHost, Trust } from "../../src/host";
import { ecPrivateKey, pointOf, publicKeyInfo } from "../../src/x509/certificate-request";
import { element, TAG } from "../../src/x509/der";

const utf8 = new TextEncoder();

export class FakeCertificates implements CertificateHost {
  made = 0;
  /** What the connection that came last was given. */
  shown: {
    readonly chain?: readonly Uint8Array[];
    readonly key?: Uint8Array;
    readonly roots?: readonly Uint8Array[];
  } = {};
  own: readonly Uint8Array[] = [];
  readonly keys = {
    generate: () => {
      this.made += 1;
      return keyOf(this.made);
    },
    sign: (key: Uint8Array, message: Uint8Array) => signatureOf(pointOf(key), message),
    verify: (point: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
      String(signatureOf(point, message)) === String(signature),
  };

  roots(): readonly Uint8Array[] {
    return this.own;
  }

  transportOptions({ certificate, roots }: Trust): Readonly<Record<string, unknown>> {
    this.shown = { ...certificate?.read(), ...(roots && { roots: roots.read() }) };
    return { shown: this.shown };
  }
}

/** The key number `count`. */
export function keyOf(count: number): Uint8Array {
  const point = new Uint8Array(65).fill(count);
  point[0] = 4;
  return ecPrivateKey(new Uint8Array(32).fill(count), point);
}

export function signatureOf(point: Uint8Array, message: Uint8Array): Uint8Array {
  let sum = 0;
  for (const byte of message) sum = (Math.imul(sum, 31) + byte) >>> 0;
  return Uint8Array.of(point[1] ?? 0, sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255);
}

export interface FakeCertificate {
  readonly subject: string;
  readonly issuer?: string;
  /** The number of its key. */
  readonly key?: number;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Makes it longer. */
  readonly padding?: number;
}

/** A certificate that nobody has signed, DER. */
export function fakeCertificate({
  subject,
  issuer = "CA",
  key = 200,
  notBefore,
  notAfter,
  padding = 0,
}: FakeCertificate): Uint8Array {
  const name = (text: string) =>
    element(
      TAG.SEQUENCE,
      element(
        TAG.SET,
        element(TAG.SEQUENCE, Uint8Array.of(6, 3, 0x55, 4, 3), element(TAG.UTF8_STRING, utf8.encode(text))),
      ),
    );
  const time = (at: number) =>
    element(
      TAG.GENERALIZED_TIME,
      utf8.encode(`${new Date(at).toISOString().replace(/\D/g, "").slice(0, 14)}Z`),
    );
  const body = element(
    TAG.SEQUENCE,
    element(TAG.CONTEXT_0, Uint8Array.of(2, 1, 2)),
    element(TAG.INTEGER, Uint8Array.of(1)),
    element(TAG.SEQUENCE),
    name(issuer),
    element(TAG.SEQUENCE, time(notBefore), time(notAfter)),
    name(subject),
    publicKeyInfo(pointOf(keyOf(key))),
  );
  return element(
    TAG.SEQUENCE,
    body,
    element(TAG.SEQUENCE),
    element(TAG.BIT_STRING, new Uint8Array(1 + padding)),
  );
}

export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** The number of the key that a request (base64) is for. */
export function keyOfRequest(csr: string): number {
  const bytes = Buffer.from(csr, "base64");
  // The last byte of the point stands before the empty attributes of the signed part.
  const at = bytes.indexOf(Buffer.from([0xa0, 0x00]));
  return bytes[at - 1] ?? 0;
}
