// SPDX-License-Identifier: MIT
/** Messages that a device has been handed over HTTPS, and has not settled. Source: "Send cloud-to-device messages" (Azure documents). */
import { randomUUID } from "node:crypto";
import type { Clock } from "../clock";

/** Milliseconds that a device may take, Azure's default. */
const LOCK = 60_000;

interface Lock {
  deviceId: string;
  sequence: number;
  cancel(): void;
}

/** The locks of one hub; they end with the emulator, and their messages come again. */
export class MessageLocks {
  readonly #clock: Clock;
  readonly #onLost: (deviceId: string) => void;
  /** By token. */
  readonly #locks = new Map<string, Lock>();
  /** Sequence numbers of their messages. */
  readonly #locked = new Set<number>();

  /** @param onLost called when a message is free again because its device took too long */
  constructor(clock: Clock, onLost: (deviceId: string) => void) {
    this.#clock = clock;
    this.#onLost = onLost;
  }

  has(sequence: number): boolean {
    return this.#locked.has(sequence);
  }

  /** Locks a message; returns the token that settles it. */
  lock(deviceId: string, sequence: number): string {
    const token = randomUUID();
    const cancel = this.#clock.schedule(() => {
      this.#end(token, sequence);
      this.#onLost(deviceId);
    }, LOCK);
    this.#locks.set(token, { deviceId, sequence, cancel });
    this.#locked.add(sequence);
    return token;
  }

  /** Ends a lock; returns the message that it was for. Undefined when this device has no such lock. */
  release(deviceId: string, token: string): number | undefined {
    const lock = this.#locks.get(token);
    if (lock?.deviceId !== deviceId) return undefined;
    lock.cancel();
    this.#end(token, lock.sequence);
    return lock.sequence;
  }

  /** Ends them all. */
  clear(): void {
    for (const [token, { cancel, sequence }] of this.#locks) {
      cancel();
      this.#end(token, sequence);
    }
  }

  #end(token: string, sequence: number): void {
    this.#locks.delete(token);
    this.#locked.delete(sequence);
  }
}
