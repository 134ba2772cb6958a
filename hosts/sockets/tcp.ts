// SPDX-License-Identifier: MIT
/** TCP as ECMA-419 has it (section 10, with `format` "buffer"), as far as it is used. */

import type { TextCodec } from "../../src/host";

/** A TCP socket. */
export interface Tcp {
  /** Fills `target`, which must not be longer than what is readable. */
  read(target: Uint8Array): unknown;
  /** Returns the room left; on some platforms undefined after an error. */
  write(bytes: Uint8Array): unknown;
  close(): void;
}

/** Its options. */
export interface TcpOptions {
  /** IPv4, or IPv6 where the platform has it. */
  readonly address: string;
  readonly port: number;
  readonly nodelay: boolean;
  readonly onReadable: (count: number) => void;
  readonly onWritable: (room: number) => void;
  /** @param error why, of a tunnel */
  readonly onError: (error?: unknown) => void;
}

/** How far a connection has come: TCP, TLS, open. */
export const Phase = Object.freeze({ CONNECTING: 0, HANDSHAKE: 1, UP: 2 } as const);
export type Phase = (typeof Phase)[keyof typeof Phase];

export type TcpClass = new (options: TcpOptions) => Tcp;

/** A way through another computer, below TLS; see proxied-tcp.ts. */
export interface Tunnel {
  /** Where it begins: what is resolved and connected to. */
  readonly host: string;
  readonly port: number;
  /** @param target the server as that computer is to find it */
  open(
    TCP: { readonly io: TcpClass },
    target: { readonly host: string; readonly port: number },
    options: TcpOptions,
  ): Tcp;
}

/** What `httpProxy(...)` has made: a tunnel, once the platform is there. */
export type MakeTunnel = (text: TextCodec) => Tunnel;
