// SPDX-License-Identifier: MIT
/** Certificates and TLS servers on 127.0.0.1 for the tests of the transport. */
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import {
  type CertificateAndKey,
  createDeviceCertificate,
  createRootCertificate,
  createServerCertificate,
} from "../../../emulator/certificates";

const DAY = 24 * 3600 * 1000;

export interface IssueOptions {
  readonly subject: string;
  readonly issuer?: CertificateAndKey;
  /** Names and addresses of a server; a device's certificate without. */
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
}

/** A root without `issuer`, else a server's or device's certificate. */
export async function issue(options: IssueOptions): Promise<CertificateAndKey> {
  const { subject, issuer, names, addresses = [], from = -1, to = 30 } = options;
  const common = {
    commonName: subject,
    keyType: "ec-p256" as const,
    notBefore: new Date(Date.now() + from * DAY),
    days: to - from,
  };
  if (issuer === undefined) return createRootCertificate(common);
  if (names === undefined) return createDeviceCertificate(common, issuer);
  return createServerCertificate({ ...common, dnsNames: names, ipAddresses: addresses }, issuer);
}

export interface TestServer {
  readonly port: number;
  readonly sockets: TLSSocket[];
  /** The connection number `index`, waited for: TLS 1.3 is up at the client before it is at the server. */
  socket(index: number): Promise<TLSSocket>;
  stop(): Promise<void>;
}

/** A TLS server on `port`, or a free one, that hands each connection to `onConnection`. */
export async function startServer(
  options: TlsOptions,
  onConnection: (socket: TLSSocket) => void = () => undefined,
  port = 0,
): Promise<TestServer> {
  const sockets: TLSSocket[] = [];
  const waiting: (() => void)[] = [];
  const server: Server = createServer(options, (socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
    for (const wake of waiting.splice(0)) wake();
  });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    socket: async (index) => {
      while (sockets[index] === undefined) await new Promise<void>((resolve) => waiting.push(resolve));
      return sockets[index];
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The name that the client of `socket` sent as SNI; false where there was none. */
export function serverNameOf(socket: TLSSocket): string | false | undefined {
  return (socket as TLSSocket & { servername?: string | false }).servername;
}
