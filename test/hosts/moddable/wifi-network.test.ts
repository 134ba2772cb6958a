// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { type WifiInterface, WifiNetwork, type WifiOptions } from "../../../hosts/moddable/wifi-network";
import { VirtualTime } from "../../../simulator/virtual-host";

/** An access point as the SDK's class shows it. */
function world(options: Partial<WifiOptions> = {}) {
  const time = new VirtualTime();
  const events: string[] = [];
  const radio = {
    joins: true,
    throws: false,
    live: undefined as Radio | undefined,
    made: 0,
  };
  class Radio implements WifiInterface {
    connection = 200;
    address: string | undefined;
    closed = false;
    readonly #onChanged: () => void;
    constructor({ onChanged }: { readonly onChanged: () => void }) {
      this.#onChanged = onChanged;
      radio.made += 1;
      radio.live = this;
    }
    connect(given: { readonly SSID: string; readonly password?: string }): void {
      if (radio.throws) throw new Error("already connecting");
      events.push(`join ${given.SSID}${given.password === undefined ? "" : " with password"}`);
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
  const network = new WifiNetwork({
    WiFi: { io: Radio },
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

test.each([{ SSID: "" }, { SSID: "x".repeat(33) }, { password: "short" }, { password: "x".repeat(64) }])(
  "refuses %o",
  (options) => {
    expect(() => world(options)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  },
);
