// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import { FirmwareApp, type FirmwareWorld } from "../../firmware/app";
import { readSettings } from "../../firmware/settings";
import { networkWorks } from "../../hosts/moddable/evidence";
import { type NetworkInterface, InterfaceNetwork } from "../../hosts/moddable/interface-network";
import type { Host } from "../../src/host";
import { flashLog } from "../../src/flash-log";
import { DPS, HUB, IDENTITY } from "../helpers/agent-world";
import { NorFlash } from "../helpers/nor-flash";
import { answerDps, assigningDps, type DpsRequestHandler, hub } from "../../simulator/services";
import { VirtualAzure } from "../../simulator/virtual-azure";
import { MemoryStore, VirtualTime, virtualHost } from "../../simulator/virtual-host";

function world(
  config: Record<string, unknown> = {},
  overrides: Partial<Host> = {},
  more: Partial<FirmwareWorld> = {},
  time = new VirtualTime(),
) {
  const azure = new VirtualAzure(time);
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  const log: string[] = [];
  const events: string[] = [];
  const store = (overrides.store as MemoryStore | undefined) ?? new MemoryStore();
  const led: boolean[] = [];
  const device = new FirmwareApp(
    {
      host: virtualHost(azure.binding(), { clock: time, store, ...overrides }),
      settings: readSettings({ preference: () => undefined, config: { startSpread: 0, ...config } }).settings,
      restartReason: "Power-On",
      led: { on: () => void led.push(true), off: () => void led.push(false) },
      measure: () => ({ chunk: 1 }),
      log: (line) => void log.push(line),
      restart: () => void events.push("restart"),
      finish: (status) => void events.push(`finish ${status}`),
      ...more,
    },
    { identity: IDENTITY },
  );
  return { time, azure, device, log, events, store, led };
}

describe("a device", () => {
  test("that is refused says its clock and the dates of its certificate", () => {
    const validity = { notBefore: 0, notAfter: 86_400_000 };
    const { time, azure, device, log } = world({}, {}, { validity });
    azure.servers.set(
      DPS,
      hub(() => 5),
    );
    device.start();
    time.advance(5_000);
    const line = log.findIndex((one) => one.startsWith("error: dps: connack-not-authorized"));
    expect(log[line + 1]).toMatch(
      /^the device's clock: \S+Z; its certificate: good from 1970-01-01\S+ to 1970-01-02T00:00:00.000Z: expired$/,
    );
    expect(log[line + 2]).toMatch(/^next attempt in \d/);
    device.stop();
  });

  test.each([
    ["expired", { notBefore: 0, notAfter: 86_400_000 }],
    ["not valid yet", { notBefore: 4e12, notAfter: 4.1e12 }],
  ])("whose certificate is %s says so once, before it asks a server", (about, validity) => {
    const { time, device, log } = world({}, {}, { validity });
    device.start();
    time.advance(60_000);
    const lines = log.filter((line) => line.startsWith("error: identity: tls-expired: "));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`the device's own is ${about}: good from `);
    expect(log.indexOf(lines[0] as string)).toBe(log.indexOf("provisioning") + 1);
    device.stop();
  });

  test("whose certificate is good says nothing of it", () => {
    const { time, device, log } = world({}, {}, { validity: { notBefore: 0, notAfter: 4e12 } });
    device.start();
    time.advance(60_000);
    expect(log.filter((line) => line.includes("identity"))).toEqual([]);
    device.stop();
  });

  test("that DPS throttles logs each answer as it comes", () => {
    const { time, azure, device, log } = world();
    const throttled: DpsRequestHandler = (connection, _, requestId) => {
      answerDps(connection, 429, requestId, {}, 5);
      return true;
    };
    azure.servers.set(DPS, assigningDps(HUB, "device-1", throttled));
    device.start();
    time.advance(11_000);
    const lines = log.filter((line) => line.startsWith("error: dps: dps-throttled"));
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(log[log.indexOf(lines[0] as string) + 1]).toMatch(/^next attempt in \d/);
    device.stop();
  });

  test("provisions, tells why it restarted, sends samples, lights the LED", () => {
    const { time, device, log, led } = world({ telemetryEvery: 10, exitAfter: 4 });
    device.start();
    time.advance(60_000);
    expect(log[0]).toBe("restarted: Power-On");
    expect(log.some((line) => line.startsWith("assigned to "))).toBe(true);
    expect(log.at(-2)).toBe("4 messages acknowledged");
    expect(led).toContain(true);
    expect(time.pending).toBe(0);
  });

  test("a simulator ends its run after as many messages as it was told", () => {
    const { time, device, events } = world({ telemetryEvery: 1, exitAfter: 2 });
    device.start();
    time.advance(60_000);
    expect(events).toEqual(["finish 0"]);
  });

  test("a board never ends, whatever its settings say: it tells once that it would have", () => {
    const { time, device, log } = world({ telemetryEvery: 1, exitAfter: 2 }, {}, { finish: undefined });
    device.start();
    time.advance(60_000);
    expect(log.filter((line) => line.endsWith("messages acknowledged"))).toEqual(["2 messages acknowledged"]);
    // It has not stopped.
    expect(log.at(-1)).toBe("2 messages acknowledged");
  });

  test("what comes of each attempt to connect is evidence about network and clock", () => {
    const heeded: (string | undefined)[] = [];
    const { time, azure, device } = world({}, {}, { heed: (error) => void heeded.push(error?.code) });
    azure.servers.delete(DPS);
    device.start();
    time.advance(5_000);
    expect(heeded.length).toBeGreaterThan(0);
    expect(new Set(heeded)).toEqual(new Set(["dns-failed"]));
    azure.servers.set(DPS, assigningDps(HUB));
    time.advance(120_000);
    expect(heeded.at(-1)).toBeUndefined();
    device.stop();
  });

  test("a Wi-Fi driver that has lost the network and says that it is up costs minutes, not the day", () => {
    let joins = 0;
    let became = (): void => undefined;
    class Radio implements NetworkInterface {
      connection = 200;
      address: string | undefined;
      constructor({ onChanged }: { readonly onChanged: () => void }) {
        became = () => {
          this.connection = 500;
          onChanged();
        };
      }
      connect(): void {
        joins += 1;
        // What was joined first is dead, and stays up as far as it knows.
        if (joins === 2) {
          azure.servers.set(DPS, assigningDps(HUB));
          azure.servers.set(HUB, hub());
        }
        time.set(became, 100);
      }
      disconnect(): void {}
      close(): void {}
    }
    const time = new VirtualTime();
    const network = new InterfaceNetwork({
      Interface: { io: Radio },
      SSID: "net",
      timers: time,
      random: () => 0.5,
    });
    const { azure, device, log } = world(
      {},
      { network, clock: time, timers: time },
      { heed: (error) => network.heed(error === undefined || networkWorks(error.code) === true) },
      time,
    );
    azure.servers.clear();
    network.start();
    device.start();
    time.advance(10 * 60_000);
    expect(joins).toBe(2);
    expect(log.some((line) => line.startsWith("connected to "))).toBe(true);
    time.advance(86_400_000);
    expect(joins).toBe(2);
    device.stop();
    network.stop();
  });

  test("an error is kept, and told by the next run", () => {
    const store = new MemoryStore();
    const first = world({}, { store });
    first.time.isSet = false;
    first.device.start();
    first.time.advance(61_000);
    first.device.stop();
    const second = world({}, { store });
    second.device.start();
    expect(second.log).toContainEqual(expect.stringContaining("last error: clock: clock-not-set"));
  });

  test("without a clock nothing is opened, and after half an hour the device restarts", () => {
    const { time, azure, device, log, events } = world();
    time.isSet = false;
    device.start();
    time.advance(29 * 60_000);
    expect(events).toEqual([]);
    time.advance(10 * 60_000);
    expect(events).toEqual(["restart"]);
    expect(log).toContainEqual(expect.stringContaining("watchdog"));
    expect(log).not.toContain("provisioning");
    expect(azure.visited).toEqual([]);
  });

  test("a day of samples needs no restart", () => {
    const { time, device, events } = world({ telemetryEvery: 3_600 });
    device.start();
    time.advance(86_400_000);
    expect(events).toEqual([]);
    device.stop();
    // What the servers have on the way still arrives; nothing of the device goes on.
    time.advance(1_000);
    expect(time.pending).toBe(0);
  });

  test("forget asks DPS anew", () => {
    const { time, device, log } = world();
    device.start();
    time.advance(30_000);
    device.forget();
    time.advance(30_000);
    expect(log.filter((line) => line.startsWith("assigned to "))).toHaveLength(2);
    device.stop();
  });

  test("a store that fails is noted and does not stop the device", () => {
    const store = new MemoryStore();
    store.write = () => {
      throw new Error("nvs set fail");
    };
    const { time, device, log } = world({}, { store });
    device.start();
    time.advance(30_000);
    expect(log).toContainEqual(expect.stringContaining("store: store-failed"));
    expect(log).toContainEqual(expect.stringContaining("connected to"));
    device.stop();
  });

  test("with an outbox measures without a connection, and sends it first after a restart, with its time", () => {
    const flash = new NorFlash(4, 4096);
    const store = new MemoryStore();
    const outbox = { outbox: { log: flashLog({ region: () => flash }) } };
    const first = world({ telemetryEvery: 10 }, { store }, outbox);
    first.azure.servers.clear();
    const begun = first.time.now() as number;
    first.device.start();
    first.time.advance(35_000);
    expect(first.log.some((line) => line.startsWith("connected to "))).toBe(false);
    first.device.stop();

    const { time, azure, device } = world({ telemetryEvery: 10 }, { store }, outbox, first.time);
    const sent: { event: string; count?: number; createdAt: string | undefined }[] = [];
    const answers = hub();
    azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd === "publish" && packet.topic.startsWith("devices/")) {
        const createdAt = /%24\.ctime=([^&]+)/.exec(packet.topic)?.[1];
        sent.push({
          ...JSON.parse(String(packet.payload)),
          createdAt: createdAt && decodeURIComponent(createdAt),
        });
      }
      answers(connection, packet);
    });
    device.start();
    time.advance(30_000);
    device.stop();
    const kept = [10, 20, 30].map((s) => new Date(begun + s * 1000).toISOString());
    expect(sent.slice(0, 3).map(({ count, createdAt }) => [count, createdAt])).toEqual(
      kept.map((createdAt, i) => [i + 1, createdAt]),
    );
    expect(sent.slice(3).map(({ event }) => event)).toContain("started");
    expect(sent.filter(({ createdAt }) => kept.includes(createdAt as string))).toHaveLength(3);
  });
});
