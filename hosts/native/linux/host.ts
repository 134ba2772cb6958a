// SPDX-License-Identifier: MIT
/** A Linux computer as the core sees it, with TLS and HMAC in C as on a board. */
import { bytesOfBase64 } from "../../../src/azure/symmetric-key";
import { BerthError } from "../../../src/error";
import type { Host, TransportBinding } from "../../../src/host";
import type { ClientCertificate } from "../../sockets/client-certificate";
import type { ConnectTo, Resolve } from "../../sockets/connect-to";
import { httpProxy } from "../../sockets/proxied-tcp";
import type { Tcp, TcpOptions } from "../../sockets/tcp";
import { randomOf } from "../random";
import { EfuseSigner, NativeSigner } from "../signer";
import { NativeCertificates } from "../certificates";
import { NativeTls, type NativeTlsOptions } from "../tls";
import { NativeTransport, type NativeTransportOptions } from "../transport";
import { FileRegion } from "./file-region";
import { type LinuxNatives, type NativeTcp, natives } from "./natives";
import { LinuxStore } from "./store";
import { text } from "./text";
import { LinuxTimers } from "./timers";

/** What differs from one device to the next; certificates and keys are base64 of DER. */
export interface LinuxHostOptions {
  /** Keeps the assignment; made when missing. */
  readonly stateDirectory: string;
  readonly roots: readonly string[];
  /** The device's symmetric key as Azure shows it. */
  readonly symmetricKey?: string;
  /** eFuse KEY block with the symmetric key: fails here, where there is no such peripheral. */
  readonly efuseBlock?: number;
  /** The device's certificate and its intermediates. */
  readonly certificate?: readonly string[];
  /** PKCS#8. */
  readonly key?: string;
  readonly connectTo?: readonly ConnectTo[];
  /** For `outbox.log`. Default: `outbox` in the directory, 256 KiB. */
  readonly outboxFile?: string;
  /** `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`. */
  readonly proxy?: string;
  /** See `NativeTlsOptions`. */
  readonly maximumFragment?: number;
  readonly sessions?: number;
  readonly inputSize?: number;
  /** Bytes that TCP takes at a time; small ones try the back-pressure of a board. Default 5,744, that of lwIP. */
  readonly tcpRoom?: number;
  /** Milliseconds that the wall clock is set wrong by. */
  readonly clockOffset?: number;
}

const OUTBOX_SECTORS = 64;
const LWIP_ROOM = 5_744;

/**
 * @throws BerthError `invalid-argument` for a bad key or certificate, `store-failed` when the directory cannot be made
 */
export function createLinuxHost(
  options: LinuxHostOptions,
  onSecure: NativeTransportOptions["onSecure"],
): Host {
  const signer = signerOf(options);
  const timers = new LinuxTimers(natives);
  const tls = tlsOptionsOf(options);
  const certificate = clientCertificateOf(options);
  const clock = {
    now: (): number => natives.now() + (options.clockOffset ?? 0),
    ticks: (): number => natives.ticks(),
  };
  const transport: TransportBinding = {
    io: NativeTransport,
    tls: new NativeTls({ ...tls, clientCertificate: clientCertificateOf(options) }),
    TCP: { io: tcpClass(natives, options.tcpRoom ?? LWIP_ROOM) },
    resolve: (name: string, done: Parameters<Resolve>[1]) =>
      natives.resolve(name, (addresses) =>
        done(name, ...(addresses.byteLength === 0 ? [] : text.decode(new Uint8Array(addresses)).split(" "))),
      ),
    timers,
    clock,
    connectTo: options.connectTo ?? [],
    ...(options.proxy !== undefined && { tunnel: httpProxy(options.proxy)(text) }),
    onSecure,
  };
  return {
    text,
    clock,
    timers,
    store: new LinuxStore(natives, options.stateDirectory),
    log: () =>
      new FileRegion(natives, options.outboxFile ?? `${options.stateDirectory}/outbox`, OUTBOX_SECTORS),
    transport,
    random: randomOf(natives.fillRandom),
    certificates: new NativeCertificates({ natives, tls, certificate }),
    ...(signer && { signer }),
  };
}

function signerOf({ symmetricKey, efuseBlock }: LinuxHostOptions): NativeSigner | EfuseSigner | undefined {
  if (efuseBlock !== undefined) return new EfuseSigner(efuseBlock, { io: natives.EfuseHmac });
  return symmetricKey === undefined ? undefined : new NativeSigner(symmetricKey, { io: natives.Hmac });
}

function clientCertificateOf({ certificate, key }: LinuxHostOptions): ClientCertificate | undefined {
  if (certificate === undefined || key === undefined) return undefined;
  return {
    chain: certificate.map((one) => bytesOf(one, "the client certificate")),
    key: bytesOf(key, "the private key"),
  };
}

function tlsOptionsOf({ roots, maximumFragment, sessions, inputSize }: LinuxHostOptions): NativeTlsOptions {
  const trusted = roots.map((root) => bytesOf(root, "a root certificate"));
  return {
    natives,
    roots: () => trusted,
    ...(maximumFragment !== undefined && { maximumFragment }),
    ...(sessions !== undefined && { sessions }),
    ...(inputSize !== undefined && { inputSize }),
  };
}

function bytesOf(text: string, what: string): Uint8Array {
  const bytes = bytesOfBase64(text);
  if (!bytes) throw new BerthError("invalid-argument", `${what} is not base64`);
  return bytes;
}

function tcpClass({ Tcp }: LinuxNatives, room: number): new (options: TcpOptions) => Tcp {
  return class LinuxTcp implements Tcp {
    readonly #tcp: NativeTcp;

    constructor({ address, port, onReadable, onWritable, onError }: TcpOptions) {
      this.#tcp = new Tcp(address, port, room, onReadable, onWritable, onError);
    }

    read(target: Uint8Array): number {
      return this.#tcp.read(target);
    }

    write(bytes: Uint8Array): number {
      return this.#tcp.write(bytes);
    }

    close(): void {
      this.#tcp.close();
    }
  };
}
