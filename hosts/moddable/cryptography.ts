// SPDX-License-Identifier: MIT
/** TLS and HMAC of a device: mbedTLS in C, on boards and simulators alike. With host.ts what binds modules of the SDK. */

import TCP from "embedded:io/socket/tcp";
import { EfuseHmac, Hmac } from "berth/natives/hmac";
import { TlsContext, TlsEngine } from "berth/natives/tls";
import type { Clock, Signer, Timers, TransportBinding } from "../../src/host";
import { EfuseSigner, NativeSigner } from "../native/signer";
import { NativeTls, type NativeTlsOptions } from "../native/tls";
import { NativeTransport } from "../native/transport";
import type { Bytes, ClientCertificate } from "../sockets/client-certificate";
import type { ConnectTo, Resolve } from "../sockets/connect-to";
import type { TcpClass, Tunnel } from "../sockets/tcp";

/** What a transport needs of the platform and of the device. */
export interface TransportParts {
  /** The trusted roots, DER, in date or not. Called once, at the first connection. */
  readonly roots: () => readonly Bytes[];
  readonly clientCertificate: ClientCertificate | undefined;
  readonly resolve: Resolve;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly connectTo: readonly ConnectTo[] | undefined;
  readonly tunnel?: Tunnel | undefined;
  /** Told once a connection is secure: version, cipher suite, whether a session was resumed. */
  readonly onSecure: (version: string, suite: string, resumed: boolean) => void;
}

/** What the TLS of all connections has, without the device's certificate. */
export function tlsOptions(roots: TransportParts["roots"]): NativeTlsOptions {
  return { natives: { TlsContext, TlsEngine }, roots };
}

export function bindTransport({ roots, clientCertificate, ...rest }: TransportParts): TransportBinding {
  return {
    io: NativeTransport,
    tls: new NativeTls({ ...tlsOptions(roots), clientCertificate }),
    TCP: { io: TCP as unknown as TcpClass },
    ...rest,
  };
}

/** @throws BerthError `invalid-argument` for a key that Azure would not give */
export function createSigner(symmetricKey: string): Signer {
  return new NativeSigner(symmetricKey, { io: Hmac });
}

/**
 * A signer under a key in eFuse.
 * @param block KEY block, 0 to 5
 * @throws BerthError `invalid-argument` where there is no HMAC peripheral, or the block holds no key for it
 */
export function createEfuseSigner(block: number): Signer {
  return new EfuseSigner(block, { io: EfuseHmac });
}
