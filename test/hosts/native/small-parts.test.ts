// SPDX-License-Identifier: MIT
/** The script of hosts/native that needs no C, on Node. */
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { LinuxTimers } from "../../../hosts/native/linux/timers";
import { randomBytes, randomOf } from "../../../hosts/native/random";
import { EfuseSigner, NativeSigner } from "../../../hosts/native/signer";
import { nativeEcKeys } from "../../../hosts/native/ec-keys";
import { engineError, nativeError } from "../../../hosts/native/errors";
import { NativeTls } from "../../../hosts/native/tls";

test("the C of boards prints only what newlib-nano can: it knows no %zu, no %lld and no %hhu", () => {
  const folders = ["binding", "ec", "hmac", "random", "tls"];
  const prints = folders.flatMap((folder) => {
    const directory = new URL(`../../../hosts/native/${folder}/`, import.meta.url);
    const sources = readdirSync(directory).filter((name) => name.endsWith(".c"));
    const text = sources.map((name) => readFileSync(new URL(name, directory), "utf8")).join("");
    return [...text.matchAll(/"[^"\n]*%[-+ #0]*[\d.*]*(?:z|j|t|ll|hh)[a-zA-Z][^"\n]*"/g)].map(
      ([found]) => found,
    );
  });
  expect(prints).toEqual([]);
});

/** HMAC as the native has it, which shows what it was given. */
class FakeHmac {
  static seen: Uint8Array | undefined;
  readonly #key: Buffer;

  constructor(key: Uint8Array) {
    FakeHmac.seen = key;
    this.#key = Buffer.from(key);
  }

  sign(message: Uint8Array, code: Uint8Array): void {
    code.set(createHmac("sha256", this.#key).update(message).digest());
  }

  close(): void {}
}

test("the signer hands the key to the native and wipes its own copy", () => {
  const key = Buffer.alloc(32, 7);
  const signer = new NativeSigner(key.toString("base64"), { io: FakeHmac });
  const message = Buffer.from("message");
  expect(Buffer.from(signer.sign(message))).toEqual(createHmac("sha256", key).update(message).digest());
  expect(FakeHmac.seen?.every((byte) => byte === 0)).toBe(true);
});

test.each([
  ["no base64", "not base64!"],
  ["15 bytes", Buffer.alloc(15).toString("base64")],
  ["65 bytes", Buffer.alloc(65).toString("base64")],
])("a key of %s is refused, and not shown", (_what, key) => {
  const make = (): unknown => new NativeSigner(key, { io: FakeHmac });
  expect(make).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(make).not.toThrow(key);
});

test.each([-1, 6, 1.5])("eFuse block %p does not exist", (block) => {
  const make = (): unknown => new EfuseSigner(block, { io: FakeHmac as never });
  expect(make).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});

test("an eFuse block without a key is told at the start", () => {
  class Empty {
    sign(): void {
      throw new Error("1 eFuse block KEY3 holds no key with purpose HMAC_UP");
    }
  }
  const make = (): unknown => new EfuseSigner(3, { io: Empty });
  expect(make).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  expect(make).toThrow(/KEY3/);
});

/** A native class that throws. */
function thrower(message: string): never {
  return class {
    constructor() {
      throw new Error(message);
    }
  } as never;
}

test.each<[string, string, boolean, string]>([
  [
    "1 the private key is not the one of the client certificate",
    "invalid-argument",
    false,
    "the private key is not",
  ],
  [
    "2 TLS, 2048 bytes asked for, 9000 free, 1024 in one piece",
    "out-of-memory",
    true,
    "9000 free, 1024 in one",
  ],
  // XS's own, and what no native should say.
  ["ToInteger of a symbol", "internal", true, "ToInteger of a symbol"],
  ["20480 bytes", "internal", true, "20480 bytes"],
])("what C throws, %j, is %s", (text, code, retriable, message) => {
  const expected = { code, retriable, message: expect.stringContaining(message) };
  expect(nativeError(new Error(text))).toMatchObject(expected);
  const TlsContext = thrower(text);
  const tls = new NativeTls({ natives: { TlsContext, TlsEngine: TlsContext }, roots: () => [] });
  expect(() => tls.open("hub.example", Date.UTC(2026, 6))).toThrow(expect.objectContaining(expected));
  const key = Buffer.alloc(32).toString("base64");
  expect(() => new NativeSigner(key, { io: TlsContext })).toThrow(expect.objectContaining(expected));
  expect(() => new EfuseSigner(1, { io: TlsContext })).toThrow(expect.objectContaining(expected));
});

test("a signature that there is no memory to check is not taken for a wrong one", () => {
  const lacking = () => {
    throw new Error("2 P-256");
  };
  const keys = nativeEcKeys({ ecGenerate: lacking, ecSign: lacking, ecVerify: lacking });
  const verify = () => keys.verify(new Uint8Array(65), new Uint8Array(1), new Uint8Array(8));
  expect(verify).toThrow(expect.objectContaining({ code: "out-of-memory", retriable: true }));
});

test("after a lack of memory the next connection has certificate and key still", () => {
  const given: unknown[][] = [];
  class TlsContext {
    constructor(...all: unknown[]) {
      given.push([all[2], (all[4] as Uint8Array).slice()]);
      if (given.length === 1) throw new Error("2 TLS");
    }
    forgetSessions(): void {}
    close(): void {}
  }
  const clientCertificate = { chain: [Uint8Array.of(1)], key: Uint8Array.of(7) };
  const tls = new NativeTls({
    natives: { TlsContext, TlsEngine: class {} as never },
    roots: () => [Uint8Array.of(2)],
    clientCertificate,
  });
  const open = (): unknown => tls.open("hub.example", Date.UTC(2026, 6));
  expect(open).toThrow(expect.objectContaining({ code: "out-of-memory" }));
  open();
  expect(given[1]).toEqual(given[0]);
  // Wiped once C has it.
  expect(clientCertificate.key).toEqual(Uint8Array.of(0));
});

test("each code of the engine is an error of the core; an unknown one is internal", () => {
  const codes = Array.from({ length: 10 }, (_, code) => engineError(code, "x").code);
  expect(codes).toEqual([
    "internal",
    "invalid-argument",
    "out-of-memory",
    "tls-untrusted",
    "tls-expired",
    "tls-name-mismatch",
    "tls-client-certificate",
    "tls-failed",
    "connection-lost",
    "internal",
  ]);
});

/** One alarm, rung by hand. */
class FakeLoop {
  now = 0;
  at = -1;
  #ring: () => void = () => undefined;

  ticks(): number {
    return this.now;
  }

  alarm(ring: () => void, at: number): void {
    this.#ring = ring;
    this.at = at;
  }

  runUntil(end: number): void {
    while (this.at >= 0 && this.at <= end) {
      this.now = Math.max(this.now, this.at);
      this.at = -1;
      this.#ring();
    }
    this.now = end;
  }
}

test("timers fire in order, those of the same time as they were set, none twice", () => {
  const loop = new FakeLoop();
  const timers = new LinuxTimers(loop);
  const fired: string[] = [];
  const set = (name: string, delay: number): unknown => timers.set(() => fired.push(name), delay);
  set("c", 30);
  set("a", 10);
  const cancelled = set("x", 20);
  set("b", 10);
  set("now", -5);
  timers.clear(cancelled);
  timers.clear(cancelled);
  timers.clear(undefined);
  expect(fired).toEqual([]);
  loop.runUntil(5);
  expect(fired).toEqual(["now"]);
  loop.runUntil(100);
  expect(fired).toEqual(["now", "a", "b", "c"]);
  loop.runUntil(200);
  expect(fired).toHaveLength(4);
});

test("a timer may set and clear others while it fires", () => {
  const loop = new FakeLoop();
  const timers = new LinuxTimers(loop);
  const fired: string[] = [];
  const later = timers.set(() => fired.push("later"), 10);
  timers.set(() => {
    fired.push("first");
    timers.clear(later);
    timers.set(() => fired.push("again"), 0);
  }, 10);
  const early = timers.set(() => fired.push("never"), 10);
  timers.set(() => timers.clear(early), 5);
  loop.runUntil(50);
  expect(fired).toEqual(["later", "first", "again"]);
});

test("random numbers are in [0, 1), each of bytes of its own", () => {
  let next = 0xff;
  const random = randomOf((target) => void target.fill(next));
  expect(random()).toBe((2 ** 32 - 1) / 2 ** 32);
  next = 0;
  expect(random()).toBe(0);
  expect(randomBytes((target) => void target.fill(7), 3)).toEqual(Uint8Array.of(7, 7, 7));
});
