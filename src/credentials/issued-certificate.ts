// SPDX-License-Identifier: MIT
/**
 * A certificate that DPS issues to the device and the hub renews, for a private key that the device makes and keeps. At DPS
 * the device goes on proving itself as its identity says; at its hub it shows the certificate.
 *
 * - DPS is asked with a registration where there is no certificate that is good, or the hub does not take it.
 * - The hub is asked at two thirds to three quarters of the life; where it refuses, DPS in the last sixth.
 * - A new certificate is on trial until a hub has accepted a connection with it. The one before stays until then, and every
 *   other attempt is made with it; after three failures of its own the new one is given up.
 * - The key is made and kept before it is asked for: an answer that comes after a restart fits still.
 */
import type { Credential, CredentialHost } from "../agent/credential";
import type { Identity } from "../agent/identity";
import { base64 } from "../base64";
import { backoffDelay } from "../backoff";
import { asBerthError, type BerthError, invalidArgument } from "../error";
import type { Host, Trust } from "../host";
import { crc32 } from "../storage/crc32";
import { ISSUED_CERTIFICATE, type StoredCertificate } from "./stored-certificate";
import { TrialStore } from "./trial-store";
import { readValidity, type Validity } from "../x509/certificate";
import { certificateRequest } from "../x509/certificate-request";
import { issuedCertificate, unusable } from "./certificate-answers";
import { CertificateRenewal } from "./certificate-renewal";
import { blamesCertificate, MOST_TRIES, TrialRun } from "./trial-run";

/** The keys in the store, short enough for NVS. */
export const CERTIFICATE_KEYS = Object.freeze({
  slots: ["certificate0", "certificate1"] as const,
  state: ["certstate0", "certstate1", "certstate2"] as const,
});

/** A timer of a platform takes no longer one. */
const LONGEST_NAP = 86_400_000;
/** The share of a certificate's life from which on DPS is asked where the hub did not renew it. */
const LAST_SHARE = 5 / 6;
/** Between requests that were refused or led to nothing: an hour, doubled up to a day. */
const SLOW = Object.freeze({ base: 7_200_000, cap: 86_400_000 });
/** Between requests after what may pass. */
const SOON = Object.freeze({ base: 10_000, cap: 1_800_000 });

/** What `store` keeps of the certificates of a device. */
export function storedCertificates(
  { store, text }: Pick<Host, "store" | "text">,
  { idScope, registrationId }: Pick<Identity, "idScope" | "registrationId">,
): TrialStore<StoredCertificate> {
  const owner = crc32(text.encode(`${idScope}\n${registrationId}`));
  return new TrialStore(store, text, ISSUED_CERTIFICATE, CERTIFICATE_KEYS, owner);
}

export class IssuedCertificate implements Credential {
  readonly feature: CertificateRenewal;
  #device: CredentialHost | undefined;
  #certificates: TrialStore<StoredCertificate> | undefined;
  #run = new TrialRun(blamesCertificate);
  /** The hub does not take the certificate in use. */
  #isRefused = false;
  /** A request of this device is on its way to DPS. */
  #isAsked = false;
  /** Requests in a row that led to nothing, and ticks before which there is no other. */
  #failures = 0;
  #notBefore = 0;
  /** By how much this device's renewal is later than others'. */
  #share = 0;
  /** Tells certificates apart for the platform. */
  #writes = 0;

  constructor() {
    this.feature = new CertificateRenewal({
      issues: () => this.#run.shown !== undefined,
      onOpened: () => this.#look(),
      request: () => base64(this.#request(), this.#host.host.text),
      onIssued: (certificates) => this.#take(certificates, true),
      onFailed: (error, retryAfter) => this.#renewalFailed(error, retryAfter),
    });
  }

  attach(device: CredentialHost): void {
    if (this.#device) throw invalidArgument("the certificate belongs to another device");
    this.#device = device;
    this.#share = device.host.random();
  }

  start(): void {
    const { host, identity } = this.#host;
    this.#certificates = storedCertificates(host, identity);
    this.#run = new TrialRun(blamesCertificate);
    this.#isRefused = this.#isAsked = false;
  }

  show(server: "dps" | "hub"): Trust {
    if (server === "dps") return {};
    const hasTrial = this.#good("trial") !== undefined;
    const which = this.#run.show(hasTrial, this.#good("active") !== undefined, this.#ticks);
    if (!which) return {};
    const read = (): StoredCertificate => {
      const stored = this.#store[which];
      if (!stored) throw unusable("it cannot be read any more");
      return stored;
    };
    return { certificate: { id: `${which} ${this.#writes}`, read } };
  }

  get needsDps(): boolean {
    return this.#mayAsk && !this.#good("trial") && this.#lacks;
  }

  request(): Uint8Array | undefined {
    this.#isAsked = false;
    if (this.#good("trial") || !this.#lacks) return undefined;
    // Whatever comes of it, a store that fails too: registrations are billed, and none follows the other at once.
    this.#later(SLOW);
    const request = this.#request();
    this.#isAsked = true;
    return request;
  }

  issued(chain: unknown): void {
    if (!this.#isAsked) return;
    this.#isAsked = false;
    if (chain === undefined) {
      throw unusable("DPS has issued none: the enrollment names nobody who issues");
    }
    this.#take(chain, false);
  }

  connected(): void {
    this.#run.connected();
    this.#isRefused = false;
    if (this.#run.shown !== "trial") return;
    this.#store.believe();
    this.#run.believed();
    this.#writes += 1;
    this.#failures = this.#notBefore = 0;
    this.#tell("in-use");
  }

  failed(error: BerthError): BerthError | undefined {
    // A hub that knows nothing of it: DPS is left.
    if (error.code === "subscribe-refused") this.feature.refused();
    const store = this.#store;
    const blamed = this.#run.ended(error, store, this.#ticks);
    if (blamed === "active") this.#isRefused = true;
    if (blamed !== "trial") return undefined;
    if (store.tries < MOST_TRIES) return unusable(`the connection with it ended in ${error.code}`);
    store.giveUp();
    this.#later(SLOW);
    this.#host.tell({ what: "certificate", state: "given-up" });
    return unusable(`${MOST_TRIES} connections with it ended, the last one in ${error.code}: it is given up`);
  }

  forget(): void {
    this.#store.forget();
    this.#writes += 1;
    this.#failures = this.#notBefore = 0;
  }

  get #host(): CredentialHost {
    if (!this.#device) throw invalidArgument("the certificate belongs to no device yet");
    return this.#device;
  }

  get #store(): TrialStore<StoredCertificate> {
    if (!this.#certificates) this.start();
    return this.#certificates as TrialStore<StoredCertificate>;
  }

  get #now(): number {
    return this.#host.host.clock.now() ?? 0;
  }

  get #ticks(): number {
    return this.#host.host.clock.ticks();
  }

  get #mayAsk(): boolean {
    return this.#ticks >= this.#notBefore;
  }

  /** There is no certificate that will do for long. */
  get #lacks(): boolean {
    const active = this.#good("active");
    return (
      !active ||
      this.#isRefused ||
      this.#now >= active.notBefore + (active.notAfter - active.notBefore) * LAST_SHARE
    );
  }

  /** The dates of a certificate that is good now. */
  #good(which: "active" | "trial"): Validity | undefined {
    const leaf = this.#store[which]?.chain[0];
    const validity = leaf && readValidity(leaf);
    return validity && this.#now < validity.notAfter ? validity : undefined;
  }

  /** A request for the key that was set aside, made where there is none. */
  #request(): Uint8Array {
    const { certificates, host, identity } = this.#host;
    const drafted = this.#store.drafted;
    let key = drafted?.chain.length === 0 ? drafted.key : undefined;
    if (!key) {
      key = certificates.keys.generate();
      this.#store.draft({ key, chain: [] });
    }
    this.#host.tell({ what: "certificate", state: "asked" });
    return certificateRequest(identity.registrationId, key, certificates.keys, host.text);
  }

  /** @throws BerthError `certificate-unusable`, `store-failed` */
  #take(answer: unknown, reconnects: boolean): void {
    const drafted = this.#store.drafted;
    try {
      if (!drafted) throw unusable("its key cannot be read any more");
      const order = { key: drafted.key, commonName: this.#host.identity.registrationId, now: this.#now };
      this.#store.offer(issuedCertificate(answer, order));
    } catch (error) {
      // Whatever it was for: the next one gets a key of its own.
      this.#store.discard();
      if (reconnects) {
        this.#later(SLOW);
        this.#look();
      }
      throw error;
    }
    this.#writes += 1;
    this.#run.tryAgain();
    this.#tell("stored");
    if (reconnects) this.#host.reconnect();
  }

  #tell(state: "stored" | "in-use"): void {
    const leaf = this.#store[state === "stored" ? "trial" : "active"]?.chain[0];
    this.#host.tell({ what: "certificate", state, ...(leaf && { notAfter: readValidity(leaf).notAfter }) });
  }

  /** A request has led to nothing. */
  #later(policy: { readonly base: number; readonly cap: number }, retryAfter?: number): void {
    const delay = backoffDelay(policy, this.#failures, this.#host.host.random());
    this.#failures += 1;
    this.#notBefore = this.#ticks + Math.max(delay, retryAfter ?? 0);
  }

  #renewalFailed(error: unknown, retryAfter: number | undefined): void {
    const known = asBerthError(error);
    // 409: a request of earlier, which the next one replaces.
    this.#later(known.retriable || known.status === 409 ? SOON : SLOW, retryAfter);
    this.#host.report(known);
    this.#look();
  }

  /** While a connection stands: when something is to be done about the certificate. */
  #look(): void {
    const active = this.#good("active");
    const wait = Math.max(0, this.#notBefore - this.#ticks);
    // It could not be written down that it is in use.
    if (this.#run.shown === "trial") this.feature.after(LONGEST_NAP, () => this.#look());
    else if (this.#good("trial")) {
      this.feature.after(Math.max(0, this.#run.tryAt - this.#ticks), () => this.#host.reconnect());
    } else if (!active || (this.#lacks && (this.#failures > 0 || !this.feature.canAsk))) {
      this.#nap(wait, () => this.#host.register());
    } else {
      const life = active.notAfter - active.notBefore;
      // Two thirds to three quarters: a fleet that was made together does not renew together.
      const share = this.feature.canAsk ? 2 / 3 + this.#share / 12 : LAST_SHARE;
      const due = active.notBefore + life * share;
      this.#nap(Math.max(wait, due - this.#now), () =>
        this.feature.canAsk ? this.feature.ask() : this.#look(),
      );
    }
  }

  #nap(delay: number, work: () => void): void {
    if (delay <= LONGEST_NAP) this.feature.after(delay, work);
    else this.feature.after(LONGEST_NAP, () => this.#look());
  }
}
