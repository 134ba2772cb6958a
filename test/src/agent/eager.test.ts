// SPDX-License-Identifier: MIT
/** The option to send SUBSCRIBE and the registration behind CONNECT, and the way back where a server refuses. */
import { expect, test } from "@jest/globals";
import { AgentState } from "../../../src/agent/agent";
import { DPS, HUB, type World, world } from "../../helpers/agent-world";
import { assigningDps, hub } from "../../helpers/virtual-azure";

function eagerWorld(): World {
  const made = world({ options: { provisioning: { eager: true } } });
  made.azure.servers.set(HUB, hub());
  return made;
}

function commands(made: World, connection: number): string[] {
  return (made.azure.connections[connection]?.packets ?? []).map(({ cmd }) => cmd);
}

test("CONNECT, SUBSCRIBE and the registration leave before CONNACK", () => {
  const made = eagerWorld();
  const dps = assigningDps(HUB);
  let before: string[] = [];
  made.azure.servers.set(DPS, (connection, packet) => {
    // CONNACK is late: everything else of the device is here by then.
    if (packet.cmd === "connect") {
      made.time.set(() => {
        before = commands(made, 0);
        dps(connection, packet);
      }, 50);
    } else made.time.set(() => dps(connection, packet), 60);
  });
  made.agent.start();
  made.time.advance(10_000);
  expect(before).toEqual(["connect", "subscribe", "publish"]);
  expect(made.errors).toEqual([]);
  expect(made.agent.state).toBe(AgentState.RUNNING);
});

test("a server that ends such a connection is met step by step from then on", () => {
  const made = eagerWorld();
  const dps = assigningDps(HUB);
  made.azure.servers.set(DPS, (connection, packet) => {
    if (made.azure.connections.length > 1) dps(connection, packet);
    else if (packet.cmd === "subscribe") connection.fail(undefined);
  });
  made.agent.start();
  made.time.advance(20_000);
  expect(made.errors.map(({ error }) => error.code)).toEqual(["connection-lost"]);
  expect(made.azure.visited).toEqual([DPS, DPS, HUB]);
  expect(made.agent.state).toBe(AgentState.RUNNING);
});

test("answers before CONNACK are a violation, not an assignment", () => {
  const made = eagerWorld();
  made.azure.servers.set(DPS, (connection, packet) => {
    if (packet.cmd !== "connect") assigningDps(HUB)(connection, packet);
  });
  made.agent.start();
  made.time.advance(1000);
  expect(made.errors[0]?.error.code).toBe("protocol-violation");
  expect(made.agent.assignment).toBeUndefined();
});
