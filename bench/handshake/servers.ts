// SPDX-License-Identifier: MIT
/** TLS 1.2 servers of Node.js: one with RSA-2048 certificates, one with EC P-256. Sessions are resumed by their number. */
import { constants, X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import {
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
  type KeyType,
} from "../../emulator/certificates";

export interface TlsServer {
  /** Each its own: clients remember sessions by it. */
  readonly name: string;
  readonly port: number;
  /** DER. */
  readonly root: Uint8Array;
  /** How many handshakes were full, and how many resumed a session. */
  readonly seen: { full: number; resumed: number };
  /** Of the last handshake. */
  readonly suite: () => string;
  stop(): void;
}

/** Forward secrecy, AES-GCM. */
const CIPHERS = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256";

export async function startServer(keyType: KeyType): Promise<TlsServer> {
  const name = `${keyType}.bench.example`;
  const root = await createRootCertificate({ commonName: `Bench root ${keyType}`, keyType });
  const intermediate = await createIntermediateCertificate(
    { commonName: `Bench intermediate ${keyType}`, keyType },
    root,
  );
  const leaf = await createServerCertificate({ commonName: name, dnsNames: [name], keyType }, intermediate);
  const seen = { full: 0, resumed: 0 };
  let suite = "";
  const sessions = new Map<string, Buffer>();
  const server: Server = createServer({
    cert: leaf.certificatePem + intermediate.certificatePem,
    key: leaf.privateKeyPem,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    ciphers: CIPHERS,
    ecdhCurve: "prime256v1",
    // A server without tickets remembers more, and sends less.
    secureOptions: constants.SSL_OP_NO_TICKET,
  });
  server.on("newSession", (id: Buffer, session: Buffer, done: () => void) => {
    sessions.set(id.toString("hex"), session);
    done();
  });
  server.on("resumeSession", (id: Buffer, done: (error: Error | null, session: Buffer | null) => void) => {
    done(null, sessions.get(id.toString("hex")) ?? null);
  });
  server.on("secureConnection", (socket: TLSSocket) => {
    seen[socket.isSessionReused() ? "resumed" : "full"] += 1;
    suite = socket.getCipher().standardName;
    socket.on("error", () => {});
    socket.resume();
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    name,
    port: (server.address() as AddressInfo).port,
    root: new X509Certificate(root.certificatePem).raw,
    seen,
    suite: () => suite,
    stop: () => {
      server.close();
    },
  };
}
