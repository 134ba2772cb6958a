// SPDX-License-Identifier: MIT
/** A link over a pair of streams and in virtual time: what one client can make the emulator hold. */
import { Duplex, duplexPair } from "node:stream";
import { afterEach, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import { FaultInjector, type FaultRule } from "../../emulator/faults";
import { Link } from "../../emulator/mqtt/link";
import { Outbox } from "../../emulator/mqtt/outbox";

const CONNECT = Buffer.from([0x10, 0]);
const PINGREQ = Buffer.from([0xc0, 0]);
const PINGRESP = Buffer.from([0xd0, 0]);

interface World {
  clock: ManualClock;
  link: Link;
  /** The client's end. */
  peer: Duplex;
  stream: Duplex;
  packets: number;
}

const open: World[] = [];
afterEach(() => {
  for (const { stream, peer } of open.splice(0)) {
    stream.destroy();
    peer.destroy();
  }
});

/** Answers each packet behind CONNECT by `answer`. */
function world(answer: Buffer, faults: FaultRule[] = []): World {
  const clock = new ManualClock();
  const [stream, peer] = duplexPair();
  peer.on("error", () => {});
  const link = new Link({
    stream,
    clock,
    faults: new FaultInjector(faults),
    maximumPacket: 1000,
    reset: () => {},
    onPacket: (packet) => {
      if (packet[0] === CONNECT[0]) return;
      made.packets++;
      link.send(answer);
    },
  });
  const made: World = { clock, link, peer, stream, packets: 0 };
  open.push(made);
  return made;
}

const pings = (count: number) => Buffer.concat(Array.from({ length: count }, () => PINGREQ));
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((next) => setImmediate(next));
};
const closed = (stream: Duplex) =>
  new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once("close", resolve)));

test("the answers to a batch leave in one write", async () => {
  const writes: number[] = [];
  const stream = new Duplex({
    read: () => {},
    writev: (chunks, done) => {
      writes.push(chunks.length);
      done();
    },
  });
  const link = new Link({
    stream,
    clock: new ManualClock(),
    faults: new FaultInjector(),
    maximumPacket: 1000,
    reset: () => {},
    onPacket: () => link.send(PINGRESP),
  });
  stream.push(Buffer.concat([CONNECT, pings(99)]));
  await turns(3);
  expect(writes).toEqual([100]);
  link.destroy();
  stream.destroy();
});

test("who does not read is not read from: what waits is bounded, and all of it is answered once it is read", async () => {
  const answer = Buffer.concat([Buffer.from([0x30, 0xe8, 0x07]), Buffer.alloc(1000)]);
  const made = world(answer);
  const { peer, stream, link } = made;
  peer.write(CONNECT);
  peer.write(pings(5000));
  await turns(20);
  expect(stream.isPaused()).toBe(true);
  expect(made.packets).toBeLessThan(200);
  expect(stream.writableLength).toBeLessThan(200 * answer.length);
  expect(link.destroyed).toBe(false);
  let received = 0;
  const all = new Promise<void>((resolve) =>
    peer.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (received === 5000 * answer.length) resolve();
    }),
  );
  await all;
  expect(made.packets).toBe(5000);
});

test("a service that sends more than 8 MB to who does not read cuts it at once", async () => {
  const { link, stream, peer } = world(PINGRESP);
  peer.write(CONNECT);
  await turns(3);
  const outbox = new Outbox(link);
  const message = { topic: "a", payload: Buffer.alloc(64 * 1024), qos: 0 as const };
  let sent = 0;
  while (sent < 1000 && outbox.send(message) !== undefined) sent++;
  expect(sent).toBe(128);
  expect(link.reason).toBe("the client does not read what is sent to it");
  await closed(stream);
});

test("2,000 messages may wait for PUBACK; one more ends the connection, one that is acknowledged makes room", () => {
  const { link } = world(PINGRESP);
  const outbox = new Outbox(link);
  const message = { topic: "a", payload: Buffer.alloc(0), qos: 1 as const };
  const ids = Array.from({ length: 2000 }, () => outbox.send(message));
  expect(new Set(ids).size).toBe(2000);
  outbox.acknowledge(ids[7]!);
  expect(outbox.send(message)).toBe(2001);
  expect(outbox.send(message)).toBeUndefined();
  expect([link.destroyed, link.reason]).toEqual([true, "2000 messages wait for PUBACK"]);
  expect(outbox.send(message)).toBeUndefined();
});

test("a link that ends gives its client a grace to read and to close, then the socket goes", async () => {
  const { link, clock, stream, peer } = world(PINGRESP);
  peer.on("end", () => {});
  peer.write(CONNECT);
  await turns(3);
  link.send(Buffer.concat([Buffer.from([0x30, 0x80, 0x80, 0x08]), Buffer.alloc(128 * 1024)]));
  link.destroy("taken over");
  await turns(10);
  clock.advance(1999);
  await turns(3);
  expect(stream.closed).toBe(false);
  clock.advance(1);
  await closed(stream);
});

test("keep-alive counts what comes, and what is taken while reading pauses", async () => {
  const { link, clock, peer } = world(Buffer.concat([Buffer.from([0x30, 0xe8, 0x07]), Buffer.alloc(1000)]));
  peer.write(CONNECT);
  await turns(3);
  link.limitSilence(1000);
  clock.advance(999);
  peer.write(PINGREQ);
  await turns(3);
  clock.advance(999);
  expect(link.destroyed).toBe(false);
  // So much that reading pauses; the client takes a little now and then.
  peer.write(pings(3000));
  await turns(5);
  for (let step = 0; step < 20; step++) {
    clock.advance(600);
    peer.read();
    await turns(5);
  }
  expect(link.destroyed).toBe(false);
  // It takes nothing more.
  clock.advance(1000);
  expect([link.destroyed, link.reason]).toEqual([true, "keep alive timeout"]);
});

test("a delay fault holds up what is behind it, and reading with it", async () => {
  const made = world(PINGRESP, [{ step: "pingresp", action: "delay", delayMs: 500, count: 1 }]);
  const { peer, clock } = made;
  const chunks: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => chunks.push(chunk));
  peer.write(CONNECT);
  peer.write(pings(10));
  await turns(5);
  expect([made.packets, chunks]).toEqual([1, []]);
  clock.advance(500);
  await turns(5);
  expect([made.packets, Buffer.concat(chunks).length]).toEqual([10, 20]);
});
