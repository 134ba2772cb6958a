// SPDX-License-Identifier: MIT
/** Whether, and why, DPS is to be asked though a hub is known. */
import type { BerthError } from "../error";

/** Attempts at DPS that a request is worth while the hub that is known works. */
const REQUEST_TRIES = 4;

export class Wish {
  #isNeed = false;
  #isRequest = false;
  /** Attempts at DPS since the request. */
  #tries = 0;

  get isThere(): boolean {
    return this.#isNeed || this.#isRequest;
  }

  /** The hub does not take the device. */
  get isNeed(): boolean {
    return this.#isNeed;
  }

  /** The application has asked for it. */
  get isRequest(): boolean {
    return this.#isRequest;
  }

  clear(): void {
    this.#isNeed = this.#isRequest = false;
  }

  request(): void {
    this.#isNeed = false;
    this.#isRequest = true;
    this.#tries = 0;
  }

  /** @returns false when there is a wish already */
  need(): boolean {
    if (this.isThere) return false;
    this.#isNeed = true;
    return true;
  }

  /** A connection to the hub stands. */
  stood(): void {
    this.#isNeed = false;
  }

  /** An attempt at DPS has failed. @param known a hub is: what was only asked for is dropped after some attempts */
  failed({ retriable }: BerthError, known: boolean): void {
    this.#tries += 1;
    if (known && (!retriable || this.#tries >= REQUEST_TRIES)) this.#isRequest = false;
  }
}
