// SPDX-License-Identifier: MIT
/** The transport with TLS in C, in XS, against servers of node:tls and node:net. The hostile ones are in test/hostile. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket, TlsOptions } from "node:tls";
import { afterEach, beforeAll, expect } from "@jest/globals";
import { type CertificateAndKey, createDeviceCertificate } from "../../../emulator/certificates";
import { remade, weakKeys } from "../../helpers/hostile-certificates";
import { authority } from "../../helpers/hostile-pki";
import { parseConnectTo } from "../../../hosts/sockets/connect-to";
import { derOf, type NativeEnd, NativeProcess, withNative, withNativeEach } from "../../helpers/native";
import { issue, serverNameOf, startServer } from "../node/tls-server";

const NAME = "hub.example";
const CLEAN: NativeEnd = { status: 0, stderr: "" };
const cleanups: (() => unknown)[] = [];

let root: CertificateAndKey;
let otherRoot: CertificateAndKey;
let server: CertificateAndKey;

beforeAll(async () => {
  root = await issue({ subject: "Test Root" });
  otherRoot = await issue({ subject: "Other Root" });
  server = await issue({ subject: NAME, issuer: root, names: [NAME], addresses: ["127.0.0.1"] });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const identity = ({ certificatePem, privateKeyPem }: CertificateAndKey): TlsOptions => ({
  cert: certificatePem,
  key: privateKeyPem,
});

const echo = (socket: TLSSocket): void => {
  socket.on("data", (data) => socket.write(data));
};

async function serve(options: TlsOptions = {}, onConnection = echo) {
  const started = await startServer({ ...identity(server), ...options }, onConnection);
  cleanups.push(() => started.stop());
  return started;
}

/** A server of plain TCP. */
async function serveTcp(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const tcp: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => tcp.close(() => resolve()));
  });
  return (tcp.address() as AddressInfo).port;
}

function open(port: number, host: object = {}, name = NAME): NativeProcess {
  const connection = new NativeProcess({
    run: "connection",
    server: name,
    port,
    host: {
      stateDirectory: "/tmp",
      roots: [derOf(root.certificatePem)],
      connectTo: parseConnectTo(`:127.0.0.1:${port}`),
      ...host,
    },
  });
  cleanups.push(() => connection.stop());
  return connection;
}

/** Sets them for the programs of one test. */
function withVariables(variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  cleanups.push(() => {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
}

const received = (connection: NativeProcess): string =>
  connection
    .of("data")
    .map(({ text }) => text)
    .join("");

withNative("bytes go both ways; the name is sent; close_notify is the last word", async () => {
  const started = await serve();
  const connection = open(started.port);
  await connection.next("writable");
  connection.send("hello");
  await connection.until(() => received(connection) === "hello");
  const socket = await started.socket(0);
  expect(serverNameOf(socket)).toBe(NAME);
  // Node says `end` for close_notify only, an error for a connection that just ends.
  const ended = new Promise((resolve) => socket.once("end", () => resolve("close_notify")));
  expect(await connection.stop()).toEqual(CLEAN);
  expect(await ended).toBe("close_notify");
});

withNativeEach([1, 100, 1460, 100_000])("much data, where TCP takes %i bytes at a time", async (tcpRoom) => {
  const { port } = await serve();
  const connection = open(port, { tcpRoom });
  await connection.next("writable");
  const text = Array.from({ length: tcpRoom < 1000 ? 2_000 : 20_000 }, (_, i) => `${i},`).join("");
  connection.send(text);
  await connection.until(() => received(connection).length >= text.length);
  expect(received(connection)).toBe(text);
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("a server that takes P-384 only: over TLS 1.3 it asks for another ClientHello", async () => {
  // OpenSSL sends a ChangeCipherSpec behind its HelloRetryRequest (RFC 8446, appendix D.4).
  const { port } = await serve({ ecdhCurve: "P-384" });
  const connection = open(port);
  await connection.next("writable");
  connection.send("hello");
  await connection.until(() => received(connection) === "hello");
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("an IPv4 address as the server's name: no SNI, the certificate must carry it", async () => {
  const started = await serve();
  const connection = open(started.port, {}, "127.0.0.1");
  await connection.next("writable");
  expect(serverNameOf(await started.socket(0))).toBe(false);
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("what was received is read before the end is told", async () => {
  const { port } = await serve({}, (socket) => socket.end("last words ".repeat(2_000)));
  const connection = open(port);
  const failed = await connection.next("failed");
  expect(failed).toMatchObject({ code: "connection-lost" });
  expect(received(connection)).toBe("last words ".repeat(2_000));
  expect(await connection.stop()).toEqual(CLEAN);
});

const DAY = 86_400_000;

withNativeEach<[string, string, () => Promise<{ tls?: TlsOptions; host?: object; name?: string }>]>([
  ["another root", "tls-untrusted", async () => ({ host: { roots: [derOf(otherRoot.certificatePem)] } })],
  [
    "self-signed",
    "tls-untrusted",
    async () => ({ tls: identity(await createDeviceCertificate({ commonName: NAME, keyType: "ec-p256" })) }),
  ],
  ["another name", "tls-name-mismatch", async () => ({ name: "other.example" })],
  [
    "an address that the certificate does not carry",
    "tls-name-mismatch",
    async () => ({ name: "127.0.0.2" }),
  ],
  [
    "expired",
    "tls-expired",
    async () => ({
      tls: identity(await issue({ subject: NAME, issuer: root, names: [NAME], from: -20, to: -2 })),
    }),
  ],
  ["a clock that is a year ahead", "tls-expired", async () => ({ host: { clockOffset: 365 * DAY } })],
  ["a clock that is a month behind", "tls-expired", async () => ({ host: { clockOffset: -30 * DAY } })],
  ["TLS 1.1 at most", "tls-failed", async () => ({ tls: { minVersion: "TLSv1", maxVersion: "TLSv1.1" } })],
  [
    "CBC suites only",
    "tls-failed",
    async () => ({ tls: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0" } }),
  ],
  [
    "static RSA only",
    "tls-failed",
    async () => ({ tls: { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" } }),
  ],
])("refused: %s", async (_what, code, make) => {
  const { tls = {}, host = {}, name = NAME } = await make();
  const { port, sockets } = await serve(tls);
  const connection = open(port, host, name);
  // Tried all the same: not a byte of it may leave.
  connection.send("secret");
  expect(await connection.next("failed")).toMatchObject({ code });
  expect(connection.of("writable")).toEqual([]);
  expect(sockets.flatMap((socket) => socket.bytesRead)).toEqual([]);
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("a server that wants a certificate, and gets none", async () => {
  const { port } = await serve({ requestCert: true, rejectUnauthorized: true, ca: root.certificatePem });
  const connection = open(port);
  expect(await connection.next("failed")).toMatchObject({
    code: expect.stringMatching(/^tls-(client-certificate|failed)$/),
  });
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("a server that does not trust the client's certificate", async () => {
  const stranger = await issue({ subject: "device", issuer: otherRoot });
  const { port } = await serve({
    requestCert: true,
    rejectUnauthorized: true,
    ca: root.certificatePem,
    maxVersion: "TLSv1.2",
  });
  const connection = open(port, {
    certificate: [derOf(stranger.certificatePem)],
    key: derOf(stranger.privateKeyPem),
  });
  const { code } = await connection.next("failed");
  // Node ends the connection with an alert only where OpenSSL itself refuses.
  expect(["tls-client-certificate", "connection-lost", "tls-failed"]).toContain(code);
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("certificate and key that do not belong together", async () => {
  const device = await issue({ subject: "device", issuer: root });
  const connection = open(1, {
    certificate: [derOf(device.certificatePem)],
    key: derOf(server.privateKeyPem),
  });
  expect(await connection.next("failed")).toMatchObject({
    code: "invalid-argument",
    message: expect.stringContaining("not the one of the client certificate"),
  });
  expect(await connection.stop()).toEqual(CLEAN);
});

withNativeEach(["maximumFragment", "sessions"])(
  "%s that throws leaves no copy of the key behind",
  async (name) => {
    const device = await issue({ subject: "device", issuer: root });
    // No number can be made of it. A copy left behind is a leak, which the sanitizer tells at the end.
    const connection = open(1, {
      certificate: [derOf(device.certificatePem)],
      key: derOf(device.privateKeyPem),
      [name]: { valueOf: 0, toString: 0 },
    });
    expect(await connection.next("failed")).toMatchObject({ code: "invalid-argument" });
    expect(await connection.stop()).toEqual(CLEAN);
  },
);

withNative("close_notify in clear is no handshake", async () => {
  const port = await serveTcp((socket) => {
    socket.once("data", () => socket.write(Buffer.of(21, 3, 3, 0, 2, 1, 0)));
  });
  const connection = open(port);
  connection.send("secret");
  expect(await connection.next("failed")).toMatchObject({ code: "tls-failed" });
  expect(connection.of("writable")).toEqual([]);
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("a handshake that arrives byte by byte, and one that ends half-way", async () => {
  const { port: target } = await serve({ maxVersion: "TLSv1.2" });
  let limit = Number.POSITIVE_INFINITY;
  const port = await serveTcp((socket) => {
    const upstream = connect(target, "127.0.0.1");
    upstream.on("error", () => undefined);
    socket.pipe(upstream);
    let sent = 0;
    upstream.on("data", async (data) => {
      upstream.pause();
      for (const byte of data) {
        if (sent++ >= limit) socket.end();
        else if (!socket.write(Buffer.of(byte)))
          await new Promise((resolve) => socket.once("drain", resolve));
        if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      upstream.resume();
    });
    socket.on("close", () => upstream.destroy());
  });
  const whole = open(port);
  await whole.next("writable");
  expect(await whole.stop()).toEqual(CLEAN);
  limit = 500;
  const half = open(port);
  expect(await half.next("failed")).toMatchObject({ code: "tls-failed" });
  expect(await half.stop()).toEqual(CLEAN);
});

withNative(
  "the second connection resumes the session; a server that forgot it gets a full handshake",
  async () => {
    const first = await serve({ maxVersion: "TLSv1.2" });
    const connection = open(first.port);
    await connection.next("writable");
    connection.tell({ command: "start" });
    await connection.next("writable", 1);
    // The same address and name, other keys for tickets.
    await first.stop();
    connection.tell({ command: "stop" });
    const again = await startServer({ ...identity(server), maxVersion: "TLSv1.2" }, echo, first.port);
    cleanups.push(() => again.stop());
    connection.tell({ command: "start" });
    await connection.next("writable", 2);
    expect(await connection.stop()).toEqual(CLEAN);
    expect(connection.of("secure").map(({ resumed }) => resumed)).toEqual([false, true, false]);
  },
);

withNative("no session is kept where none is wanted", async () => {
  const { port } = await serve();
  const connection = open(port, { sessions: 0 });
  await connection.next("writable");
  connection.tell({ command: "start" });
  await connection.next("writable", 1);
  expect(await connection.stop()).toEqual(CLEAN);
  expect(connection.of("secure").map(({ resumed }) => resumed)).toEqual([false, false]);
});

withNative("nobody listens", async () => {
  const port = await serveTcp(() => undefined);
  await cleanups.pop()?.();
  const connection = open(port);
  expect(await connection.next("failed")).toMatchObject({ code: "connect-failed" });
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative("closed in the middle of the handshake, with the process", async () => {
  const port = await serveTcp((socket) => {
    socket.once("data", () => socket.write(Buffer.of(22, 3, 3)));
  });
  const connection = open(port);
  await new Promise((resolve) => setTimeout(resolve, 100));
  connection.tell({ command: "stop" });
  await connection.next("stopped");
  expect(await connection.stop()).toEqual(CLEAN);
  expect(connection.of("failed")).toEqual([]);
});

withNative("lack of memory has a code of its own, says for what, and may pass", async () => {
  withVariables({ ASAN_OPTIONS: "allocator_may_return_null=1:max_allocation_size_mb=10" });
  const { port } = await serve();
  const connection = open(port, { inputSize: 15_000_000 });
  expect(await connection.next("failed")).toMatchObject({
    code: "out-of-memory",
    message: expect.stringContaining("15000000 bytes asked for"),
  });
  connection.tell({ command: "start" });
  expect(await connection.next("failed", 1)).toMatchObject({ code: "out-of-memory" });
  expect(await connection.stop()).toMatchObject({ status: 0 });
});

withNative("a root that mbedTLS cannot read is refused before anything is sent", async () => {
  const { port } = await serve();
  const keys = weakKeys("DSA");
  const issued = remade(await authority("Weak Root"), keys.privateKey, keys);
  const connection = open(port, { roots: [issued.der.toString("base64")] });
  expect(await connection.next("failed")).toMatchObject({
    code: "invalid-argument",
    message: expect.stringContaining("a root certificate cannot be read"),
  });
  expect(await connection.stop()).toEqual(CLEAN);
});

withNative(
  "a name that is looked up for ever holds nobody: the program does as it is told, and ends",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "berth-test-"));
    cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
    const library = join(directory, "silent.so");
    // In place of the C library's: name servers that do not answer.
    const source = "#include <unistd.h>\nint getaddrinfo(void); int getaddrinfo(void) { for (;;) pause(); }";
    execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-", "-o", library], { input: source });
    withVariables({ LD_PRELOAD: library, ASAN_OPTIONS: "verify_asan_link_order=0" });
    const connection = open(8883, { connectTo: undefined });
    connection.tell({ command: "stop" });
    await connection.next("stopped");
    expect(connection.of("failed")).toEqual([]);
    connection.tell({ command: "start" });
    connection.tell({ command: "exit" });
    expect(await connection.end).toEqual(CLEAN);
  },
);

withNative("a name that there is and one that there is not", async () => {
  const { port } = await serve();
  const connection = open(port, { connectTo: undefined }, "localhost");
  expect(await connection.next("failed")).toMatchObject({ code: "tls-name-mismatch" });
  expect(await connection.stop()).toEqual(CLEAN);
  const missing = open(port, { connectTo: undefined }, "no-such-host.invalid");
  expect(await missing.next("failed")).toMatchObject({ code: "dns-failed" });
  expect(await missing.stop()).toEqual(CLEAN);
});
