// SPDX-License-Identifier: MIT
/** Handlers that stop the agent, or move it on, from inside a call: nothing goes on behind their back. */
import { describe, expect, test } from "@jest/globals";
import { type Agent, AgentState } from "../../../src/agent/agent";
import { bytes, DPS, HUB, type World, world } from "../../helpers/agent-world";
import { assigningDps, hub, isRegistration } from "../../helpers/virtual-azure";

type Act = (agent: Agent) => void;

/** `act` is done inside `name` at the PUBACK for which the renewal of the token has waited. */
function actedWhileDraining(name: "onAcknowledged" | "onRoom", act: Act): World {
  let late: (() => void) | undefined;
  let acts = 0;
  const made: World = world({
    options: { hub: { tokenLifetime: 60_000 }, outbox: { capacity: 1 } },
    handler: {
      [name]: () => {
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
  // The renewal begins 45 to 51 s after CONNACK and waits 10 s; the hub has 30 s for its answer.
  made.time.advance(40_000);
  made.agent.send(bytes("1"));
  made.time.advance(15_000);
  made.agent.send(bytes("2"));
  expect(() => made.agent.send(bytes("3"))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  made.log.length = 0;
  late?.();
  made.time.advance(20_000);
  expect(acts).toBeGreaterThan(0);
  return made;
}

describe.each(["onAcknowledged", "onRoom"] as const)("inside %s, while a renewal drains", (name) => {
  test("stop()", () => {
    const { agent, azure, log, time } = actedWhileDraining(name, (it) => it.stop());
    expect(log).toEqual(name === "onRoom" ? ["acknowledged 1", "stopped"] : ["stopped"]);
    expect(agent.state).toBe(AgentState.STOPPED);
    expect(azure.connections.filter(({ open }) => open)).toEqual([]);
    expect(time.pending).toBe(0);
  });

  test("reprovision(): one registration", () => {
    const { agent, azure } = actedWhileDraining(name, (it) => it.reprovision());
    const registrations = azure.connections
      .flatMap(({ packets }) => packets)
      .filter((packet) => packet.cmd === "publish" && isRegistration(packet.topic));
    expect(registrations).toHaveLength(2);
    expect(azure.visited).toEqual([DPS, HUB, DPS, HUB]);
    expect([agent.state, agent.pending]).toEqual([AgentState.RUNNING, 0]);
  });

  test("stop(), start(): one connection", () => {
    const { agent, azure } = actedWhileDraining(name, (it) => {
      it.stop();
      it.start();
    });
    expect(azure.visited).toEqual([DPS, HUB, HUB]);
    expect(azure.connections.filter(({ open }) => open)).toHaveLength(1);
    expect([agent.state, agent.pending]).toEqual([AgentState.RUNNING, 0]);
  });
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
