// SPDX-License-Identifier: MIT
/** A TCP socket that goes through an HTTP proxy: a transport around a transport, below TLS. */
import { asBerthError, BerthError } from "../../src/error";
import { HttpConnect, parseProxy } from "./http-connect";
import type { MakeTunnel, Tcp, TcpClass, TcpOptions } from "./tcp";

/** Bytes of the answer that are read at a time. */
const CHUNK = 64;

/**
 * A way through an HTTP proxy, for the option `proxy` of a host.
 * @param proxy `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`
 * @throws BerthError `invalid-argument`
 */
export function httpProxy(proxy: string): MakeTunnel {
  const parsed = parseProxy(proxy);
  const { host, port } = parsed;
  return (text) => ({
    host,
    port,
    open: (TCP, target, options) => new ProxiedTcp(TCP, new HttpConnect(parsed, text), target, options),
  });
}

class ProxiedTcp implements Tcp {
  readonly #options: TcpOptions;
  readonly #tcp: Tcp;
  readonly #connect: HttpConnect;
  /** The request, as far as it is not sent. */
  #request: Uint8Array;
  #room = 0;
  #isConnected = false;
  #isThrough = false;
  #closed = false;

  constructor(
    TCP: { readonly io: TcpClass },
    connect: HttpConnect,
    target: { readonly host: string; readonly port: number },
    options: TcpOptions,
  ) {
    this.#options = options;
    this.#connect = connect;
    this.#request = connect.request(target.host, target.port);
    this.#tcp = new TCP.io({
      ...options,
      onReadable: (count) => {
        if (this.#isThrough) options.onReadable(count);
        else this.#guarded(() => this.#answer(count));
      },
      onWritable: (room) => {
        this.#room = room;
        this.#isConnected = true;
        if (this.#isThrough) options.onWritable(room);
        else this.#guarded(() => this.#ask());
      },
      onError: () => this.#ended(),
    });
  }

  read(target: Uint8Array): unknown {
    return this.#tcp.read(target);
  }

  write(bytes: Uint8Array): unknown {
    return this.#tcp.write(bytes);
  }

  close(): void {
    this.#closed = true;
    this.#tcp.close();
  }

  #ask(): void {
    const part = this.#request.subarray(0, this.#room);
    if (part.length === 0) return;
    this.#request = this.#request.subarray(part.length);
    const room = this.#tcp.write(part);
    this.#room = typeof room === "number" ? room : 0;
  }

  #answer(count: number): void {
    for (let left = count; left > 0; ) {
      const part = new Uint8Array(Math.min(left, CHUNK));
      const got = this.#tcp.read(part);
      const size = typeof got === "number" ? got : part.length;
      if (size === 0) return;
      left -= size;
      if (!this.#connect.take(part, size)) continue;
      if (left > 0) throw new BerthError("proxy-malformed", "bytes behind its answer");
      this.#isThrough = true;
      this.#options.onWritable(this.#room);
      return;
    }
  }

  #ended(): void {
    if (this.#closed) return;
    if (this.#isThrough) this.#options.onError();
    else if (this.#isConnected) this.#fail(this.#connect.ended());
    else this.#fail(new BerthError("connect-failed", `the proxy ${this.#connect.name}`));
  }

  #guarded(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      this.#fail(asBerthError(error));
    }
  }

  /** The last call: whoever hears of it closes. */
  #fail(error: BerthError): void {
    this.#closed = true;
    this.#options.onError(error);
  }
}
