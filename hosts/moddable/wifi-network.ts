// SPDX-License-Identifier: MIT
/**
 * Joins a Wi-Fi network and joins again whenever it is lost. The SDK tells no reason for a failed join and may
 * tell nothing at all, so every attempt has a deadline, and each starts with a new object of the SDK. A loss that it
 * does not tell shows in connections that fail: after some in a row the network is left and joined again.
 */
import { asBerthError, BerthError } from "../../src/error";
import type { Network, TimerHandle, Timers } from "../../src/host";

/** An ECMA-419 Wi-Fi interface. */
export interface WifiInterface {
  /** 200 off, 300 connecting, 400 associated, 500 has an address. */
  readonly connection: number;
  readonly address: string | undefined;
  connect(options: { readonly SSID: string; readonly password?: string }): void;
  disconnect(): void;
  close(): void;
}

export type WifiClass = new (options: { readonly onChanged: () => void }) => WifiInterface;

/** Durations are milliseconds. */
export interface WifiOptions {
  readonly WiFi: { readonly io: WifiClass };
  /** 1 to 32 bytes. */
  readonly SSID: string;
  /** Absent for an open network. */
  readonly password?: string | undefined;
  readonly timers: Timers;
  readonly random: () => number;
  /** The network has come (with an address) or gone. */
  readonly onChanged?: (up: boolean) => void;
  /** An attempt failed; another one follows. */
  readonly onError?: (error: BerthError) => void;
  /** For one attempt, address included. Default 30,000. */
  readonly joinTimeout?: number;
}

const HAS_ADDRESS = 500;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;
/**
 * Servers that could not be reached in a row until the network is joined again, twice as many each time: it may be the
 * servers that are down, for days, and each time costs the other uses of the network seconds.
 */
const FIRST_PATIENCE = 5;
const LONGEST_PATIENCE = 80;

/** Of WPA (IEEE 802.11-2020, annex J.4): a passphrase of 8 to 63 ASCII characters, or a key of 64 hexadecimal digits. */
export function isPassphrase(text: string): boolean {
  return /^[\x20-\x7e]{8,63}$|^[\da-fA-F]{64}$/.test(text);
}

export class WifiNetwork implements Network {
  readonly #options: WifiOptions;
  #wifi: WifiInterface | undefined;
  #timer: TimerHandle | undefined;
  #up = false;
  #attempts = 0;
  #running = false;
  /** Servers in a row that could not be reached since the network came. */
  #unreached = 0;
  #patience = FIRST_PATIENCE;

  /** @throws BerthError `invalid-argument` for a wrong SSID or password */
  constructor(options: WifiOptions) {
    const { SSID, password } = options;
    if (SSID.length < 1 || SSID.length > 32) {
      throw new BerthError("invalid-argument", "ssid is not 1 to 32 characters");
    }
    if (password !== undefined && !isPassphrase(password)) {
      throw new BerthError("invalid-argument", "the Wi-Fi password is no passphrase of WPA");
    }
    this.#options = options;
  }

  isUp(): boolean {
    return this.#up;
  }

  /** Starts to join. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#attempts = 0;
    this.#later(0, () => this.#join());
  }

  /** Leaves the network. Idempotent. */
  stop(): void {
    this.#running = false;
    this.#cancel();
    this.#leave();
    this.#tell(false);
  }

  /** An attempt to connect has ended: a server has answered, or none could be reached. */
  heed(reached: boolean): void {
    if (reached) {
      this.#unreached = 0;
      this.#patience = FIRST_PATIENCE;
    } else if (this.#running && this.#up) this.#guarded(() => this.#unreachable());
  }

  #unreachable(): void {
    this.#unreached += 1;
    // A driver that knows of the loss, and has not told.
    if (this.#wifi && this.#wifi.connection < HAS_ADDRESS) this.#retry("the network was lost, untold");
    else if (this.#unreached >= this.#patience) {
      const count = this.#unreached;
      this.#patience = Math.min(LONGEST_PATIENCE, this.#patience * 2);
      this.#retry(`no server could be reached, ${count} times in a row: joins the network again`);
    }
  }

  #join(): void {
    const { WiFi, SSID, password, joinTimeout = 30_000 } = this.#options;
    this.#leave();
    this.#later(joinTimeout, () => this.#retry("no address in time: check ssid, password and signal"));
    const wifi = new WiFi.io({ onChanged: () => this.#guarded(() => this.#changed(wifi)) });
    this.#wifi = wifi;
    wifi.connect(password === undefined ? { SSID } : { SSID, password });
  }

  #changed(wifi: WifiInterface): void {
    if (wifi !== this.#wifi) return;
    if (wifi.connection >= HAS_ADDRESS) {
      this.#cancel();
      this.#attempts = 0;
      if (!this.#up) this.#unreached = 0;
      this.#tell(true);
    } else if (this.#up) this.#retry("the network was lost");
  }

  #retry(reason: string): void {
    this.#leave();
    const step = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#attempts, 10));
    this.#attempts += 1;
    this.#later(step * (0.5 + 0.5 * this.#options.random()), () => this.#join());
    this.#tell(false);
    this.#options.onError?.(new BerthError("network-down", reason));
  }

  #leave(): void {
    const wifi = this.#wifi;
    this.#wifi = undefined;
    try {
      wifi?.disconnect();
    } catch {
      // It was not connected.
    }
    wifi?.close();
  }

  #tell(up: boolean): void {
    if (this.#up === up) return;
    this.#up = up;
    this.#options.onChanged?.(up);
  }

  #later(delay: number, work: () => void): void {
    this.#cancel();
    this.#timer = this.#options.timers.set(() => {
      this.#timer = undefined;
      this.#guarded(work);
    }, delay);
  }

  #cancel(): void {
    if (this.#timer !== undefined) this.#options.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  /** Native code and timers call this: nothing escapes, and the device joins again. */
  #guarded(work: () => void): void {
    if (!this.#running) return;
    try {
      work();
    } catch (error) {
      this.#retry(asBerthError(error).message);
    }
  }
}
