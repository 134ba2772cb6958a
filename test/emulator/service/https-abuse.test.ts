// SPDX-License-Identifier: MIT
/** Attacks on the HTTPS port, each beside an ordinary client that is served. */
import { once } from "node:events";
import { Agent } from "node:https";
import { connect as tcpConnect, type Socket } from "node:net";
import { connect as tlsConnect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Emulator } from "../../../emulator/emulator";
import { type HttpsLimits, HttpsServer } from "../../../emulator/service/https-server";
import { createServerCertificate, createRootCertificate } from "../../../emulator/certificates";
import { DPS_HOST } from "../../../emulator/certificate-authority";
import { dpsToken, HUB, hubToken, KEY, SCOPE, startEmulator } from "../../helpers/emulator-client";
import { ask, serviceToken } from "../../helpers/https-client";
import { freshSeed } from "../../helpers/seeds";

const VERSION = "api-version=2021-04-12";

async function openTls(port: number, ca: string): Promise<TLSSocket> {
  const socket = tlsConnect({ host: "127.0.0.1", port, ca, servername: HUB });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

/** All that comes until the other side ends. */
async function everything(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  socket.resume();
  // Not by `once`, which fails with the reset that some of these end in.
  if (!socket.closed) await new Promise((resolve) => socket.on("close", resolve));
  return text;
}

describe("who is slow", () => {
  const LARGE = "x".repeat(16 * 1024 * 1024);
  const limits: HttpsLimits = { headers: 200, request: 300, stalled: 300, connections: 5 };
  let server: HttpsServer;
  let port: number;
  let root: string;
  beforeAll(async () => {
    const ca = await createRootCertificate({ commonName: "r", keyType: "ec-p256" });
    const leaf = await createServerCertificate({ commonName: HUB, dnsNames: [HUB], keyType: "ec-p256" }, ca);
    root = ca.certificatePem;
    server = new HttpsServer(
      { serverChainPem: leaf.certificatePem, serverKeyPem: leaf.privateKeyPem },
      [],
      async (request) => {
        if (request.url.endsWith("/large")) return new Response(LARGE);
        // Nothing is said for longer than a stalled reader may take.
        if (request.url.endsWith("/events"))
          return new Response(
            new ReadableStream({
              start: (controller) => {
                controller.enqueue(Buffer.from("one "));
                setTimeout(() => {
                  controller.enqueue(Buffer.from("two"));
                  controller.close();
                }, 2 * limits.stalled);
              },
            }),
          );
        return new Response(await request.text());
      },
      new Set([HUB]),
      limits,
    );
    port = await server.listen(0, "127.0.0.1");
  });
  afterAll(() => server.stop());

  const request = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nhost: ${HUB}\r\n${more}`;

  test.each([
    ["before TLS", undefined, ""],
    ["after TLS", "", "408"],
    ["within the first line", "GET /large", "408"],
    ["within the headers", request("/", "x: "), "408"],
    ["within the body", `POST / HTTP/1.1\r\nhost: ${HUB}\r\ncontent-length: 9\r\n\r\nabc`, "408"],
    [
      "within a chunk of the body",
      `POST / HTTP/1.1\r\nhost: ${HUB}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab`,
      "408",
    ],
  ])("one that stops %s is cut", async (_name, text, status) => {
    const socket = text === undefined ? tcpConnect(port, "127.0.0.1") : await openTls(port, root);
    socket.on("error", () => {});
    if (text) socket.write(text);
    expect(await everything(socket)).toMatch(status === "" ? /^$/ : new RegExp(`^HTTP/1.1 ${status}|^$`));
  });

  test("one that sends a byte of its headers at a time is cut as well", async () => {
    const socket = await openTls(port, root);
    const drip = setInterval(() => socket.write("x"), 20);
    socket.write(request("/"));
    await everything(socket);
    clearInterval(drip);
  });

  test("those that do not read what they asked for are cut, and there is room for others", async () => {
    const deaf = await Promise.all(Array.from({ length: limits.connections }, () => openTls(port, root)));
    for (const socket of deaf) {
      socket.pause();
      socket.write(request("/large", "\r\n"));
    }
    let next: TLSSocket | undefined;
    while (!next) next = await openTls(port, root).catch(() => undefined);
    next.destroy();
    const [taken] = await Promise.all(deaf.map(everything));
    expect(taken!.length).toBeLessThan(LARGE.length);
  });

  test("one that reads, and gets nothing for a long time, is not", async () => {
    const socket = await openTls(port, root);
    socket.write(request("/events", "connection: close\r\n\r\n"));
    expect(await everything(socket)).toMatch(/one .*two/s);
  });

  test("of too many connections the last are refused, and there is room once others end", async () => {
    const first = await Promise.all(Array.from({ length: limits.connections }, () => openTls(port, root)));
    await expect(openTls(port, root)).rejects.toThrow();
    for (const socket of first) socket.destroy();
    await Promise.all(first.map((socket) => socket.closed || once(socket, "close")));
    const next = await openTls(port, root);
    next.destroy();
  });
});

describe("who sends what nobody asked for", () => {
  let emulator: Emulator;
  let problems: Error[];
  beforeAll(async () => {
    emulator = await startEmulator();
    emulator.events.on("problem", (error) => problems.push(error));
  });
  beforeEach(() => {
    problems = [];
  });
  afterAll(() => emulator.stop());

  const owner = () => ({ authorization: serviceToken(emulator, HUB, "iothubowner") });
  async function othersAreServed(): Promise<void> {
    const answer = await ask(emulator, "GET", `/devices?${VERSION}`, { headers: owner() });
    expect(answer.status).toBe(200);
    expect(problems).toEqual([]);
  }

  test("headers, and a first line, that are too long", async () => {
    for (const text of [
      `GET / HTTP/1.1\r\nhost: ${HUB}\r\nx: ${"x".repeat(20_000)}\r\n\r\n`,
      `GET /${"x".repeat(20_000)} HTTP/1.1\r\nhost: ${HUB}\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: ${HUB}\r\n${Array.from({ length: 3000 }, (_, at) => `x${at}: 1`).join("\r\n")}\r\n\r\n`,
    ]) {
      const socket = await openTls(emulator.httpsPort, emulator.ca.pem);
      socket.write(text);
      expect(await everything(socket)).toMatch(/^HTTP\/1.1 431 /);
    }
    await othersAreServed();
  });

  test.each([
    ["with a length", "content-length: 1000000000", (chunk: Buffer) => [chunk]],
    ["in chunks", "transfer-encoding: chunked", (chunk: Buffer) => ["10000\r\n", chunk, "\r\n"]],
  ])("a body without end, %s, is refused and read no further", async (_name, header, framed) => {
    const socket = await openTls(emulator.httpsPort, emulator.ca.pem);
    const answer = everything(socket);
    const { authorization } = owner();
    socket.write(
      `POST /devices?${VERSION} HTTP/1.1\r\nhost: ${HUB}\r\nauthorization: ${authorization}\r\n${header}\r\n\r\n`,
    );
    const chunk = Buffer.alloc(0x10000, " ");
    let sent = 0;
    // 256 MB would take it all, were it read.
    for (; sent < 4096 && !socket.destroyed; sent++) {
      let room = true;
      for (const part of framed(chunk)) room = socket.write(part);
      if (!room && !socket.destroyed)
        await new Promise<void>((go) => {
          const on = () => {
            socket.off("drain", on).off("close", on);
            go();
          };
          socket.on("drain", on).on("close", on);
        });
    }
    expect(sent).toBeLessThan(4096);
    expect(await answer).toMatch(/^HTTP\/1.1 413 |^$/);
    await othersAreServed();
  });

  test("bodies that all stop short of their end: those that are too many together are refused", async () => {
    const { authorization } = owner();
    const size = 4 * 1024 * 1024;
    const head = `POST /devices?${VERSION} HTTP/1.1\r\nhost: ${HUB}\r\nauthorization: ${authorization}\r\ncontent-length: ${size}\r\n\r\n`;
    const part = Buffer.alloc(size - 1, " ");
    const sockets: TLSSocket[] = [];
    let answer = "";
    // 40 of them would be 160 MB.
    for (let count = 0; count < 40 && answer === ""; count++) {
      const socket = await openTls(emulator.httpsPort, emulator.ca.pem);
      sockets.push(socket);
      socket.on("data", (chunk: Buffer) => {
        answer += chunk.toString("latin1");
      });
      socket.write(head);
      await new Promise((resolve) => socket.write(part, resolve));
    }
    expect(answer).toMatch(/^HTTP\/1.1 429 /);
    for (const socket of sockets) socket.destroy();
    await othersAreServed();
  });

  test("requests in a row by one who reads no answer", async () => {
    const socket = await openTls(emulator.httpsPort, emulator.ca.pem);
    const { authorization } = owner();
    const one = `GET /devices?${VERSION} HTTP/1.1\r\nhost: ${HUB}\r\nauthorization: ${authorization}\r\n\r\n`;
    socket.pause();
    socket.write(one.repeat(5000));
    await othersAreServed();
    socket.destroy();
    await othersAreServed();
  });

  test("bytes that are no HTTP, and HTTP that is ambiguous", async () => {
    for (const text of [
      "\0\x01\x02\x03\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `POST / HTTP/1.1\r\nhost: ${HUB}\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
      `POST / HTTP/1.1\r\nhost: ${HUB}\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd`,
      `GET / HTTP/1.1\r\nhost: ${HUB}\r\nx: a\rb\r\n\r\n`,
      "GET / HTTP/1.1\r\n\r\n",
      `CONNECT ${HUB}:443 HTTP/1.1\r\nhost: ${HUB}\r\n\r\n`,
    ]) {
      const socket = await openTls(emulator.httpsPort, emulator.ca.pem);
      socket.write(text);
      expect(await everything(socket)).toMatch(/^HTTP\/1.1 4\d\d |^$/);
    }
    await othersAreServed();
  });

  const paths = fc.oneof(
    fc.constantFrom(
      ...[
        "/devices",
        "/devices/dev-1",
        "/devices/query",
        "/twins/dev-1",
        "/twins/dev-1/methods",
        "/jobs/v2/j",
      ],
      ...["/jobs/v2/query", "/jobs/v2/j/cancel", "/statistics/devices", "/devices/dev-1/commands", "/faults"],
      ...["/enrollments/e", "/enrollments", "/enrollmentGroups/g", "/enrollments/query", "/registrations/r"],
    ),
    fc
      .array(fc.string({ maxLength: 9 }).map(encodeURIComponent), { maxLength: 4 })
      .map((all) => `/${all.join("/")}`),
    fc
      .string({ unit: "grapheme-ascii", maxLength: 20 })
      .map((text) => `/devices/${text.replaceAll(/[ #]/g, "")}`),
  );
  const KEYS = [
    ...["deviceId", "id", "importMode", "status", "authentication", "symmetricKey", "primaryKey", "tags"],
    ...["properties", "desired", "query", "type", "methodName", "payload", "step", "action", "attestation"],
    ...["enrollments", "mode", "registrationId", "updateTwin", "startTime", "__proto__"],
  ];
  const { tree: value } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(
        "dev-1",
        "enabled",
        "create",
        "symmetricKey",
        KEY,
        "SELECT * FROM devices",
        "",
        null,
        -1,
        1e99,
      ),
      fc.string(),
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), fc.string()), tie("tree"), { maxKeys: 5 }),
    ),
  }));
  const body = fc.oneof(
    value.map((one) => JSON.stringify(one)),
    fc.dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 8 }).map((one) => JSON.stringify(one)),
    fc.string({ unit: "binary" }),
  );
  const text = fc.string({ unit: "grapheme-ascii", maxLength: 20 });
  const requestOfDevice = fc.record({
    method: fc.constantFrom("GET", "PUT", "POST", "DELETE"),
    path: fc.oneof(
      fc
        .constantFrom(
          ...[
            "messages/events",
            "messages/deviceBound",
            "messages/devicebound/x",
            "messages/deviceBound/x/abandon",
          ],
          ...["files", "files/notifications", "files/notifications/x"],
        )
        .map((end) => `/devices/dev-1/${end}`),
      fc
        .constantFrom("register", "operations/x", "operations/%00", "")
        .map((end) => `/${SCOPE}/registrations/dev-1${end && `/${end}`}`),
    ),
    host: fc.constantFrom(HUB, DPS_HOST),
    query: fc.constantFrom("", "&reject", "&reject=x&api-version=1"),
    headers: fc.dictionary(
      fc.oneof(
        fc.constantFrom(
          "content-type",
          "iothub-messageid",
          "iothub-ack",
          "iothub-app-",
          "iothub-app-__proto__",
        ),
        fc.stringMatching(/^iothub-app-[a-zA-Z0-9.!#$%&'*^_`|~+-]{1,9}$/),
      ),
      fc.oneof(
        fc.constant("application/vnd.microsoft.iothub.json"),
        text.map((one) => one.trim()),
      ),
      { maxKeys: 4 },
    ),
    body: fc.oneof(
      body,
      fc
        .array(
          fc.record(
            {
              body: fc.oneof(fc.base64String(), text),
              base64Encoded: fc.oneof(fc.boolean(), fc.constant(1)),
              properties: fc.dictionary(
                fc.oneof(text, fc.constant("iothub-app-__proto__")),
                fc.oneof(text, value),
              ),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        )
        .map((one) => JSON.stringify(one)),
      fc
        .record(
          { blobName: fc.string({ unit: "binary" }), correlationId: text, isSuccess: fc.boolean() },
          { requiredKeys: [] },
        )
        .map((one) => JSON.stringify(one)),
    ),
    messages: fc.array(
      fc.tuple(
        fc.string({ unit: "binary", maxLength: 9 }),
        fc.option(fc.string({ unit: "binary", maxLength: 9 })),
      ),
      { maxLength: 2 },
    ),
  });
  test.each([20_141_029, freshSeed])(
    "whatever a device asks is answered, and is no failure of the emulator's own (seed %i)",
    async (seed) => {
      emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      await fc.assert(
        fc.asyncProperty(requestOfDevice, async ({ method, path, host, query, headers, body, messages }) => {
          const properties = Object.fromEntries(messages);
          if (messages.length > 0)
            await emulator.sendCloudToDevice(HUB, "dev-1", "hello", properties).catch((error) => {
              if (!(error instanceof RangeError)) throw error;
            });
          const authorization = path.startsWith("/devices") ? hubToken("dev-1") : dpsToken("dev-1");
          const answer = await ask(emulator, method, `${path}?${VERSION}${query}`, {
            ...(method === "GET" ? {} : { body }),
            host,
            agent,
            headers: { ...headers, authorization },
          });
          expect(problems).toEqual([]);
          expect([answer.status, answer.text]).not.toEqual([500, expect.anything()]);
          // What was handed out is done with.
          for (const message of emulator.devices.get(HUB, "dev-1")!.queue) message.expiry = 0;
        }),
        { seed, numRuns: 100 },
      );
      agent.destroy();
      emulator.devices.remove(HUB, "dev-1");
      await othersAreServed();
    },
  );

  test.each([20_141_029, freshSeed])(
    "whatever is asked is answered, and is no failure of the emulator's own (seed %i)",
    async (seed) => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom("GET", "PUT", "POST", "PATCH", "DELETE"),
          paths,
          body,
          fc.constantFrom('"*"', "*", "x", ""),
          fc.constantFrom("1", "0", "-1", "1e9", ""),
          async (method, path, text, ifMatch, count) => {
            const answer = await ask(emulator, method, `${path}?${VERSION}`, {
              ...(method === "GET" ? {} : { body: text }),
              headers: {
                ...owner(),
                ...(ifMatch ? { "if-match": ifMatch } : {}),
                "x-ms-max-item-count": count,
              },
            });
            emulator.faults.clear();
            expect(problems).toEqual([]);
            expect([answer.status, answer.text]).not.toEqual([500, expect.anything()]);
          },
        ),
        { seed, numRuns: 200 },
      );
    },
  );
});
