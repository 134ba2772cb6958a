// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import {
  type NetworkInterface,
  InterfaceNetwork,
  type InterfaceOptions,
} from "../../../hosts/moddable/interface-network";
import { VirtualTime } from "../../../simulator/virtual-host";

/** An access point as the SDK's class shows it. */
function world(options: Partial<InterfaceOptions> = {}) {
  const time = new VirtualTime();
  const events: string[] = [];
  const radio = {
    joins: true,
    throws: false,
    live: undefined as Radio | undefined,
    made: 0,
    /** The Wi-Fi that a setup of the app has joined. */
    standing: undefined as string | undefined,
  };
  class Radio implements NetworkInterface {
    connection = radio.standing === undefined ? 200 : 500;
    address: string | undefined;
    closed = false;
    readonly #onChanged: () => void;
    constructor({ onChanged }: { readonly onChanged: () => void }) {
      this.#onChanged = onChanged;
      radio.made += 1;
      radio.live = this;
    }
    SSID = radio.standing;
    connect(given?: { readonly SSID: string; readonly password?: string }): void {
      if (radio.throws) throw new Error("already connecting");
      events.push(`join ${given?.SSID ?? "cable"}${given?.password === undefined ? "" : " with password"}`);
      if (radio.joins)
        for (const [at, connection] of [
          [10, 300],
          [20, 400],
          [30, 500],
        ] as const) {
          time.set(() => this.become(connection), at);
        }
    }
    become(connection: number): void {
      if (this.closed) return;
      this.connection = connection;
      this.#onChanged();
    }
    disconnect(): void {
      if (this.connection === 200) throw new Error("not connected");
    }
    close(): void {
      this.closed = true;
    }
  }
  const network = new InterfaceNetwork({
    Interface: { io: Radio },
    SSID: "net",
    timers: time,
    random: () => 0.5,
    onChanged: (up) => void events.push(up ? "up" : "down"),
    onError: (error) => void events.push(error.code),
    ...options,
  });
  return { time, network, events, radio };
}

test("joins once it has an address", () => {
  const { time, network, events } = world({ password: "longenough" });
  network.start();
  network.start();
  time.advance(25);
  expect(network.isUp()).toBe(false);
  time.advance(10);
  expect(network.isUp()).toBe(true);
  expect(events).toEqual(["join net with password", "up"]);
  time.advance(3_600_000);
  expect(events).toHaveLength(2);
});

test("joins Ethernet, too, and again", () => {
  const { time, network, events, radio } = world({ SSID: undefined });
  network.start();
  time.advance(100);
  radio.live?.become(200);
  time.advance(2_000);
  expect(events).toEqual(["join cable", "up", "down", "network-down", "join cable", "up"]);
});

/**
 * Ethernet as the SDK's class shows it (modules/io/ethernet/esp32 of 8.2.3): objects are views of one interface, which keeps
 * its address whoever leaves; a new object tells no event of an address that is there.
 */
function cable() {
  const line = { plugged: true, leased: true, live: new Set<Cable>(), connects: 0 };
  class Cable implements NetworkInterface {
    connection = line.plugged && line.leased ? 500 : 200;
    address: string | undefined;
    readonly onChanged: () => void;
    constructor({ onChanged }: { readonly onChanged: () => void }) {
      this.onChanged = onChanged;
      line.live.add(this);
    }
    connect(): void {
      line.connects += 1;
      if (this.connection < 500) this.connection = 300;
    }
    disconnect(): void {}
    close(): void {
      line.live.delete(this);
    }
  }
  const tell = (connection: number) => {
    for (const one of line.live) {
      one.connection = connection;
      one.onChanged();
    }
  };
  return { line, tell, Interface: { io: Cable } };
}

test("Ethernet that keeps its address is up again at once when servers could not be reached", () => {
  const { line, Interface } = cable();
  const { time, network, events } = world({ Interface, SSID: undefined });
  network.start();
  time.advance(0);
  expect(events).toEqual(["up"]);
  // An address that stands is not asked for: whose setup has got it does not matter.
  expect(line.connects).toBe(0);
  for (let failed = 0; failed < 5; failed += 1) network.heed(false);
  time.advance(2_000);
  expect(events).toEqual(["up", "down", "network-down", "up"]);
  expect(line.live.size).toBe(1);
});

test("a cable without DHCP, or none, is told by its own words, and joined once it works", () => {
  const { line, tell, Interface } = cable();
  line.leased = false;
  const errors: string[] = [];
  const { time, network, events } = world({
    Interface,
    SSID: undefined,
    onError: ({ code, message }) => void errors.push(`${code}: ${message}`),
  });
  network.start();
  time.advance(31_000);
  expect(errors).toEqual([
    expect.stringMatching(/^network-down: .*no address in time: check cable and DHCP/),
  ]);
  time.advance(5_000);
  expect(line.connects).toBe(2);
  line.leased = true;
  tell(500);
  expect(events).toEqual(["up"]);
  // Pulled, and plugged in again.
  tell(200);
  expect(network.isUp()).toBe(false);
  time.advance(2_000);
  expect(network.isUp()).toBe(true);
  network.stop();
  expect(line.live.size).toBe(0);
});

test("what a setup of the app has joined is kept, and joined again once it is lost", () => {
  const { time, network, events, radio } = world();
  radio.standing = "net";
  network.start();
  time.advance(100);
  expect(network.isUp()).toBe(true);
  expect(events).toEqual(["up"]);
  radio.standing = undefined;
  radio.live?.become(200);
  time.advance(2_000);
  expect(events).toEqual(["up", "down", "network-down", "join net", "up"]);
});

test("another Wi-Fi that stands is left for its own", () => {
  const { time, network, events, radio } = world();
  radio.standing = "another";
  network.start();
  time.advance(100);
  expect(events).toEqual(["join net", "up"]);
});

test("a loss is told, and it joins again", () => {
  const { time, network, events, radio } = world();
  network.start();
  time.advance(100);
  radio.live?.become(200);
  expect(network.isUp()).toBe(false);
  time.advance(2_000);
  expect(events).toEqual(["join net", "up", "down", "network-down", "join net", "up"]);
});

test("silence ends by the deadline; attempts slow down and never end", () => {
  const { time, network, events, radio } = world();
  radio.joins = false;
  network.start();
  time.advance(3_600_000);
  const joins = events.filter((event) => event.startsWith("join")).length;
  // A deadline of 30 s and a pause of 45 s on the way: about 48 an hour, more at the start.
  expect(joins).toBeGreaterThan(40);
  expect(joins).toBeLessThan(60);
  radio.joins = true;
  time.advance(100_000);
  expect(network.isUp()).toBe(true);
});

test("an exception of the driver is an error and a new attempt, not an abort", () => {
  const { time, network, events, radio } = world();
  radio.throws = true;
  network.start();
  time.advance(1);
  expect(events).toContain("network-down");
  radio.throws = false;
  time.advance(5_000);
  expect(network.isUp()).toBe(true);
});

test("a loss that the driver does not tell: joined again after servers that cannot be reached, ever more of them", () => {
  const { time, network, events } = world();
  network.start();
  time.advance(100);
  events.length = 0;
  // A day of an agent whose attempts fail each few minutes.
  const joins: number[] = [];
  for (let attempt = 1; attempt <= 400; attempt += 1) {
    network.heed(false);
    if (!network.isUp()) joins.push(attempt);
    time.advance(216_000);
    expect(network.isUp()).toBe(true);
  }
  expect(joins).toEqual([5, 15, 35, 75, 155, 235, 315, 395]);
  expect(events.slice(0, 4)).toEqual(["down", "network-down", "join net", "up"]);
});

test("a server that answers says that the network is there", () => {
  const { time, network, events } = world();
  network.start();
  time.advance(100);
  for (let i = 0; i < 100; i += 1) {
    for (let failed = 0; failed < 4; failed += 1) network.heed(false);
    network.heed(true);
  }
  expect(events).toEqual(["join net", "up"]);
  for (let failed = 0; failed < 5; failed += 1) network.heed(false);
  expect(network.isUp()).toBe(false);
  // While it is down nothing counts.
  for (let failed = 0; failed < 50; failed += 1) network.heed(false);
  time.advance(5_000);
  network.heed(true);
  for (let failed = 0; failed < 4; failed += 1) network.heed(false);
  expect(network.isUp()).toBe(true);
});

test("a driver that knows of the loss and has not told is believed at the first failure", () => {
  const { time, network, events, radio } = world();
  network.start();
  time.advance(100);
  if (radio.live) radio.live.connection = 200;
  expect(network.isUp()).toBe(true);
  network.heed(false);
  expect(network.isUp()).toBe(false);
  time.advance(5_000);
  expect(events).toEqual(["join net", "up", "down", "network-down", "join net", "up"]);
  network.stop();
  network.heed(false);
  expect(time.pending).toBe(0);
});

test("a driver that throws when it is asked is left, and joined again", () => {
  const { time, network, radio } = world();
  network.start();
  time.advance(100);
  Object.defineProperty(radio.live, "connection", {
    get: () => {
      throw new Error("gone");
    },
  });
  network.heed(false);
  expect(network.isUp()).toBe(false);
  time.advance(5_000);
  expect(network.isUp()).toBe(true);
});

test("stop is final until the next start, and silent", () => {
  const { time, network, events, radio } = world();
  network.start();
  time.advance(5);
  network.stop();
  network.stop();
  time.advance(60_000);
  expect(events).toEqual(["join net"]);
  expect(radio.live?.closed).toBe(true);
  expect(time.pending).toBe(0);
});

test.each([
  { SSID: "" },
  { SSID: "é".repeat(17) },
  { SSID: "\ud800" },
  { SSID: undefined, password: "longenough" },
  { SSID: "x".repeat(33) },
  { password: "short" },
  { password: "x".repeat(64) },
])("refuses %o", (options) => {
  expect(() => world(options)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
});
