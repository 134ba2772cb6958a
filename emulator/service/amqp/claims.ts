// SPDX-License-Identifier: MIT
/** What one AMQP connection may do, by the tokens that it has shown. Source: "Control access to IoT Hub" (Azure documents). */
import type { StoredPolicy } from "../../records";
import type { SettableClock } from "../../settable-clock";
import { constantTimeEqual } from "../../shared-access-signature";
import { type Demand, type Grant, readToken, withheld } from "../authorization";

/** Tokens of a connection; one for the same resource takes the place of the former. */
const MOST_GRANTS = 64;

/** What the claims rest on. */
export interface ClaimsOptions {
  policies(): readonly StoredPolicy[];
  clock: SettableClock;
  /** A token has come to its end. */
  onExpired(): void;
}

/** The claims of a connection. */
export class Claims {
  readonly #options: ClaimsOptions;
  /** By resource. */
  readonly #grants = new Map<string, { grant: Omit<Grant, "expiry">; cancel(): void }>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Nothing good was shown, or all of it has expired. */
  get empty(): boolean {
    return this.#grants.size === 0;
  }

  /** Takes a token for `host`. @returns why it is refused, in words; undefined when it is good */
  put(text: string, host: string): string | undefined {
    const { policies, clock, onExpired } = this.#options;
    const grant = readToken(policies(), text, host, clock.now());
    if ("problem" in grant) return grant.problem;
    const { resource, expiry } = grant;
    const former = this.#grants.get(resource);
    if (!former && this.#grants.size >= MOST_GRANTS) return `a connection has at most ${MOST_GRANTS} tokens`;
    former?.cancel();
    const cancel = clock.at(() => {
      this.#grants.delete(resource);
      onExpired();
    }, expiry);
    this.#grants.set(resource, { grant, cancel });
    return undefined;
  }

  /** Takes the name and key of a policy, as SASL PLAIN has them at Event Hubs. False when they are wrong. */
  putKey(keyName: string, key: string, host: string): boolean {
    const policy = this.#options.policies().find((one) => one.host === host && one.keyName === keyName);
    if (!policy) return false;
    const keys = [policy.primaryKey, policy.secondaryKey];
    if (!keys.some((own) => constantTimeEqual(own, key))) return false;
    this.#grants.set(host, { grant: { policy, resource: host }, cancel: () => {} });
    return true;
  }

  /** Why something may not be done, in words; undefined when it may. */
  refusal(demand: Demand): string | undefined {
    let reason = "no token was put for it, or it has expired";
    for (const { grant } of this.#grants.values()) {
      const why = withheld(grant, demand);
      if (why === undefined) return undefined;
      reason = why;
    }
    return reason;
  }

  /** Forgets them. */
  clear(): void {
    for (const { cancel } of this.#grants.values()) cancel();
    this.#grants.clear();
  }
}
