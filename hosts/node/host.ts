// SPDX-License-Identifier: MIT
import { join } from "node:path";
import type { Host } from "../../src/host";
import type { ConnectTo } from "../sockets/connect-to";
import { parseProxy } from "../sockets/http-connect";
import { nodeCertificates } from "./certificates";
import { clock } from "./clock";
import { FileRegion } from "./file-region";
import { random } from "./random";
import { NodeSigner } from "./signer";
import { FileStore } from "./store";
import { text } from "./text";
import { timers } from "./timers";
import { NodeTransport } from "./transport";

/** What differs from one desktop device to the next. */
export interface NodeHostOptions {
  /** Directory that keeps the assignment; made when missing. */
  readonly stateDirectory: string;
  /** Trusted roots in PEM, see `loadRoots`. */
  readonly roots: readonly string[];
  /** The device's symmetric key in base64; absent for a device with a client certificate. */
  readonly symmetricKey?: string | undefined;
  /** The device's certificate in PEM, followed by its intermediates. */
  readonly certificate?: string | undefined;
  /** The private key of `certificate` in PEM. */
  readonly key?: string | undefined;
  /** Addresses to use instead of what a server's name resolves to. */
  readonly connectTo?: readonly ConnectTo[] | undefined;
  /** For `outbox.log`. Default: `outbox` in the directory, 256 KiB. */
  readonly outboxFile?: string | undefined;
  /** An HTTP proxy to go through: `http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`. */
  readonly proxy?: string | undefined;
}

const OUTBOX_SECTORS = 64;

/**
 * A desktop computer as the core sees it.
 * @throws BerthError `invalid-argument` for a bad key or proxy, `store-failed` when the directory cannot be made.
 */
export function createNodeHost(options: NodeHostOptions): Host {
  const { roots, certificate, key, connectTo, symmetricKey } = options;
  const proxy = options.proxy === undefined ? undefined : parseProxy(options.proxy);
  // First, so that a wrong key leaves no directory behind.
  const signer = symmetricKey === undefined ? undefined : new NodeSigner(symmetricKey);
  const host: Host = {
    text,
    clock,
    timers,
    store: new FileStore(options.stateDirectory),
    transport: { io: NodeTransport, roots, certificate, key, connectTo, proxy },
    random,
    certificates: nodeCertificates(roots),
    log: () => new FileRegion(options.outboxFile ?? join(options.stateDirectory, "outbox"), OUTBOX_SECTORS),
  };
  return signer === undefined ? host : { ...host, signer };
}
