// SPDX-License-Identifier: MIT
/** The host boundary inside XS: everything but text is asked of Node, by messages that XS waits for. */
import type { Clock, Host, Store, TextCodec, Timers, Transport, TransportOptions } from "../../../src/host";
import { checkDecoded } from "../../../src/utf8";
import {
  type Answer,
  type Call,
  decodeError,
  decodeMessage,
  encodeMessage,
  type Features,
  type Message,
} from "../wire";

/** Sends a message to Node and waits for its answer. */
export type Ask = (message: Uint8Array) => Uint8Array;

/** @throws BerthError that the call ended in */
export function ask(send: Ask, call: Call, bytes?: Uint8Array): Message<Answer> {
  const answer = decodeMessage<Answer>(send(encodeMessage(call, bytes)));
  if (answer.header.error) throw decodeError(answer.header.error);
  return answer;
}

/** The time that came with the delivery in hand. */
export class DeliveredClock implements Clock {
  #now: number | undefined;
  #ticks = 0;

  set(now: number | undefined, ticks: number): void {
    this.#now = now;
    this.#ticks = ticks;
  }

  now(): number | undefined {
    return this.#now;
  }

  ticks(): number {
    return this.#ticks;
  }
}

/** Timers that Node keeps. */
export class RemoteTimers implements Timers {
  readonly #send: Ask;
  readonly #callbacks = new Map<number, () => void>();
  #last = 0;

  constructor(send: Ask) {
    this.#send = send;
  }

  set(callback: () => void, delay: number): number {
    this.#last += 1;
    ask(this.#send, { call: "set", timer: this.#last, delay });
    this.#callbacks.set(this.#last, callback);
    return this.#last;
  }

  clear(handle: unknown): void {
    if (this.#callbacks.delete(handle as number)) ask(this.#send, { call: "clear", timer: handle as number });
  }

  /** Node's timer has fired; one that was cleared meanwhile is passed over. */
  fire(timer: number): void {
    const callback = this.#callbacks.get(timer);
    this.#callbacks.delete(timer);
    callback?.();
  }
}

/** The transports that are open: what Node tells finds its way by number. */
export class Transports {
  readonly send: Ask;
  readonly #open = new Map<number, TransportOptions>();
  #last = 0;

  constructor(send: Ask) {
    this.send = send;
  }

  add(options: TransportOptions): number {
    this.#last += 1;
    this.#open.set(this.#last, options);
    return this.#last;
  }

  /** Undefined when it was closed meanwhile. */
  get(transport: number): TransportOptions | undefined {
    return this.#open.get(transport);
  }

  /** @returns false when it was closed before */
  delete(transport: number): boolean {
    return this.#open.delete(transport);
  }
}

class RemoteTransport implements Transport {
  readonly #transports: Transports;
  readonly #number: number;

  constructor(options: TransportOptions & { readonly transports: Transports }) {
    const { transports, host, port } = options;
    this.#transports = transports;
    this.#number = transports.add(options);
    try {
      ask(transports.send, { call: "open", transport: this.#number, host, port });
    } catch (error) {
      transports.delete(this.#number);
      throw error;
    }
  }

  read(target: Uint8Array): number {
    const call = { call: "receive", transport: this.#number, count: target.length } as const;
    const { bytes } = ask(this.#transports.send, call);
    target.set(bytes);
    return bytes.length;
  }

  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const call = { call: "transmit", transport: this.#number } as const;
    const { header } = ask(this.#transports.send, call, bytes.subarray(start, end));
    return header.number ?? 0;
  }

  close(): void {
    if (this.#transports.delete(this.#number)) {
      ask(this.#transports.send, { call: "close", transport: this.#number });
    }
  }
}

/** The engine's own UTF-8. */
export function nativeText(): TextCodec {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return {
    encode: (text) => encoder.encode(text),
    encodeInto(text, target, at) {
      const done = encoder.encodeInto(text, target.subarray(at));
      return done.read === done.written || done.read === text.length ? done.written : -1;
    },
    decode(bytes) {
      const text = decoder.decode(bytes);
      return text.length === bytes.length ? text : checkDecoded(text, bytes);
    },
  };
}

export function createXsHost(
  send: Ask,
  clock: Clock,
  timers: Timers,
  transports: Transports,
  features: Features,
): Host {
  const store: Store = {
    read(key) {
      const { header, bytes } = ask(send, { call: "read", key });
      return header.missing ? undefined : bytes.slice();
    },
    write(key, value) {
      ask(send, { call: "write", key }, value);
    },
    delete(key) {
      ask(send, { call: "delete", key });
    },
  };
  return {
    text: nativeText(),
    clock,
    timers,
    store,
    transport: { io: RemoteTransport, transports },
    random: () => ask(send, { call: "random" }).header.number ?? 0,
    ...(features.signer && {
      signer: { sign: (message: Uint8Array) => ask(send, { call: "sign" }, message).bytes.slice() },
    }),
    ...(features.network && {
      network: { isUp: () => ask(send, { call: "network" }).header.number === 1 },
    }),
  };
}
