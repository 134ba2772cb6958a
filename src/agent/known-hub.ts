// SPDX-License-Identifier: MIT
/** The assignment in use: where it came from, and whether it is kept. */
import { isDeviceId, isHostName } from "../azure/identifiers";
import type { Store, TextCodec } from "../host";
import type { Assignment } from "../storage/assignment";
import { AssignmentStore } from "../storage/assignment-store";
import { isSame } from "./hub-features";
import type { Identity } from "./identity";

export class KnownHub {
  readonly #store: AssignmentStore;
  readonly #identity: Identity;
  #assignment: Assignment | undefined;
  #source: "dps" | "stored" = "stored";
  #isKept = true;

  constructor(store: Store, text: TextCodec, identity: Identity) {
    this.#store = new AssignmentStore(store, text);
    this.#identity = identity;
  }

  /** Undefined while none is known. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  get isKnown(): boolean {
    return this.#assignment !== undefined;
  }

  /** Whether this run got it from DPS or found it stored. */
  get source(): "dps" | "stored" {
    return this.#source;
  }

  /** A run begins: what is stored counts where it is for this identity. */
  read(): void {
    const stored = this.#store.read();
    const { idScope, registrationId } = this.#identity;
    const ours =
      stored?.idScope === idScope &&
      stored.registrationId === registrationId &&
      // An earlier version may have stored what nobody can connect to.
      isHostName(stored.hub) &&
      isDeviceId(stored.deviceId);
    this.#assignment = ours ? stored : undefined;
    this.#source = "stored";
    // A slot that could not be read may hold another one, and be read again one day: what has proved itself is written
    // once more then.
    this.#isKept = this.#store.isSure;
  }

  /** DPS has named it. @param assignedAt milliseconds since 1970 @returns true when that hub and device id are in use */
  named(hub: string, deviceId: string, assignedAt: number): boolean {
    const { idScope, registrationId } = this.#identity;
    const assignment = { idScope, registrationId, hub, deviceId, assignedAt };
    const same = isSame(this.#assignment, assignment);
    this.#source = "dps";
    if (same) return true;
    this.#assignment = assignment;
    this.#isKept = false;
    return false;
  }

  /** Stores it unless it is stored. @throws BerthError `store-failed`: it counts all the same, until the next start */
  keep(): void {
    if (this.#isKept || !this.#assignment) return;
    this.#store.write(this.#assignment);
    this.#isKept = true;
  }

  /** @throws BerthError `store-failed`; the assignment still counts */
  forget(): void {
    this.#store.forget();
    this.#assignment = undefined;
  }
}
