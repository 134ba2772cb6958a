// SPDX-License-Identifier: MIT
/** The ways by which a connection can leave the device; src/transports.ts has them. Types only. */
import type { ErrorCode } from "../error";
import type { Host, TransportBinding } from "../host";
import type { Identity } from "./identity";

/** How one connection leaves. */
export interface Way {
  /** For people, and for the next start. */
  readonly name: string;
  readonly transport: TransportBinding;
  /** Undefined: that of the options. */
  readonly port: number | undefined;
  /** Milliseconds, where it is not to have as long as others. */
  readonly connectTimeout?: number;
}

/** Chooses, and learns from what becomes of it. Nothing of it throws. */
export interface Ways {
  /** That of the next connection. @param host whose transport carries it @param identity that it shows */
  next(host: Host, identity: Identity): Way;
  /** The server has answered, by whatever. May be told again. */
  worked(): void;
  /** The connection has ended, and the server had not answered. */
  failed(code: ErrorCode): void;
}

/** Called once for each agent. */
export type MakeWays = (host: Host) => Ways;
