// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import { ntpRequest, readNtpReply } from "../../../hosts/moddable/sntp";
import { TimeSync, type TimeSyncOptions, type UdpSocket } from "../../../hosts/moddable/time-sync";
import type { BerthError } from "../../../src/error";
import { START, VirtualTime } from "../../../simulator/virtual-host";

const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const BOUNDS = { earliest: START - 86_400_000, latest: START + 86_400_000 };

/** A server's answer at `time`, milliseconds since 1970. */
function reply(time: number, changes: Record<number, number> = {}, nonce: Uint8Array = NONCE): Uint8Array {
  const packet = new Uint8Array(48);
  packet[0] = (4 << 3) | 4;
  packet[1] = 2;
  packet.set(nonce, 24);
  const view = new DataView(packet.buffer);
  view.setUint32(40, (Math.floor(time / 1000) + 2_208_988_800) % 2 ** 32);
  view.setUint32(44, Math.floor(((time % 1000) / 1000) * 2 ** 32));
  for (const [at, value] of Object.entries(changes)) packet[Number(at)] = value;
  return packet;
}

/** A kiss of death. */
function kiss(code: string, nonce: Uint8Array = NONCE): Uint8Array {
  const packet = reply(START, { 1: 0 }, nonce);
  packet.set(Buffer.from(code), 12);
  return packet;
}

describe("packets", () => {
  test("the request is version 4, mode 3, with the nonce as its transmit timestamp", () => {
    const request = ntpRequest(NONCE);
    expect(request).toHaveLength(48);
    expect(request[0]).toBe(0x23);
    expect(request.subarray(40)).toEqual(NONCE);
  });

  test.each([
    START,
    START + 500,
    Date.UTC(2036, 1, 7, 6, 28, 15),
    Date.UTC(2036, 1, 7, 6, 28, 17),
    Date.UTC(2040, 0, 1),
  ])("reads %i, before and after the era of 2036", (time) => {
    expect(readNtpReply(reply(time), NONCE)).toBeCloseTo(time, -1);
  });

  test.each([
    ["short", reply(START).subarray(0, 47), "malformed"],
    ["a client's", reply(START, { 0: (4 << 3) | 3 }), "malformed"],
    ["to another nonce", reply(START, { 24: 9 }), "not ours"],
    ["of four bytes", reply(START).subarray(0, 4), "not ours"],
    ["a client's to another nonce", reply(START, { 0: (4 << 3) | 3, 24: 9 }), "not ours"],
    ["a kiss of death to another nonce", kiss("DENY", Uint8Array.of(9)), "not ours"],
    ["a kiss of death, RATE", kiss("RATE"), "slow down"],
    ["a kiss of death, DENY", kiss("DENY"), "stay away"],
    ["a kiss of death, RSTR", kiss("RSTR"), "stay away"],
    ["a kiss of death that asks for nothing", kiss("INIT"), "not synchronized"],
    ["not synchronized", reply(START, { 0: (3 << 6) | (4 << 3) | 4 }), "not synchronized"],
    ["of stratum 16", reply(START, { 1: 16 }), "not synchronized"],
    ["without a time", reply(-2_208_988_800_000), "not synchronized"],
  ])("does not believe an answer that is %s", (_, packet, refusal) => {
    expect(readNtpReply(packet, NONCE)).toBe(refusal);
  });
});

/** How a server behaves: an answer, or silence. */
type Server = (nonce: Uint8Array) => Uint8Array | undefined;

function world(servers: Record<string, Server | "unknown">, options: Partial<TimeSyncOptions> = {}) {
  const time = new VirtualTime();
  const set: number[] = [];
  const errors: BerthError[] = [];
  const asked: string[] = [];
  let open = 0;
  class Udp implements UdpSocket {
    #onReadable: (packets: number) => void;
    #packets: (ArrayBuffer & { address: string; port: number })[] = [];
    #closed = false;
    constructor(given: { readonly onReadable: (packets: number) => void }) {
      this.#onReadable = given.onReadable;
      open += 1;
    }
    read() {
      return this.#packets.shift();
    }
    write(packet: Uint8Array, address: string, port: number): void {
      asked.push(`${address}:${port}`);
      const answer = (servers[address] as Server)(packet.subarray(40));
      if (answer) this.receive(answer, address, port);
    }
    receive(packet: Uint8Array, address: string, port: number): void {
      time.set(() => {
        if (this.#closed) return;
        this.#packets.push(Object.assign(packet.slice().buffer as ArrayBuffer, { address, port }));
        this.#onReadable(1);
      }, 40);
    }
    close(): void {
      this.#closed = true;
      open -= 1;
    }
  }
  const sync = new TimeSync({
    UDP: { io: Udp },
    resolve: (name, done) =>
      void time.set(() => done(name, servers[name] === "unknown" ? undefined : name), 10),
    timers: time,
    clock: time,
    servers: Object.keys(servers),
    bounds: BOUNDS,
    nonce: () => NONCE,
    random: () => 0.5,
    set: (seconds) => void set.push(seconds),
    onError: (error) => void errors.push(error),
    ...options,
  });
  return { time, sync, set, errors, asked, open: () => open };
}

describe("servers", () => {
  /** What the true time is now, in the worlds below. */
  const truth = (offset = 0, world?: { time: VirtualTime }): Server => {
    return (nonce) => reply(START + offset + (world?.time.ticks() ?? 0), {}, nonce);
  };
  const good = truth();
  const YEARS = 2 * 365 * 86_400_000;
  const wide = { bounds: { earliest: START - 3 * YEARS, latest: START + 3 * YEARS } };

  /** A world whose servers tell its time, but for those that are said to be off by so many milliseconds. */
  function telling(offsets: Record<string, number | "silent">, options: Partial<TimeSyncOptions> = {}) {
    const servers: Record<string, Server> = {};
    const made = world(servers, { servers: Object.keys(offsets), ...wide, ...options });
    for (const [name, offset] of Object.entries(offsets)) {
      servers[name] = offset === "silent" ? () => undefined : truth(offset, made);
    }
    return { ...made, servers };
  }

  /** Of what was set: how far from the truth, seconds. */
  const errorsOf = (set: readonly number[], time: VirtualTime): number[] =>
    set.map((seconds) => Math.round(seconds - (START + time.ticks()) / 1000));

  test("what the clock says already needs one answer, each time of another server, hours later", () => {
    const { time, sync, set, asked, open } = telling({ one: 0, two: 0 });
    sync.start();
    time.advance(1_000);
    expect(errorsOf(set, time)).toEqual([-1]);
    expect(open()).toBe(0);
    time.advance(7 * 3_600_000);
    expect(asked).toEqual(["one:123", "two:123"]);
  });

  test.each<[string, Server | "unknown"]>([
    ["is silent", () => undefined],
    ["has no address", "unknown"],
    ["lies about the year", (nonce) => reply(START - 40 * 365 * 86_400_000, {}, nonce)],
    ["is not synchronized", (nonce) => reply(START, { 1: 0 }, nonce)],
    [
      "cannot be written to",
      () => {
        throw new Error("sendto failed");
      },
    ],
  ])("the next one is asked when the first %s", (_, first) => {
    const { time, sync, set } = world({ one: first, two: good });
    sync.start();
    time.advance(6_000);
    expect(set).toHaveLength(1);
  });

  test("a clock that is not set takes two that agree: the first, if it lies, is outvoted", () => {
    const { time, sync, set, errors, asked } = telling({ liar: YEARS, two: 0, three: 500 });
    time.isSet = false;
    sync.start();
    time.advance(1_000);
    expect(asked).toEqual(["liar:123", "two:123", "three:123"]);
    expect(errorsOf(set, time)).toEqual([0]);
    expect(errors).toEqual([]);
  });

  test.each([YEARS, -YEARS, 3_600_000, 50_000, -50_000])(
    "one that lies by %i ms moves a clock that is set neither at once nor step by step, for a month",
    (offset) => {
      let wrong = 0;
      const shown = { now: () => START + world.time.ticks() + wrong, ticks: () => world.time.ticks() };
      const furthest: number[] = [];
      const world = telling(
        { liar: offset, two: 0, three: 0 },
        {
          clock: shown,
          set: (seconds) => {
            wrong = seconds * 1000 - START - world.time.ticks();
            furthest.push(Math.abs(wrong));
          },
        },
      );
      world.sync.start();
      world.time.advance(30 * 86_400_000);
      expect(furthest.length).toBeGreaterThan(100);
      expect(Math.max(...furthest)).toBeLessThan(60_000);
    },
  );

  test("two that contradict each other are not believed, however often", () => {
    const { time, sync, set, errors } = telling({ one: 0, two: YEARS });
    time.isSet = false;
    sync.start();
    time.advance(86_400_000);
    expect(set).toEqual([]);
    expect(errors.at(-1)).toMatchObject({
      code: "clock-not-set",
      message: expect.stringContaining("no other server"),
    });
  });

  test("one server under two names has one voice", () => {
    const servers = { one: good, two: good };
    const { time, sync, set } = world(servers, {
      resolve: (name, done) => void done(name, name === "one" || name === "two" ? "one" : undefined),
    });
    time.isSet = false;
    sync.start();
    time.advance(10_000);
    expect(set).toEqual([]);
  });

  test("the only one that answers is believed after three rounds; the only one there is, at once", () => {
    const { time, sync, set, errors } = telling({ one: "silent", two: 0, three: "silent" });
    time.isSet = false;
    sync.start();
    time.advance(600_000);
    expect(errors).toHaveLength(3);
    expect(set).toHaveLength(1);
    const alone = telling({ one: YEARS });
    alone.sync.start();
    alone.time.advance(1_000);
    expect(alone.set).toHaveLength(1);
  });

  test("a pool of one name: two of its servers that agree, in two rounds, are enough", () => {
    let next = 0;
    const { time, sync, set } = world(
      { a: good, b: (nonce) => reply(START + 8_000, {}, nonce), down: () => undefined },
      {
        servers: ["pool", "down"],
        resolve: (name, done) => void done(name, name === "pool" ? (next++ % 2 === 0 ? "a" : "b") : "down"),
      },
    );
    time.isSet = false;
    sync.start();
    time.advance(15_000);
    expect(set).toHaveLength(1);
  });

  test("in doubt the time is asked for at once, two must agree, and not twice in ten minutes", () => {
    const { time, sync, set, asked, servers, errors } = telling({ one: 0, two: 0, three: 0 });
    sync.start();
    time.advance(60_000);
    expect(set).toHaveLength(1);
    // The clock is wrong by what nobody sees: `two`, which is next, says as the clock.
    servers.one = truth(5_000_000, { time });
    servers.three = truth(5_000_000, { time });
    asked.length = 0;
    sync.doubt();
    sync.doubt();
    time.advance(1_000);
    expect(asked).toEqual(["two:123", "three:123", "one:123"]);
    expect(errorsOf(set.slice(1), time)).toEqual([4_999]);
    sync.doubt();
    time.advance(590_000);
    expect(asked).toHaveLength(3);
    time.advance(20_000);
    sync.doubt();
    time.advance(1_000);
    expect(asked.length).toBeGreaterThan(3);
    expect(errors).toEqual([]);
    sync.stop();
    sync.doubt();
    expect(time.pending).toBe(0);
  });

  test("who says DENY or RSTR is not asked for a day, who says RATE ever more seldom; by his address", () => {
    for (const [code, most, least] of [
      ["DENY", 3, 2],
      ["RSTR", 3, 2],
      ["RATE", 12, 6],
    ] as const) {
      const { time, sync, asked } = world({
        one: (nonce) => kiss(code, nonce),
        two: () => undefined,
      });
      time.isSet = false;
      sync.start();
      time.advance(2.5 * 86_400_000);
      const count = asked.filter((entry) => entry === "one:123").length;
      expect(count).toBeLessThanOrEqual(most);
      expect(count).toBeGreaterThanOrEqual(least);
      expect(asked.length).toBeGreaterThan(600);
    }
  });

  test.each<[string, (nonce: Uint8Array) => Uint8Array]>([
    ["to another nonce", (nonce) => reply(START, { 24: (nonce[0] as number) ^ 1 }, nonce)],
    ["of four bytes", () => new Uint8Array(4)],
    ["of no byte", () => new Uint8Array(0)],
    ["that is a kiss of death to another nonce", () => kiss("DENY", Uint8Array.of(9))],
  ])("a packet %s is passed over: the question goes on", (_, first) => {
    const { time, sync, set, asked } = world({ one: first, two: good });
    sync.start();
    time.advance(1_000);
    expect(set).toEqual([]);
    expect(asked).toEqual(["one:123"]);
    time.advance(5_000);
    expect(set).toHaveLength(1);
  });

  test("it never gives up, slows down, and says so", () => {
    const { time, sync, set, errors, asked, open } = world({
      one: () => undefined,
      "two:1123": () => undefined,
    });
    time.isSet = false;
    sync.start();
    time.advance(86_400_000);
    expect(set).toEqual([]);
    expect(errors.every(({ code }) => code === "clock-not-set")).toBe(true);
    // A round takes 10 s and a pause of 3.75 to 225 s: some 370 to 400 rounds a day.
    expect(errors.length).toBeGreaterThan(300);
    expect(errors.length).toBeLessThan(500);
    expect(asked[0]).toBe("one:123");
    sync.stop();
    expect(open()).toBe(0);
    expect(time.pending).toBe(0);
    time.advance(3_600_000);
    expect(errors.length).toBeLessThan(500);
  });

  test("a port may stand behind the name", () => {
    const { time, sync, asked } = world({}, { servers: ["127.0.0.1:1123"] });
    sync.start();
    time.advance(100);
    expect(asked).toEqual(["127.0.0.1:1123"]);
    expect(() => world({}, { servers: [] })).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  });
});
