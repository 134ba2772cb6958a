// SPDX-License-Identifier: MIT
/**
 * What real servers send to the client of the fuzzers, whose randomness is always the same: played back to it, a flight
 * takes it as far as the server did.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import {
  type CertificateAndKey,
  createIntermediateCertificate,
  createRootCertificate,
  createServerCertificate,
} from "../../../emulator/certificates";

/** What tls_client_fuzz.c expects of all of them. */
const HOST = "hub.example";
const NOW = 1_790_000_000;
const PLAIN = "berth ";
/** `berth_tls_code`: the server refused; it closed when all was sent. */
const HANDSHAKE = 7;
const LOST = 8;
const DAY = 86_400_000;

export interface Flight {
  readonly name: string;
  /** An input of tls_client_fuzz. */
  readonly input: Uint8Array;
  /** What the server sent on its first connection. */
  readonly bytes: Uint8Array;
  /** On how many connections it opened. */
  readonly opens: number;
}

export interface Flights {
  /** DER. */
  readonly root: Uint8Array;
  readonly flights: readonly Flight[];
}

interface Play {
  readonly name: string;
  readonly server: CertificateAndKey;
  readonly options?: TlsOptions;
  /** Connections with one context; the second may resume. */
  readonly times?: 1 | 2;
  /** Bytes of plain text that the server sends. */
  readonly length?: number;
  /** "bad": the engine must refuse it, though the recorder goes on; "refuses": the server does. Else it opens. */
  readonly is?: "bad" | "refuses";
}

/** A line of tls_record. */
interface End {
  readonly code: number;
  readonly received?: number;
}

/**
 * @param program tls_record
 * @throws Error when a server does not come to what it is meant to show
 */
export async function recordFlights(program: string): Promise<Flights> {
  const notBefore = new Date(NOW * 1_000 - DAY);
  const root = await createRootCertificate({ commonName: "Berth Test Root", notBefore });
  const issuer = await createIntermediateCertificate({ commonName: "Berth Test Issuer", notBefore }, root);
  const leaf = { commonName: HOST, dnsNames: [HOST, "*.berth.example"], notBefore };
  const ecdsa = await createServerCertificate({ ...leaf, keyType: "ec-p256" }, root);
  const rsa = await createServerCertificate({ ...leaf, keyType: "rsa-2048" }, root);
  const below = await createServerCertificate(leaf, issuer);
  const chained = { ...below, certificatePem: below.certificatePem + issuer.certificatePem };
  const other = await createServerCertificate({ ...leaf, dnsNames: ["other.example"] }, root);
  const expired = await createServerCertificate(
    { ...leaf, notBefore: new Date(NOW * 1_000 - 9 * DAY), days: 3 },
    root,
  );
  const stranger = await createRootCertificate({ commonName: "Berth Other Root", notBefore });
  const untrusted = await createServerCertificate({ ...leaf, keyType: "ec-p256" }, stranger);
  const ecdsa256 = { ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", ecdhCurve: "P-384" };
  const plays: Play[] = [
    { name: "rsa-ticket-resumed", server: rsa, times: 2 },
    { name: "ecdsa", server: ecdsa },
    {
      name: "ecdsa-p384-asks-for-certificate",
      server: ecdsa,
      options: { ...ecdsa256, requestCert: true, rejectUnauthorized: false },
    },
    { name: "x25519-much-data", server: ecdsa, options: { ecdhCurve: "X25519" }, length: 3_000 },
    { name: "chain", server: chained },
    { name: "wrong-name", server: other, is: "bad" },
    { name: "expired", server: expired, is: "bad" },
    { name: "untrusted", server: untrusted, is: "bad" },
    { name: "no-common-suite", server: rsa, options: { ciphers: "ECDHE-RSA-AES256-SHA384" }, is: "refuses" },
    {
      name: "tls-1.3-only",
      server: rsa,
      options: { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
      is: "refuses",
    },
  ];
  const directory = mkdtempSync(join(tmpdir(), "berth-flights-"));
  try {
    const rootFile = join(directory, "root.der");
    const der = derOf(root.certificatePem);
    writeFileSync(rootFile, der);
    const flights: Flight[] = [];
    for (const play of plays) flights.push(await record(program, rootFile, play));
    return { root: der, flights };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs the client against one server, through a proxy that keeps what the server sends. */
async function record(program: string, rootFile: string, play: Play): Promise<Flight> {
  const { name, server, options, times = 1, length = 120, is } = play;
  const tls = createTlsServer(
    { cert: server.certificatePem, key: server.privateKeyPem, maxVersion: "TLSv1.2", ...options },
    (socket) => {
      socket.on("error", () => {});
      socket.end(PLAIN.repeat(length / PLAIN.length));
    },
  );
  tls.on("tlsClientError", () => {});
  const upstream = await listen(tls);
  const connections: Buffer[][] = [];
  const proxy = createServer((socket) => {
    const parts: Buffer[] = [];
    connections.push(parts);
    const server = connect(upstream, "127.0.0.1");
    for (const one of [socket, server]) one.on("error", () => {});
    socket.pipe(server).pipe(socket);
    server.on("data", (data) => parts.push(data));
  });
  const port = await listen(proxy);
  const lines = await run(program, [
    ...["--connect", `127.0.0.1:${port}`, "--host", HOST, "--root", rootFile, "--now", String(NOW)],
    ...["--times", String(times), "--bytes", String(length), "--send", "hello"],
  ]);
  for (const one of [tls, proxy]) one.close();
  const ends = lines.map((line) => JSON.parse(line) as End);
  const isMeant = ({ code, received }: End): boolean =>
    is === "refuses" ? code === HANDSHAKE : code === LOST && received === length;
  if (ends.length !== times || !ends.every(isMeant)) {
    throw new Error(`${name}: ${lines.join(", ")}; meant was another end, ${times} times`);
  }
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = connections.map((parts) =>
    Buffer.concat(parts),
  );
  const head = [0xff, first.length >> 8, first.length & 255];
  return {
    name,
    bytes: first,
    opens: is === undefined ? times : 0,
    input: Buffer.concat([Uint8Array.from(head), first, second]),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** The lines on standard output. */
function run(program: string, parameters: readonly string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      out += part;
    });
    child.on("error", reject);
    child.on("close", () => resolve(out.split("\n").filter((line) => line !== "")));
  });
}

function derOf(pem: string): Buffer {
  return Buffer.from(
    (/-----BEGIN[^-]+-----([^-]+)-----END/.exec(pem)?.[1] ?? "").replace(/\s/g, ""),
    "base64",
  );
}
