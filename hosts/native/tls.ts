// SPDX-License-Identifier: MIT
import type { Bytes, ClientCertificate } from "../sockets/client-certificate";
import { nativeError } from "./errors";
import type { TlsContext, TlsEngine, TlsNatives } from "./natives";

export interface NativeTlsOptions {
  readonly natives: TlsNatives;
  /** The trusted roots, DER. Asked for once, at the first connection; each connection judges their dates. */
  readonly roots: () => readonly Bytes[];
  readonly clientCertificate?: ClientCertificate | undefined;
  /** Longest record that a server is asked to send: 512, 1024, 2048 or 4096; 0 asks for none. Default 0. */
  readonly maximumFragment?: number;
  /** Sessions kept in RAM for resumption, 0 to 2. Default 2: DPS and the hub. */
  readonly sessions?: number;
  /** Bytes of ciphertext that wait at most; 0 for the defaults, see `TlsEngineClass`. */
  readonly inputSize?: number;
  readonly outputSize?: number;
}

/** What all TLS connections of a device share; one for the life of the device. */
export class NativeTls {
  readonly #options: NativeTlsOptions;
  #certificate: ClientCertificate | undefined;
  /** With the roots, which C refers to where they lie in flash. */
  #shared: { readonly context: TlsContext; readonly roots: readonly Bytes[] } | undefined;

  constructor(options: NativeTlsOptions) {
    this.#options = options;
    this.#certificate = options.clientCertificate;
  }

  /**
   * An engine for one connection.
   * @param now milliseconds since 1970
   * @throws BerthError `invalid-argument` for a bad root, certificate, key or host; `out-of-memory`; `internal` for what
   *   the natives should not throw
   */
  open(host: string, now: number): TlsEngine {
    const { natives, inputSize = 0, outputSize = 0 } = this.#options;
    try {
      this.#shared ??= this.#share();
      return new natives.TlsEngine(this.#shared.context, host, Math.floor(now / 1000), inputSize, outputSize);
    } catch (error) {
      throw nativeError(error);
    }
  }

  /** Wipes the key and the sessions. */
  close(): void {
    this.#shared?.context.close();
    this.#shared = undefined;
  }

  #share(): { context: TlsContext; roots: readonly Bytes[] } {
    const { natives, maximumFragment = 0, sessions = 2 } = this.#options;
    const roots = this.#options.roots();
    const chain = this.#certificate?.chain ?? [];
    const key = this.#certificate?.key;
    const context = new natives.TlsContext(
      roots,
      roots.length,
      chain,
      chain.length,
      key,
      maximumFragment,
      sessions,
    );
    if (key) wipe(key);
    this.#certificate = undefined;
    return { context, roots };
  }
}

function wipe(key: Bytes): void {
  try {
    (key instanceof ArrayBuffer ? new Uint8Array(key) : key).fill(0);
  } catch {
    // A key in flash cannot be overwritten.
  }
}
