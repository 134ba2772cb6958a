// SPDX-License-Identifier: MIT
/** NativeTransport with an engine and a TCP that misbehave: nothing may be thrown into native code. */
import { describe, expect, test } from "@jest/globals";
import { type TlsEngine, TlsState } from "../../../hosts/native/natives";
import type { NativeTls } from "../../../hosts/native/tls";
import { NativeTransport } from "../../../hosts/native/transport";
import type { Tcp, TcpOptions } from "../../../hosts/sockets/tcp";
import { BerthError } from "../../../src/error";

class FakeTcp implements Tcp {
  static last: FakeTcp | undefined;
  readonly options: TcpOptions;
  readonly written: number[] = [];
  closed = 0;

  constructor(options: TcpOptions) {
    this.options = options;
    FakeTcp.last = this;
  }

  read(target: Uint8Array): number {
    return target.fill(1).length;
  }

  write(bytes: Uint8Array): number {
    this.written.push(bytes.length);
    return 1000;
  }

  close(): void {
    this.closed += 1;
  }
}

/** An engine that is open at once and does what a test says. */
function engineOf(changes: Partial<TlsEngine> = {}): TlsEngine & { closed: number } {
  const engine = {
    closed: 0,
    feed: (_bytes: Uint8Array, start: number, end: number) => end - start,
    endOfInput: () => undefined,
    advance: (): number => TlsState.OPEN,
    read: () => 0,
    write: () => true,
    drain: () => 0,
    finish: () => undefined,
    room: () => 100,
    readable: () => 0,
    pending: () => 0,
    inputRoom: () => 100,
    failureCode: () => 0,
    failureText: () => "",
    resumed: () => false,
    version: () => "TLSv1.2",
    suite: () => "suite",
    close(): void {
      engine.closed += 1;
    },
    ...changes,
  };
  return engine;
}

/** @param now null: the clock is not set */
function world(
  engine: TlsEngine,
  now: number | null = Date.UTC(2026, 6),
  onReadable: () => unknown = () => undefined,
  addresses: readonly (string | undefined)[] = ["127.0.0.1"],
) {
  const events: string[] = [];
  const due: (() => void)[] = [];
  let error: unknown;
  FakeTcp.last = undefined;
  const transport = new NativeTransport({
    host: "hub.example",
    port: 8883,
    tls: { open: () => engine } as unknown as NativeTls,
    TCP: { io: FakeTcp },
    resolve: (name, done) => done(name, ...(name === "hub.example" ? addresses : [])),
    timers: {
      set: (callback) => due.push(callback),
      clear: (handle) => {
        due[(handle as number) - 1] = () => undefined;
      },
    },
    clock: { now: () => now ?? undefined, ticks: () => 0 },
    onReadable: (count) => {
      events.push(`readable ${count}`);
      onReadable();
    },
    onWritable: (room) => events.push(`writable ${room}`),
    onError: (reason) => {
      error = reason;
      events.push("error");
    },
  });
  const run = (): void => {
    for (const callback of due.splice(0)) callback();
  };
  const code = (): string | undefined => (error instanceof BerthError ? error.code : undefined);
  return { transport, events, run, code };
}

const boom = (): never => {
  throw new Error("boom");
};

test("nothing is called from inside the constructor; then up", () => {
  const { events, run } = world(engineOf());
  expect(events).toEqual([]);
  expect(FakeTcp.last).toBeUndefined();
  run();
  FakeTcp.last?.options.onWritable(1000);
  expect(events).toEqual(["writable 100"]);
});

test.each<keyof TlsEngine>(["advance", "feed", "drain", "readable", "room", "inputRoom"])(
  "an engine whose %s throws ends in one error, not in an exception",
  (name) => {
    const engine = engineOf({ [name]: boom });
    const { events, run, code } = world(engine);
    run();
    FakeTcp.last?.options.onWritable(1000);
    FakeTcp.last?.options.onReadable(10);
    FakeTcp.last?.options.onError();
    expect(events.filter((event) => event === "error")).toHaveLength(1);
    expect(code()).toBe("internal");
    expect(FakeTcp.last?.closed).toBe(1);
    expect(engine.closed).toBe(1);
  },
);

test("an onError that throws, and natives that throw while they close, are survived", () => {
  const engine = engineOf({ advance: boom, finish: boom, close: boom });
  const { transport, run } = world(engine);
  run();
  expect(() => FakeTcp.last?.options.onWritable(1000)).not.toThrow();
  expect(() => transport.close()).not.toThrow();
});

test("TCP that fails before it is up: connect-failed; nothing after close", () => {
  const { events, run, code, transport } = world(engineOf());
  run();
  FakeTcp.last?.options.onError();
  expect(code()).toBe("connect-failed");
  transport.close();
  transport.close();
  FakeTcp.last?.options.onWritable(1000);
  FakeTcp.last?.options.onReadable(5);
  expect(events).toEqual(["error"]);
});

test("TCP ends, bytes wait, and the core reads none for want of room: it is told of the end", () => {
  const { events, run, code } = world(engineOf({ readable: () => 40, pending: () => 10, room: () => 0 }));
  run();
  FakeTcp.last?.options.onWritable(1000);
  expect(events).toEqual(["writable 0", "readable 40"]);
  run();
  expect(events).toHaveLength(2);
  FakeTcp.last?.options.onError();
  expect(events).toEqual(["writable 0", "readable 40", "readable 40"]);
  run();
  expect(events.at(-1)).toBe("error");
  expect(code()).toBe("connection-lost");
});

test("TCP ends, and the core reads a part at a time: it gets all before it is told", () => {
  // Decrypted records of the same length, one behind the other.
  let records = 5;
  const engine = engineOf({
    readable: () => (records > 0 ? 40 : 0),
    read: () => (records-- > 0 ? 40 : 0),
    advance: () => (records > 0 ? TlsState.OPEN : TlsState.FAILED),
    failureCode: () => 8,
    failureText: () => "the server closed the connection",
  });
  const { transport, events, run, code } = world(engine, undefined, () => transport.read(new Uint8Array(40)));
  run();
  FakeTcp.last?.options.onWritable(1000);
  FakeTcp.last?.options.onError();
  for (let turn = 0; turn < 10; turn += 1) run();
  expect(events.filter((event) => event === "readable 40")).toHaveLength(5);
  expect(code()).toBe("connection-lost");
});

test("a clock that is not set: no connection", () => {
  const { run, code } = world(engineOf(), null);
  run();
  expect(code()).toBe("clock-not-set");
  expect(FakeTcp.last).toBeUndefined();
});

test("closed before it has begun: no connection", () => {
  const { transport, run, events } = world(engineOf());
  transport.close();
  run();
  expect(FakeTcp.last).toBeUndefined();
  expect(events).toEqual([]);
});

test("write before it is up is refused", () => {
  const { transport } = world(engineOf());
  expect(() => transport.write(new Uint8Array(1))).toThrow(expect.objectContaining({ code: "closed" }));
  expect(transport.read(new Uint8Array(1))).toBe(0);
});

test("a part of the bytes is handed to C by its offsets, without a view", () => {
  const written: [Uint8Array, number, number][] = [];
  const { transport, run } = world(
    engineOf({
      write(bytes, start, end) {
        written.push([bytes, start, end]);
        return true;
      },
    }),
  );
  run();
  FakeTcp.last?.options.onWritable(1000);
  const memory = new Uint8Array(10);
  transport.write(memory, 2, 7);
  transport.write(memory);
  expect(written).toEqual([
    [memory, 2, 7],
    [memory, 0, 10],
  ]);
  expect(written[0]?.[0]).toBe(memory);
});

test("over the room: invalid-argument; when TLS broke: what it says", () => {
  const over = world(engineOf({ write: () => false }));
  over.run();
  FakeTcp.last?.options.onWritable(1000);
  expect(() => over.transport.write(new Uint8Array(200))).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
  const broken = world(engineOf({ write: () => false, failureCode: () => 8, failureText: () => "gone" }));
  broken.run();
  FakeTcp.last?.options.onWritable(1000);
  expect(() => broken.transport.write(new Uint8Array(1))).toThrow(
    expect.objectContaining({ code: "connection-lost" }),
  );
});

describe("a name with several addresses", () => {
  const ADDRESSES = ["2001:db8::1", "2001:db8::2", "10.0.0.1"];
  const begin = () => world(engineOf(), undefined, undefined, ADDRESSES);
  const address = (): string | undefined => FakeTcp.last?.options.address;

  test("the next one is tried where one refuses, and where one says nothing", () => {
    const { events, run } = begin();
    run();
    const first = FakeTcp.last;
    expect(address()).toBe(ADDRESSES[0]);
    first?.options.onError();
    expect([address(), first?.closed]).toEqual([ADDRESSES[1], 1]);
    // Its time is up.
    run();
    expect(address()).toBe(ADDRESSES[2]);
    FakeTcp.last?.options.onWritable(1000);
    expect(events).toEqual(["writable 100"]);
  });

  test("the last one's failure is that of all", () => {
    const { run, code, events } = begin();
    run();
    for (let i = 0; i < 3; i += 1) FakeTcp.last?.options.onError();
    expect({ events, code: code() }).toEqual({ events: ["error"], code: "connect-failed" });
  });

  test("one that was reached is the one", () => {
    const { run, code } = begin();
    run();
    const first = FakeTcp.last;
    first?.options.onWritable(1000);
    run();
    expect(FakeTcp.last).toBe(first);
    first?.options.onError();
    expect(code()).not.toBe("connect-failed");
  });

  test("closed while one is tried: no other one is", () => {
    const { transport, run } = begin();
    run();
    const first = FakeTcp.last;
    transport.close();
    run();
    expect([FakeTcp.last, first?.closed]).toEqual([first, 1]);
  });
});
