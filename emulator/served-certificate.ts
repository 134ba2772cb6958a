// SPDX-License-Identifier: MIT
/** The certificate that servers show: the kept one, or a wrong one for as long as it is asked for. Nothing here is stored. */
import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { type Authority, DPS_HOST } from "./certificate-authority";
import {
  type CertificateAndKey,
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
  thumbprintsOf,
} from "./certificates";

/**
 * What is wrong with a certificate. `good`: nothing, it is a new one with a new key. `expired`: it ended a day ago.
 * `future`: it begins in a day. `misnamed`: it is another host's. `untrusted`: its root is one that nobody knows.
 */
export const CERTIFICATE_KINDS = ["good", "expired", "future", "misnamed", "untrusted"] as const;
export type CertificateKind = (typeof CERTIFICATE_KINDS)[number];

/** Why a client may refuse one, in words that follow "a certificate that is". */
const FLAWS: Record<CertificateKind, string | undefined> = {
  good: undefined,
  expired: "expired",
  future: "not valid yet",
  misnamed: "another host's",
  untrusted: "below a root that nobody knows",
};

/** What a TLS server needs, and what is wrong with it where that was asked for. */
export type ServerPair = Pick<Authority, "serverChainPem" | "serverKeyPem"> & { flaw?: string | undefined };

/** A CA: its root, and what issues. */
type Issuer = Pick<Authority, "rootPem" | "intermediate">;

/** For people. */
export interface CertificateSummary {
  subjectName: string;
  sha256Thumbprint: string;
  notBeforeUtc: string;
  notAfterUtc: string;
}

export interface ServedCertificateOptions {
  /** The kept CA. */
  authority: Issuer;
  /** The kept certificate. */
  kept: ServerPair;
  /** Names and addresses of a good one. */
  names: readonly string[];
  /** Milliseconds since 1970, by the right clock. */
  now(): number;
  /** Shows it from now on to who connects; undefined for the kept one. */
  show(pair: ServerPair | undefined): void;
}

const DAY = 86_400_000;

/** Changes one after the other. */
export class ServedCertificate {
  readonly #options: ServedCertificateOptions;
  #issuer: Issuer;
  #pair: ServerPair;
  #kind: CertificateKind | "kept" = "kept";
  #before: Promise<unknown> = Promise.resolve();

  constructor(options: ServedCertificateOptions) {
    this.#options = options;
    this.#issuer = options.authority;
    this.#pair = options.kept;
  }

  /** The root to trust, PEM: the kept one, or the one that took its place. */
  get rootPem(): string {
    return this.#issuer.rootPem;
  }

  /** What is shown, and below which root. */
  describe(): { kind: CertificateKind | "kept"; server: CertificateSummary; root: CertificateSummary } {
    return { kind: this.#kind, server: summary(this.#pair.serverChainPem), root: summary(this.rootPem) };
  }

  /** Shows a certificate of that kind to who connects from now on. Connections that stand go on. */
  serve(kind: CertificateKind): Promise<void> {
    return this.#next(() => this.#serve(kind));
  }

  /** Puts a new root, which nobody trusts yet, in place of the former, with a good certificate below it. */
  swapRoot(): Promise<void> {
    return this.#next(async () => {
      this.#issuer = await newIssuer("Berth emulator new root", this.#options.now());
      await this.#serve("good");
    });
  }

  /** Brings root and certificate back that are kept. */
  reset(): Promise<void> {
    return this.#next(async () => {
      this.#issuer = this.#options.authority;
      this.#pair = this.#options.kept;
      this.#kind = "kept";
      this.#options.show(undefined);
    });
  }

  #next(change: () => Promise<void>): Promise<void> {
    const done = this.#before.then(change);
    this.#before = done.catch(() => {});
    return done;
  }

  async #serve(kind: CertificateKind): Promise<void> {
    const { names, now, show } = this.#options;
    const { intermediate } =
      kind === "untrusted" ? await newIssuer("Berth emulator unknown root", now()) : this.#issuer;
    const named = kind === "misnamed" ? ["another.example"] : [DPS_HOST, ...names];
    const leaf = await createServerCertificate(
      {
        commonName: named[0]!,
        dnsNames: named.filter((name) => isIP(name) === 0),
        ipAddresses: named.filter((name) => isIP(name) !== 0),
        notBefore: new Date(now() + (kind === "future" ? DAY : -2 * DAY)),
        ...(kind === "expired" ? { days: 1 } : {}),
      },
      intermediate,
    );
    this.#pair = {
      serverChainPem: leaf.certificatePem + intermediate.certificatePem,
      serverKeyPem: leaf.privateKeyPem,
      flaw: FLAWS[kind] ?? (this.#issuer === this.#options.authority ? undefined : "below a new root"),
    };
    this.#kind = kind;
    show(this.#pair);
  }
}

async function newIssuer(commonName: string, now: number): Promise<Issuer> {
  const notBefore = new Date(now - 3 * DAY);
  const root = await createRootCertificate({ commonName, notBefore });
  const intermediate: CertificateAndKey = await createIntermediateCertificate(
    { commonName: `${commonName}, intermediate`, days: 1825, notBefore },
    root,
  );
  return { rootPem: root.certificatePem, intermediate };
}

function summary(pem: string): CertificateSummary {
  const { subject, validFrom, validTo } = new X509Certificate(pem);
  return {
    subjectName: subject,
    sha256Thumbprint: thumbprintsOf(pem).sha256Thumbprint,
    notBeforeUtc: new Date(validFrom).toISOString(),
    notAfterUtc: new Date(validTo).toISOString(),
  };
}
