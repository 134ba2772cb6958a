// SPDX-License-Identifier: MIT
/** What looks hopeless from a device, and how it comes back by itself: a row each in docs/errors.md, "The way back". */
import { describe, expect, test } from "@jest/globals";
import { assigningDps, hub } from "../../../simulator/services";
import type { Behaviour, VirtualConnection } from "../../../simulator/virtual-azure";
import { MemoryStore, VirtualTime } from "../../../simulator/virtual-host";
import { AgentState } from "../../../src/agent/agent";
import type { ErrorCode } from "../../../src/error";
import { DPS, HUB, HUB2, type World, type WorldOptions, world } from "../../helpers/agent-world";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function running(given: WorldOptions = {}): World {
  const made = world(given);
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, hub());
  made.agent.start();
  made.time.advance(10_000);
  expect(made.agent.state).toBe(AgentState.RUNNING);
  made.log.length = made.errors.length = 0;
  return made;
}

function codes({ errors }: World): Set<ErrorCode> {
  return new Set(errors.map(({ error }) => error.code));
}

/** @returns milliseconds until the device is at its hub */
function back({ agent, time }: World, limit = HOUR): number {
  const from = time.ticks();
  while (agent.state !== AgentState.RUNNING && time.ticks() - from < limit) time.advance(500);
  expect(agent.state).toBe(AgentState.RUNNING);
  return time.ticks() - from;
}

function breaks({ azure, time }: World, code?: ErrorCode): void {
  azure.refuse = code;
  for (const connection of azure.connections) if (connection.open) connection.fail(undefined);
  time.advance(10);
}

/** A hub that judges the token by the true time, as Azure does. */
function judgingHub(time: VirtualTime): Behaviour {
  return hubBy((password) => Number(/se=(\d+)/.exec(password)?.[1]) * 1000 > (time.now() ?? 0));
}

function hubBy(accepts: (password: string) => boolean): Behaviour {
  return (connection, packet) => {
    if (packet.cmd === "connect") connection.connack(accepts(String(packet.password)) ? 0 : 5);
    else hub()(connection, packet);
  };
}

/** IoT Hub: who connects ends the connection that the id has. */
function hubOfOneConnection(): Behaviour {
  let newest: VirtualConnection | undefined;
  return (connection, packet) => {
    if (packet.cmd === "connect") {
      if (newest?.open) newest.fail(undefined);
      newest = connection;
    }
    hub()(connection, packet);
  };
}

test.each([
  ["the client certificate is refused within TLS", "tls-client-certificate"],
  ["a captive network shows a certificate of its own", "tls-untrusted"],
  ["a captive network shows one for another name", "tls-name-mismatch"],
  ["a captive network answers in HTTP", "tls-failed"],
] as const)("%s, for ten minutes and for a day: nothing is forgotten, and the device is back", (_, code) => {
  for (const [duration, within] of [
    [10 * MINUTE, MINUTE],
    [DAY, 10 * MINUTE],
  ] as const) {
    const made = running();
    breaks(made, code);
    made.time.advance(duration);
    expect(codes(made)).toEqual(new Set(["connection-lost", code]));
    expect(made.agent.assignment?.hub).toBe(HUB);
    made.azure.refuse = undefined;
    expect(back(made)).toBeLessThanOrEqual(within);
  }
});

test("the hub's name is gone from DNS: DPS is asked after ten tries, and names the next one", () => {
  const made = running();
  made.azure.servers.delete(HUB);
  made.azure.servers.set(HUB2, hub());
  made.azure.servers.set(DPS, assigningDps(HUB2));
  breaks(made);
  expect(back(made)).toBeLessThan(10 * MINUTE);
  expect(made.agent.assignment?.hub).toBe(HUB2);
  expect(made.errors.filter(({ error }) => error.code === "dns-failed")).toHaveLength(10);
});

describe("a clock that is set wrong by hours", () => {
  function wrongClock(): { made: World; set: (hours: number) => void } {
    const time = new VirtualTime();
    let offset = 0;
    const clock = { now: () => (time.now() ?? 0) + offset, ticks: () => time.ticks() };
    const made = running({ time, host: { clock: clock as never, timers: time } });
    made.azure.servers.set(HUB, judgingHub(time));
    return {
      made,
      set: (hours) => {
        offset = hours * HOUR;
      },
    };
  }

  test("forward: the connection stands, its renewal goes by ticks, and the next one is made with a token that is good", () => {
    const { made, set } = wrongClock();
    const { length } = made.azure.connections;
    set(5);
    made.time.advance(30 * MINUTE);
    expect(made.azure.connections).toHaveLength(length);
    made.time.advance(HOUR);
    expect(made.agent.state).toBe(AgentState.RUNNING);
    breaks(made);
    expect(back(made)).toBeLessThan(5_000);
  });

  test("back: the hub refuses the token, and once the clock is right the device waits no longer", () => {
    const { made, set } = wrongClock();
    set(-5);
    made.time.advance(30 * MINUTE);
    expect(made.agent.state).toBe(AgentState.RUNNING);
    breaks(made);
    made.time.advance(6 * HOUR);
    expect(codes(made)).toContain("connack-not-authorized");
    expect(made.agent.state).not.toBe(AgentState.RUNNING);
    set(0);
    expect(back(made)).toBeLessThanOrEqual(10_000);
  });
});

test("a half-open socket: silence is heard by the keep-alive, and nothing that was sent is lost", () => {
  const made = running();
  const connection = made.azure.last;
  made.azure.servers.set(HUB, () => {});
  made.agent.send(new Uint8Array([1]));
  made.time.advance(30_000);
  expect(made.errors.map(({ error }) => error.code)).toContain("publish-timeout");
  expect(connection.open).toBe(false);
  made.azure.servers.set(HUB, hub());
  back(made);
  made.time.advance(1_000);
  expect(made.agent.pending).toBe(0);

  const idle = running();
  idle.azure.servers.set(HUB, () => {});
  idle.time.advance(270_000);
  expect(idle.errors.map(({ error }) => error.code)).toContain("keep-alive-timeout");
  idle.azure.servers.set(HUB, hub());
  expect(back(idle)).toBeLessThan(MINUTE);
});

test("a Wi-Fi that flaps for a day: back within seconds each time, DPS is not asked, and nobody is accused", () => {
  let isUp = true;
  const made = running({ host: { network: { isUp: () => isUp } } });
  for (let flap = 0; flap < 480; flap += 1) {
    isUp = false;
    breaks(made);
    made.time.advance(MINUTE);
    isUp = true;
    expect(back(made)).toBeLessThan(60_000);
    made.time.advance(2 * MINUTE);
  }
  expect(made.azure.visited.filter((host) => host === DPS)).toHaveLength(1);
  expect(codes(made)).toEqual(new Set(["connection-lost"]));
});

describe("two devices with one id", () => {
  test("are slowed down and told; once one is gone the other stays", () => {
    const one = world();
    const { azure, time } = one;
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hubOfOneConnection());
    let seed = 1;
    const random = (): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed / 2 ** 32;
    };
    const two = world({ azure, time, store: new MemoryStore(), host: { random } });
    one.agent.start();
    two.agent.start();
    time.advance(HOUR);
    for (const made of [one, two]) expect(codes(made)).toContain("id-contested");
    expect(one.errors.find(({ error }) => error.code === "id-contested")?.error.message).toMatch(
      /another device connected by this id/,
    );
    const { length } = azure.connections;
    time.advance(DAY);
    // It was a connection in 5 minutes at best, for ever.
    expect(azure.connections.length - length).toBeLessThan(150);
    two.agent.stop();
    time.advance(HOUR);
    back(one);
    one.errors.length = 0;
    time.advance(DAY);
    expect(one.errors).toEqual([]);
  });

  test("connections that are lost after long, or with a network that fails in between, are none", () => {
    const made = running();
    for (let i = 0; i < 20; i += 1) {
      made.time.advance(11 * MINUTE);
      breaks(made);
      back(made);
    }
    for (let i = 0; i < 20; i += 1) {
      made.time.advance(MINUTE);
      breaks(made, "connect-failed");
      made.time.advance(MINUTE);
      made.azure.refuse = undefined;
      back(made);
    }
    expect(codes(made)).toEqual(new Set(["connection-lost", "connect-failed"]));
  });
});
