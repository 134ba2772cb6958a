// SPDX-License-Identifier: MIT

import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { CertificateAndKey } from "../../../emulator/certificates";
import { parseConnectTo } from "../../../hosts/sockets/connect-to";
import { NodeTransport, type NodeTransportOptions } from "../../../hosts/node/transport";
import { BerthError } from "../../../src/error";
import { openTransport, type Transport } from "../../../src/host";
import { issue, serverNameOf, startServer, type TestServer } from "./tls-server";

let root: CertificateAndKey;
let otherRoot: CertificateAndKey;
let server: CertificateAndKey;
let device: CertificateAndKey;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  root = await issue({ subject: "Test Root" });
  otherRoot = await issue({ subject: "Other Root" });
  server = await issue({
    subject: "hub.example",
    issuer: root,
    names: ["hub.example"],
    addresses: ["127.0.0.1"],
  });
  device = await issue({ subject: "device-1", issuer: root });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const environment = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
afterAll(() => {
  if (environment === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  else process.env.NODE_TLS_REJECT_UNAUTHORIZED = environment;
});

/** A client whose callbacks can be waited for. */
class Client {
  readonly transport: Transport;
  readonly events: string[] = [];
  error: unknown;
  room = 0;
  #waiting: (() => void)[] = [];

  constructor(port: number, more: Partial<NodeTransportOptions> = {}) {
    const binding = {
      io: NodeTransport,
      roots: [root.certificatePem],
      connectTo: parseConnectTo(`:127.0.0.1:`),
      ...more,
    };
    this.transport = openTransport(binding, {
      host: "hub.example",
      port,
      onReadable: (count) => this.#tell(`readable ${count}`),
      onWritable: (room) => {
        this.room = room;
        this.#tell("writable");
      },
      onError: (error) => {
        this.error = error;
        this.#tell("error");
      },
      ...more,
    });
    cleanups.push(() => this.transport.close());
  }

  #tell(event: string): void {
    this.events.push(event);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async up(): Promise<this> {
    await this.until(() => this.events.includes("writable") || this.error !== undefined);
    expect(this.error).toBeUndefined();
    return this;
  }

  async failure(): Promise<BerthError> {
    await this.until(() => this.error !== undefined);
    expect(this.error).toBeInstanceOf(BerthError);
    return this.error as BerthError;
  }
}

async function serve(...parameters: Parameters<typeof startServer>): Promise<TestServer> {
  const started = await startServer(...parameters);
  cleanups.push(() => started.stop());
  return started;
}

const identity = (issued: CertificateAndKey): TlsOptions => ({
  cert: issued.certificatePem,
  key: issued.privateKeyPem,
});

async function plainServer(onConnection: (socket: Socket) => void): Promise<number> {
  const plain: Server = createServer((socket) => {
    socket.on("error", () => undefined);
    cleanups.push(() => socket.destroy());
    onConnection(socket);
  });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => plain.close(resolve)));
  return (plain.address() as AddressInfo).port;
}

test("bytes go both ways, unchanged and in order, and the caller's buffer is free after write", async () => {
  const echo = await serve(identity(server), (socket) => socket.pipe(socket));
  const client = await new Client(echo.port).up();
  const buffer = new Uint8Array(1000);
  const sent: number[] = [];
  for (let round = 0; round < 50; round++) {
    for (let index = 0; index < buffer.length; index++) buffer[index] = (round * 7 + index) & 0xff;
    sent.push(...buffer);
    expect(client.transport.write(buffer)).toBeGreaterThan(0);
  }
  buffer.fill(0);
  const received: number[] = [];
  const part = new Uint8Array(777);
  while (received.length < sent.length) {
    const count = client.transport.read(part);
    if (count > 0) received.push(...part.subarray(0, count));
    else {
      const seen = client.events.length;
      await client.until(() => client.events.length > seen);
    }
  }
  expect(received).toEqual(sent);
  expect(client.transport.read(part)).toBe(0);
});

test("a part of the bytes goes by its offsets", async () => {
  const echo = await serve(identity(server), (socket) => socket.pipe(socket));
  const client = await new Client(echo.port).up();
  client.transport.write(Uint8Array.of(1, 2, 3, 4, 5), 1, 3);
  client.transport.write(Uint8Array.of(6, 7, 8), 2);
  const received: number[] = [];
  const part = new Uint8Array(10);
  while (received.length < 3) {
    received.push(...part.subarray(0, client.transport.read(part)));
    const seen = client.events.length;
    if (received.length < 3) await client.until(() => client.events.length > seen);
  }
  expect(received).toEqual([2, 3, 8]);
  expect(() => client.transport.write(new Uint8Array(400 * 1024), 0, 330 * 1024)).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
});

test("the server's name is sent as SNI while connectTo changes only the address", async () => {
  const started = await serve(identity(server));
  await new Client(started.port).up();
  const moved = new Client(4444, { connectTo: parseConnectTo(`HUB.example:127.0.0.1:${started.port}`) });
  await moved.up();
  expect(serverNameOf(await started.socket(0))).toBe("hub.example");
  expect(serverNameOf(await started.socket(1))).toBe("hub.example");
});

test("an address as host is verified as an address and sends no SNI", async () => {
  const started = await serve(identity(server));
  await new Client(started.port, { host: "127.0.0.1" }).up();
  expect(serverNameOf(await started.socket(0))).toBe(false);
  const wrong = new Client(started.port, { host: "127.0.0.2", connectTo: parseConnectTo(":127.0.0.1:") });
  expect((await wrong.failure()).code).toBe("tls-name-mismatch");
});

test("no callback comes from inside the constructor or a method", async () => {
  const echo = await serve(identity(server), (socket) => socket.pipe(socket));
  const client = new Client(echo.port);
  expect(client.events).toEqual([]);
  await client.up();
  const before = client.events.length;
  client.transport.write(new Uint8Array(100));
  client.transport.read(new Uint8Array(10));
  expect(client.events).toHaveLength(before);
});

test("a reader that does not read stops the sender, and loses nothing", async () => {
  const total = 8 * 1024 * 1024;
  const started = await serve(identity(server), (socket) => {
    socket.end(Buffer.alloc(total, "abcdefg"));
  });
  const client = await new Client(started.port).up();
  await client.until(() => client.events.some((event) => event.startsWith("readable")));
  // The sender is stuck: what it has not handed to the kernel stays with it while the client does not read.
  let pending = -1;
  while (started.sockets[0] !== undefined && pending !== started.sockets[0].writableLength) {
    pending = started.sockets[0].writableLength;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(pending).toBeGreaterThan(0);
  const buffer = new Uint8Array(100_000);
  let received = 0;
  while (client.error === undefined || received < total) {
    const count = client.transport.read(buffer);
    for (let index = 0; index < count; index++) {
      if (buffer[index] !== 97 + ((received + index) % 7))
        throw new Error(`byte ${received + index} is wrong`);
    }
    received += count;
    if (count === 0) {
      const seen = client.events.length;
      await client.until(() => client.events.length > seen);
    }
  }
  expect(received).toBe(total);
  expect((await client.failure()).code).toBe("connection-lost");
});

test("the room goes down while the server does not read, and comes back", async () => {
  const started = await serve(identity(server), (socket) => socket.pause());
  const client = await new Client(started.port).up();
  const socket = await started.socket(0);
  const full = client.room;
  let room = full;
  const chunk = new Uint8Array(64 * 1024);
  // The kernel's buffers take some first.
  for (let sent = 0; room >= chunk.length; sent += chunk.length) {
    room = client.transport.write(chunk);
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  }
  expect(() => client.transport.write(chunk)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  socket.resume();
  await client.until(() => client.room === full && client.events.length > 1);
  expect(client.transport.write(chunk)).toBeGreaterThan(0);
});

test("what was received before the end is delivered before the error", async () => {
  const started = await serve(identity(server), (socket) => socket.end("last words"));
  const client = await new Client(started.port).up();
  await client.until(() => client.events.includes("readable 10"));
  const target = new Uint8Array(4);
  expect(client.transport.read(target)).toBe(4);
  expect(client.transport.read(target)).toBe(4);
  expect(client.error).toBeUndefined();
  expect(client.transport.read(target)).toBe(2);
  expect(client.error).toBeUndefined();
  const error = await client.failure();
  expect(error.code).toBe("connection-lost");
  expect(error.message).toContain("the server closed the connection");
  expect(client.events.filter((event) => event === "error")).toHaveLength(1);
});

test("close is idempotent, silent, and everything after it throws `closed`", async () => {
  const started = await serve(identity(server), (socket) => socket.write("unread"));
  const client = await new Client(started.port).up();
  client.transport.close();
  client.transport.close();
  const seen = client.events.length;
  expect(() => client.transport.read(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "closed" }));
  expect(() => client.transport.write(new Uint8Array(1))).toThrow(
    expect.objectContaining({ code: "closed" }),
  );
  const socket = await started.socket(0);
  await new Promise<void>((resolve) => socket.on("close", () => resolve()).resume());
  expect(client.events).toHaveLength(seen);
});

test("close before the connection is up stays silent", async () => {
  const started = await serve(identity(server));
  const client = new Client(started.port);
  client.transport.close();
  await new Client(started.port).up();
  expect(client.events).toEqual([]);
});

test("what was written before close still arrives", async () => {
  let arrived = "";
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  const started = await serve(identity(server), (socket) => {
    socket.on("data", (chunk) => {
      arrived += chunk.toString();
    });
    socket.on("end", ended);
  });
  const client = await new Client(started.port).up();
  client.transport.write(Buffer.from("DISCONNECT"));
  client.transport.close();
  await end;
  expect(arrived).toBe("DISCONNECT");
});

test("write before the connection is up is refused", async () => {
  const started = await serve(identity(server));
  const client = new Client(started.port);
  expect(() => client.transport.write(new Uint8Array(1))).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
});

test.each<[string, () => Promise<CertificateAndKey>, string]>([
  [
    "another root",
    () => issue({ subject: "hub.example", issuer: otherRoot, names: ["hub.example"] }),
    "tls-untrusted",
  ],
  ["a certificate signed by itself", () => issue({ subject: "hub.example" }), "tls-untrusted"],
  [
    "an expired certificate",
    () => issue({ subject: "hub.example", issuer: root, names: ["hub.example"], from: -10, to: -1 }),
    "tls-expired",
  ],
  [
    "a certificate of tomorrow",
    () => issue({ subject: "hub.example", issuer: root, names: ["hub.example"], from: 1 }),
    "tls-expired",
  ],
  [
    "another name",
    () => issue({ subject: "x", issuer: root, names: ["other.example"] }),
    "tls-name-mismatch",
  ],
  [
    "the name as common name only",
    () => issue({ subject: "x", issuer: root, names: ["hub.example.org"] }),
    "tls-name-mismatch",
  ],
  [
    "an issuer that is no authority",
    async () => issue({ subject: "hub.example", issuer: device, names: ["hub.example"] }),
    "tls-untrusted",
  ],
])("a server with %s is refused", async (_what, make, code) => {
  const issued = await make();
  const started = await serve({
    cert: issued.certificatePem + device.certificatePem,
    key: issued.privateKeyPem,
  });
  const client = new Client(started.port);
  expect((await client.failure()).code).toBe(code);
  expect(client.events).toEqual(["error"]);
});

test("an expired root is `tls-expired`", async () => {
  const old = await issue({ subject: "Old Root", from: -100, to: -1 });
  const issued = await issue({ subject: "hub.example", issuer: old, names: ["hub.example"] });
  const started = await serve(identity(issued));
  expect((await new Client(started.port, { roots: [old.certificatePem] }).failure()).code).toBe(
    "tls-expired",
  );
});

test("verification stays on whatever the environment says", async () => {
  const issued = await issue({ subject: "hub.example", issuer: otherRoot, names: ["hub.example"] });
  const started = await serve(identity(issued));
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  try {
    expect((await new Client(started.port).failure()).code).toBe("tls-untrusted");
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
});

test("a server that speaks nothing newer than TLS 1.1 is refused", async () => {
  const started = await serve({
    ...identity(server),
    minVersion: "TLSv1",
    maxVersion: "TLSv1.1",
    ciphers: "DEFAULT@SECLEVEL=0",
  });
  expect((await new Client(started.port).failure()).code).toBe("tls-failed");
});

test.each(["TLSv1.2", "TLSv1.3"] as const)(
  "%s works, with and without a client certificate",
  async (version) => {
    const names: (string | undefined)[] = [];
    const started = await serve(
      {
        ...identity(server),
        requestCert: true,
        rejectUnauthorized: false,
        ca: root.certificatePem,
        minVersion: version,
        maxVersion: version,
      },
      (socket) => {
        const certificate = socket.getPeerCertificate();
        names.push(certificate?.subject?.CN as string | undefined);
        socket.write(String(socket.authorized));
      },
    );
    const client = await new Client(started.port, {
      certificate: device.certificatePem,
      key: device.privateKeyPem,
    }).up();
    await client.until(() => client.events.includes("readable 4"));
    await new Client(started.port).up();
    await started.socket(1);
    expect(names).toEqual(["device-1", undefined]);
  },
);

test("a server's alert about the missing client certificate is `tls-client-certificate`, though TLS 1.3 was up", async () => {
  const started = await serve({
    ...identity(server),
    requestCert: true,
    ca: root.certificatePem,
    minVersion: "TLSv1.3",
  });
  expect((await new Client(started.port).failure()).code).toBe("tls-client-certificate");
});

test("a server that hangs up on a client certificate without a word gives a hint", async () => {
  const started = await serve({
    ...identity(server),
    requestCert: true,
    ca: otherRoot.certificatePem,
    minVersion: "TLSv1.3",
  });
  const error = await new Client(started.port, {
    certificate: device.certificatePem,
    key: device.privateKeyPem,
  }).failure();
  expect(error.code).toBe("connection-lost");
  expect(error.message).toContain("may have refused the certificate");
});

test("a reset after the handshake is `connection-lost`", async () => {
  const started = await serve(identity(server));
  const relayed: Socket[] = [];
  const port = await plainServer((socket) => {
    relayed.push(socket);
    const onward = connect(started.port, "127.0.0.1").on("error", () => undefined);
    cleanups.push(() => onward.destroy());
    socket.pipe(onward).pipe(socket);
  });
  const client = await new Client(port).up();
  relayed[0]?.resetAndDestroy();
  expect((await client.failure()).code).toBe("connection-lost");
});

test("a server that closes in the handshake is `tls-failed`", async () => {
  const port = await plainServer((socket) => socket.once("data", () => socket.destroy()));
  expect((await new Client(port).failure()).code).toBe("tls-failed");
});

test("a server without TLS is `tls-failed`", async () => {
  const port = await plainServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  expect((await new Client(port).failure()).code).toBe("tls-failed");
});

test("nothing listening is `connect-failed`, an unknown name `dns-failed`", async () => {
  const started = await startServer(identity(server));
  await started.stop();
  expect((await new Client(started.port).failure()).code).toBe("connect-failed");
  // RFC 6761 keeps .invalid free of names.
  expect((await new Client(8883, { host: "berth.invalid", connectTo: [] }).failure()).code).toBe(
    "dns-failed",
  );
});

test.each<[string, () => Partial<NodeTransportOptions>]>([
  ["an empty host", () => ({ host: "" })],
  ["port 0", () => ({ port: 0 })],
  ["a fraction as port", () => ({ port: 88.3 })],
  ["no roots", () => ({ roots: [] })],
  ["a root that is no PEM", () => ({ roots: ["nonsense"] })],
  ["a certificate without key", () => ({ certificate: device.certificatePem })],
  ["a key without certificate", () => ({ key: device.privateKeyPem })],
  [
    "the key of another certificate",
    () => ({ certificate: device.certificatePem, key: server.privateKeyPem }),
  ],
])("%s is refused before anything is opened", (_what, more) => {
  expect(() => new Client(8883, more())).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});

test("frozen options are taken", async () => {
  const started = await serve(identity(server));
  await new Client(started.port, Object.freeze({ roots: Object.freeze([root.certificatePem]) })).up();
});
