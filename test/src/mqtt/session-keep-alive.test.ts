// SPDX-License-Identifier: MIT
/** PINGREQ when it is due, and the end of a connection that is dead (MQTT 3.1.1, sections 3.1.2.10, 3.12 and 3.13). */
import { describe, expect, test } from "@jest/globals";
import { InFlight, type OutboundMessage } from "../../../src/mqtt/in-flight";
import {
  CONNACK,
  connectedSession,
  inbound,
  openSession,
  PINGRESP,
  puback,
  type SessionWorld,
} from "../../helpers/fake-transport";

const MESSAGE: OutboundMessage = { topic: "t", payload: new Uint8Array(1) };

/** Lets `duration` pass; each PINGREQ is answered `delay` later, or never. @returns when each was sent */
function pingTimes({ transport, time }: SessionWorld, duration: number, delay?: number): number[] {
  const times: number[] = [];
  for (let at = 1; at <= duration; at += 1) {
    time.advance(1);
    for (const line of transport.take()) {
      expect(line).toBe("pingreq");
      times.push(at);
      if (delay !== undefined) time.set(() => transport.receivePackets(PINGRESP), delay);
    }
  }
  return times;
}

describe("PINGREQ", () => {
  test("after 60 s of silence by default; with PINGRESP the connection lives on", () => {
    const { session, transport, log, time } = connectedSession();
    time.advance(59_999);
    expect(transport.take()).toEqual([]);
    time.advance(1);
    expect(transport.take()).toEqual(["pingreq"]);
    for (let i = 0; i < 10; i += 1) {
      transport.receivePackets(PINGRESP);
      time.advance(60_000);
      expect(transport.take()).toEqual(["pingreq"]);
    }
    expect(log).toEqual([]);
    expect(session.connected).toBe(true);
  });

  test("keepAlive 0: never, and no timer runs", () => {
    const { transport, log, time } = connectedSession({ keepAlive: 0 });
    time.advance(30_000);
    expect(time.pending).toBe(0);
    time.advance(100_000_000);
    expect(transport.take()).toEqual([]);
    expect(log).toEqual([]);
  });

  test("counts from the last packet of this side, where the other talks all the time [MQTT-3.1.2-23]", () => {
    const { session, transport, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 5_000 });
    for (let i = 0; i < 9; i += 1) {
      time.advance(1_000);
      transport.receivePackets(inbound("t", "x"));
    }
    expect(transport.take()).toEqual([]);
    time.advance(1_000);
    expect(transport.take()).toEqual(["pingreq"]);
    transport.receivePackets(PINGRESP);
    session.publish(MESSAGE, 0);
    expect(transport.take()).toEqual(["publish"]);
    time.advance(9_999);
    expect(transport.take()).toEqual([]);
    time.advance(1);
    expect(transport.take()).toEqual(["pingreq"]);
  });

  test("counts from the last packet of the other side, where this side talks all the time: is it still there?", () => {
    const { session, transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 5_000 });
    for (let i = 0; i < 10; i += 1) {
      time.advance(1_000);
      session.publish(MESSAGE, 0);
    }
    expect(transport.take()).toContain("pingreq");
    for (let i = 0; i < 5; i += 1) {
      expect(log).toEqual([]);
      time.advance(1_000);
    }
    expect(log).toEqual(["error keep-alive-timeout"]);
  });

  test("none while messages and acknowledgements come and go", () => {
    const { session, transport, log, time } = connectedSession({ keepAlive: 10_000 });
    for (let id = 1; id <= 50; id += 1) {
      time.advance(9_000);
      session.publish(MESSAGE);
      transport.receivePackets(puback(id));
    }
    expect(transport.take()).toEqual(Array.from({ length: 50 }, (_, i) => `publish ${i + 1}`));
    expect(log).toHaveLength(50);
  });

  test("not before CONNACK", () => {
    const { transport, time } = openSession({ keepAlive: 1_000 });
    transport.writable();
    time.advance(5_000);
    expect(transport.take()).toEqual(["connect"]);
    transport.receivePackets(CONNACK);
    // This side has been silent for longer than it said.
    time.advance(0);
    expect(transport.take()).toEqual(["pingreq"]);
  });
});

describe("no answer", () => {
  test("keep-alive-timeout after keepAlive and answerTimeout", () => {
    const { transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 4_000 });
    time.advance(13_999);
    expect(log).toEqual([]);
    time.advance(1);
    expect(log).toEqual(["error keep-alive-timeout"]);
    expect(transport.closed).toBe(1);
    expect(time.pending).toBe(0);
  });

  test("any packet counts as life, half of one too", () => {
    const { transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 4_000 });
    // PINGREQ goes out at 10, 20 and 30 s.
    time.advance(13_999);
    transport.receive(Uint8Array.of(0x30));
    time.advance(10_000);
    transport.receive(Uint8Array.of(0x03, 0x00, 0x01, 0x74));
    time.advance(10_000);
    expect(log).toEqual(["message t 0+0/0"]);
    time.advance(1);
    expect(log).toEqual(["message t 0+0/0", "error keep-alive-timeout"]);
  });

  test("a PINGRESP nobody asked for does no harm", () => {
    const { transport, log, time } = connectedSession();
    transport.receivePackets(PINGRESP, PINGRESP);
    time.advance(60_000);
    expect(transport.take()).toEqual(["pingreq"]);
    expect(log).toEqual([]);
  });
});

describe("keepAlive shorter than answerTimeout", () => {
  test("a server that takes its time is pinged on, so that it never misses this side [MQTT-3.1.2-23]", () => {
    const world = connectedSession({ keepAlive: 1_000, answerTimeout: 10_000 });
    const pings = pingTimes(world, 20_000, 3_500);
    expect(world.log).toEqual([]);
    let before = 0;
    for (const at of pings) {
      expect(at - before).toBeLessThanOrEqual(1_000);
      before = at;
    }
    expect(pings.length).toBeGreaterThanOrEqual(19);
  });

  test("the first PINGREQ decides, the later ones put nothing off", () => {
    const world = connectedSession({ keepAlive: 1_000, answerTimeout: 3_500 });
    expect(pingTimes(world, 4_499)).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(world.log).toEqual([]);
    world.time.advance(1);
    expect(world.log).toEqual(["error keep-alive-timeout"]);
  });
});

describe("an output that is stuck", () => {
  test("is judged as no answer is, and costs no more than a timer", () => {
    const { transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 4_000 });
    transport.writable(0);
    time.advance(13_999);
    expect(log).toEqual([]);
    expect(time.pending).toBe(1);
    time.advance(1);
    expect(log).toEqual(["error keep-alive-timeout"]);
  });

  test("PINGREQ follows as soon as it moves, once", () => {
    const { transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 4_000 });
    transport.writable(0);
    time.advance(11_000);
    transport.writable();
    expect(transport.take()).toEqual(["pingreq"]);
    transport.receivePackets(PINGRESP);
    time.advance(9_999);
    expect(transport.take()).toEqual([]);
    time.advance(1);
    expect(transport.take()).toEqual(["pingreq"]);
    expect(log).toEqual([]);
  });

  test("full of QoS 0, which nobody acknowledges, it still finds out that the server lives", () => {
    const options = { keepAlive: 10_000, answerTimeout: 4_000, outputSize: 1_024 };
    const { session, transport, log, time } = connectedSession(options);
    transport.writable(0);
    session.publish({ topic: "t", payload: new Uint8Array(1_018) }, 0);
    time.advance(12_000);
    transport.writable(1_000);
    transport.writable();
    expect(transport.take()).toEqual(["publish", "pingreq"]);
    transport.receivePackets(PINGRESP);
    time.advance(9_000);
    expect(log).toEqual([]);
  });

  test("moves again: from there on this side is never silent for longer than it said", () => {
    const world = connectedSession({ keepAlive: 1_000, answerTimeout: 10_000 });
    world.transport.writable(0);
    world.time.advance(1_500);
    world.transport.writable();
    expect(world.transport.take()).toEqual(["pingreq"]);
    expect(pingTimes(world, 3_500)).toEqual([1_000, 2_000, 3_000]);
  });

  test("moves a byte at a time: PINGREQ once", () => {
    const { transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 4_000 });
    transport.writable(1);
    time.advance(11_000);
    transport.writable(1);
    transport.writable(1);
    transport.writable(1);
    expect(transport.take()).toEqual(["pingreq"]);
    transport.receivePackets(PINGRESP);
    expect(log).toEqual([]);
  });

  test("data that comes in meanwhile is a sign of life: the time runs anew", () => {
    for (const moves of [true, false]) {
      const { transport, log, time } = connectedSession({ keepAlive: 10_000, answerTimeout: 4_000 });
      transport.writable(0);
      time.advance(13_000);
      transport.receivePackets(inbound("t", "x"));
      time.advance(3_999);
      expect(log).toEqual(["message t 0+1/1"]);
      expect(time.pending).toBe(1);
      if (moves) {
        transport.writable();
        expect(transport.take()).toEqual(["pingreq"]);
        transport.receivePackets(PINGRESP);
        time.advance(9_999);
        expect(log).toEqual(["message t 0+1/1"]);
      } else {
        time.advance(1);
        expect(log).toEqual(["message t 0+1/1", "error keep-alive-timeout"]);
      }
    }
  });
});

test("one timer serves all deadlines, and none stays behind", () => {
  const world = connectedSession({ keepAlive: 5_000, inFlight: new InFlight(4) });
  const { session, transport, time } = world;
  for (let i = 0; i < 4; i += 1) {
    session.publish(MESSAGE);
    session.subscribe(["a"]);
    time.advance(700);
    transport.receivePackets(inbound("t", "x", i + 1));
    expect(time.pending).toBe(1);
  }
  session.close();
  expect(time.pending).toBe(0);
});
