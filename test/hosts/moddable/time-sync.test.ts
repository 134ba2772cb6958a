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
    ["a kiss of death", reply(START, { 1: 0 }), "asks to stay away"],
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
  const good: Server = (nonce) => reply(START, {}, nonce);

  test("the first answer counts, and the time is asked for again hours later", () => {
    const { time, sync, set, asked, open } = world({ one: good, two: good });
    sync.start();
    time.advance(1_000);
    expect(set).toEqual([START / 1000]);
    expect(open()).toBe(0);
    time.advance(7 * 3_600_000);
    expect(asked).toEqual(["one:123", "one:123"]);
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

  test("a packet of another sender is passed over", () => {
    const { time, sync, set } = world({
      one: (nonce) => reply(START, { 24: (nonce[0] as number) ^ 1 }, nonce),
      two: good,
    });
    sync.start();
    time.advance(1_000);
    expect(set).toEqual([]);
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
