// SPDX-License-Identifier: MIT
/** The platform of a session that is measured: a transport, a clock and timers that do nothing. */
import type { TextCodec, Transport, TransportOptions } from "../../src/host";
import type { SessionHost } from "../../src/mqtt/session";
import { StandIns } from "./stand-ins";

/** What the transport says that it takes. */
export const ROOM = 4096;

const NO_BYTES = new Uint8Array(0);

const calls = {
  clearTimer: 0,
  createTransport: 0,
  moreBytes: 0,
  read: 0,
  readNothing: 0,
  setTimer: 0,
  ticks: 0,
  write: 0,
};

export class IdleTransport implements Transport {
  /** The one that was made last. */
  static last: IdleTransport | undefined;
  /** What the platform calls. */
  readonly options: TransportOptions;
  #bytes: Uint8Array = NO_BYTES;

  constructor(options: TransportOptions) {
    calls.createTransport += 1;
    this.options = options;
    IdleTransport.last = this;
  }

  /** `bytes` wait to be read. */
  put(bytes: Uint8Array): void {
    this.#bytes = bytes;
  }

  read(target: Uint8Array): number {
    const { length } = this.#bytes;
    if (length === 0) {
      calls.readNothing += 1;
      return 0;
    }
    calls.read += 1;
    // One byte is in the cost of the call, for `set` takes steps by the byte.
    calls.moreBytes += length - 1;
    target.set(this.#bytes);
    this.#bytes = NO_BYTES;
    return length;
  }

  write(_bytes: Uint8Array): number {
    calls.write += 1;
    return ROOM;
  }

  close(): void {}
}

const CLOCK = {
  ticks(): number {
    calls.ticks += 1;
    return 0;
  },
};

const TIMERS = {
  set(_callback: () => void, _delay: number): number {
    calls.setTimer += 1;
    return 1;
  },
  clear(_handle: unknown): void {
    calls.clearTimer += 1;
  },
};

export function idleHost(text: TextCodec): SessionHost {
  return { text, clock: CLOCK, timers: TIMERS, transport: { io: IdleTransport } };
}

function nothing(): void {}

/** Each stand-in, and a native of this engine that is called with as many arguments. */
export function standIns(): StandIns {
  const native = Number.isInteger as (...values: unknown[]) => unknown;
  const natives = { clear: native, read: native, set: native, ticks: native, write: native };
  const NativeClass = Object as unknown as new (options: object) => object;
  const options = { host: "", port: 0, onReadable: nothing, onWritable: nothing, onError: nothing };
  const transport = new IdleTransport(options);
  const one = new Uint8Array(1);
  const two = new Uint8Array(2);
  const target = new Uint8Array(2);
  return new StandIns(calls, [
    { calls: "clearTimer", standIn: () => TIMERS.clear(1), native: () => natives.clear(1) },
    {
      calls: "createTransport",
      standIn: () => new IdleTransport(options),
      native: () => new NativeClass(options),
    },
    { calls: "moreBytes", standIn: () => target.set(two), native: () => target.set(one) },
    {
      calls: "read",
      standIn: () => {
        transport.put(one);
        transport.read(target);
      },
      native: () => {
        transport.put(one);
        natives.read(target);
      },
    },
    {
      calls: "readNothing",
      standIn: () => {
        transport.put(NO_BYTES);
        transport.read(target);
      },
      native: () => {
        transport.put(NO_BYTES);
        natives.read(target);
      },
    },
    { calls: "setTimer", standIn: () => TIMERS.set(nothing, 0), native: () => natives.set(nothing, 0) },
    { calls: "ticks", standIn: () => CLOCK.ticks(), native: () => natives.ticks() },
    { calls: "write", standIn: () => transport.write(one), native: () => natives.write(one) },
  ]);
}
