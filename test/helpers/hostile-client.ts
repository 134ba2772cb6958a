// SPDX-License-Identifier: MIT
/** A client under test, and the first of them: NodeTransport. */
import { NodeTransport } from "../../hosts/node/transport";
import { BerthError, type ErrorCode } from "../../src/error";

/** What a client is to connect to, and what to send once it believes itself safe. */
export interface HostileTarget {
  /** The name that the server must prove. */
  readonly host: string;
  /** Where the server really is. */
  readonly address: string;
  readonly port: number;
  /** Trusted roots in PEM. */
  readonly roots: readonly string[];
  /** Written whole at the first `onWritable`, as a session writes CONNECT. */
  readonly payload: Uint8Array;
  /** After so many bytes the client closes. */
  readonly answerLength: number;
}

/** How it ended. */
export interface HostileOutcome {
  /** Did the client say that the connection is up? */
  readonly established: boolean;
  /** Code of the BerthError; undefined when there was no error until the answer was there. */
  readonly code: string | undefined;
  /** Message of that error. */
  readonly message: string;
  /** What was received, or how many bytes where the client tells no more. */
  readonly received: Buffer | number;
}

/** What must come of a case. */
export type Verdict =
  /** The handshake ends well, and data goes both ways. */
  | { readonly kind: "works" }
  /** The handshake fails, and the client never says that it is up. */
  | { readonly kind: "refused"; readonly code: ErrorCode }
  /** The handshake ends well; the connection fails afterwards. */
  | { readonly kind: "broken"; readonly code: ErrorCode };

/** What a client does instead, and why that is acceptable. */
export interface HostileException {
  readonly verdict: Verdict;
  readonly why: string;
}

/** One TLS that ships. */
export interface HostileClient {
  readonly name: string;
  readonly offersTls13: boolean;
  /**
   * Cases in which this TLS does otherwise than the table says, by their names. They are asserted as well, so that an
   * entry that is no longer true fails.
   */
  readonly exceptions: Readonly<Record<string, HostileException>>;
  /** Connects, writes, reads, closes. Resolves in every case, when the client has let go of the connection. */
  open(target: HostileTarget): Promise<HostileOutcome>;
}

export const nodeClient: HostileClient = {
  name: "NodeTransport",
  offersTls13: true,
  exceptions: {},
  open: (target) =>
    new Promise((resolve) => {
      let established = false;
      let received = Buffer.alloc(0);
      const end = (code: string | undefined, message: string) => {
        transport.close();
        resolve({ established, code, message, received });
      };
      const transport = new NodeTransport({
        host: target.host,
        port: target.port,
        roots: target.roots,
        connectTo: [{ host: "", port: undefined, address: target.address, toPort: undefined }],
        onWritable: () => {
          if (established) return;
          established = true;
          transport.write(target.payload);
        },
        onReadable: (count) => {
          const part = Buffer.alloc(count);
          received = Buffer.concat([received, part.subarray(0, transport.read(part))]);
          if (received.length >= target.answerLength) end(undefined, "");
        },
        onError: (error) => {
          if (error instanceof BerthError) end(error.code, error.message);
          else end("no BerthError", String(error));
        },
      });
    }),
};
