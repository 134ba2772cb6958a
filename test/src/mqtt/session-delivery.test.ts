// SPDX-License-Identifier: MIT
/** Messages in both directions: QoS 1, the window, back-pressure, and sending again (MQTT 3.1.1, sections 4.3 to 4.6). */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import mqtt, { type Packet } from "mqtt-packet";
import { InFlight, type OutboundMessage } from "../../../src/mqtt/in-flight";
import { cut, hex } from "../../helpers/bytes";
import {
  CONNACK,
  connectedSession,
  inbound,
  openSession,
  puback,
  type Reactions,
  type SessionWorld,
  type SessionWorldOptions,
} from "../../helpers/fake-transport";
import { generatePackets } from "../../helpers/oracle";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const PRESENT = { ...CONNACK, sessionPresent: true } as Packet;

function message(topic: string, length = 1): OutboundMessage {
  return { topic, payload: new Uint8Array(length) };
}

describe("publish", () => {
  test("one packet, one write", () => {
    const { session, transport } = connectedSession();
    expect([
      session.publish(message("a")),
      session.publish(message("b"), 0),
      session.publish(message("c")),
    ]).toEqual([1, 0, 2]);
    expect(transport.writes).toHaveLength(1 + 3);
    expect(transport.take()).toEqual(["publish 1", "publish", "publish 2"]);
  });

  test("topic, payload and retain arrive", () => {
    const { session, transport } = connectedSession();
    session.publish({ topic: "a/b", payload: hex("0102"), retain: true });
    session.publish({ topic: hex("63"), payload: hex("") }, 0);
    expect(transport.takePackets()).toMatchObject([
      { topic: "a/b", payload: Buffer.from([1, 2]), qos: 1, dup: false, retain: true },
      { topic: "c", payload: Buffer.alloc(0), qos: 0, dup: false, retain: false },
    ]);
  });

  test("PUBACK is handed over with its message, whatever the order", () => {
    const seen: OutboundMessage[] = [];
    const { session, transport, log } = connectedSession(
      {},
      { onAcknowledged: (_session, _id, acknowledged) => seen.push(acknowledged) },
    );
    const messages = [message("a"), message("b")];
    for (const one of messages) session.publish(one);
    expect(session.drained).toBe(false);
    transport.receivePackets(puback(2), puback(1));
    expect(log).toEqual(["acknowledged 2", "acknowledged 1"]);
    expect(seen).toEqual([messages[1], messages[0]]);
    expect(seen[0]).toBe(messages[1]);
    expect(session.drained).toBe(true);
  });

  test("PUBACK for what is not in flight is passed over", () => {
    const { session, transport, log } = connectedSession();
    session.publish(message("a"));
    transport.receivePackets(puback(1), puback(1), puback(99));
    expect(log).toEqual(["acknowledged 1"]);
    expect(session.connected).toBe(true);
  });

  test("what cannot be sent is refused, and takes no place in the window", () => {
    const { session, transport } = connectedSession({ inFlight: new InFlight(1) });
    expect(thrownCode(() => session.publish(message("")))).toBe("invalid-argument");
    expect(thrownCode(() => session.publish(message("a/#")))).toBe("invalid-argument");
    expect(thrownCode(() => session.publish(message("t", 5_000)))).toBe("packet-too-large");
    expect(session.drained).toBe(true);
    expect(session.publish(message("t"))).toBeGreaterThan(0);
    expect(transport.take()).toHaveLength(1);
  });

  test("QoS 0 waiting to be sent is not drained", () => {
    const { session, transport } = connectedSession();
    transport.writable(0);
    session.publish(message("a"), 0);
    expect(session.drained).toBe(false);
    transport.writable();
    expect(session.drained).toBe(true);
  });
});

describe("the window", () => {
  test("full: -1, then onWritable once when a place is free", () => {
    const { session, transport, log } = connectedSession({ inFlight: new InFlight(2) });
    expect(["a", "b", "c"].map((topic) => session.publish(message(topic)))).toEqual([1, 2, -1]);
    expect(session.publish(message("c"))).toBe(-1);
    expect(session.publish(message("q"), 0)).toBe(0);
    transport.writable();
    expect(log).toEqual([]);
    transport.receivePackets(puback(1));
    expect(log).toEqual(["acknowledged 1", "writable"]);
    transport.receivePackets(puback(2));
    expect(log).toEqual(["acknowledged 1", "writable", "acknowledged 2"]);
  });

  test("messages that waited go out from onWritable", () => {
    const queue = ["c", "d", "e"].map((topic) => message(topic));
    const pump: Reactions["onWritable"] = (session) => {
      while (queue[0] && session.publish(queue[0]) > 0) queue.shift();
    };
    const { session, transport } = connectedSession({ inFlight: new InFlight(2) }, { onWritable: pump });
    for (const topic of ["a", "b", "c"]) session.publish(message(topic));
    for (let id = 1; id <= 5; id += 1) transport.receivePackets(puback(id));
    expect(queue).toEqual([]);
    expect(transport.take()).toEqual([1, 2, 3, 4, 5].map((id) => `publish ${id}`));
    expect(session.drained).toBe(true);
  });
});

describe("no room", () => {
  test("the output buffer is full: -1, no place in the window taken; onWritable when it has drained", () => {
    const { session, transport, log } = connectedSession({ outputSize: 1_024 });
    transport.writable(0);
    expect(session.publish(message("a", 900))).toBe(1);
    expect(session.publish(message("b", 900))).toBe(-1);
    expect(session.publish(message("b", 900), 0)).toBe(-1);
    expect(log).toEqual([]);
    transport.writable(2_000);
    expect(log).toEqual(["writable"]);
    expect(session.publish(message("b", 900))).toBeGreaterThan(1);
    expect(transport.take()).toHaveLength(2);
    transport.writable();
    expect(log).toEqual(["writable"]);
  });

  test("a full window is no reason for QoS 0 to wait: onWritable when the buffer has drained", () => {
    const { session, transport, log } = connectedSession({ outputSize: 1_024, inFlight: new InFlight(1) });
    transport.writable(0);
    expect(session.publish(message("a", 900))).toBe(1);
    expect(session.publish(message("b"))).toBe(-1);
    expect(session.publish(message("c", 900), 0)).toBe(-1);
    transport.writable(2_000);
    expect(log).toEqual(["writable"]);
    expect(session.publish(message("c", 900), 0)).toBe(0);
  });

  test("a packet goes out in parts as there is room", () => {
    const { session, transport } = connectedSession();
    transport.writable(0);
    session.publish(message("a", 10));
    session.publish(message("b", 10));
    transport.writable(7);
    transport.writable(7);
    transport.writable(100);
    expect(transport.writes.slice(1).map((bytes) => bytes.length)).toEqual([7, 7, 34 - 14]);
    expect(transport.take()).toEqual(["publish 1", "publish 2"]);
  });

  test("a subscription that finds no room is refused and leaves no identifier behind", () => {
    const inFlight = new InFlight();
    const { session, transport } = connectedSession({ outputSize: 1_024, inFlight });
    transport.writable(0);
    session.publish(message("a", 1_015), 0);
    expect(thrownCode(() => session.subscribe(["a"]))).toBe("outbox-full");
    expect(thrownCode(() => session.unsubscribe(["a"]))).toBe("outbox-full");
    expect(inFlight.reserved).toBe(0);
  });
});

describe("subscribe", () => {
  test("SUBACK and UNSUBACK are handed over", () => {
    const { session, transport, log } = connectedSession();
    expect([
      session.subscribe(["a", "b/#"], 0),
      session.subscribe(["c"]),
      session.unsubscribe(["a"]),
    ]).toEqual([1, 2, 3]);
    expect(transport.takePackets()).toMatchObject([
      {
        cmd: "subscribe",
        subscriptions: [
          { topic: "a", qos: 0 },
          { topic: "b/#", qos: 0 },
        ],
      },
      { cmd: "subscribe", subscriptions: [{ topic: "c", qos: 1 }] },
      { cmd: "unsubscribe", unsubscriptions: ["a"] },
    ]);
    transport.receivePackets(
      { cmd: "unsuback", messageId: 3, granted: [] },
      { cmd: "suback", messageId: 1, granted: [0, 0] },
      { cmd: "suback", messageId: 2, granted: [0] },
    );
    expect(log).toEqual(["subscribed 3 []", "subscribed 1 [0,0]", "subscribed 2 [0]"]);
  });

  test.each([
    ["alone", ["a"], [0x80]],
    ["one of two", ["a", "b"], [1, 0x80]],
  ])("SUBACK 0x80, %s: subscribe-refused", (_, filters, granted) => {
    const { session, transport, log, errors } = connectedSession();
    session.subscribe(filters);
    transport.receivePackets({ cmd: "suback", messageId: 1, granted });
    expect(log).toEqual(["error subscribe-refused"]);
    expect(errors[0]).toMatchObject({ status: 0x80, retriable: false });
    expect(transport.closed).toBe(1);
  });

  test.each<[string, (world: SessionWorld) => void, Packet]>([
    ["SUBACK that answers nothing", () => {}, { cmd: "suback", messageId: 1, granted: [1] }],
    ["UNSUBACK that answers nothing", () => {}, { cmd: "unsuback", messageId: 1, granted: [] }],
    [
      "SUBACK for a PUBLISH",
      ({ session }) => session.publish(message("a")),
      { cmd: "suback", messageId: 1, granted: [1] },
    ],
    [
      "SUBACK with fewer codes than filters [MQTT-3.8.4-5]",
      ({ session }) => session.subscribe(["a", "b"]),
      { cmd: "suback", messageId: 1, granted: [1] },
    ],
    [
      "SUBACK with more codes than filters [MQTT-3.8.4-5]",
      ({ session }) => session.subscribe(["a"]),
      { cmd: "suback", messageId: 1, granted: [1, 1] },
    ],
    [
      "UNSUBACK for a SUBSCRIBE [MQTT-3.8.4-1]",
      ({ session }) => session.subscribe(["a"]),
      { cmd: "unsuback", messageId: 1, granted: [] },
    ],
    [
      "SUBACK for an UNSUBSCRIBE [MQTT-3.10.4-4]",
      ({ session }) => session.unsubscribe(["a"]),
      { cmd: "suback", messageId: 1, granted: [1] },
    ],
  ])("%s", (_, before, packet) => {
    const world = connectedSession();
    before(world);
    world.transport.receivePackets(packet);
    expect(world.log).toEqual(["error protocol-violation"]);
  });

  test("SUBACK twice", () => {
    const { session, transport, log } = connectedSession();
    session.subscribe(["a"]);
    transport.receivePackets(
      { cmd: "suback", messageId: 1, granted: [1] },
      { cmd: "suback", messageId: 1, granted: [1] },
    );
    expect(log).toEqual(["subscribed 1 [1]", "error protocol-violation"]);
  });

  test("no filter, or an ill-formed one, is refused and leaves no identifier behind", () => {
    const inFlight = new InFlight();
    const { session, transport } = connectedSession({ inFlight });
    for (const filters of [[], [""], ["a#"]]) {
      expect(thrownCode(() => session.subscribe(filters))).toBe("invalid-argument");
      expect(thrownCode(() => session.unsubscribe(filters))).toBe("invalid-argument");
    }
    expect(inFlight.reserved).toBe(0);
    expect(transport.take()).toEqual([]);
  });
});

describe("deadlines", () => {
  test("the PUBACKs of others give a message no more time", () => {
    const { session, transport, log, time } = connectedSession({ answerTimeout: 1_000, keepAlive: 0 });
    session.publish(message("never acknowledged"));
    for (let id = 2; id <= 10; id += 1) {
      session.publish(message("a"));
      time.advance(100);
      transport.receivePackets(puback(id));
    }
    time.advance(99);
    expect(log.at(-1)).toBe("acknowledged 10");
    time.advance(1);
    expect(log.at(-1)).toBe("error publish-timeout");
  });

  test("the SUBACKs of others give a subscription no more time", () => {
    const { session, transport, log, time } = connectedSession({ answerTimeout: 1_000, keepAlive: 0 });
    session.subscribe(["never answered"]);
    for (let id = 2; id <= 10; id += 1) {
      session.subscribe(["a"]);
      time.advance(100);
      transport.receivePackets({ cmd: "suback", messageId: id, granted: [1] });
    }
    time.advance(100);
    expect(log.at(-1)).toBe("error subscribe-timeout");
  });

  test("PUBACK does not come: publish-timeout, counted from its PUBLISH or from the PUBACK of the one before", () => {
    const { session, transport, log, time } = connectedSession({ answerTimeout: 1_000, keepAlive: 0 });
    session.publish(message("a"));
    time.advance(600);
    session.publish(message("b"));
    time.advance(399);
    transport.receivePackets(puback(1));
    time.advance(999);
    expect(log).toEqual(["acknowledged 1"]);
    time.advance(1);
    expect(log).toEqual(["acknowledged 1", "error publish-timeout"]);
    expect(time.pending).toBe(0);
  });

  test("a message that is published does not put off the deadline of the one before", () => {
    const { session, log, time } = connectedSession({ answerTimeout: 1_000, keepAlive: 0 });
    for (let i = 0; i < 4; i += 1) {
      session.publish(message("a"));
      time.advance(250);
    }
    expect(log).toEqual(["error publish-timeout"]);
  });

  test.each<[string, (world: SessionWorld) => void, string]>([
    ["publish", ({ session }) => session.publish(message("a")), "publish-timeout"],
    ["subscribe", ({ session }) => session.subscribe(["a"]), "subscribe-timeout"],
    ["unsubscribe", ({ session }) => session.unsubscribe(["a"]), "subscribe-timeout"],
  ])("of %s runs where no other timer does", (_, call, code) => {
    const world = connectedSession({ keepAlive: 0 });
    world.time.advance(1_000_000);
    expect(world.time.pending).toBe(0);
    call(world);
    world.time.advance(29_999);
    expect(world.log).toEqual([]);
    world.time.advance(1);
    expect(world.log).toEqual([`error ${code}`]);
  });

  test("none runs once all is acknowledged", () => {
    const { session, transport, log, time } = connectedSession({ keepAlive: 0 });
    session.publish(message("a"));
    session.subscribe(["b"]);
    time.advance(1_000);
    transport.receivePackets(puback(1), { cmd: "suback", messageId: 2, granted: [1] });
    time.advance(10_000_000);
    expect(log).toEqual(["acknowledged 1", "subscribed 2 [1]"]);
    expect(session.connected).toBe(true);
  });

  test("SUBACK does not come: subscribe-timeout; another subscription does not put it off", () => {
    const { session, log, time } = connectedSession({ answerTimeout: 1_000, keepAlive: 0 });
    for (let i = 0; i < 4; i += 1) {
      expect(log).toEqual([]);
      session.subscribe(["a"]);
      time.advance(250);
    }
    expect(log).toEqual(["error subscribe-timeout"]);
  });

  test("one of two subscriptions is answered: the other has its time from there", () => {
    const { session, transport, log, time } = connectedSession({ answerTimeout: 1_000, keepAlive: 0 });
    session.subscribe(["a"]);
    session.unsubscribe(["b"]);
    time.advance(900);
    transport.receivePackets({ cmd: "suback", messageId: 1, granted: [1] });
    time.advance(999);
    expect(log).toEqual(["subscribed 1 [1]"]);
    time.advance(1);
    expect(log).toEqual(["subscribed 1 [1]", "error subscribe-timeout"]);
  });

  test("what is sent again and never leaves for lack of room ends in publish-timeout too", () => {
    const { inFlight } = interrupted(["a", "b"], 900);
    const options = { inFlight, clean: false, outputSize: 1_024, keepAlive: 0, answerTimeout: 1_000 };
    const { transport, log, time } = openSession(options);
    transport.writable(100);
    time.advance(500);
    transport.receivePackets(PRESENT);
    for (let i = 0; i < 9; i += 1) {
      time.advance(111);
      transport.writable(1);
    }
    expect(log).toEqual(["connected true"]);
    time.advance(1);
    expect(log).toEqual(["connected true", "error publish-timeout"]);
  });
});

describe("messages from the server", () => {
  test("PUBACK for QoS 1 after the handler has returned, none for QoS 0", () => {
    const world = connectedSession({}, { onMessage: () => expect(world.transport.take()).toEqual([]) });
    const { transport, log } = world;
    transport.receivePackets(inbound("a", "x", 7));
    expect(transport.take()).toEqual(["puback 7"]);
    transport.receivePackets(inbound("b", "y"));
    expect(transport.take()).toEqual([]);
    transport.receivePackets(inbound("c", "z", 8), inbound("c", "z", 9));
    expect(transport.take()).toEqual(["puback 8", "puback 9"]);
    expect(log).toEqual(["message a 0+1/1", "message b 0+1/1", "message c 0+1/1", "message c 0+1/1"]);
    expect(transport.violations).toEqual([]);
  });

  test("the handler throws: no PUBACK, so that the server sends it again", () => {
    const { transport, log } = connectedSession(
      {},
      {
        onMessage: () => {
          throw new Error("application");
        },
      },
    );
    transport.receivePackets(inbound("a", "x", 7), inbound("b", "x", 8));
    expect(log).toEqual(["message a 0+1/1", "error internal"]);
    expect(transport.take()).toEqual([]);
    expect(transport.closed).toBe(1);
  });

  test("a large one is read past: told, then acknowledged, and life goes on", () => {
    const options = { maximumPacketSize: 128 };
    const world = connectedSession(options, { onOversize: () => expect(world.transport.take()).toEqual([]) });
    const { transport, log } = world;
    const bytes = generatePackets(inbound("a", "x".repeat(200), 7), inbound("b", "y", 8));
    for (const byte of bytes) transport.receive(Uint8Array.of(byte));
    expect(log).toEqual(["oversize a 205/128", "message b 0+1/1"]);
    expect(transport.take()).toEqual(["puback 7", "puback 8"]);
    transport.receivePackets(inbound("c", "x".repeat(200)));
    expect(log.at(-1)).toBe("oversize c 203/128");
    expect(transport.take()).toEqual([]);
  });

  test("large ones whose PUBACKs find no room are owed in order with the others", () => {
    const { session, transport, log } = connectedSession({ outputSize: 1_024, maximumPacketSize: 128 });
    transport.writable(0);
    session.publish(message("full", 1_010), 0);
    transport.receivePackets(
      inbound("a", "x".repeat(200), 7),
      inbound("b", "y", 8),
      inbound("c", "x".repeat(200), 9),
    );
    transport.writable();
    expect(log).toEqual(["oversize a 205/128", "message b 0+1/1", "oversize c 205/128"]);
    expect(transport.take()).toEqual(["publish", "puback 7", "puback 8", "puback 9"]);
  });

  test("one that comes before CONNACK ends the session, large as it is", () => {
    const { transport, log } = openSession({ maximumPacketSize: 128 });
    transport.writable();
    transport.receivePackets(inbound("a", "x".repeat(200), 7));
    expect(log).toEqual(["error protocol-violation"]);
  });

  test("the handler closes the session in onOversize: no PUBACK", () => {
    const { transport } = connectedSession(
      { maximumPacketSize: 128 },
      { onOversize: (session) => session.close() },
    );
    transport.receivePackets(inbound("a", "x".repeat(200), 7), inbound("b", "y", 8));
    expect(transport.take()).toEqual(["disconnect"]);
  });

  test("a large one is streamed or read past by its topic", () => {
    const options = { maximumPacketSize: 128, inputSize: 64, oversize: (topic: string) => topic === "s" };
    const { transport, log } = connectedSession(options);
    transport.receivePackets(inbound("s", "x".repeat(150), 7), inbound("p", "x".repeat(150), 8));
    expect(log.filter((line) => line.startsWith("message s")).length).toBeGreaterThan(1);
    expect(log.at(-1)).toBe("oversize p 155/128");
    expect(transport.take()).toEqual(["puback 7", "puback 8"]);
  });

  test("a large one that is streamed: PUBACK once, after the last fragment", () => {
    const options = { maximumPacketSize: 128, inputSize: 64, oversize: "stream" } as const;
    const seen: string[] = [];
    const world = connectedSession(options, { onMessage: () => seen.push(...world.transport.take()) });
    const { transport, log } = world;
    const bytes = generatePackets(inbound("a", "x".repeat(150), 7), inbound("b", "y", 8));
    const [first, second] = cut(bytes, [100]) as [Uint8Array, Uint8Array];
    transport.receive(first);
    expect(transport.take()).toEqual([]);
    transport.receive(second);
    expect(log.filter((line) => line.startsWith("message a")).length).toBeGreaterThan(2);
    expect(log.at(-2)).toMatch(/^message a \d+\+\d+\/150$/);
    expect(log.at(-1)).toBe("message b 0+1/1");
    // Not before the handler had seen the last fragment.
    expect([...seen, ...transport.take()]).toEqual(["puback 7", "puback 8"]);
  });

  test("PUBACKs that find no room are owed in order; until they are paid nothing more is read", () => {
    const { session, transport, log } = connectedSession({ outputSize: 1_024, inputSize: 64 });
    transport.writable(0);
    session.publish(message("full", 1_010), 0);
    const bytes = generatePackets(...Array.from({ length: 40 }, (_, i) => inbound("t", "x", i + 1)));
    transport.receive(bytes);
    // One chunk of 64 bytes was read, no more, however often the transport calls.
    const read = bytes.length - transport.unread;
    expect(read).toBe(64);
    transport.receive();
    transport.writable(0);
    expect(bytes.length - transport.unread).toBe(64);
    for (let i = 0; i < 2_000 && transport.unread > 0; i += 1) transport.writable(3);
    transport.writable();
    expect(log).toHaveLength(40);
    expect(transport.take()).toEqual(["publish", ...Array.from({ length: 40 }, (_, i) => `puback ${i + 1}`)]);
    expect(transport.violations).toEqual([]);
  });

  test.each([64, 65_536])(
    "more PUBACKs than the output buffer holds, %i bytes read at a time",
    (inputSize) => {
      const { transport, log } = connectedSession({ outputSize: 1_024, inputSize });
      transport.receivePackets(...Array.from({ length: 1_000 }, (_, i) => inbound("t", "x", i + 1)));
      // All at once, as there is room: nobody calls again.
      expect(log).toHaveLength(1_000);
      expect(transport.take()).toEqual(Array.from({ length: 1_000 }, (_, i) => `puback ${i + 1}`));
      expect(transport.unread).toBe(0);
    },
  );

  test("more than fits the input buffer is read in one go", () => {
    const { transport, log } = connectedSession({ inputSize: 64 });
    transport.receivePackets(inbound("t", "x".repeat(1_000)), inbound("u", "y"));
    expect(log).toEqual(["message t 0+1000/1000", "message u 0+1/1"]);
    expect(transport.unread).toBe(0);
  });

  test("bytes that are no MQTT end the session", () => {
    const { transport, log } = connectedSession();
    transport.receive(hex("d0 00 00"));
    expect(log).toEqual(["error malformed-packet"]);
    expect(transport.closed).toBe(1);
  });
});

/** What is left in flight of a session that sent `topics` with QoS 1 and was cut off. */
function interrupted(topics: readonly string[], length = 1): { inFlight: InFlight } {
  const inFlight = new InFlight(8);
  const { session, transport, log } = connectedSession({ inFlight, clean: false });
  for (const topic of topics) session.publish(message(topic, length));
  session.subscribe(["a"]);
  transport.fail();
  expect(log).toEqual(["error connection-lost"]);
  return { inFlight };
}

/** Opens the session that follows; CONNECT is taken. */
function next(
  inFlight: InFlight,
  options: SessionWorldOptions = {},
  reactions: Reactions = {},
): SessionWorld {
  const world = openSession({ inFlight, clean: false, ...options }, reactions);
  world.transport.writable();
  expect(world.transport.take().slice(0, 1)).toEqual(["connect"]);
  return world;
}

describe("sending again (section 4.4)", () => {
  test.each([
    ["the session was kept: with DUP [MQTT-3.3.1-1]", true, " dup"],
    ["a new session: without DUP", false, ""],
  ])("%s, same identifiers, same order [MQTT-4.4.0-1, 4.6.0-1]", (_, sessionPresent, flag) => {
    const { inFlight } = interrupted(["a", "b", "c"]);
    inFlight.acknowledge(2);
    const { transport, log, session } = next(inFlight);
    expect(transport.writes).toHaveLength(1);
    transport.receivePackets({ ...CONNACK, sessionPresent } as Packet);
    const packets = transport.takePackets();
    expect(packets).toMatchObject([
      { cmd: "publish", messageId: 1, topic: "a", dup: sessionPresent, qos: 1 },
      { cmd: "publish", messageId: 3, topic: "c", dup: sessionPresent, qos: 1 },
    ]);
    expect(flag).toBe(sessionPresent ? " dup" : "");
    transport.receivePackets(puback(1), puback(3));
    expect(log).toEqual([`connected ${sessionPresent}`, "acknowledged 1", "acknowledged 3"]);
    // 4 was SUBSCRIBE; it is free, but later.
    expect(session.publish(message("d"))).toBe(5);
    expect(transport.take()).toEqual(["publish 5"]);
  });

  test("identifiers of subscriptions are given back, their answers are not expected", () => {
    const { inFlight } = interrupted(["a"]);
    expect(inFlight.reserved).toBe(0);
    const { transport, log } = next(inFlight);
    transport.receivePackets(PRESENT, { cmd: "suback", messageId: 2, granted: [1] });
    expect(log).toEqual(["connected true", "error protocol-violation"]);
  });

  test("those of a session that was thrown away too", () => {
    const inFlight = new InFlight();
    inFlight.reserve();
    openSession({ inFlight });
    expect(inFlight.reserved).toBe(0);
  });

  test("QoS 0 is not sent again", () => {
    const inFlight = new InFlight();
    const first = connectedSession({ inFlight, clean: false });
    first.session.publish(message("a"), 0);
    first.transport.fail();
    const { transport } = next(inFlight);
    transport.receivePackets(PRESENT);
    expect(transport.take()).toEqual([]);
  });

  test("from onConnected a subscription goes first, a message waits until the old ones are out", () => {
    const { inFlight } = interrupted(["a", "b"]);
    const results: number[] = [];
    const { transport, log } = next(
      inFlight,
      {},
      {
        onConnected: (session) => {
          session.subscribe(["c"]);
          results.push(session.publish(message("n")));
        },
        onWritable: (session) => results.push(session.publish(message("n"))),
      },
    );
    transport.receivePackets(PRESENT);
    expect(log).toEqual(["connected true", "writable"]);
    expect(results).toEqual([-1, 5]);
    expect(transport.take()).toEqual(["subscribe 4", "publish 1 dup", "publish 2 dup", "publish 5"]);
  });

  test("more than the output buffer holds goes out as there is room", () => {
    const { inFlight } = interrupted(["a", "b", "c", "d"], 900);
    const { transport, log } = next(inFlight, { outputSize: 1_024 });
    transport.writable(10);
    transport.receivePackets(PRESENT);
    for (let i = 0; i < 80; i += 1) transport.writable(50);
    expect(transport.take()).toEqual([1, 2, 3, 4].map((id) => `publish ${id} dup`));
    expect(log).toEqual(["connected true"]);
    expect(transport.violations).toEqual([]);
  });

  test.each([
    ["of one already sent again", 1, [2, 3, 4]],
    ["of one that has not been sent again yet", 3, [2, 4]],
    ["of the last, not sent again yet", 4, [2, 3]],
  ])("PUBACK in the middle of it %s: the others go out once each", (_, id, rest) => {
    const { inFlight } = interrupted(["a", "b", "c", "d"], 900);
    const { transport, log } = next(inFlight, { outputSize: 1_024 });
    transport.writable(0);
    transport.receivePackets(PRESENT);
    transport.writable(908);
    // 1 has left, 2 waits in the output buffer.
    expect(transport.take()).toEqual(["publish 1 dup"]);
    transport.receivePackets(puback(id));
    for (let i = 0; i < 10; i += 1) transport.writable(1_000);
    expect(transport.take()).toEqual(rest.map((other) => `publish ${other} dup`));
    expect(log).toEqual(["connected true", `acknowledged ${id}`]);
  });

  test("twice interrupted, nothing is lost", () => {
    const { inFlight } = interrupted(["a", "b"]);
    const second = next(inFlight);
    second.transport.fail();
    const third = next(inFlight);
    third.transport.receivePackets(PRESENT, puback(1));
    third.transport.fail();
    const last = next(inFlight);
    last.transport.receivePackets(PRESENT);
    expect(last.transport.take()).toEqual(["publish 2 dup"]);
  });

  test("eager: behind CONNECT, with DUP where the server may have kept the session", () => {
    const kept = openSession({ inFlight: interrupted(["a"]).inFlight, clean: false, eager: true });
    kept.transport.writable();
    expect(kept.transport.take()).toEqual(["connect", "publish 1 dup"]);
    const clean = openSession({ inFlight: interrupted(["a"]).inFlight, eager: true });
    clean.transport.writable();
    expect(clean.transport.take()).toEqual(["connect", "publish 1"]);
    clean.transport.receivePackets(CONNACK, puback(1));
    expect(clean.transport.take()).toEqual([]);
    expect(clean.log).toEqual(["connected false", "acknowledged 1"]);
  });
});

/** Events of the property below. */
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ publish: fc.constantFrom<(0 | 1)[]>(0, 1), size: fc.nat(300) }) },
  { weight: 3, arbitrary: fc.record({ room: fc.integer({ min: 0, max: 400 }) }) },
  { weight: 2, arbitrary: fc.record({ receive: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 2, arbitrary: fc.constant({ acknowledge: true }) },
);

testProperty(
  "under any room, whatever is accepted arrives once, whole and in order; whatever comes is acknowledged in order",
  300,
  fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    const { session, transport, log } = connectedSession({ outputSize: 1_024, inputSize: 64, keepAlive: 0 });
    const accepted: string[] = [];
    const packets: Packet[] = [];
    const parser = mqtt.parser({ protocolVersion: 4 });
    parser.on("packet", (packet) => packets.push(packet));
    let parsed = 1;
    let topics = 0;
    let received = 0;
    let acknowledged = 0;
    const acknowledgeAll = (): void => {
      // What the server has had whole so far; CONNECT has been taken.
      for (; parsed < transport.writes.length; parsed += 1) {
        parser.parse(Buffer.from(transport.writes[parsed] as Uint8Array));
      }
      const published = packets.filter(({ cmd, messageId }) => cmd === "publish" && messageId);
      for (const { messageId } of published.slice(acknowledged)) {
        transport.receivePackets(puback(messageId as number));
        acknowledged += 1;
      }
    };
    for (const one of events) {
      if ("publish" in one) {
        const topic = `t${topics++}`;
        if (session.publish(message(topic, one.size), one.publish) >= 0) accepted.push(topic);
      } else if ("room" in one) transport.writable(one.room);
      else if ("receive" in one) {
        for (let i = 0; i < one.receive; i += 1) transport.receivePackets(inbound("in", "x", ++received));
      } else acknowledgeAll();
    }
    for (let i = 0; i < 20; i += 1) {
      transport.writable();
      acknowledgeAll();
    }
    const sent = packets.filter((packet) => packet.cmd === "publish").map(({ topic }) => topic);
    expect(sent).toEqual(accepted);
    expect(packets.filter(({ cmd }) => cmd === "puback").map(({ messageId }) => messageId)).toEqual(
      Array.from({ length: received }, (_, i) => i + 1),
    );
    expect(session.drained).toBe(true);
    expect(log.filter((line) => line.startsWith("message"))).toHaveLength(received);
    expect(log.filter((line) => line.startsWith("error"))).toEqual([]);
    expect(transport.violations).toEqual([]);
  }),
);
