// SPDX-License-Identifier: MIT
/** The life as it should go, and what starts, ends and changes it. */
import { expect, test } from "@jest/globals";
import { answerDps, assigningDps, hub, isRegistration } from "../../../simulator/services";
import { MemoryStore, nodeText, START, VirtualTime } from "../../../simulator/virtual-host";
import { AgentState } from "../../../src/agent/agent";
import { CloudToDevice, type CloudToDeviceMessage } from "../../../src/azure/hub/cloud-to-device";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import {
  bytes,
  DPS,
  HUB,
  HUB2,
  IDENTITY,
  type World,
  type WorldOptions,
  world,
} from "../../helpers/agent-world";
import { thrownCode } from "../../helpers/thrown";

const MINUTE = 60_000;

test("first start: DPS, then the hub; second start: the hub alone", () => {
  const first = world();
  first.azure.servers.set(DPS, assigningDps(HUB, "pump-7"));
  first.azure.servers.set(HUB, hub());
  first.agent.send(bytes("1"));
  first.agent.start();
  first.time.advance(MINUTE);
  expect(first.log).toEqual([
    "provisioning",
    `assigned ${HUB} pump-7`,
    "connecting",
    "running",
    `connected ${HUB} dps`,
    "acknowledged 1",
  ]);
  const second = world({ store: first.store });
  second.azure.servers.set(HUB, hub());
  second.agent.start();
  second.time.advance(MINUTE);
  expect(second.log).toEqual(["connecting", "running", `connected ${HUB} stored`]);
  expect(second.azure.visited).toEqual([HUB]);
});

test("what goes to DPS, literally", () => {
  const { agent, azure, time } = world();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(MINUTE);
  const [connect, subscribe, register, poll, disconnect] = azure.connections[0]?.packets ?? [];
  expect(connect).toMatchObject({
    cmd: "connect",
    protocolVersion: 4,
    clean: true,
    clientId: "device-1",
    username: "0ne00000000/registrations/device-1/api-version=2019-03-31",
    keepalive: 60,
  });
  // Plural `registrations`: the singular of a well-known article is refused by DPS.
  const expiry = START / 1000 + 3600;
  expect(String((connect as { password?: Buffer }).password)).toMatch(
    new RegExp(
      `^SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fdevice-1&sig=[^&]+&se=${expiry}&skn=registration$`,
    ),
  );
  expect(subscribe).toMatchObject({
    cmd: "subscribe",
    subscriptions: [{ topic: "$dps/registrations/res/#", qos: 1 }],
  });
  expect(register).toMatchObject({
    cmd: "publish",
    qos: 1,
    payload: Buffer.from('{"registrationId":"device-1"}'),
  });
  expect((register as { topic: string }).topic).toMatch(
    /^\$dps\/registrations\/PUT\/iotdps-register\/\?\$rid=[0-9a-f]+$/,
  );
  expect((poll as { topic: string }).topic).toMatch(
    /^\$dps\/registrations\/GET\/iotdps-get-operationstatus\/\?\$rid=[0-9a-f]+&operationId=op\.1$/,
  );
  expect(disconnect).toMatchObject({ cmd: "disconnect" });
  expect(azure.connections[0]?.packets).toHaveLength(5);
  expect(azure.connections[0]?.open).toBe(false);
});

test.each([false, true])(
  "the longest ids, and a payload of any size, go to DPS whole; eager: %p",
  (eager) => {
    const identity = { ...IDENTITY, idScope: "S".repeat(64), registrationId: `${":".repeat(127)}a` };
    const payload = { blob: "ü".repeat(20_000) };
    const { agent, azure, time, errors } = world({ options: { identity, provisioning: { eager, payload } } });
    const operationId = "5.".padEnd(1_900, "0123456789abcdef");
    azure.servers.set(
      DPS,
      assigningDps(HUB, "device-1", (connection, topic, requestId) => {
        if (!isRegistration(topic)) return false;
        answerDps(connection, 202, requestId, { operationId, status: "assigning" }, 3);
        return true;
      }),
    );
    azure.servers.set(HUB, hub());
    agent.start();
    time.advance(MINUTE);
    expect(errors).toEqual([]);
    const [connect, , register, poll] = azure.connections[0]?.packets ?? [];
    expect((connect as { clientId?: string }).clientId).toBe(identity.registrationId);
    const body = JSON.parse(String((register as { payload: Buffer }).payload));
    expect(body).toEqual({ registrationId: identity.registrationId, payload });
    expect((poll as { topic: string }).topic.endsWith(`&operationId=${operationId}`)).toBe(true);
    expect(agent.state).toBe(AgentState.RUNNING);
  },
);

test("what goes to the hub, literally", () => {
  const { agent, azure, time } = world({ options: { hub: { modelId: "dtmi:com:example:Pump;1" } } });
  azure.servers.set(DPS, assigningDps(HUB, "pump-7"));
  azure.servers.set(HUB, hub());
  agent.send(bytes("21.5"), { "$.ct": "application/json", alarm: null });
  agent.start();
  time.advance(10_000);
  const [connect, publish] = azure.last.packets;
  expect(connect).toMatchObject({
    clean: false,
    clientId: "pump-7",
    username: `${HUB}/pump-7/?api-version=2021-04-12&model-id=dtmi%3Acom%3Aexample%3APump%3B1`,
    keepalive: 240,
  });
  expect(String((connect as { password?: Buffer }).password)).toMatch(
    /^SharedAccessSignature sr=contoso\.azure-devices\.net%2Fdevices%2Fpump-7&sig=[^&]+&se=[0-9]+$/,
  );
  expect(publish).toMatchObject({
    cmd: "publish",
    topic: "devices/pump-7/messages/events/%24.ct=application%2Fjson&alarm",
    qos: 1,
    payload: Buffer.from("21.5"),
  });
});

test("x.509: no password, the same life", () => {
  const { agent, azure, time } = world({
    options: { identity: { ...IDENTITY, attestation: "x509" } },
    host: { signer: undefined as never },
  });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  // No token ends, so nothing is renewed: a day on one connection.
  time.advance(24 * 60 * MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(azure.visited).toEqual([DPS, HUB]);
  for (const connection of azure.connections) {
    expect(connection.packets[0]).toMatchObject({ cmd: "connect", clientId: "device-1" });
    expect((connection.packets[0] as { password?: unknown }).password ?? null).toBeNull();
  }
});

test("an assignment for another identity or scope does not count", () => {
  for (const change of [{ registrationId: "device-2" }, { idScope: "0ne00000001" }]) {
    const store = new MemoryStore();
    new AssignmentStore(store, nodeText).write({
      ...IDENTITY,
      ...change,
      hub: HUB2,
      deviceId: "x",
      assignedAt: 0,
    });
    const { agent, azure, time, log } = world({ store });
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    agent.start();
    time.advance(MINUTE);
    expect(azure.visited).toEqual([DPS, HUB]);
    expect(log).toContain(`connected ${HUB} dps`);
  }
});

test("without a network, then without a clock, nothing is opened; both are reported", () => {
  let up = false;
  const time = new VirtualTime();
  time.isSet = false;
  const { agent, azure, log, errors } = world({ time, host: { network: { isUp: () => up } } });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(90_000);
  up = true;
  time.advance(90_000);
  expect(azure.connections).toHaveLength(0);
  expect(errors.map(({ phase, error }) => `${phase} ${error.code}`)).toEqual([
    "network network-down",
    "clock clock-not-set",
  ]);
  time.isSet = true;
  time.advance(MINUTE);
  expect(log.filter((line) => line.startsWith("waiting"))).toEqual([
    "waiting for the network",
    "waiting for the clock",
  ]);
  expect(agent.state).toBe(AgentState.RUNNING);
});

test("the SAS token is renewed by a planned reconnect that loses no message and keeps the order", () => {
  const { agent, azure, time, log } = world();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(
    HUB,
    hub(() => 0, true),
  );
  agent.start();
  time.advance(MINUTE);
  let sent = 0;
  for (let minute = 0; minute < 180; minute += 1) {
    sent += 1;
    agent.send(bytes(String(sent)));
    time.advance(MINUTE);
  }
  const hubs = azure.connections.filter(({ host }) => host === HUB);
  // One-hour tokens, renewed at 45 to 51 minutes: 3 renewals in 3 hours.
  expect(hubs).toHaveLength(4);
  expect(hubs.slice(0, 3).map(({ packets }) => packets.at(-1)?.cmd)).toEqual([
    "disconnect",
    "disconnect",
    "disconnect",
  ]);
  const payloads = hubs.flatMap(({ packets }) =>
    packets.flatMap((packet) => (packet.cmd === "publish" ? [Number(packet.payload.toString())] : [])),
  );
  expect(payloads).toEqual(Array.from({ length: 180 }, (_, i) => i + 1));
  expect(log.filter((line) => line.startsWith("error"))).toEqual([]);
  expect(log.at(-1)).toBe("acknowledged 180");
  // Never with a token that has ended or is about to.
  const starts = hubs.map(({ packets }) => packets[0] as { password?: Buffer });
  const expiries = starts.map(({ password }) => Number(/se=([0-9]+)/.exec(String(password))?.[1]));
  expect(new Set(expiries).size).toBe(4);
});

test("a renewal waits for acknowledgements, but not for ever", () => {
  const { agent, azure, time } = world();
  azure.servers.set(DPS, assigningDps(HUB));
  const answers = hub();
  azure.servers.set(HUB, (connection, packet) => {
    const mute = azure.connections.length === 2;
    if (!mute || packet.cmd !== "publish") answers(connection, packet);
  });
  // Answers are given up after 30 s only, so the message is still in flight when the renewal begins.
  agent.start();
  time.advance(10_000);
  while (azure.connections.length < 3) {
    if (agent.pending === 0) agent.send(bytes("late"));
    time.advance(1000);
  }
  time.advance(10_000);
  expect(azure.last.packets.find(({ cmd }) => cmd === "publish")).toMatchObject({
    payload: Buffer.from("late"),
  });
  expect(agent.pending).toBe(0);
});

test("cloud-to-device: subscribed where there is a handler, acknowledged after it", () => {
  const received: string[] = [];
  const onMessage = ({ properties, payload }: CloudToDeviceMessage): void => {
    received.push(`${nodeText.decode(payload)} ${JSON.stringify(properties)}`);
  };
  const { agent, azure, time } = world({ options: { features: [new CloudToDevice({ onMessage })] } });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(10_000);
  expect(azure.last.packets.find(({ cmd }) => cmd === "subscribe")).toMatchObject({
    subscriptions: [{ topic: "devices/device-1/messages/devicebound/#", qos: 1 }],
  });
  const topic = "devices/device-1/messages/devicebound/%24.mid=7&a=b%20c&flag&empty=";
  azure.last.send({
    cmd: "publish",
    topic,
    payload: "open",
    qos: 1,
    messageId: 9,
    dup: false,
    retain: false,
  });
  time.advance(10);
  expect(received).toEqual(['open {"$.mid":"7","a":"b c","flag":null,"empty":""}']);
  expect(azure.last.packets.at(-1)).toMatchObject({ cmd: "puback", messageId: 9 });
});

test("reprovision() moves the device while its messages stay", () => {
  const { agent, azure, time, store, log } = world();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, (connection, packet) => {
    if (packet.cmd === "connect") connection.connack();
  });
  azure.servers.set(HUB2, hub());
  agent.start();
  time.advance(10_000);
  agent.send(bytes("never acknowledged by the first hub"));
  time.advance(1000);
  azure.servers.set(DPS, assigningDps(HUB2, "renamed"));
  agent.reprovision();
  time.advance(10_000);
  expect(log.slice(-2)).toEqual([`connected ${HUB2} dps`, "acknowledged 1"]);
  const publish = azure.last.packets.find(({ cmd }) => cmd === "publish");
  expect(publish).toMatchObject({ topic: "devices/renamed/messages/events/", dup: false });
  expect(new AssignmentStore(store, nodeText).read()).toMatchObject({ hub: HUB2, deviceId: "renamed" });
});

test("forget() leaves nothing stored, not even after a power cut before DPS has answered", () => {
  const { agent, azure, time, store } = world();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(10_000);
  azure.servers.delete(DPS);
  agent.forget();
  expect(new AssignmentStore(store, nodeText).read()).toBeUndefined();
  expect(agent.assignment).toBeUndefined();
  time.advance(MINUTE);
  expect(new Set(azure.visited.slice(2))).toEqual(new Set([DPS]));
});

/** Connected to a hub that acknowledges nothing; the next assignment is another hub's, as `device-2`. */
function unacknowledged(more: WorldOptions = {}): World {
  const made = world(more);
  const answers = hub();
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, (connection, packet) => {
    if (packet.cmd !== "publish") answers(connection, packet);
  });
  // As IoT Hub does: a topic of another device ends the connection.
  made.azure.servers.set(HUB2, (connection, packet) => {
    if (packet.cmd === "publish" && !packet.topic.startsWith("devices/device-2/")) connection.fail(undefined);
    else answers(connection, packet);
  });
  made.agent.start();
  made.time.advance(10_000);
  made.azure.servers.set(DPS, assigningDps(HUB2, "device-2"));
  return made;
}

test("forget(): what waits and what is in flight goes to no other owner's hub, the rest of the life goes on", () => {
  const made = unacknowledged({ options: { hub: { window: 1 } } });
  const { agent, azure, time } = made;
  agent.send(bytes("in flight"));
  agent.send(bytes("waits"));
  time.advance(1000);
  expect(agent.forget()).toBe(2);
  expect(agent.pending).toBe(0);
  agent.send(bytes("of the new owner"));
  time.advance(30 * MINUTE);
  expect(agent.pending).toBe(0);
  expect(azure.visited).toEqual([DPS, HUB, DPS, HUB2]);
  const published = azure.last.packets.flatMap((packet) =>
    packet.cmd === "publish" ? [`${packet.topic} ${packet.payload}`] : [],
  );
  expect(published).toEqual(["devices/device-2/messages/events/ of the new owner"]);
});

test("forget() drops nothing when the store fails: the assignment still counts", () => {
  const { agent, store, time } = unacknowledged();
  agent.send(bytes("kept"));
  time.advance(1000);
  store.write = () => {
    throw new Error("no space left");
  };
  expect(thrownCode(() => agent.forget())).toBe("store-failed");
  expect([agent.pending, agent.state]).toEqual([1, AgentState.RUNNING]);
});

test("forget() makes room: whoever waits for it hears of it at the next connection", () => {
  let room = 0;
  const { agent, time } = unacknowledged({
    options: { outbox: { capacity: 1 }, hub: { window: 1 } },
    handler: { onRoom: () => (room += 1) },
  });
  agent.send(bytes("1"));
  agent.send(bytes("2"));
  expect(thrownCode(() => agent.send(bytes("3")))).toBe("outbox-full");
  expect(agent.forget()).toBe(2);
  expect(room).toBe(0);
  time.advance(10_000);
  expect([room, agent.pending]).toEqual([1, 0]);
});

test("an assignment that was never saved, stop(), start(): what is in flight goes out for the one that counts", () => {
  const { agent, store, azure, time } = unacknowledged();
  azure.servers.set(HUB, hub());
  const write = store.write;
  store.write = () => {
    throw new Error("no space left");
  };
  const answers = azure.servers.get(HUB2);
  azure.servers.set(HUB2, (connection, packet) => {
    if (packet.cmd !== "publish") answers?.(connection, packet);
  });
  agent.reprovision();
  time.advance(10_000);
  agent.send(bytes("1"));
  time.advance(1000);
  expect(azure.last.host).toBe(HUB2);
  agent.stop();
  store.write = write;
  agent.start();
  time.advance(10_000);
  expect([azure.last.host, agent.pending]).toEqual([HUB, 0]);
  expect(azure.last.packets.find(({ cmd }) => cmd === "publish")).toMatchObject({
    topic: "devices/device-1/messages/events/",
    dup: false,
  });
});

test("stop() in any state ends it silently; messages stay for the next start", () => {
  for (const after of [0, 1, 3, 5, 7, 2000, 3010, 5000]) {
    const { agent, azure, time, log } = world();
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    agent.send(bytes("kept"));
    agent.start();
    time.advance(after);
    agent.stop();
    agent.stop();
    expect(agent.state).toBe(AgentState.STOPPED);
    const lines = log.length;
    const acknowledged = log.includes("acknowledged 1");
    time.advance(60 * MINUTE);
    expect(log).toHaveLength(lines);
    expect(time.pending).toBe(0);
    expect(agent.pending).toBe(acknowledged ? 0 : 1);
    agent.start();
    time.advance(10_000);
    expect(agent.pending).toBe(0);
    expect(agent.state).toBe(AgentState.RUNNING);
  }
});

test("stop() from inside any handler holds", () => {
  for (const name of ["onState", "onAssigned", "onConnected", "onAcknowledged", "onError"] as const) {
    const stopper = { [name]: () => stopped.agent.stop() };
    const stopped = world({ handler: stopper });
    stopped.azure.servers.set(DPS, assigningDps(HUB));
    if (name !== "onError") stopped.azure.servers.set(HUB, hub());
    stopped.agent.send(bytes("x"));
    stopped.agent.start();
    stopped.time.advance(60 * MINUTE);
    expect([name, stopped.agent.state]).toEqual([name, AgentState.STOPPED]);
    expect(stopped.time.pending).toBe(0);
  }
});

test("a handler that throws is reported and does not end the life", () => {
  for (const name of ["onState", "onAssigned", "onConnected", "onAcknowledged"] as const) {
    let left = 2;
    const thrower = {
      [name]: () => {
        if (left-- > 0) throw new Error("mistake of the application");
      },
    };
    const { agent, azure, time, errors } = world({ handler: thrower });
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    agent.send(bytes("x"));
    agent.start();
    time.advance(5 * MINUTE);
    expect([name, agent.state]).toEqual([name, AgentState.RUNNING]);
    expect(errors.map(({ error }) => error.message).join()).toContain("mistake of the application");
  }
});

test("the outbox tells when there is room again", () => {
  let room = 0;
  const { agent, azure, time } = world({
    options: { outbox: { capacity: 2 }, hub: { window: 1 } },
    handler: { onRoom: () => (room += 1) },
  });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.send(bytes("1"));
  agent.send(bytes("2"));
  expect(() => agent.send(bytes("3"))).toThrow(expect.objectContaining({ code: "outbox-full" }));
  agent.start();
  time.advance(10_000);
  expect([room, agent.pending]).toEqual([1, 0]);
});

test("what can never be sent is refused at once", () => {
  const { agent } = world({ options: { hub: { outputSize: 1024 } } });
  expect(() => agent.send(new Uint8Array(1024))).toThrow(
    expect.objectContaining({ code: "packet-too-large" }),
  );
  expect(() => agent.send(bytes(""), { "": "x" })).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
  expect(agent.pending).toBe(0);
});

test("a payload that the outbox can never hold is too large, and nobody waits for room", () => {
  let room = 0;
  const { agent, azure, time } = world({
    options: { hub: { outputSize: 65_536 } },
    handler: { onRoom: () => (room += 1) },
  });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(10_000);
  expect(thrownCode(() => agent.send(new Uint8Array(20_000)))).toBe("packet-too-large");
  agent.send(new Uint8Array(16_384));
  time.advance(1000);
  expect([room, agent.pending]).toEqual([0, 0]);
});

test("a fleet starts spread out", () => {
  const { agent, azure, time } = world({ options: { startSpread: 60_000 }, host: { random: () => 0.5 } });
  azure.servers.set(DPS, assigningDps(HUB));
  agent.start();
  time.advance(29_999);
  expect(azure.connections).toHaveLength(0);
  time.advance(1);
  expect(azure.visited).toEqual([DPS]);
});

test("a wrong identity or option is refused when the agent is made", () => {
  const wrong = [
    { identity: { ...IDENTITY, idScope: "0ne/1" } },
    { identity: { ...IDENTITY, registrationId: "device_" } },
    { identity: { ...IDENTITY, attestation: "tpm" as never } },
    { hub: { tokenLifetime: 1000 } },
    { hub: { window: 0 } },
    { outbox: { capacity: 0 } },
  ];
  for (const options of wrong) {
    expect(() => world({ options })).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  }
  expect(() => world({ host: { signer: undefined as never } })).toThrow(
    expect.objectContaining({ code: "invalid-argument" }),
  );
});
