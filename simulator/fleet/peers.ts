// SPDX-License-Identifier: MIT
/**
 * When devices with other SDKs come back, as their sources say: facts, no code of theirs. What an SDK leaves to the
 * application is done as Azure's guidance asks, though their samples do less: the assignment is kept over a restart, DPS is
 * asked where the hub refuses the device, after 10 failures, or after 15 minutes where the SDK hides its attempts.
 */
import type { Random } from "../random";

/** What has ended an attempt at the hub. */
export type HubFailure = "unreachable" | "unavailable" | "unknown";

export interface PeerRules {
  /** Milliseconds for name resolution, TCP and TLS, and for an answer. */
  readonly timeout: number;
  /** After so many milliseconds of failures its counting begins anew. */
  readonly operation: number;
  /**
   * Milliseconds before the hub is tried again; undefined: the device asks DPS.
   * @param attempt 1 for the first retry @param since milliseconds since the first failure
   */
  hubDelay(failure: HubFailure, attempt: number, since: number, random: Random): number | undefined;
  /** Before DPS is asked again. @param attempt 1 for the first retry @param told seconds of `retry-after` */
  registerDelay(attempt: number, told: number | undefined, random: Random): number;
  /** Before the first poll. @param told seconds */
  pollDelay(told: number): number;
  /** After which part of a token's life it is renewed. */
  readonly renewsAt: number;
}

/** So long an application stays with a hub that fails. */
const PATIENCE = 900_000;

/**
 * azure-iot-sdk-node: the hub after 100 ms growing to 10 s, by its code with a random part of 25 ms doubled; an operation ends
 * after 4 minutes and the application begins another, 'unauthorized' ends it at once. DPS: `retry-after` to the second, else 2 s, for ever, without jitter. Tokens are renewed
 * after 45 of 60 minutes.
 */
const NODE: PeerRules = Object.freeze({
  timeout: 30_000,
  operation: 240_000,
  hubDelay(failure: HubFailure, attempt: number, since: number, random: Random) {
    if (failure === "unknown" || since >= PATIENCE) return undefined;
    return Math.min(100 + (2 ** (attempt - 1) - 1) * random.next() * 25, 10_000);
  },
  registerDelay: (_attempt: number, told = 2) => told * 1000,
  pollDelay: (told: number) => told * 1000,
  renewsAt: 0.75,
});

/** Milliseconds as `az_iot_calculate_retry_delay` gives them: jitter is dropped where it would pass the cap. */
function azDelay(attempt: number, random: Random): number {
  return Math.min(1000 * 2 ** Math.min(attempt - 1, 30) + random.next() * 5_000, 100_000);
}

/** azure-sdk-for-c: 1 s doubled to 100 s, `retry-after` as it is told. Tokens are renewed at 0.8 of their life. */
const AZ: PeerRules = Object.freeze({
  timeout: 30_000,
  operation: Number.POSITIVE_INFINITY,
  hubDelay(failure: HubFailure, attempt: number, _since: number, random: Random) {
    return failure === "unknown" || attempt > 10 ? undefined : azDelay(attempt, random);
  },
  registerDelay: (attempt: number, told: number | undefined, random: Random) =>
    told === undefined ? azDelay(attempt, random) : told * 1000,
  pollDelay: (told: number) => told * 1000,
  renewsAt: 0.8,
});

export const PEERS = Object.freeze({ "azure-iot-sdk-node": NODE, "azure-sdk-for-c": AZ });
