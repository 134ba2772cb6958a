// SPDX-License-Identifier: MIT
/** Stands on Linux for `embedded:network/interface/ethernet`: a cable with an address, 20 ms after it is asked for. */
import Timer from "timer";
import type { NetworkInterface } from "../../../hosts/moddable/interface-network";

export default class Cable implements NetworkInterface {
  #connection = 200;
  #timer: Timer | undefined;
  readonly #onChanged: () => void;

  constructor({ onChanged }: { readonly onChanged: () => void }) {
    this.#onChanged = onChanged;
  }

  get connection(): number {
    return this.#connection;
  }

  get address(): string | undefined {
    return this.#connection === 500 ? "192.0.2.1" : undefined;
  }

  connect(): void {
    this.#connection = 300;
    this.#timer = Timer.set(() => {
      this.#connection = 500;
      this.#onChanged();
    }, 20);
  }

  disconnect(): void {
    Timer.clear(this.#timer as Timer);
    this.#timer = undefined;
    this.#connection = 200;
  }

  close(): void {
    this.disconnect();
  }
}
