// SPDX-License-Identifier: MIT
/** What goes wrong around a session never escapes into the platform, and after `close` it is silent. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Packet } from "mqtt-packet";
import { BerthError } from "../../../src/error";
import { InFlight } from "../../../src/mqtt/in-flight";
import { hex, toHex } from "../../helpers/bytes";
import {
  CONNACK,
  connectedSession,
  inbound,
  openSession,
  PINGRESP,
  puback,
  type Reactions,
  type SessionWorld,
} from "../../helpers/fake-transport";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const MESSAGE = { topic: "t", payload: new Uint8Array(1) };

function boom(): never {
  throw new TypeError("boom");
}

describe("the handler throws", () => {
  test.each<[keyof Reactions, (world: SessionWorld) => void]>([
    ["onMessage", ({ transport }) => transport.receivePackets(inbound("t", "x", 1))],
    ["onOversize", ({ transport }) => transport.receivePackets(inbound("t", "x".repeat(9_000), 1))],
    [
      "onAcknowledged",
      ({ session, transport }) => {
        session.publish(MESSAGE);
        transport.receivePackets(puback(1));
      },
    ],
    [
      "onSubscribed",
      ({ session, transport }) => {
        session.subscribe(["a"]);
        transport.receivePackets({ cmd: "suback", messageId: 1, granted: [1] });
      },
    ],
    [
      "onWritable",
      ({ session, transport }) => {
        transport.writable(0);
        session.publish({ topic: "t", payload: new Uint8Array(4_000) }, 0);
        session.publish({ topic: "t", payload: new Uint8Array(4_000) }, 0);
        transport.writable();
      },
    ],
  ])("in %s: the session ends with `internal`", (name, provoke) => {
    const world = connectedSession({}, { [name]: boom });
    provoke(world);
    expect(world.log.at(-1)).toBe("error internal");
    expect(world.errors[0]?.message).toContain("boom");
    expect(world.transport.closed).toBe(1);
    expect(world.time.pending).toBe(0);
  });

  test("in onConnected", () => {
    const world = openSession({}, { onConnected: boom });
    world.transport.writable();
    world.transport.receivePackets(CONNACK);
    expect(world.log).toEqual(["connected false", "error internal"]);
    expect(world.time.pending).toBe(0);
  });

  test("in onError: nothing more comes of it", () => {
    const world = connectedSession({}, { onError: boom });
    world.transport.fail(new BerthError("connection-lost"));
    expect(world.log).toEqual(["error connection-lost"]);
    expect(world.transport.closed).toBe(1);
  });

  test("a BerthError: its code is kept", () => {
    const refuse = (): never => {
      throw new BerthError("dps-timeout");
    };
    const world = connectedSession({}, { onMessage: refuse });
    world.transport.receivePackets(inbound("t", "x"));
    expect(world.log).toEqual(["message t 0+1/1", "error dps-timeout"]);
  });

  testProperty(
    "anything at all",
    200,
    fc.property(fc.anything({ withNullPrototype: true, withObjectString: true }), (thrown) => {
      const world = connectedSession(
        {},
        {
          onMessage: () => {
            throw thrown;
          },
        },
      );
      world.transport.receivePackets(inbound("t", "x"));
      expect(world.log).toEqual(["message t 0+1/1", "error internal"]);
    }),
  );
});

describe("the transport throws", () => {
  test("in read", () => {
    const { transport, log, errors } = connectedSession();
    transport.readError = new Error("ECONNRESET");
    transport.receivePackets(PINGRESP);
    expect(log).toEqual(["error connection-lost"]);
    expect(errors[0]?.message).toContain("ECONNRESET");
    expect(transport.closed).toBe(1);
  });

  test.each<[string, (world: SessionWorld) => void]>([
    ["CONNECT", ({ transport }) => transport.writable()],
    [
      "PUBACK",
      ({ transport }) => {
        transport.writeError = undefined;
        transport.writable();
        transport.receivePackets(CONNACK);
        transport.writeError = new Error("EPIPE");
        transport.receivePackets(inbound("t", "x", 1));
      },
    ],
    [
      "PINGREQ",
      ({ transport, time }) => {
        transport.writeError = undefined;
        transport.writable();
        transport.receivePackets(CONNACK);
        transport.writeError = new Error("EPIPE");
        time.advance(60_000);
      },
    ],
  ])("in write, of %s from a callback", (_, provoke) => {
    const world = openSession();
    world.transport.writeError = new Error("EPIPE");
    provoke(world);
    expect(world.log.at(-1)).toBe("error connection-lost");
    expect(world.errors).toHaveLength(1);
    expect(world.time.pending).toBe(0);
  });

  test.each<[string, (world: SessionWorld) => number]>([
    ["publish", ({ session }) => session.publish(MESSAGE)],
    ["publish with QoS 0", ({ session }) => session.publish(MESSAGE, 0)],
    ["subscribe", ({ session }) => session.subscribe(["a"])],
    ["unsubscribe", ({ session }) => session.unsubscribe(["a"])],
  ])("in write, from %s: no callback from inside a method, but one right after", (_, call) => {
    const world = connectedSession();
    world.transport.writeError = new Error("EPIPE");
    expect(call(world)).toBeGreaterThanOrEqual(0);
    expect(world.log).toEqual([]);
    call(world);
    expect(world.log).toEqual([]);
    world.time.advance(0);
    expect(world.log).toEqual(["error connection-lost"]);
    expect(world.time.pending).toBe(0);
  });

  test("in close: it is closed all the same", () => {
    const { session, transport, log } = connectedSession();
    transport.closeError = new Error("already");
    session.close();
    expect(session.connected).toBe(false);
    expect(log).toEqual([]);
  });

  test("in write, of DISCONNECT", () => {
    const { session, transport, log, time } = connectedSession();
    transport.writeError = new Error("EPIPE");
    session.close();
    expect([transport.closed, log, time.pending]).toEqual([1, [], 0]);
  });
});

describe("the transport fails", () => {
  test.each<[string, unknown, string]>([
    ["with a typed error", new BerthError("tls-untrusted"), "tls-untrusted"],
    ["with another error", new Error("gone"), "connection-lost"],
    ["without one", undefined, "connection-lost"],
    ["with what cannot be printed", Object.create(null), "connection-lost"],
  ])("%s", (_, given, code) => {
    for (const make of [openSession, connectedSession]) {
      const { session, transport, log, time } = make();
      transport.fail(given);
      expect(log).toEqual([`error ${code}`]);
      expect(session.connected).toBe(false);
      expect(transport.closed).toBe(1);
      expect(time.pending).toBe(0);
    }
  });

  test("twice: told once", () => {
    const { transport, log } = connectedSession();
    transport.fail();
    transport.fail();
    expect(log).toEqual(["error connection-lost"]);
  });
});

/** A session in each of its states. */
const STATES: [string, () => SessionWorld, string][] = [
  ["opening", () => openSession(), ""],
  [
    "waiting for CONNACK",
    () => {
      const world = openSession();
      world.transport.writable();
      return world;
    },
    "",
  ],
  ["connected", () => connectedSession(), "e0 00"],
  [
    "busy",
    () => {
      const world = connectedSession();
      world.session.publish(MESSAGE);
      world.session.subscribe(["a"]);
      return world;
    },
    "e0 00",
  ],
  [
    "waiting for PINGRESP",
    () => {
      const world = connectedSession();
      world.time.advance(61_000);
      return world;
    },
    "e0 00",
  ],
  [
    "stuck",
    () => {
      const world = connectedSession();
      world.transport.writable(0);
      world.session.publish(MESSAGE);
      return world;
    },
    "",
  ],
  [
    "with a failure not yet told",
    () => {
      const world = connectedSession();
      world.transport.writeError = new Error("EPIPE");
      world.session.publish(MESSAGE);
      world.transport.writeError = undefined;
      return world;
    },
    // What the failed write was to carry goes first.
    "32 06 00 01 74 00 01 00 e0 00",
  ],
  [
    "failed",
    () => {
      const world = connectedSession();
      world.transport.fail();
      world.log.length = 0;
      return world;
    },
    "",
  ],
];

describe("close", () => {
  test.each(STATES)("%s: idempotent, releases everything, silent afterwards", (_, make, last) => {
    const { session, transport, log, time } = make();
    const before = transport.writes.length;
    session.close();
    session.close();
    expect(transport.closed).toBe(1);
    expect(time.pending).toBe(0);
    expect(session.connected).toBe(false);
    expect(transport.writes.slice(before).map(toHex).join(" ")).toBe(last);
    // Whatever a platform still calls.
    transport.writable();
    transport.receivePackets(CONNACK, inbound("t", "x", 1), puback(1), PINGRESP);
    transport.receive(hex("ff ff"));
    transport.fail(new Error("late"));
    time.advance(100_000_000);
    expect(log).toEqual([]);
    expect(transport.violations).toEqual([]);
    for (const call of [
      () => session.publish(MESSAGE),
      () => session.publish(MESSAGE, 0),
      () => session.subscribe(["a"]),
      () => session.unsubscribe(["a"]),
    ]) {
      expect(thrownCode(call)).toBe("closed");
    }
    expect(time.pending).toBe(0);
  });

  test.each<[keyof Reactions, (world: SessionWorld) => void, string]>([
    [
      "onMessage",
      // Both in one chunk: the second is not delivered, the first not acknowledged.
      ({ transport }) => transport.receivePackets(inbound("a", "x", 1), inbound("b", "x", 2)),
      "message a 0+1/1",
    ],
    [
      "onAcknowledged",
      ({ session, transport }) => {
        session.publish(MESSAGE);
        session.publish(MESSAGE);
        transport.receivePackets(puback(1), puback(2));
      },
      "acknowledged 1",
    ],
    [
      "onSubscribed",
      ({ session, transport }) => {
        session.subscribe(["a"]);
        transport.receivePackets({ cmd: "suback", messageId: 1, granted: [0] }, inbound("a", "x"));
      },
      "subscribed 1 [0]",
    ],
    [
      "onWritable",
      ({ session, transport }) => {
        transport.writable(0);
        for (let i = 0; i < 2; i += 1) session.publish({ topic: "t", payload: new Uint8Array(4_000) }, 0);
        transport.writable();
      },
      "writable",
    ],
  ])("from inside %s", (name, provoke, line) => {
    const world = connectedSession({}, { [name]: (session: SessionWorld["session"]) => session.close() });
    provoke(world);
    expect(world.log).toEqual([line]);
    expect(world.transport.closed).toBe(1);
    expect(world.transport.take().filter((packet) => packet.startsWith("puback"))).toEqual([]);
    expect(world.time.pending).toBe(0);
    expect(world.transport.violations).toEqual([]);
  });

  test("from inside onConnected, with messages in flight: none is sent", () => {
    const inFlight = new InFlight();
    inFlight.add(MESSAGE);
    const world = openSession({ inFlight, clean: false }, { onConnected: (session) => session.close() });
    world.transport.writable();
    world.transport.receivePackets({ ...CONNACK, sessionPresent: true } as Packet);
    expect(world.transport.take()).toEqual(["connect", "disconnect"]);
    expect(world.log).toEqual(["connected true"]);
    expect(world.time.pending).toBe(0);
    expect(inFlight.count).toBe(1);
  });

  test("from inside onOpen, with messages in flight: no timer is left", () => {
    const inFlight = new InFlight();
    inFlight.add(MESSAGE);
    const world = openSession({ inFlight, eager: true, onOpen: () => world.session.close() });
    world.transport.writable();
    expect(world.log).toEqual([]);
    expect(world.time.pending).toBe(0);
    expect(world.transport.violations).toEqual([]);
  });

  test("from inside onError", () => {
    const world = connectedSession({}, { onError: (session) => session.close() });
    world.transport.fail();
    expect(world.log).toEqual(["error connection-lost"]);
    expect(world.transport.closed).toBe(1);
  });

  test("what is in flight stays, what waited for SUBACK does not", () => {
    const inFlight = new InFlight();
    const { session } = connectedSession({ inFlight });
    session.publish(MESSAGE);
    session.subscribe(["a"]);
    session.close();
    expect([inFlight.count, inFlight.reserved]).toEqual([1, 0]);
  });
});

testProperty(
  "whatever the server sends and whenever: no exception, one error at most, nothing after it",
  500,
  fc.property(
    fc.array(
      fc.oneof(
        { weight: 2, arbitrary: fc.uint8Array({ maxLength: 20 }) },
        {
          weight: 5,
          arbitrary: fc
            .constantFrom(
              "20 02 00 00",
              "30 03 00 01 74",
              "32 05 00 01 74 00 01",
              "40 02 00 01",
              "90 03 00 02 01",
              "b0 02 00 03",
              "d0 00",
            )
            .map(hex),
        },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 40_000 }) },
        { weight: 1, arbitrary: fc.constantFrom("fail", "close", "room") },
      ),
      { maxLength: 25 },
    ),
    fc.boolean(),
    (steps, connected) => {
      const { session, transport, log, time } = connected ? connectedSession() : openSession();
      transport.writable(200);
      if (connected) {
        session.publish(MESSAGE);
        session.subscribe(["a"]);
        session.unsubscribe(["b"]);
      }
      for (const step of steps) {
        if (step === "fail") transport.fail();
        else if (step === "close") session.close();
        else if (step === "room") transport.writable(50);
        else if (typeof step === "number") time.advance(step);
        else if (step instanceof Uint8Array) transport.receive(step);
      }
      const ended = log.findIndex((line) => line.startsWith("error"));
      if (ended >= 0) {
        expect(ended).toBe(log.length - 1);
        expect(session.connected).toBe(false);
      }
      if (transport.closed) expect(time.pending).toBe(0);
      expect(time.pending).toBeLessThanOrEqual(1);
      expect(transport.closed).toBeLessThanOrEqual(1);
      expect(transport.violations).toEqual([]);
    },
  ),
);
