// SPDX-License-Identifier: MIT
/** How long to wait before another try: a pure function, with jitter at every step, the cap included. */

/** Growth of a delay; milliseconds. */
export interface BackoffPolicy {
  readonly base: number;
  readonly cap: number;
}

/** A fleet that was told the same time comes back spread over a third of it, but no later than this; milliseconds. */
const LONGEST_JITTER = 50_000;

/**
 * With `step = min(cap, base * 2^attempt)` between half a step and a whole one, and not before `retryAfter`: where
 * that is longer, it is that long and up to a third more, at most 50 s. A fleet that failed together, or was told the
 * same time, comes back spread out, at the cap too.
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 * @param retryAfter seconds, as the server told; a floor that is never capped
 * @returns whole milliseconds
 */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: number, retryAfter = 0): number {
  // 2^30 steps are beyond any cap; a larger power is not needed and could overflow a native timer.
  const step = Math.min(policy.cap, policy.base * 2 ** Math.min(attempt, 30));
  const floor = retryAfter * 1000;
  const told = floor + random * Math.min(Math.max(floor / 3, policy.base / 2), LONGEST_JITTER);
  return Math.ceil(Math.max(floor > 0 ? told : 0, (step / 2) * (1 + random)));
}
