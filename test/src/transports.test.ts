// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import { MemoryStore, VirtualTime, virtualHost } from "../../simulator/virtual-host";
import type { Ways } from "../../src/agent/ways";
import { type ErrorCode, ERRORS } from "../../src/error";
import type { Host, TransportBinding } from "../../src/host";
import { WebSocketTransport } from "../../src/mqtt/websocket";
import { TRANSPORT_KEY, transports } from "../../src/transports";
import { IDENTITY, world } from "../helpers/agent-world";
import { thrownCode } from "../helpers/thrown";

const TCP: TransportBinding = { io: class {} as never };
const HOUR = 3_600_000;

interface Try {
  readonly ways: Ways;
  readonly time: VirtualTime;
  readonly store: MemoryStore;
  /** The name of the next; `!` where it is a short try. */
  readonly next: () => string;
  /** The next fails so. */
  readonly fails: (code?: ErrorCode) => string;
  readonly works: () => string;
}

function begin(order: readonly string[], store = new MemoryStore(), time = new VirtualTime()): Try {
  const host = virtualHost(TCP, { store, clock: time });
  const ways = transports(...order)(host);
  const next = (): string => {
    const { name, connectTimeout } = ways.next(host, IDENTITY);
    return connectTimeout === undefined ? name : `${name}!`;
  };
  return {
    ways,
    time,
    store,
    next,
    fails(code = "connect-timeout") {
      const name = next();
      ways.failed(code);
      return name;
    },
    works() {
      const name = next();
      ways.worked();
      return name;
    },
  };
}

const BOTH = ["tcp", "websocket"];

describe("the order", () => {
  test.each([
    [["tcp", "http"], "tcp, tcp:PORT, websocket or websocket:PORT"],
    [["websocket:0"], "tcp:PORT"],
    [["tcp:65536"], "tcp:PORT"],
    [["TCP"], "TCP"],
    [["tcp", "tcp"], "twice"],
    [[], "none is given"],
  ])("%j is refused", (order, about) => {
    expect(thrownCode(() => transports(...order))).toBe("invalid-argument");
    expect(() => transports(...order)).toThrow(about);
  });

  test("each has its port, and the path says whether a certificate follows", () => {
    const make = transports("tcp", "tcp:8884", "websocket", "websocket:8443");
    const { time } = begin(BOTH);
    for (const [attestation, path] of [
      ["symmetricKey", "/$iothub/websocket?iothub-no-client-cert=true"],
      ["x509", "/$iothub/websocket"],
    ] as const) {
      const host = virtualHost(TCP, { clock: time });
      const ways = make(host);
      const all = Array.from({ length: 4 }, () => {
        const way = ways.next(host, { ...IDENTITY, attestation });
        ways.failed("connect-failed");
        return way;
      });
      expect(all.map(({ name, port }) => [name, port])).toEqual([
        ["tcp", undefined],
        ["tcp:8884", 8884],
        ["websocket", 443],
        ["websocket:8443", 8443],
      ]);
      expect(all[0]?.transport).toBe(TCP);
      expect(all[2]?.transport).toMatchObject({ io: WebSocketTransport, inner: TCP, path });
    }
  });

  test("what is no order is refused by the device", () => {
    expect(thrownCode(() => world({ options: { transports: ["tcp"] as never } }))).toBe("invalid-argument");
  });
});

describe("what is tried next", () => {
  test("the next one after one failure, round and round", () => {
    const { fails } = begin(["tcp", "tcp:8884", "websocket"]);
    expect([fails(), fails(), fails(), fails()]).toEqual(["tcp", "tcp:8884", "websocket", "tcp"]);
  });

  test("one that has worked is left after two failures in a row", () => {
    const { fails, works } = begin(BOTH);
    expect([works(), fails(), works(), fails(), fails(), fails()]).toEqual([
      "tcp",
      "tcp",
      "tcp",
      "tcp",
      "tcp",
      "websocket",
    ]);
  });

  const unreached: readonly ErrorCode[] = [
    "connect-failed",
    "connect-timeout",
    "connection-lost",
    "connack-timeout",
    "malformed-packet",
    "protocol-violation",
    "tls-failed",
    "tls-untrusted",
    "tls-name-mismatch",
    "websocket-refused",
    "websocket-malformed",
    "proxy-refused",
  ];
  test.each(Object.keys(ERRORS) as ErrorCode[])("after %s", (code) => {
    const { fails, next } = begin(BOTH);
    fails(code);
    expect(next()).toBe(unreached.includes(code) ? "websocket" : "tcp");
  });
});

describe("what worked is remembered", () => {
  test("over a restart, and forgotten once the first one works again", () => {
    const first = begin(BOTH);
    first.fails();
    expect(first.works()).toBe("websocket");
    const second = begin(BOTH, first.store);
    expect(second.works()).toBe("websocket");
    second.time.advance(HOUR);
    expect(second.works()).toBe("tcp!");
    expect(second.works()).toBe("tcp");
    expect(second.store.values.size).toBe(0);
  });

  test("each is written once, and nothing where the first one works", () => {
    const store = new MemoryStore();
    let writes = 0;
    const write = store.write.bind(store);
    store.write = (key, value) => {
      writes += 1;
      write(key, value);
    };
    const { works, fails } = begin(BOTH, store);
    for (let i = 0; i < 5; i += 1) works();
    expect(writes).toBe(0);
    fails();
    fails();
    for (let i = 0; i < 5; i += 1) works();
    expect(writes).toBe(1);
  });

  test("a record that is damaged, of another kind or of another order is set aside", () => {
    const { store, fails, works } = begin(BOTH);
    fails();
    works();
    const whole = store.values.get(TRANSPORT_KEY) as Uint8Array;
    for (let cut = 1; cut < whole.length; cut += 1) {
      const torn = new MemoryStore();
      torn.values.set(TRANSPORT_KEY, whole.slice(0, cut));
      const again = begin(BOTH, torn);
      expect(again.works()).toBe("tcp");
      expect(torn.values.size).toBe(0);
    }
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = new MemoryStore();
      damaged.values.set(
        TRANSPORT_KEY,
        whole.map((byte, i) => (i === at ? byte ^ 0x10 : byte)),
      );
      expect(begin(BOTH, damaged).next()).toBe("tcp");
    }
    expect(begin(["tcp", "websocket:8443"], store).next()).toBe("tcp");
  });

  test("a store that fails costs nothing but the memory", () => {
    const broken = {
      read: () => {
        throw new Error("bad page");
      },
      write: () => {
        throw new Error("bad page");
      },
      delete: () => {
        throw new Error("bad page");
      },
    } as unknown as MemoryStore;
    const { fails, works, time } = begin(BOTH, broken);
    expect([fails(), works(), works()]).toEqual(["tcp", "websocket", "websocket"]);
    time.advance(HOUR);
    expect([works(), works()]).toEqual(["tcp!", "tcp"]);
  });
});

describe("back to the first one", () => {
  test("with the first connection after an hour, then each time after twice as long, a day at most", () => {
    const { fails, works, time, next } = begin(BOTH);
    fails();
    works();
    for (const hours of [1, 2, 4, 8, 16, 24, 24]) {
      time.advance(hours * HOUR - 1);
      expect(works()).toBe("websocket");
      time.advance(1);
      expect(fails()).toBe("tcp!");
      // One failure ends it, whatever it was.
      expect(works()).toBe("websocket");
    }
    time.advance(24 * HOUR);
    expect(works()).toBe("tcp!");
    expect(next()).toBe("tcp");
    // It begins anew.
    fails();
    fails();
    works();
    time.advance(HOUR);
    expect(next()).toBe("tcp!");
  });

  test("while nothing works, the order goes on", () => {
    const { fails, works, time } = begin(BOTH);
    fails();
    works();
    for (let i = 0; i < 20; i += 1) {
      fails();
      time.advance(60_000);
    }
    expect(new Set([fails(), fails(), fails()])).toEqual(new Set(["tcp", "websocket"]));
  });
});

test("what carries it is the transport of the connection, which may have another certificate", () => {
  const host: Host = virtualHost(TCP);
  const renewed = { ...TCP, certificate: "another" };
  const ways = transports("websocket")(host);
  expect(ways.next({ ...host, transport: renewed }, IDENTITY).transport.inner).toBe(renewed);
});
