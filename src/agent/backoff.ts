// SPDX-License-Identifier: MIT
/** How long to wait before another try: a pure function, with jitter at every step, the cap included. */

/** Growth of a delay; milliseconds. */
export interface BackoffPolicy {
  readonly base: number;
  readonly cap: number;
}

/**
 * `max(retryAfter, step / 2) + random * step / 2` with `step = min(cap, base * 2^attempt)`: without a word of
 * the server a delay between half a step and a step; with one that delay at least, plus jitter. A fleet that
 * failed together comes back spread out, at the cap too.
 * @param attempt 0 for the first retry
 * @param random in [0, 1)
 * @param retryAfter seconds, as the server told; a floor that is never capped
 * @returns whole milliseconds
 */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random: number, retryAfter = 0): number {
  // 2^30 steps are beyond any cap; a larger power is not needed and could overflow a native timer.
  const step = Math.min(policy.cap, policy.base * 2 ** Math.min(attempt, 30));
  return Math.round(Math.max(retryAfter * 1000, step / 2) + (random * step) / 2);
}
