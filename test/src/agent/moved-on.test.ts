// SPDX-License-Identifier: MIT
/** Handlers that stop the agent, or move it on, from inside a call: nothing goes on behind their back. */
import { describe, expect, test } from "@jest/globals";
import { assigningDps, hub, isRegistration } from "../../../simulator/services";
import { type Agent, AgentState } from "../../../src/agent/agent";
import { bytes, DPS, HUB, type World, type WorldOptions, world } from "../../helpers/agent-world";
import { thrownCode } from "../../helpers/thrown";

type Act = (agent: Agent) => void;

/** `act` is done inside `onAcknowledged`, at the PUBACK for which the renewal of the token has waited. */
function actedWhileDraining(act: Act): World {
  let late: (() => void) | undefined;
  let acts = 0;
  const made: World = world({
    options: { hub: { tokenLifetime: 60_000 }, outbox: { capacity: 1 } },
    host: { random: () => 0.5 },
    handler: {
      onAcknowledged: () => {
        acts += 1;
        if (acts === 1) act(made.agent);
      },
    },
  });
  const answers = hub();
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, (connection, packet) => {
    if (packet.cmd === "publish" && !late) late = () => answers(connection, packet);
    else answers(connection, packet);
  });
  made.agent.start();
  // The token is made after 3.5 s; its renewal begins 48 s later and waits 6 s; the hub has 30 s for its answer.
  made.time.advance(40_000);
  made.agent.send(bytes("1"));
  made.time.advance(13_000);
  made.agent.send(bytes("2"));
  expect(thrownCode(() => made.agent.send(bytes("3")))).toBe("outbox-full");
  made.log.length = 0;
  late?.();
  made.time.advance(20_000);
  expect(acts).toBeGreaterThan(0);
  return made;
}

describe("inside onAcknowledged, while a renewal drains", () => {
  test("stop()", () => {
    const { agent, azure, log, time } = actedWhileDraining((it) => it.stop());
    expect(log).toEqual(["stopped"]);
    expect(agent.state).toBe(AgentState.STOPPED);
    expect(azure.connections.filter(({ open }) => open)).toEqual([]);
    expect(time.pending).toBe(0);
  });

  test("reprovision(): one registration", () => {
    const { agent, azure } = actedWhileDraining((it) => it.reprovision());
    const registrations = azure.connections
      .flatMap(({ packets }) => packets)
      .filter((packet) => packet.cmd === "publish" && isRegistration(packet.topic));
    expect(registrations).toHaveLength(2);
    expect(azure.visited).toEqual([DPS, HUB, DPS, HUB]);
    expect([agent.state, agent.pending]).toEqual([AgentState.RUNNING, 0]);
  });

  test("stop(), start(): one connection", () => {
    const { agent, azure } = actedWhileDraining((it) => {
      it.stop();
      it.start();
    });
    expect(azure.visited).toEqual([DPS, HUB, HUB]);
    expect(azure.connections.filter(({ open }) => open)).toHaveLength(1);
    expect([agent.state, agent.pending]).toEqual([AgentState.RUNNING, 0]);
  });
});

test("the same inside onRoom: stop(), reprovision(), stop() and start()", () => {
  const acts: readonly Act[] = [
    (it) => it.stop(),
    (it) => it.reprovision(),
    (it) => {
      it.stop();
      it.start();
    },
  ];
  for (const [index, act] of acts.entries()) {
    let acted = false;
    const { agent, azure, time } = world({
      options: { outbox: { capacity: 1 }, hub: { window: 1 } },
      handler: {
        onRoom: () => {
          if (!acted) act(agent);
          acted = true;
        },
      },
    });
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    agent.start();
    time.advance(10_000);
    for (const text of ["1", "2"]) agent.send(bytes(text));
    expect(thrownCode(() => agent.send(bytes("3")))).toBe("outbox-full");
    time.advance(20_000);
    expect(acted).toBe(true);
    expect(azure.visited).toEqual(
      [
        [DPS, HUB],
        [DPS, HUB, DPS, HUB],
        [DPS, HUB, HUB],
      ][index],
    );
    expect(azure.connections.filter(({ open }) => open)).toHaveLength(index === 0 ? 0 : 1);
  }
});

test("stop() inside onAcknowledged: onRoom waits for the next start", () => {
  const rooms: AgentState[] = [];
  let stopped = false;
  const { agent, azure, time } = world({
    options: { outbox: { capacity: 1 }, hub: { window: 1 } },
    handler: {
      onAcknowledged: () => {
        if (!stopped) agent.stop();
        stopped = true;
      },
      onRoom: () => rooms.push(agent.state),
    },
  });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(10_000);
  agent.send(bytes("1"));
  agent.send(bytes("2"));
  expect(() => agent.send(bytes("3"))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  time.advance(10_000);
  expect([stopped, rooms]).toEqual([true, []]);
  agent.start();
  time.advance(10_000);
  expect(rooms).toEqual([AgentState.RUNNING]);
});

test.each([AgentState.PROVISIONING, AgentState.CONNECTING])(
  "stop(), start() inside onState(%p): one connection",
  (when) => {
    let acted = false;
    const { agent, azure, time } = world({
      handler: {
        onState: (state) => {
          if (acted || state !== when) return;
          acted = true;
          agent.stop();
          agent.start();
        },
      },
    });
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    agent.start();
    time.advance(20_000);
    expect(azure.visited).toEqual([DPS, HUB]);
    expect(azure.connections.filter(({ open }) => open)).toHaveLength(1);
    expect(agent.state).toBe(AgentState.RUNNING);
  },
);

test("a start whose random part is nothing starts at once", () => {
  const { agent, azure, time } = world({ options: { startSpread: 60_000 }, host: { random: () => 0 } });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  expect(agent.state).toBe(AgentState.PROVISIONING);
  time.advance(10_000);
  expect(agent.state).toBe(AgentState.RUNNING);
});

/** What is reported after `stop()`, which is called inside the report number `which` that is `until`. */
function afterStop(until: string, which: number, given: WorldOptions, set: (made: World) => void): string[] {
  let stopped = false;
  let seen = 0;
  const late: string[] = [];
  const told = (line: string): void => {
    if (stopped) late.push(line);
    else if (line === until) seen += 1;
    if (stopped || seen < which) return;
    made.agent.stop();
    stopped = true;
  };
  const made: World = world({
    ...given,
    handler: {
      onState: (state) => told(state),
      onAssigned: () => told("assigned"),
      onConnected: () => told("connected"),
      onAcknowledged: () => told("acknowledged"),
      onRoom: () => told("room"),
      onError: ({ phase, error }) => told(`error ${phase} ${error.code}`),
    },
  });
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, hub());
  set(made);
  made.agent.send(bytes("1"));
  made.agent.start();
  made.time.advance(600_000);
  expect(stopped).toBe(true);
  expect(made.agent.state).toBe(AgentState.STOPPED);
  expect(made.time.pending).toBe(0);
  return late;
}

function failingStore({ store }: World): void {
  store.write = () => {
    throw new Error("no space left");
  };
}

test.each<[string, number, WorldOptions, (made: World) => void]>([
  [
    "backing off",
    1,
    {},
    ({ azure }) => {
      azure.refuse = "connect-failed";
    },
  ],
  ["error dps dns-failed", 1, {}, ({ azure }) => azure.servers.delete(DPS)],
  ["error store store-failed", 1, {}, failingStore],
  // The store is tried again at the connection.
  ["error store store-failed", 2, {}, failingStore],
  ["error network network-down", 1, { host: { network: { isUp: () => false } } }, () => {}],
  ["provisioning", 1, {}, () => {}],
  ["assigned", 1, {}, () => {}],
  ["connecting", 1, {}, () => {}],
  ["running", 1, {}, () => {}],
  ["connected", 1, {}, () => {}],
])("stop() at '%s' (%p): nothing is reported any more", (until, which, given, set) => {
  expect(afterStop(until, which, given, set)).toEqual([]);
});

test("a handler that stops and then throws: nothing is reported any more; one that moves on and throws is", () => {
  for (const [act, expected] of [
    ["stop", 0],
    ["reprovision", 1],
  ] as const) {
    const errors: string[] = [];
    let acted = false;
    const { agent, azure, time } = world({
      handler: {
        onState: (state) => {
          if (acted || state !== AgentState.CONNECTING) return;
          acted = true;
          agent[act]();
          throw new Error("mistake of the application");
        },
        onError: ({ error }) => errors.push(error.code),
      },
    });
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    agent.start();
    time.advance(20_000);
    expect([act, errors.length]).toEqual([act, expected]);
  }
});
