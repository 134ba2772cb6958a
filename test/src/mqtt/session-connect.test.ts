// SPDX-License-Identifier: MIT
/** From the options to CONNACK: what is sent, every refusal, the deadlines, and `eager`. */
import { describe, expect, test } from "@jest/globals";
import type { Packet } from "mqtt-packet";
import { nodeText, VirtualTime } from "../../../simulator/virtual-host";
import { InFlight } from "../../../src/mqtt/in-flight";
import { Session, type SessionHandler, type SessionOptions } from "../../../src/mqtt/session";
import { hex, toHex } from "../../helpers/bytes";
import {
  CONNACK,
  connectedSession,
  type FakeTransport,
  inbound,
  openSession,
  PINGRESP,
  puback,
  recordingBinding,
} from "../../helpers/fake-transport";
import { thrownCode } from "../../helpers/thrown";

const CREDENTIALS = { user: "someone", password: "a password" };

const SILENT: SessionHandler = {
  onConnected() {},
  onMessage() {},
  onOversize() {},
  onAcknowledged() {},
  onSubscribed() {},
  onWritable() {},
  onError() {},
};

/** Opens a session with `options` as they stand. */
function open(options: SessionOptions): { session: Session; made: FakeTransport[]; time: VirtualTime } {
  const made: FakeTransport[] = [];
  const time = new VirtualTime();
  const host = { text: nodeText, clock: time, timers: time, transport: recordingBinding(made) };
  return { session: new Session(host, SILENT, options), made, time };
}

describe("the transport", () => {
  test("gets host, port and the options of its binding", () => {
    const made: FakeTransport[] = [];
    const time = new VirtualTime();
    const transport = Object.freeze({ ...recordingBinding(made), roots: ["a root"] });
    const host = { text: nodeText, clock: time, timers: time, transport };
    new Session(host, SILENT, { host: "broker.test", id: "i" });
    new Session(host, SILENT, { host: "broker.test", port: 443, id: "i" });
    expect(made[0]?.options).toMatchObject({ host: "broker.test", port: 8883, roots: ["a root"] });
    expect(made[1]?.options).toMatchObject({ host: "broker.test", port: 443, roots: ["a root"] });
  });

  test("an exception of its constructor comes out of the session's, and no timer stays", () => {
    const time = new VirtualTime();
    class Failing {
      constructor() {
        throw new RangeError("no socket left");
      }
    }
    const host = { text: nodeText, clock: time, timers: time, transport: { io: Failing as never } };
    expect(() => new Session(host, SILENT, { host: "broker.test", id: "i" })).toThrow("no socket left");
    expect(time.pending).toBe(0);
  });
});

describe("CONNECT", () => {
  test("goes out in one write when the transport is up, and nothing before", () => {
    const { transport, time } = openSession({ id: "a", keepAlive: 60_000 });
    time.advance(1_000);
    expect(transport.writes).toEqual([]);
    transport.writable();
    expect(transport.writes.map(toHex)).toEqual(["10 0d 00 04 4d 51 54 54 04 02 00 3c 00 01 61"]);
  });

  test("carries user, password, will and a session to keep", () => {
    const will = { topic: "w", message: "gone", QoS: 1 as const, retain: true };
    const { transport } = openSession({ ...CREDENTIALS, clean: false, keepAlive: 1_500, will });
    transport.writable();
    expect(transport.takePackets()).toMatchObject([
      {
        cmd: "connect",
        clientId: "device-1",
        username: "someone",
        password: Buffer.from("a password"),
        clean: false,
        // Whole seconds, never shorter than asked for.
        keepalive: 2,
        will: { topic: "w", payload: Buffer.from("gone"), qos: 1, retain: true },
      },
    ]);
  });

  test("goes out a byte at a time where there is no more room", () => {
    const whole = openSession(CREDENTIALS);
    whole.transport.writable();
    const { transport, log } = openSession(CREDENTIALS);
    for (let i = 0; i < whole.transport.sent.length; i += 1) transport.writable(1);
    expect(transport.sent).toEqual(whole.transport.sent);
    expect(transport.writes.every((bytes) => bytes.length === 1)).toBe(true);
    transport.writable(1);
    transport.receivePackets(CONNACK);
    expect(log).toEqual(["connected false"]);
    expect(transport.violations).toEqual([]);
  });

  test("a field that CONNECT cannot carry ends the session, it is not thrown into the platform", () => {
    const { transport, log } = openSession({ user: "u", password: "x".repeat(5_000) });
    transport.writable();
    expect(log).toEqual(["error packet-too-large"]);
    expect(transport.writes).toEqual([]);
    expect(transport.closed).toBe(1);
  });
});

describe("CONNACK", () => {
  test.each([
    [1, "connack-protocol-version", false],
    [2, "connack-identifier-rejected", false],
    [3, "connack-server-unavailable", true],
    [4, "connack-bad-credentials", false],
    [5, "connack-not-authorized", false],
  ])("%i (table 3.1): %s", (returnCode, code, retriable) => {
    const { session, transport, log, errors, time } = openSession();
    transport.writable();
    transport.receivePackets({ ...CONNACK, returnCode } as Packet);
    expect(log).toEqual([`error ${code}`]);
    expect(errors[0]).toMatchObject({ code, status: returnCode, retriable });
    expect(session.connected).toBe(false);
    expect(transport.closed).toBe(1);
    expect(time.pending).toBe(0);
  });

  test.each([
    [true, false],
    [false, false],
    [false, true],
  ])("0, clean %s, session present %s", (clean, sessionPresent) => {
    const { session, transport, log } = openSession({ clean });
    transport.writable();
    expect(session.connected).toBe(false);
    transport.receivePackets({ ...CONNACK, sessionPresent } as Packet);
    expect(session.connected).toBe(true);
    expect(log).toEqual([`connected ${sessionPresent}`]);
  });

  test.each([undefined, true])(
    "a session is present, though a clean one was asked for (clean: %s) [MQTT-3.2.2-1]",
    (clean) => {
      const { transport, log } = openSession(clean === undefined ? {} : { clean });
      transport.writable();
      transport.receivePackets({ ...CONNACK, sessionPresent: true } as Packet);
      expect(log).toEqual(["error protocol-violation"]);
    },
  );

  test("a second one (section 3.2)", () => {
    const { transport, log } = openSession();
    transport.writable();
    transport.receivePackets(CONNACK, CONNACK);
    expect(log).toEqual(["connected false", "error protocol-violation"]);
  });

  test.each<[string, Packet]>([
    ["PUBLISH", inbound("t", "x")],
    ["PUBACK", puback(1)],
    ["SUBACK", { cmd: "suback", messageId: 1, granted: [1] }],
    ["UNSUBACK", { cmd: "unsuback", messageId: 1, granted: [] }],
    ["PINGRESP", PINGRESP],
  ])("%s before it [MQTT-3.2.0-1]", (_, packet) => {
    const { transport, log } = openSession();
    transport.writable();
    transport.receivePackets(packet);
    expect(log).toEqual(["error protocol-violation"]);
    expect(transport.closed).toBe(1);
  });

  test("before CONNECT was sent", () => {
    const { transport, log } = openSession();
    transport.receivePackets(CONNACK);
    expect(log).toEqual(["error protocol-violation"]);
  });

  test("what follows it in the same chunk is delivered after it", () => {
    const { transport, log } = openSession({ clean: false });
    transport.writable();
    transport.receivePackets({ ...CONNACK, sessionPresent: true } as Packet, inbound("t", "x"));
    expect(log).toEqual(["connected true", "message t 0+1/1"]);
  });
});

describe("deadlines", () => {
  test.each([
    ["the default", {}, 30_000],
    ["as configured", { connectTimeout: 700 }, 700],
  ])("the transport does not come up: %s", (_, options, timeout) => {
    const { transport, log, time } = openSession(options);
    time.advance(timeout - 1);
    expect(log).toEqual([]);
    time.advance(1);
    expect(log).toEqual(["error connect-timeout"]);
    expect(transport.closed).toBe(1);
    expect(time.pending).toBe(0);
  });

  test.each([
    ["the default", {}, 30_000],
    ["as configured", { answerTimeout: 700 }, 700],
  ])("CONNACK does not come: %s, from CONNECT on", (_, options, timeout) => {
    const { transport, log, time } = openSession(options);
    time.advance(20_000);
    transport.writable();
    time.advance(timeout - 1);
    expect(log).toEqual([]);
    time.advance(1);
    expect(log).toEqual(["error connack-timeout"]);
    expect(time.pending).toBe(0);
  });

  test("half a CONNACK is none", () => {
    const { transport, log, time } = openSession();
    transport.writable();
    transport.receive(hex("20 02 00"));
    time.advance(30_000);
    expect(log).toEqual(["error connack-timeout"]);
  });

  test("CONNACK at the last moment is in time", () => {
    const { transport, log, time } = openSession({ keepAlive: 0 });
    transport.writable();
    time.advance(29_999);
    transport.receivePackets(CONNACK);
    time.advance(1_000_000);
    expect(log).toEqual(["connected false"]);
  });
});

describe("credentials", () => {
  function holds(transport: FakeTransport, text: string): boolean {
    return Buffer.from(transport.lastMemory as ArrayBuffer).includes(text);
  }

  test("are wiped from the output buffer at CONNACK", () => {
    const { transport } = openSession(CREDENTIALS);
    transport.writable();
    expect(holds(transport, "a password")).toBe(true);
    transport.receivePackets(CONNACK);
    expect(holds(transport, "a password")).toBe(false);
    expect(holds(transport, "someone")).toBe(false);
  });

  test("are wiped when other packets already wait behind CONNECT", () => {
    const { session, transport } = openSession({ ...CREDENTIALS, eager: true });
    transport.writable(70);
    session.publish({ topic: "t", payload: new Uint8Array(100).fill(0x2a) }, 0);
    transport.receivePackets(CONNACK);
    expect(holds(transport, "a password")).toBe(false);
    transport.writable();
    expect(transport.take()).toEqual(["connect", "publish"]);
  });
});

describe("options", () => {
  const least = { host: "broker.test", id: "i" };

  test("frozen ones, and unknown ones, are accepted", () => {
    const options = Object.freeze({ ...least, unknown: 1, inFlight: new InFlight() });
    const { made } = open(options);
    made[0]?.writable();
    expect(made[0]?.take()).toEqual(["connect"]);
  });

  test.each<[string, Partial<SessionOptions>]>([
    ["outputSize below 1,024", { outputSize: 1_023 }],
    ["outputSize over 1 MB", { outputSize: 1_048_577 }],
    ["inputSize below 64", { inputSize: 63 }],
    ["inputSize over 65,536", { inputSize: 65_537 }],
    ["keepAlive below 0", { keepAlive: -1 }],
    ["keepAlive over 65,535 s", { keepAlive: 65_535_001 }],
    ["keepAlive that is no number", { keepAlive: Number.NaN }],
    ["answerTimeout 0", { answerTimeout: 0 }],
    ["answerTimeout over what a timer takes", { answerTimeout: 2 ** 31 }],
    ["connectTimeout 0", { connectTimeout: 0 }],
    ["connectTimeout over what a timer takes", { connectTimeout: 2 ** 31 }],
    ["maximumPacketSize below 128", { maximumPacketSize: 127 }],
  ])("%s is refused before anything is opened", (_, wrong) => {
    const made: FakeTransport[] = [];
    const time = new VirtualTime();
    const host = { text: nodeText, clock: time, timers: time, transport: recordingBinding(made) };
    expect(thrownCode(() => new Session(host, SILENT, { ...least, ...wrong }))).toBe("invalid-argument");
    expect(made).toEqual([]);
    expect(time.pending).toBe(0);
  });

  test.each<Partial<SessionOptions>>([
    { outputSize: 1_024, inputSize: 64, keepAlive: 0, answerTimeout: 1, connectTimeout: 1 },
    { outputSize: 1_048_576, inputSize: 65_536, keepAlive: 65_535_000 },
    { answerTimeout: 2 ** 31 - 1, connectTimeout: 2 ** 31 - 1 },
  ])("the limits themselves are accepted: %j", (limits) => {
    expect(open({ ...least, ...limits }).made).toHaveLength(1);
  });

  test("outputSize bounds a packet, maximumPacketSize what is received", () => {
    const { session, transport, log } = connectedSession({ outputSize: 1_024, maximumPacketSize: 200 });
    const publish = (length: number) => (): number =>
      session.publish({ topic: "t", payload: new Uint8Array(length) }, 0);
    expect(thrownCode(publish(1_024 - 6))).toBe("none");
    expect(thrownCode(publish(1_024 - 5))).toBe("packet-too-large");
    transport.receivePackets(inbound("t", "x".repeat(198)));
    expect(log).toEqual(["oversize t 201/200"]);
  });

  test("filters whose answer would be over maximumPacketSize are refused before they travel", () => {
    const { session, transport } = connectedSession({ maximumPacketSize: 128 });
    const filters = Array.from({ length: 127 }, () => "a");
    expect(thrownCode(() => session.subscribe(filters))).toBe("packet-too-large");
    expect(session.subscribe(filters.slice(1))).toBe(1);
    transport.receivePackets({ cmd: "suback", messageId: 1, granted: filters.slice(1).map(() => 1) });
    expect(session.connected).toBe(true);
  });

  test("a server that answers no subscription does not use up the packet identifiers", () => {
    const { session, transport } = connectedSession();
    const ask = (): number => {
      transport.writable();
      return session.subscribe(["a"]);
    };
    for (let i = 1; i <= 1_024; i += 1) expect(ask()).toBe(i);
    expect(thrownCode(ask)).toBe("outbox-full");
    transport.receivePackets({ cmd: "suback", messageId: 1, granted: [1] });
    expect(ask()).toBe(1_025);
  });
});

describe("eager (section 3.1.4, non normative)", () => {
  test("SUBSCRIBE and PUBLISH follow CONNECT before CONNACK; onConnected still comes with it", () => {
    const log: string[] = [];
    const world = openSession({
      eager: true,
      onOpen: () => {
        log.push("open");
        world.session.subscribe(["a/#"]);
        world.session.publish({ topic: "b", payload: hex("01") });
        expect(world.session.connected).toBe(false);
      },
    });
    const { transport } = world;
    expect(log).toEqual([]);
    transport.writable();
    expect(log).toEqual(["open"]);
    expect(transport.take()).toEqual(["connect", "subscribe 1", "publish 2"]);
    expect(world.log).toEqual([]);
    transport.receivePackets(CONNACK, { cmd: "suback", messageId: 1, granted: [1] }, puback(2));
    expect(world.log).toEqual(["connected false", "subscribed 1 [1]", "acknowledged 2"]);
    expect(transport.take()).toEqual([]);
  });

  test("all of it leaves in one write", () => {
    const world = openSession({
      eager: true,
      onOpen: () => {
        world.session.subscribe(["a/#"]);
        world.session.publish({ topic: "b", payload: hex("01") });
      },
    });
    world.transport.writable();
    expect(world.transport.writes).toHaveLength(1);
  });

  test("what is sent afterwards, before CONNACK and after, leaves at once", () => {
    const { session, transport } = openSession({ eager: true });
    transport.writable();
    session.publish({ topic: "a", payload: hex("") }, 0);
    expect(transport.take()).toEqual(["connect", "publish"]);
    transport.receivePackets(CONNACK);
    session.subscribe(["b"]);
    expect(transport.take()).toEqual(["subscribe 1"]);
  });

  test("what does not fit behind CONNECT leaves when that has gone", () => {
    const world = openSession({
      eager: true,
      outputSize: 1_024,
      onOpen: () => {
        world.session.subscribe(["a/#"]);
        expect(world.session.publish({ topic: "b", payload: new Uint8Array(1_000) })).toBe(2);
      },
    });
    world.transport.writable();
    expect(world.transport.take()).toEqual(["connect", "subscribe 1", "publish 2"]);
  });

  test("onWritable waits for CONNACK, as all that is reported", () => {
    const { session, transport, log } = openSession({ eager: true, outputSize: 1_024 });
    transport.writable(100);
    const message = { topic: "t", payload: new Uint8Array(900) };
    expect([session.publish(message, 0), session.publish(message, 0)]).toEqual([0, -1]);
    transport.writable();
    expect(log).toEqual([]);
    transport.receivePackets(CONNACK);
    expect(log).toEqual(["connected false", "writable"]);
  });

  test("SUBACK before CONNACK [MQTT-3.2.0-1]", () => {
    const world = openSession({ eager: true, onOpen: () => world.session.subscribe(["a"]) });
    world.transport.writable();
    world.transport.receivePackets({ cmd: "suback", messageId: 1, granted: [1] });
    expect(world.log).toEqual(["error protocol-violation"]);
  });

  test("refused: what was sent early changes nothing", () => {
    const world = openSession({ eager: true, onOpen: () => world.session.subscribe(["a/#"]) });
    world.transport.writable();
    world.transport.receivePackets({ ...CONNACK, returnCode: 5 } as Packet);
    expect(world.log).toEqual(["error connack-not-authorized"]);
    expect(world.time.pending).toBe(0);
  });

  test("without it nothing can be sent before CONNACK", () => {
    const { session, transport } = openSession({ onOpen: () => session.subscribe(["a"]) });
    expect(thrownCode(() => session.publish({ topic: "t", payload: hex("") }))).toBe("closed");
    transport.writable();
    for (const QoS of [0, 1] as const) {
      expect(thrownCode(() => session.publish({ topic: "t", payload: hex("") }, QoS))).toBe("closed");
    }
    expect(thrownCode(() => session.subscribe(["a"]))).toBe("closed");
    expect(thrownCode(() => session.unsubscribe(["a"]))).toBe("closed");
    expect(transport.take()).toEqual(["connect"]);
  });

  test("an exception of onOpen ends the session", () => {
    const world = openSession({
      eager: true,
      onOpen: () => {
        throw new Error("application");
      },
    });
    world.transport.writable();
    expect(world.log).toEqual(["error internal"]);
    expect(world.transport.closed).toBe(1);
  });
});
