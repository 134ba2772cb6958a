// SPDX-License-Identifier: MIT
/**
 * QEMU's network card as an ECMA-419 network interface. It is looked at instead of listened to: an emulated cable is not
 * pulled, and so nothing of C outlives an object.
 */
import { address, linked, start, stop } from "berth/natives/open-eth";
import Timer from "timer";

/** Milliseconds. */
const EVERY = 100;

export default class OpenEth {
  readonly #onChanged: ((what: string) => void) | undefined;
  #timer: Timer | undefined;
  #connection = 200;

  constructor({ onChanged }: { readonly onChanged?: (what: string) => void }) {
    this.#onChanged = onChanged;
  }

  /** 200 off, 300 connecting, 400 has a link, 500 has an address. */
  get connection(): number {
    return this.#connection;
  }

  get address(): string | undefined {
    return this.#connection === 500 ? address() : undefined;
  }

  connect(): void {
    start();
    this.#connection = 300;
    this.#timer ??= Timer.repeat(() => this.#look(), EVERY);
  }

  disconnect(): void {
    if (this.#timer === undefined) return;
    Timer.clear(this.#timer);
    this.#timer = undefined;
    this.#connection = 200;
    stop();
  }

  close(): void {
    this.disconnect();
  }

  #look(): void {
    const now = address() === undefined ? (linked() ? 400 : 300) : 500;
    if (now === this.#connection) return;
    this.#connection = now;
    this.#onChanged?.("connection");
  }
}
