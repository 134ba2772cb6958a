// SPDX-License-Identifier: MIT
/** A fleet that meets the same failure at the same time. */
import { expect, test } from "@jest/globals";
import { answerDps, assigningDps, hub, isRegistration } from "../../simulator/services";
import { VirtualAzure } from "../../simulator/virtual-azure";
import { VirtualTime, virtualHost } from "../../simulator/virtual-host";
import { Agent } from "../../src/agent/agent";
import { DPS, HUB, IDENTITY } from "../helpers/agent-world";
import { MINUTE, seeded } from "../helpers/failure-days";

/** A registration as DPS sees it; true refuses it for so many seconds. */
type Quota = (at: number, connection: object) => number | undefined;

interface Fleet {
  readonly time: VirtualTime;
  readonly azure: VirtualAzure;
  /** Ticks at which each device came to its hub. */
  readonly home: number[];
}

/** `size` devices without an assignment start in the same millisecond; each proves itself by its certificate. */
function fleet(size: number, quota: Quota): Fleet {
  const time = new VirtualTime();
  const azure = new VirtualAzure(time);
  const home: number[] = [];
  azure.servers.set(
    DPS,
    assigningDps(HUB, "device-1", (connection, topic, requestId) => {
      const wait = isRegistration(topic) ? quota(time.ticks(), connection) : undefined;
      if (wait === undefined) return false;
      answerDps(connection, 429, requestId, { errorCode: 429001 }, wait);
      return true;
    }),
  );
  azure.servers.set(HUB, hub());
  for (let i = 0; i < size; i += 1) {
    const host = virtualHost(azure.binding(), { clock: time, random: seeded(i + 1) });
    const onConnected = (): void => void home.push(time.ticks());
    const identity = { ...IDENTITY, registrationId: `device-${i}`, attestation: "x509" as const };
    new Agent(host, { onConnected }, { identity }).start();
  }
  return { time, azure, home };
}

test("2,000 devices that were told 120 s come back spread over 30 s at least, none before", () => {
  const told = new Set<object>();
  const back: number[] = [];
  const { time, home } = fleet(2_000, (at, connection) => {
    if (at > MINUTE || told.has(connection)) {
      back.push(at);
      return undefined;
    }
    told.add(connection);
    return 120;
  });
  time.advance(4 * MINUTE);
  expect([told.size, home.length]).toEqual([2_000, 2_000]);
  expect(Math.min(...back)).toBeGreaterThanOrEqual(120_000);
  expect(Math.max(...back) - Math.min(...back)).toBeGreaterThanOrEqual(30_000);
  // Evenly: in no second more than three times its share.
  const seconds = new Map<number, number>();
  for (const at of back) seconds.set(Math.floor(at / 1000), (seconds.get(Math.floor(at / 1000)) ?? 0) + 1);
  expect(Math.max(...seconds.values())).toBeLessThan(3 * (2_000 / 40));
});

test("four times the quota of a minute, with a short `retry-after`: almost all stay on the connection they have", () => {
  const size = 1_000;
  const minutes = new Map<number, number>();
  let requests = 0;
  const { time, azure, home } = fleet(size, (at) => {
    requests += 1;
    const minute = Math.floor(at / MINUTE);
    const served = minutes.get(minute) ?? 0;
    if (served >= size / 4) return 10;
    minutes.set(minute, served + 1);
    return undefined;
  });
  time.advance(15 * MINUTE);
  expect(home).toHaveLength(size);
  const atDps = azure.visited.filter((host) => host === DPS).length;
  console.info(
    `${atDps - size} TLS handshakes more than devices, of ${size} at a quota of ${size / 4} a minute`,
  );
  // Without that it were more than one again for each device.
  expect(atDps - size).toBeLessThan(size / 20);
  expect(requests).toBeLessThan(8 * size);
  // Nor does it take much longer than the quota lets it.
  expect(Math.max(...home)).toBeLessThan(10 * MINUTE);
});
