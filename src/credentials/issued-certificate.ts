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
import { refusesIdentity } from "../agent/refusal";
import { base64 } from "../azure/base64";
import { backoffDelay } from "../backoff";
import { asBerthError, type BerthError, type ErrorCode, invalidArgument } from "../error";
import type { Trust } from "../host";
import { crc32 } from "../storage/crc32";
import { ISSUED_CERTIFICATE, type StoredCertificate } from "../storage/issued-certificate";
import { TrialStore } from "../storage/trial-store";
import { readValidity, type Validity } from "../x509/certificate";
import { certificateRequest } from "../x509/certificate-request";
import { issuedCertificate, unusable } from "./certificate-answers";
import { CertificateRenewal } from "./certificate-renewal";

/** The keys in the store, short enough for NVS. */
export const CERTIFICATE_KEYS = Object.freeze({
  slots: ["certificate0", "certificate1"] as const,
  state: ["certstate0", "certstate1", "certstate2"] as const,
});

/** Failures of its own after which a new certificate is given up. */
const MOST_TRIES = 3;
/** A timer of a platform takes no longer one. */
const LONGEST_NAP = 86_400_000;
/** Until the one on trial is tried again while the one before works. */
const TRY_AGAIN = 3_600_000;
/** Between requests that were refused or led to nothing: an hour, doubled up to a day. */
const SLOW = Object.freeze({ base: 7_200_000, cap: 86_400_000 });
/** Between requests after what may pass. */
const SOON = Object.freeze({ base: 10_000, cap: 1_800_000 });

export class IssuedCertificate implements Credential {
  readonly feature: CertificateRenewal;
  #device: CredentialHost | undefined;
  #certificates: TrialStore<StoredCertificate> | undefined;
  /** What the connection to the hub was made with that there is, or was last. */
  #shown: "trial" | "active" | undefined;
  /** The next attempt is made without the one on trial. */
  #rests = false;
  /** The connection to the hub has come to CONNACK. */
  #connected = false;
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
      issues: () => this.#shown !== undefined,
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
    const { idScope, registrationId } = identity;
    const owner = crc32(host.text.encode(`${idScope}\n${registrationId}`));
    this.#certificates = new TrialStore(host.store, host.text, ISSUED_CERTIFICATE, CERTIFICATE_KEYS, owner);
    this.#shown = undefined;
    this.#rests = this.#isRefused = this.#isAsked = this.#connected = false;
  }

  show(server: "dps" | "hub"): Trust {
    if (server === "dps") return {};
    this.#connected = false;
    const trial = this.#rests ? undefined : this.#good("trial");
    this.#shown = trial ? "trial" : this.#good("active") && "active";
    const which = this.#shown;
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
    const request = this.#request();
    this.#isAsked = true;
    // Whatever comes of it: registrations are billed, and none follows the other at once.
    this.#later(SLOW);
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
    this.#connected = true;
    this.#isRefused = false;
    if (this.#shown !== "trial") return;
    this.#store.believe();
    this.#shown = "active";
    this.#writes += 1;
    this.#failures = this.#notBefore = 0;
    this.#tell("in-use");
  }

  failed(error: BerthError): BerthError | undefined {
    const shown = this.#shown;
    const wasUp = this.#connected;
    this.#shown = undefined;
    this.#connected = false;
    // A hub that knows nothing of it: DPS is left.
    if (error.code === "subscribe-refused") this.feature.refused();
    if (wasUp) return undefined;
    if (shown !== "trial") {
      if (shown === "active" && isOwnFault(error.code)) this.#isRefused = true;
      this.#rests = false;
      return undefined;
    }
    // The next attempt is made with what there was before.
    this.#rests = true;
    if (!isOwnFault(error.code)) return undefined;
    const store = this.#store;
    store.tried();
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
      !active || this.#isRefused || this.#now >= active.notAfter - (active.notAfter - active.notBefore) / 6
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
    this.#rests = false;
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
    this.#later(known.retriable ? SOON : SLOW, retryAfter);
    this.#host.report(known);
    this.#look();
  }

  /** While a connection stands: when something is to be done about the certificate. */
  #look(): void {
    const active = this.#good("active");
    const wait = Math.max(0, this.#notBefore - this.#ticks);
    if (this.#good("trial")) {
      this.feature.after(TRY_AGAIN, () => {
        this.#rests = false;
        this.#host.reconnect();
      });
    } else if (!active || (this.#lacks && (this.#failures > 0 || !this.feature.canAsk))) {
      this.#nap(wait, () => this.#host.register());
    } else {
      // Two thirds to three quarters: a fleet that was made together does not renew together.
      const due = active.notBefore + (active.notAfter - active.notBefore) * (2 / 3 + this.#share / 12);
      this.#nap(Math.max(wait, due - this.#now), () => this.feature.ask());
    }
  }

  #nap(delay: number, work: () => void): void {
    if (delay <= LONGEST_NAP) this.feature.after(delay, work);
    else this.feature.after(LONGEST_NAP, () => this.#look());
  }
}

/** What may come of the certificate, not of the way to the server. */
function isOwnFault(code: ErrorCode): boolean {
  return (
    refusesIdentity(code) ||
    code === "tls-client-certificate" ||
    code === "tls-failed" ||
    code === "connection-lost" ||
    code === "connack-timeout" ||
    code === "invalid-argument" ||
    code === "certificate-unusable"
  );
}
