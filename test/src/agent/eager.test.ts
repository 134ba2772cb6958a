// SPDX-License-Identifier: MIT
/** The option to send packets behind CONNECT without waiting for CONNACK, and the way back where a server refuses. */
import { expect, test } from "@jest/globals";
import { assigningDps, hub } from "../../../simulator/services";
import type { Behaviour } from "../../../simulator/virtual-azure";
import { MemoryStore, nodeText } from "../../../simulator/virtual-host";
import { AgentState } from "../../../src/agent/agent";
import { CloudToDevice } from "../../../src/azure/hub/cloud-to-device";
import type { HubFeature } from "../../../src/azure/hub/feature";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import { bytes, DPS, HUB, HUB2, IDENTITY, type World, world } from "../../helpers/agent-world";

function eagerWorld(): World {
  const made = world({ options: { provisioning: { eager: true } } });
  made.azure.servers.set(HUB, hub());
  return made;
}

/** A device that knows its hub, and speaks to it eagerly. */
function eagerAtHub(answers: Behaviour, features: readonly HubFeature[] = []): World {
  const store = new MemoryStore();
  new AssignmentStore(store, nodeText).write({ ...IDENTITY, hub: HUB, deviceId: "device-1", assignedAt: 0 });
  const made = world({ store, options: { hub: { eager: true }, features } });
  made.azure.servers.set(HUB, answers);
  made.azure.servers.set(DPS, assigningDps(HUB));
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

test("DPS that answers before it knows of the subscription: the answer is lost, the attempts after it wait", () => {
  const made = eagerWorld();
  const dps = assigningDps(HUB);
  made.azure.servers.set(DPS, (connection, packet) => {
    if (made.azure.connections.length > 1 || packet.cmd !== "publish") dps(connection, packet);
    else connection.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
  });
  made.agent.start();
  made.time.advance(60_000);
  expect(made.errors.map(({ error }) => error.code)).toEqual(["dps-timeout"]);
  expect(made.azure.visited).toEqual([DPS, DPS, HUB]);
  // Step by step: the registration only after SUBACK.
  const second = made.azure.connections[1];
  expect(second?.packets.map(({ cmd }) => cmd)).toEqual([
    "connect",
    "subscribe",
    "publish",
    "publish",
    "disconnect",
  ]);
  expect(made.agent.state).toBe(AgentState.RUNNING);
});

test.each<[string, (made: World) => void, string]>([
  [
    "no connection at all",
    ({ azure }) => {
      azure.refuse = "dns-failed";
    },
    "dns-failed",
  ],
  [
    "CONNACK with a refusal",
    ({ azure }) =>
      azure.servers.set(DPS, (connection, packet) => {
        if (packet.cmd === "connect") connection.connack(3);
      }),
    "connack-server-unavailable",
  ],
])("%s is no word against it: the next attempt is eager again", (_, break_, code) => {
  const made = eagerWorld();
  break_(made);
  made.agent.start();
  made.time.advance(10);
  expect(made.errors.map(({ error }) => error.code)).toEqual([code]);
  made.azure.refuse = undefined;
  made.azure.servers.set(DPS, () => {});
  made.time.advance(5_000);
  expect(commands(made, 1)).toEqual(["connect", "subscribe", "publish"]);
});

test("hub: telemetry leaves with CONNECT, so that a stored start takes one round trip", () => {
  const made = eagerAtHub(hub(), [new CloudToDevice({ onMessage: () => {} })]);
  made.agent.send(bytes("1"));
  made.agent.send(bytes("2"));
  made.agent.start();
  // A millisecond to open the transport, one there, one back.
  made.time.advance(2);
  expect(commands(made, 0)).toEqual(["connect", "subscribe", "publish", "publish"]);
  expect(made.log.at(-1)).toBe("connecting");
  made.time.advance(1);
  expect(made.log.slice(-4)).toEqual([
    "running",
    `connected ${HUB} stored`,
    "acknowledged 1",
    "acknowledged 2",
  ]);
  made.agent.send(bytes("3"));
  made.time.advance(2);
  expect(made.log.at(-1)).toBe("acknowledged 3");
});

test("hub that ends such a connection: the next waits for CONNACK, and no message is lost", () => {
  const answers = hub();
  const made = eagerAtHub((connection, packet) => {
    if (made.azure.connections.length > 1) answers(connection, packet);
    else if (packet.cmd === "publish") connection.fail(undefined);
  });
  made.agent.send(bytes("1"));
  made.agent.start();
  made.time.advance(2);
  made.agent.send(bytes("2"));
  made.time.advance(10_000);
  expect(made.errors.map(({ error }) => error.code)).toEqual(["connection-lost"]);
  expect(made.azure.visited).toEqual([HUB, HUB]);
  expect(made.log.filter((line) => line.startsWith("acknowledged"))).toEqual([
    "acknowledged 1",
    "acknowledged 2",
  ]);
  // Nothing before CONNACK, this time.
  made.azure.servers.set(HUB, () => {});
  made.azure.last.fail(undefined);
  made.agent.send(bytes("3"));
  made.time.advance(10_000);
  expect(commands(made, 2)).toEqual(["connect"]);
  expect(made.agent.pending).toBe(1);
});

test("hub that ends such a connection: another hub is met eagerly all the same", () => {
  const made = eagerAtHub((connection, packet) => {
    if (packet.cmd === "connect") connection.fail(undefined);
  });
  made.agent.start();
  made.time.advance(10);
  expect(made.errors.map(({ error }) => error.code)).toEqual(["connection-lost"]);
  made.azure.servers.set(DPS, assigningDps(HUB2));
  made.azure.servers.set(HUB2, () => {});
  made.agent.send(bytes("1"));
  made.agent.reprovision();
  made.time.advance(10_000);
  expect(made.azure.last.host).toBe(HUB2);
  expect(commands(made, made.azure.connections.length - 1)).toEqual(["connect", "publish"]);
});

test("hub that refuses by CONNACK: what was sent early is sent again, eagerly", () => {
  let refuse = true;
  const answers = hub();
  const made = eagerAtHub((connection, packet) => {
    if (!refuse) answers(connection, packet);
    else if (packet.cmd === "connect") connection.connack(3);
  });
  made.agent.send(bytes("1"));
  made.agent.start();
  made.time.advance(10);
  expect(made.errors.map(({ error }) => error.code)).toEqual(["connack-server-unavailable"]);
  expect(made.agent.pending).toBe(1);
  refuse = false;
  made.time.advance(5_000);
  expect(commands(made, 1)).toEqual(["connect", "publish"]);
  expect(made.log.at(-1)).toBe("acknowledged 1");
});

test("hub: without the option nothing follows CONNECT before CONNACK", () => {
  const made = world({ options: { provisioning: { eager: true } } });
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, () => {});
  made.agent.send(bytes("1"));
  made.agent.start();
  made.time.advance(10_000);
  expect(commands(made, 1)).toEqual(["connect"]);
});
