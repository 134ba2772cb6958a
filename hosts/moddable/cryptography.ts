// SPDX-License-Identifier: MIT
/**
 * TLS and HMAC of a device, as one of two modules makes them: the manifest binds `berth/hosts/moddable/crypto/binding`
 * to crypto-native/binding.ts (mbedTLS in C: boards, and Linux with libmbedtls-dev) or to crypto-sdk/binding.ts (the SDK's
 * JavaScript: other simulators, towards 127.0.0.1 only).
 */
import type { Clock, Signer, Timers, TransportBinding } from "../../src/host";
import type { Bytes, ClientCertificate } from "../sockets/client-certificate";
import type { ConnectTo, Resolve } from "../sockets/connect-to";

/** What a transport needs of the platform and of the device. */
export interface TransportParts {
  /** The trusted roots, DER, in date or not. Called once, at the first connection. */
  readonly roots: () => readonly Bytes[];
  readonly clientCertificate: ClientCertificate | undefined;
  readonly resolve: Resolve;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly connectTo: readonly ConnectTo[] | undefined;
  /** Told once a connection is secure, where TLS tells: version, cipher suite, whether a session was resumed. */
  readonly onSecure: (version: string, suite: string, resumed: boolean) => void;
}

/** What both modules export, as `cryptography`. */
export interface Cryptography {
  /** For the log. */
  readonly TLS: string;
  bindTransport(parts: TransportParts): TransportBinding;
  /** @throws BerthError `invalid-argument` for a key that Azure would not give */
  createSigner(symmetricKey: string): Signer;
  /**
   * A signer under a key in eFuse.
   * @param block KEY block, 0 to 5
   * @throws BerthError `invalid-argument` where there is no HMAC peripheral, or the block holds no key for it
   */
  createEfuseSigner(block: number): Signer;
}
