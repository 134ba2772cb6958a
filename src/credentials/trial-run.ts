// SPDX-License-Identifier: MIT
/**
 * Which of two values a connection to the hub is made with: the one on trial, and every other time, once that has failed, the
 * one in use. So the device connects as before, whatever was delivered to it.
 */
import { refusesIdentity } from "../agent/refusal";
import type { BerthError, ErrorCode } from "../error";
import type { TrialStore } from "./trial-store";

/** Failures of its own after which what is on trial is given up. */
export const MOST_TRIES = 3;
/** Milliseconds until what is on trial is tried again while the one in use works. */
const TRY_AGAIN = 3_600_000;

export class TrialRun {
  readonly #mayBeToBlame: (code: ErrorCode) => boolean;
  #shown: "trial" | "active" | undefined;
  /** The next attempt is made without the one on trial. */
  #rests = false;
  /** Ticks at which it is tried again. */
  #tryAt = 0;
  #connected = false;

  /** @param mayBeToBlame for which errors of a connection that was never up */
  constructor(mayBeToBlame: (code: ErrorCode) => boolean) {
    this.#mayBeToBlame = mayBeToBlame;
  }

  /** What the connection was made with that there is, or was last. */
  get shown(): "trial" | "active" | undefined {
    return this.#shown;
  }

  /** Ticks at which what rests is to be tried again. */
  get tryAt(): number {
    return this.#tryAt;
  }

  /** A connection is made. @returns what with */
  show(hasTrial: boolean, hasActive: boolean, ticks: number): "trial" | "active" | undefined {
    this.#connected = false;
    this.#shown =
      hasTrial && (!this.#rests || ticks >= this.#tryAt) ? "trial" : hasActive ? "active" : undefined;
    return this.#shown;
  }

  /** CONNACK has come. */
  connected(): void {
    this.#connected = true;
  }

  /** The one on trial is in use now. */
  believed(): void {
    this.#shown = "active";
  }

  /** The next attempt is made with the one on trial, if there is one. */
  tryAgain(): void {
    this.#rests = false;
  }

  /**
   * A connection has ended in `error`.
   * @returns what `shown` was, where that may be to blame for it; the one on trial is counted
   */
  ended({ code }: BerthError, store: TrialStore<unknown>, ticks: number): "trial" | "active" | undefined {
    const shown = this.#shown;
    this.#shown = undefined;
    if (this.#connected) return undefined;
    this.#rests = shown === "trial";
    if (this.#rests) this.#tryAt = ticks + TRY_AGAIN;
    if (!shown || !this.#mayBeToBlame(code)) return undefined;
    if (shown === "trial") store.tried();
    return shown;
  }
}

/** Of a certificate: what may come of it, and not of the way to the server. */
export function blamesCertificate(code: ErrorCode): boolean {
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

/** Of roots: likewise. */
export function blamesRoots(code: ErrorCode): boolean {
  return (
    code === "tls-untrusted" ||
    code === "tls-expired" ||
    code === "tls-failed" ||
    code === "invalid-argument" ||
    code === "out-of-memory" ||
    code === "roots-refused"
  );
}
