// SPDX-License-Identifier: MIT
/**
 * Joins a network, Wi-Fi or Ethernet, and joins again whenever it is lost. The SDK tells no reason for a failed join and may
 * tell nothing at all, so every attempt has a deadline, and each starts with a new object of the SDK. A loss that it
 * does not tell shows in connections that fail: after some in a row the network is left and joined again. Ethernet keeps its
 * address through that, and a new object of it tells no event of an address that is there.
 */
import { utf8Length } from "../../src/azure/percent";
import { consistsOf, HEXADECIMAL, isPrintable } from "../../src/characters";
import { asBerthError, BerthError } from "../../src/error";
import type { Network, TimerHandle, Timers } from "../../src/host";

/** What a Wi-Fi is joined by. */
interface Credentials {
  readonly SSID: string;
  readonly password?: string;
}

/** An ECMA-419 network interface: `embedded:network/interface/wifi`, or `ethernet`, whose `connect` takes nothing. */
export interface NetworkInterface {
  /** 200 off, 300 connecting, 400 associated, 500 has an address. */
  readonly connection: number;
  readonly address: string | undefined;
  /** Of the Wi-Fi that it is in. */
  readonly SSID?: string | undefined;
  connect(options?: Credentials): void;
  disconnect(): void;
  close(): void;
}

export type InterfaceClass = new (options: { readonly onChanged: () => void }) => NetworkInterface;

/** Durations are milliseconds. */
export interface InterfaceOptions {
  readonly Interface: { readonly io: InterfaceClass };
  /** 1 to 32 bytes; absent for Ethernet. */
  readonly SSID?: string | undefined;
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
  if (text.length === 64) return consistsOf(text, HEXADECIMAL);
  return text.length >= 8 && text.length < 64 && isPrintable(text);
}

export class InterfaceNetwork implements Network {
  readonly #options: InterfaceOptions;
  #interface: NetworkInterface | undefined;
  #timer: TimerHandle | undefined;
  #up = false;
  #attempts = 0;
  #running = false;
  /** Nothing was joined yet: a connection that stands is the one that a setup of the app has made. */
  #first = true;
  /** Servers in a row that could not be reached since the network came. */
  #unreached = 0;
  #patience = FIRST_PATIENCE;

  /** @throws BerthError `invalid-argument` for a wrong SSID or password, or a password without SSID */
  constructor(options: InterfaceOptions) {
    const { SSID, password } = options;
    if (SSID !== undefined && (SSID === "" || !SSID.isWellFormed() || utf8Length(SSID) > 32)) {
      throw new BerthError("invalid-argument", "the SSID is not 1 to 32 bytes of UTF-8");
    }
    if (password !== undefined && SSID === undefined) {
      throw new BerthError("invalid-argument", "network: a password without an SSID");
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
    if (this.#interface && this.#interface.connection < HAS_ADDRESS)
      this.#retry("the network was lost, untold");
    else if (this.#unreached >= this.#patience) {
      const count = this.#unreached;
      this.#patience = Math.min(LONGEST_PATIENCE, this.#patience * 2);
      this.#retry(`no server could be reached, ${count} times in a row: joins the network again`);
    }
  }

  #join(): void {
    const { Interface, SSID, password, joinTimeout = 30_000 } = this.#options;
    const check = SSID === undefined ? "cable and DHCP" : "ssid, password and signal";
    const first = this.#first;
    this.#first = false;
    this.#leave();
    this.#later(joinTimeout, () => this.#retry(`no address in time: check ${check}`));
    const joined = new Interface.io({ onChanged: () => this.#guarded(() => this.#changed(joined)) });
    this.#interface = joined;
    // A Wi-Fi that was left may still say that it stands.
    const believed = SSID === undefined || (first && joined.SSID === SSID);
    if (believed && joined.connection >= HAS_ADDRESS) this.#changed(joined);
    else if (SSID === undefined) joined.connect();
    else joined.connect(password === undefined ? { SSID } : { SSID, password });
  }

  #changed(joined: NetworkInterface): void {
    if (joined !== this.#interface) return;
    if (joined.connection >= HAS_ADDRESS) {
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
    const joined = this.#interface;
    this.#interface = undefined;
    try {
      joined?.disconnect();
    } catch {
      // It was not connected.
    }
    joined?.close();
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
