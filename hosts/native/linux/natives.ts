// SPDX-License-Identifier: MIT
/** What the C of this folder offers to script, beside TLS and HMAC: the platform. See install.c. */
import type { EcNatives, EfuseHmacClass, FillRandom, HmacClass, TlsNatives } from "../natives";

export interface NativeTcp {
  /** Fills `target` from its start; returns how many bytes. */
  read(target: Uint8Array): number;
  /** Returns the room left. @throws when `bytes` do not fit */
  write(bytes: Uint8Array): number;
  close(): void;
}

export interface LinuxNatives extends TlsNatives, EcNatives {
  readonly Hmac: HmacClass;
  readonly EfuseHmac: EfuseHmacClass;
  /** @param room bytes that wait to be sent at most */
  readonly Tcp: new (
    address: string,
    port: number,
    room: number,
    onReadable: (count: number) => void,
    onWritable: (room: number) => void,
    onError: () => void,
  ) => NativeTcp;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds, never going back. */
  ticks(): number;
  readonly fillRandom: FillRandom;
  /** Calls `callback` once at that tick; a negative one cancels. There is one alarm. */
  alarm(callback: () => void, at: number): void;
  /** Lines and paths are UTF-8: a string of XS would reach C with surrogates in it. */
  print(line: Uint8Array): void;
  /** Calls `callback` with what comes on standard input; with no bytes at its end. */
  input(callback: (bytes: ArrayBuffer) => void): void;
  /** Ends the program after the callback in hand. */
  exit(status: number): void;
  /** Looks a name up and calls `callback` later with its addresses as text, blanks between; with no bytes where there are none. */
  resolve(name: string, callback: (address: ArrayBuffer) => void): void;
  /** For its owner only, with those above it. @throws Error */
  makeDirectory(path: Uint8Array): void;
  readFile(path: Uint8Array): ArrayBuffer | undefined;
  /** Durable on return. */
  writeFile(path: Uint8Array, bytes: Uint8Array): void;
  removeFile(path: Uint8Array): void;
  /** 0 for one that is not there. */
  fileSize(path: Uint8Array): number;
  /** @throws Error where there are fewer bytes */
  readFileAt(path: Uint8Array, at: number, target: Uint8Array): void;
  /** Durable on return; makes the file when it is missing. */
  writeFileAt(path: Uint8Array, at: number, bytes: Uint8Array): void;
}

/** Defined by the program before it runs the script. */
export const natives = (globalThis as unknown as { readonly berthNatives: LinuxNatives }).berthNatives;
