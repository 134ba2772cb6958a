// SPDX-License-Identifier: MIT
/**
 * Roots that are delivered in a desired property, signed by a key whose public half is in the device. Once they have proven
 * themselves they are trusted in place of the platform's own, so that a root can be taken back too; a bundle has to hold
 * all roots that DPS and hub need.
 *
 * - A bundle counts only with a higher counter than the one in use, and never again once it was given up.
 * - It is on trial until a connection to the hub under it alone has stood. Every other attempt is made with what was trusted
 *   before; after three failures of its own it is given up.
 * - A trusted root that ends soon is told once a day, months before. That works without a key, too.
 */
import type { Credential, CredentialHost } from "../agent/credential";
import { Alarm } from "../alarm";
import type { HubFeature, HubFeatureHost } from "../azure/hub/feature";
import type { JsonObject } from "../azure/json";
import { bytesOfBase64 } from "../azure/symmetric-key";
import { asBerthError, BerthError, inRange, invalidArgument, shown } from "../error";
import type { Trust } from "../host";
import { ROOT_BUNDLE, type StoredRoots } from "./stored-roots";
import { TrialStore } from "./trial-store";
import { readCertificate } from "../x509/certificate";
import { sameBytes } from "../x509/der";
import { counterOf, rootsOfBundle, rootsRefused } from "./root-bundle";
import { blamesRoots, MOST_TRIES, TrialRun } from "./trial-run";

/** The keys in the store, short enough for NVS. */
export const ROOT_KEYS = Object.freeze({
  slots: ["roots0", "roots1"] as const,
  state: ["rootsstate0", "rootsstate1", "rootsstate2"] as const,
});

/** The desired property that bundles come in, and the reported one that answers. */
export const ROOTS_PROPERTY = "trustedRoots";

const DAY = 86_400_000;
const POINT = 65;

export interface SignedRootsOptions {
  /**
   * Who may sign: a public key on P-256, uncompressed (65 bytes), or that in base64, as `berth roots key` prints it.
   * Without it no roots are taken.
   */
  readonly publicKey?: Uint8Array | string;
  /** A root that ends within this time is told, milliseconds. Default 180 days. */
  readonly warnBefore?: number;
}

export class SignedRoots implements Credential {
  readonly feature: HubFeature;
  readonly #point: Uint8Array | undefined;
  readonly #warnBefore: number;
  #device: CredentialHost | undefined;
  #alarm: Alarm | undefined;
  #roots: TrialStore<StoredRoots> | undefined;
  #run = new TrialRun(blamesRoots);
  #report: ((patch: JsonObject) => boolean) | undefined;
  #writes = 0;
  /** Why roots were given up, for the service; an earlier run may have done it. */
  #gaveUp = "no connection under them";
  /** Ticks of the last word about roots that end. */
  #warnedAt = Number.NEGATIVE_INFINITY;

  /** @throws BerthError `invalid-argument` for a key that is none, or an option out of range */
  constructor({ publicKey, warnBefore = 180 * DAY }: SignedRootsOptions = {}) {
    this.#point = publicKey === undefined ? undefined : pointOf(publicKey);
    inRange(warnBefore, 0, 3650 * DAY, "warnBefore");
    this.#warnBefore = warnBefore;
    this.feature = {
      attach: (host: HubFeatureHost) => {
        this.#alarm = new Alarm(host.timers, (error) => host.report(error));
      },
      filters: () => [],
      opened: () => this.#look(),
      closed: () => this.#alarm?.cancel(),
      take: () => false,
      first: () => undefined,
      sent() {
        // It sends nothing itself.
      },
    };
  }

  attach(device: CredentialHost): void {
    if (this.#device) throw invalidArgument("the roots belong to another device");
    this.#device = device;
  }

  start(): void {
    const { store, text } = this.#host.host;
    this.#roots = new TrialStore(store, text, ROOT_BUNDLE, ROOT_KEYS, 0);
    this.#run = new TrialRun(blamesRoots);
  }

  show(server: "dps" | "hub"): Trust {
    const store = this.#store;
    const hasActive = store.active !== undefined;
    const ticks = this.#host.host.clock.ticks();
    const which =
      server === "dps" ? hasActive && "active" : this.#run.show(store.trial !== undefined, hasActive, ticks);
    if (!which) return {};
    const read = (): readonly Uint8Array[] => {
      const stored = store[which];
      if (!stored) throw rootsRefused("they cannot be read any more");
      return stored.roots;
    };
    return { roots: { id: `${which} ${this.#writes}`, read } };
  }

  connected(): void {
    this.#run.connected();
  }

  stood(): void {
    if (this.#run.shown !== "trial") return;
    this.#store.believe();
    this.#run.believed();
    this.#writes += 1;
    this.#tell("in-use", this.#store.active?.counter);
  }

  failed(error: BerthError): BerthError | undefined {
    const store = this.#store;
    const ticks = this.#host.host.clock.ticks();
    if (this.#run.ended(error, store, ticks) !== "trial") return undefined;
    if (store.tries < MOST_TRIES) return undefined;
    const counter = store.trial?.counter ?? 0;
    store.giveUp(counter);
    this.#gaveUp = `no connection under them: ${error.code}`;
    this.#tell("given-up", counter, this.#gaveUp);
    return new BerthError(
      "roots-refused",
      `${MOST_TRIES} connections under those with counter ${counter} ended, the last one in ${error.code}`,
    );
  }

  bindTwin(report: (patch: JsonObject) => boolean): void {
    this.#report = report;
  }

  desired(desired: JsonObject): void {
    if (!Object.hasOwn(desired, ROOTS_PROPERTY) || desired[ROOTS_PROPERTY] === null) return;
    try {
      this.#offered(desired[ROOTS_PROPERTY]);
    } catch (error) {
      const refused = asBerthError(error);
      this.#host.report(refused);
      this.#answer("refused", counterOf(desired[ROOTS_PROPERTY]), refused.message);
    }
  }

  get #host(): CredentialHost {
    if (!this.#device) throw invalidArgument("the roots belong to no device yet");
    return this.#device;
  }

  get #store(): TrialStore<StoredRoots> {
    if (!this.#roots) this.start();
    return this.#roots as TrialStore<StoredRoots>;
  }

  /** @throws BerthError `roots-refused`, `store-failed` */
  #offered(value: unknown): void {
    const { host, certificates } = this.#host;
    const store = this.#store;
    if (!this.#point) throw rootsRefused("the device has no key to judge them by");
    const bundle = rootsOfBundle(value, this.#point, certificates.keys, host.text, host.clock.now() ?? 0);
    const { active, trial } = store;
    if (isSame(active, bundle)) {
      this.#answer("in-use", bundle.counter);
      return;
    }
    if (isSame(trial, bundle)) return;
    const known = active?.counter ?? 0;
    if (bundle.counter <= known) {
      throw rootsRefused(`counter ${bundle.counter} is not above ${known}, that of the roots in use`);
    }
    if (bundle.counter === store.mark) {
      this.#answer("given-up", bundle.counter, this.#gaveUp);
      return;
    }
    store.offer(bundle);
    this.#writes += 1;
    this.#run.tryAgain();
    this.#tell("stored", bundle.counter);
    this.#host.reconnect();
  }

  #tell(state: "stored" | "in-use" | "given-up", counter = 0, reason?: string): void {
    this.#host.tell({ what: "roots", state, counter });
    this.#answer(state === "stored" ? "trial" : state, counter, reason);
  }

  /** What the service sees. */
  #answer(state: "trial" | "in-use" | "given-up" | "refused", offered: number, reason?: string): void {
    const counter = this.#store.active?.counter ?? 0;
    this.#report?.({ [ROOTS_PROPERTY]: { counter, offered, state, reason: reason ?? null } });
  }

  /** While a connection stands. */
  #look(): void {
    this.#warn();
    const waits = this.#store.trial !== undefined && this.#run.shown !== "trial";
    const left = Math.max(0, this.#run.tryAt - this.#host.host.clock.ticks());
    this.#alarm?.set(waits ? left : DAY, () => (waits ? this.#host.reconnect() : this.#look()));
  }

  /** Tells of roots that end soon. */
  #warn(): void {
    const { host, certificates } = this.#host;
    const ticks = host.clock.ticks();
    const now = host.clock.now();
    if (now === undefined || ticks - this.#warnedAt < DAY - 1_000) return;
    this.#warnedAt = ticks;
    for (const der of this.#store.active?.roots ?? certificates.roots()) {
      try {
        const { notAfter, commonName = "" } = readCertificate(der);
        const left = notAfter - now;
        if (left < 0 || left > this.#warnBefore) continue;
        const end = new Date(notAfter).toISOString().slice(0, 10);
        this.#host.report(
          new BerthError(
            "root-expires",
            `${shown(commonName)}: on ${end}, in ${Math.floor(left / DAY)} days`,
          ),
        );
      } catch {
        // The platform tells of a root of its own that it cannot read.
      }
    }
  }
}

/** @throws BerthError `invalid-argument` */
function pointOf(key: Uint8Array | string): Uint8Array {
  const point = typeof key === "string" ? bytesOfBase64(key) : key;
  if (!(point instanceof Uint8Array) || point.length !== POINT || point[0] !== 4) {
    throw invalidArgument("publicKey is no public key on P-256: the base64 that berth roots key prints");
  }
  return point;
}

function isSame(one: StoredRoots | undefined, other: StoredRoots): boolean {
  return (
    one?.counter === other.counter &&
    one.roots.length === other.roots.length &&
    one.roots.every((der, i) => sameBytes(der, other.roots[i] as Uint8Array))
  );
}
