// SPDX-License-Identifier: MIT
/** Which root certificates the device trusts. */
import { asBerthError } from "../../src/error";
import type { Clock } from "../../src/host";
import { readCertificate } from "./certificate";

/** A root: its name for the log, and its DER. */
export interface Root {
  readonly name: string;
  /** @throws when the image does not hold it */
  read(): ArrayBuffer | Uint8Array;
}

export type RootState = "trusted" | "expired" | "not yet valid" | "unreadable";

/** What has become of a root. */
export interface RootReport {
  readonly name: string;
  readonly state: RootState;
  /** Why it is unreadable. */
  readonly reason: string | undefined;
}

/**
 * Makes the roots known to the TLS once the clock is set. An expired or broken one is left out with one report:
 * it never stops a boot. The SDK's own register does not look at the date.
 */
export class RootStore {
  readonly #roots: readonly Root[];
  readonly #register: (der: ArrayBuffer | Uint8Array) => void;
  readonly #clock: Clock;
  readonly #onRoot: (report: RootReport) => void;
  #loaded = false;

  constructor(
    roots: readonly Root[],
    register: (der: ArrayBuffer | Uint8Array) => void,
    clock: Clock,
    onRoot: (report: RootReport) => void,
  ) {
    this.#roots = roots;
    this.#register = register;
    this.#clock = clock;
    this.#onRoot = onRoot;
  }

  /** Registers all that is usable, the first time that the clock is set. Throws nothing. */
  load(): void {
    const now = this.#clock.now();
    if (this.#loaded || now === undefined) return;
    this.#loaded = true;
    for (const root of this.#roots) this.#onRoot(this.#take(root, now));
  }

  #take(root: Root, now: number): RootReport {
    const { name } = root;
    try {
      const der = root.read();
      const { notBefore, notAfter } = readCertificate(new Uint8Array(der));
      if (now >= notAfter) return { name, state: "expired", reason: undefined };
      if (now <= notBefore) return { name, state: "not yet valid", reason: undefined };
      this.#register(der);
      return { name, state: "trusted", reason: undefined };
    } catch (error) {
      return { name, state: "unreadable", reason: asBerthError(error).message };
    }
  }
}
