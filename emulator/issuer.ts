// SPDX-License-Identifier: MIT
/** Issues certificates to devices that ask for them, as Azure Device Registry does for DPS and its hubs. */
import { X509Certificate } from "node:crypto";
import { type CertificateAndKey, certifyRequest } from "./certificates";
import { commonNameOf, isValidAt, validityAt } from "./client-certificate";
import type { Clock } from "./clock";

/** Characters of a request in base64: Microsoft's C SDK sends no more. */
const LONGEST_REQUEST = 8_192;

/** The request cannot be taken; the message says why. */
export class RequestRefused extends Error {}

export class Issuer {
  readonly #authority: CertificateAndKey;
  readonly #rootPem: string;
  readonly #clock: Clock;
  readonly #lifetime: number;
  /** A device has got one. @param by `dps`, or the hub */
  onIssued: (by: string, id: string, notAfter: number) => void = () => {};

  /** @param authority a CA below the root @param lifetime of a certificate, milliseconds */
  constructor(authority: CertificateAndKey, rootPem: string, clock: Clock, lifetime: number) {
    this.#authority = authority;
    this.#rootPem = rootPem;
    this.#clock = clock;
    this.#lifetime = lifetime;
  }

  /**
   * @param request PKCS #10 in base64, as it came
   * @returns the chain in base64 of DER: leaf, CA, root
   * @throws RequestRefused
   */
  async issue(by: string, request: unknown, commonName: string): Promise<string[]> {
    if (typeof request !== "string" || request.length > LONGEST_REQUEST)
      throw new RequestRefused(`csr must be base64 of at most ${LONGEST_REQUEST} characters`);
    const now = this.#clock.now();
    const notAfter = now + this.#lifetime;
    const leaf = await certifyRequest(
      Buffer.from(request, "base64"),
      commonName,
      this.#authority,
      now,
      notAfter,
    ).catch((error: Error) => {
      throw new RequestRefused(error.message);
    });
    this.onIssued(by, commonName, notAfter);
    return [leaf, this.#authority.certificatePem, this.#rootPem].map((pem) =>
      new X509Certificate(pem).raw.toString("base64"),
    );
  }

  /** In words: why what a device shows is no certificate of ours for `commonName`; undefined when it is one. */
  problemOf([leaf]: readonly X509Certificate[], commonName: string): string | undefined {
    if (!leaf) return "neither a password nor a client certificate";
    const now = this.#clock.now();
    if (!isValidAt(leaf, now)) return `the client certificate ${validityAt(leaf, now)}`;
    if (!leaf.verify(new X509Certificate(this.#authority.certificatePem).publicKey))
      return "the client certificate was not issued by DPS or a hub, and the device is to have one of theirs";
    return commonNameOf(leaf)?.toLowerCase() === commonName.toLowerCase()
      ? undefined
      : "the client certificate was issued to another device";
  }
}
