// SPDX-License-Identifier: MIT

import { X509Certificate } from "node:crypto";
import { beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createRootCertificate, createServerCertificate } from "../../../../emulator/certificates";
import { SdkTransport, type SdkTransportOptions } from "../../../../hosts/moddable/crypto-sdk/transport";
import type { TcpClass } from "../../../../hosts/sockets/tcp";
import { asBerthError, BerthError } from "../../../../src/error";
import { openTransport, type Transport } from "../../../../src/host";
import { VirtualTime } from "../../../../simulator/virtual-host";
import { Content, certificateMessage, FakeTcp, FakeTls, record } from "./fake-sockets";

const HOST = "hub.example";
/** Around the tests' time. */
const VALID = { notBefore: new Date("2026-01-01"), days: 3650 };
const HELLO = record(Content.HANDSHAKE, 1);
const CCS = record(Content.CCS, 1);

interface World {
  readonly time: VirtualTime;
  readonly transport: Transport;
  /** One line an event. */
  readonly log: string[];
  readonly errors: BerthError[];
  tcp(): FakeTcp;
}

function world(options: Partial<SdkTransportOptions> = {}, time = new VirtualTime()): World {
  const log: string[] = [];
  const errors: BerthError[] = [];
  const binding = {
    io: SdkTransport,
    TLS: { io: FakeTls },
    TCP: { io: FakeTcp as unknown as TcpClass },
    resolve: (name: string, done: (name: string, address?: string) => void) =>
      void time.set(() => done(name, "127.0.0.1"), 5),
    timers: time,
    clock: time,
    trust: () => void log.push("trust"),
    refuse: () => undefined,
    ...options,
  };
  const transport: Transport = openTransport(binding, {
    host: HOST,
    port: 8883,
    onReadable: (count) => void log.push(`readable ${count}`),
    onWritable: (room) => void log.push(`writable ${room}`),
    onError: (error) => {
      errors.push(asBerthError(error));
      log.push(`error ${asBerthError(error).code}`);
    },
    ...options,
  });
  return { time, transport, log, errors, tcp: () => FakeTcp.last as FakeTcp };
}

/** A connection that stands. */
function up(options: Partial<SdkTransportOptions> = {}): World {
  const w = world(options);
  w.time.advance(10);
  w.tcp().writable();
  w.tcp().receive(CCS);
  return w;
}

beforeEach(() => {
  FakeTcp.last = undefined;
  FakeTls.last = undefined;
  FakeTcp.aborts.length = FakeTls.ownTimers.length = 0;
  FakeTcp.room = 1536;
  FakeTls.flight = [HELLO];
});

describe("a good connection", () => {
  test("resolves, trusts, connects, tells the room that a record leaves", () => {
    const w = up();
    expect(w.log).toEqual(["trust", `writable ${1536 - HELLO.length - 96}`]);
    expect(FakeTls.last?.options).toMatchObject({
      host: HOST,
      address: "127.0.0.1",
      port: 8883,
      secure: { cache: false },
    });
  });

  test("nothing happens inside the constructor", () => {
    const w = world();
    expect(w.log).toEqual([]);
    expect(FakeTcp.last).toBeUndefined();
  });

  test("write returns what is left, and the room comes back", () => {
    const w = up();
    const before = 1536 - HELLO.length;
    expect(w.transport.write(new Uint8Array(100))).toBe(before - 105 - 96);
    expect(w.tcp().sent.at(-1)).toHaveLength(105);
    w.tcp().writable(1536);
    expect(w.log.at(-1)).toBe("writable 1440");
  });

  test("a part of the bytes is written by its offsets", () => {
    const w = up();
    w.transport.write(Uint8Array.of(1, 2, 3, 4, 5), 1, 4);
    w.transport.write(Uint8Array.of(6, 7, 8), 2);
    expect(w.tcp().sent.slice(-2)).toEqual([record(Content.DATA, 2, 3, 4), record(Content.DATA, 8)]);
  });

  test("reads into the caller's buffer, in any pieces", () => {
    const w = up();
    w.tcp().receive(record(Content.DATA, 1, 2, 3, 4, 5));
    expect(w.log.at(-1)).toBe("readable 5");
    const target = new Uint8Array(3);
    expect(w.transport.read(target)).toBe(3);
    expect(target).toEqual(Uint8Array.of(1, 2, 3));
    expect(w.transport.read(target)).toBe(2);
    expect(w.transport.read(target)).toBe(0);
  });

  test("several records in one segment come one after the other, without a timer of the TLS", () => {
    const w = up();
    w.tcp().receive(record(Content.DATA, 1), record(Content.DATA, 2), record(Content.DATA, 3));
    const got: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      const target = new Uint8Array(8);
      for (let n = w.transport.read(target); n > 0; n = w.transport.read(target))
        got.push(...target.subarray(0, n));
      w.time.advance(1);
    }
    expect(got).toEqual([1, 2, 3]);
    expect(FakeTls.ownTimers).toEqual([]);
  });

  test("a client flight larger than the room goes out in parts", () => {
    const flight = [
      HELLO,
      record(Content.HANDSHAKE, ...new Array(1_400).fill(2)),
      record(Content.HANDSHAKE, 3),
    ];
    FakeTls.flight = flight;
    FakeTcp.room = 1_000;
    const w = world();
    w.time.advance(10);
    w.tcp().writable();
    w.tcp().writable();
    expect(Buffer.concat(w.tcp().sent)).toEqual(Buffer.concat(flight));
    w.tcp().receive(CCS);
    expect(w.log.at(-1)).toMatch(/^writable \d+$/);
    expect(w.errors).toEqual([]);
  });

  test("connectTo changes the address, not the name", () => {
    const w = world({ connectTo: [{ host: "", address: "127.0.0.9", port: 1 }] });
    w.time.advance(1);
    expect(FakeTls.last?.options).toMatchObject({ host: HOST, address: "127.0.0.9", port: 1 });
  });

  test("the client certificate reaches the TLS", () => {
    const clientCertificate = { chain: [new ArrayBuffer(1), new ArrayBuffer(2)], key: new ArrayBuffer(3) };
    up({ clientCertificate });
    expect(FakeTls.last?.options.secure).toEqual({
      cache: false,
      clientCertificates: clientCertificate.chain,
      clientKey: clientCertificate.key,
    });
  });
});

describe("failures: one error, no exception in native code, everything closed", () => {
  function expectOneError(w: World, code: string): void {
    expect(w.errors.map((error) => error.code)).toEqual([code]);
    expect(FakeTcp.aborts).toEqual([]);
    expect(FakeTcp.last?.closed ?? true).toBe(true);
    w.time.advance(60_000);
    expect(w.errors).toHaveLength(1);
    w.transport.close();
    w.transport.close();
    expect(w.time.pending).toBe(0);
  }

  test("no address", () => {
    const time = new VirtualTime();
    const w = world({ resolve: (name, done) => void time.set(() => done(name), 1) }, time);
    time.advance(10);
    expectOneError(w, "dns-failed");
  });

  test("the resolver throws", () => {
    const w = world({
      resolve: () => {
        throw new Error("queue full");
      },
    });
    w.time.advance(10);
    expectOneError(w, "connect-failed");
  });

  test("the socket throws", () => {
    const w = world({ connectTo: [{ host: "", address: "0.0.0.0", port: 1 }] });
    w.time.advance(10);
    expectOneError(w, "connect-failed");
  });

  test("the address is refused: no socket at all", () => {
    const w = world({ refuse: () => new BerthError("invalid-argument") });
    w.time.advance(10);
    expect(FakeTcp.last).toBeUndefined();
    expectOneError(w, "invalid-argument");
  });

  test("the clock is not set: no socket at all", () => {
    const time = new VirtualTime();
    time.isSet = false;
    const w = world({}, time);
    time.advance(10);
    expect(FakeTcp.last).toBeUndefined();
    expectOneError(w, "clock-not-set");
  });

  test.each<[string, string, (w: World) => void]>([
    ["no connection", "connect-failed", (w) => w.tcp().fail()],
    [
      "the end in the handshake",
      "tls-failed",
      (w) => {
        w.tcp().writable();
        w.tcp().fail();
      },
    ],
    ["an alert", "tls-failed", (w) => w.tcp().receive(record(Content.ALERT, 2, 40))],
    [
      "an alert about the client certificate",
      "tls-client-certificate",
      (w) => w.tcp().receive(record(Content.ALERT, 2, 48)),
    ],
    ["garbage", "tls-failed", (w) => w.tcp().receive(record(99, 1))],
    [
      "close_notify in the clear",
      "tls-failed",
      (w) => {
        w.tcp().writable();
        w.tcp().receive(record(Content.ALERT, 1, 0));
        w.tcp().writable();
      },
    ],
  ])("%s", (_, code, act) => {
    const w = world();
    w.time.advance(10);
    act(w);
    expect(w.log.filter((line) => line.startsWith("writable"))).toEqual([]);
    expectOneError(w, code);
  });

  test.each<[string, (w: World) => void]>([
    ["the end", (w) => w.tcp().fail()],
    ["close_notify", (w) => w.tcp().receive(record(Content.ALERT, 1, 0))],
    ["a broken record", (w) => w.tcp().receive(record(99, 1))],
  ])("%s of a connection that stood is connection-lost", (_, act) => {
    const w = up();
    act(w);
    expectOneError(w, "connection-lost");
  });

  test("a broken record behind a good one is met from our timer, guarded", () => {
    const w = up();
    w.tcp().receive(record(Content.DATA, 1), record(99, 1));
    expect(w.transport.read(new Uint8Array(4))).toBe(1);
    w.time.advance(1);
    expectOneError(w, "connection-lost");
  });

  test("a handler that throws is no abort", () => {
    const w = up({
      onReadable: () => {
        throw new Error("application");
      },
    });
    w.tcp().receive(record(Content.DATA, 1));
    expect(FakeTcp.aborts).toEqual([]);
    expect(w.errors).toHaveLength(1);
  });

  test.each([{ host: "" }, { port: 0 }, { port: 70_000 }, { port: 1.5 }])("refuses %o", (options) => {
    expect(() => world(options)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  });

  test("write before the connection stands throws", () => {
    const w = world();
    expect(() => w.transport.write(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: "closed" }));
    expect(w.transport.read(new Uint8Array(1))).toBe(0);
  });
});

describe("close", () => {
  test.each([0, 1, 5, 10])("after %i ms of connecting: silent, nothing left", (delay) => {
    const w = world();
    w.time.advance(delay);
    w.transport.close();
    w.transport.close();
    w.time.advance(60_000);
    expect(w.log.filter((line) => line !== "trust")).toEqual([]);
    expect(w.time.pending).toBe(0);
    expect(FakeTcp.last?.closed ?? true).toBe(true);
  });

  test("inside a callback", () => {
    let transport: Transport | undefined;
    const w = world({ onWritable: () => transport?.close() });
    transport = w.transport;
    w.time.advance(10);
    w.tcp().writable();
    w.tcp().receive(CCS, record(Content.DATA, 1));
    expect(w.errors).toEqual([]);
    expect(FakeTcp.aborts).toEqual([]);
    expect(w.tcp().closed).toBe(true);
  });
});

describe("why a certificate was refused", () => {
  const chains: Record<string, Uint8Array[]> = {};

  beforeAll(async () => {
    const root = await createRootCertificate({ commonName: "root", ...VALID });
    const leaf = async (dnsNames: string[], dates: { notBefore?: Date; days?: number } = {}) => {
      const made = await createServerCertificate({ commonName: "leaf", dnsNames, ...VALID, ...dates }, root);
      return new Uint8Array(new X509Certificate(made.certificatePem).raw);
    };
    const rootDer = new Uint8Array(new X509Certificate(root.certificatePem).raw);
    chains.good = [await leaf([HOST]), rootDer];
    chains.wildcard = [await leaf(["*.example"])];
    chains.expired = [await leaf([HOST], { notBefore: new Date("2020-01-01"), days: 30 }), rootDer];
    chains.early = [await leaf([HOST], { notBefore: new Date("2040-01-01"), days: 30 })];
    chains.other = [await leaf(["*.hub.example", "example"]), rootDer];
    chains.broken = [Uint8Array.of(0x30, 3, 1, 2, 3)];
    chains.none = [];
  });

  test.each([
    ["good", "tls-untrusted"],
    ["wildcard", "tls-untrusted"],
    ["expired", "tls-expired"],
    ["early", "tls-expired"],
    ["other", "tls-name-mismatch"],
    ["broken", "tls-untrusted"],
    ["none", "tls-untrusted"],
  ])("%s: %s", (name, code) => {
    const message = certificateMessage(...(chains[name] as Uint8Array[]));
    const bytes = record(Content.HANDSHAKE, ...message);
    const w = world();
    w.time.advance(10);
    w.tcp().receive(bytes);
    expect(w.errors.map((error) => error.code)).toEqual([code]);
  });
});
