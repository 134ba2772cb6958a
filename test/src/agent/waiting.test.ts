// SPDX-License-Identifier: MIT
/** Waiting: for whom, for how long, what ends it, and what of it outlasts a restart. */
import { expect, test } from "@jest/globals";
import {
  answerDps,
  assignedBody,
  assigningDps,
  type DpsRequestHandler,
  hub,
  isRegistration,
} from "../../../simulator/services";
import { type Behaviour, VirtualAzure } from "../../../simulator/virtual-azure";
import { MemoryStore, nodeText, VirtualTime } from "../../../simulator/virtual-host";
import { type AgentOptions, AgentState } from "../../../src/agent/agent";
import { CloudToDevice } from "../../../src/azure/hub/cloud-to-device";
import type { Transport, TransportBinding } from "../../../src/host";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import { RETRY_KEY } from "../../../src/storage/retry-record";
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
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A device that knows its hub. Both services work. */
function known(given: WorldOptions = {}): World {
  const store = given.store ?? new MemoryStore();
  new AssignmentStore(store, nodeText).write({ ...IDENTITY, hub: HUB, deviceId: "device-1", assignedAt: 0 });
  const made = world({ ...given, store });
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, hub());
  return made;
}

function dps(special: DpsRequestHandler): Behaviour {
  return assigningDps(HUB, "device-1", special);
}

/** DPS that answers all alike, and when it was asked. */
function answering(made: World, status: number, body: object, retryAfter?: number): number[] {
  const asked: number[] = [];
  made.azure.servers.set(
    DPS,
    dps((connection, _, requestId) => {
      asked.push(made.time.ticks());
      answerDps(connection, status, requestId, body, retryAfter);
      return true;
    }),
  );
  return asked;
}

function registrations({ azure }: World): number {
  return azure.connections
    .flatMap(({ packets }) => packets)
    .filter((packet) => packet.cmd === "publish" && isRegistration(packet.topic)).length;
}

const endless = { operationId: "4.endless", status: "assigning" };

test.each([900, 250])(
  "`retry-after` %i of a 202 is a floor for every poll, over the end of an attempt",
  (told) => {
    const made = world();
    const asked = answering(made, 202, endless, told);
    made.agent.start();
    made.time.advance(2 * HOUR);
    const gaps = asked.slice(1).map((at, i) => at - (asked[i] as number));
    expect(gaps.length).toBeGreaterThan(4);
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(told * 1000);
  },
);

test("`retry-after` is kept when the connection is lost while it passes", () => {
  const made = world();
  const asked = answering(made, 202, endless, 300);
  made.agent.start();
  made.time.advance(MINUTE);
  made.azure.last.fail(undefined);
  made.time.advance(10 * MINUTE);
  expect((asked[1] as number) - (asked[0] as number)).toBeGreaterThanOrEqual(300_000);
});

test("an operation is gone on with for an hour, not for weeks", () => {
  const made = known();
  made.agent.start();
  made.time.advance(MINUTE);
  answering(made, 202, endless, 3);
  made.agent.reprovision();
  made.time.advance(HOUR);
  expect(made.agent.state).toBe(AgentState.RUNNING);
  made.time.advance(14 * DAY);
  // Its old result, to whoever asks for it.
  made.azure.servers.set(
    HUB,
    hub(() => 5),
  );
  made.azure.servers.set(HUB2, hub());
  made.azure.servers.set(
    DPS,
    assigningDps(HUB2, "device-1", (connection, topic, requestId) => {
      if (!topic.includes("endless")) return false;
      answerDps(connection, 200, requestId, assignedBody(HUB, "device-1"));
      return true;
    }),
  );
  const before = registrations(made);
  made.log.length = 0;
  made.time.advance(HOUR);
  expect(registrations(made) - before).toBe(1);
  expect(made.log).not.toContain(`assigned ${HUB} device-1`);
  expect(made.agent.assignment?.hub).toBe(HUB2);
  expect(made.agent.state).toBe(AgentState.RUNNING);
});

test("an operation whose answers cannot be understood is not asked for again", () => {
  const made = world();
  made.azure.servers.set(HUB, hub());
  made.azure.servers.set(
    DPS,
    dps((connection, topic, requestId) => {
      const first = registrations(made) < 2;
      if (!first) return false;
      answerDps(
        connection,
        isRegistration(topic) ? 202 : 200,
        requestId,
        isRegistration(topic) ? endless : {},
        3,
      );
      return true;
    }),
  );
  made.agent.start();
  made.time.advance(MINUTE);
  expect(made.errors.map(({ error }) => error.code)).toEqual(["dps-malformed"]);
  expect([registrations(made), made.agent.state]).toEqual([2, AgentState.RUNNING]);
});

test("DPS that names the same hub again: nothing is written, the counters stay", () => {
  const store = new MemoryStore();
  const made = known({ store });
  let writes = 0;
  const write = store.write.bind(store);
  store.write = (key, value) => {
    if (key.startsWith("assignment")) writes += 1;
    write(key, value);
  };
  made.azure.servers.delete(HUB);
  made.agent.start();
  made.time.advance(DAY);
  expect(registrations(made)).toBeGreaterThan(2);
  expect(registrations(made)).toBeLessThanOrEqual(12);
  expect(writes).toBe(0);
  expect(made.azure.connections.length).toBeLessThanOrEqual(400);
  expect(made.log).toContain(`assigned ${HUB} device-1`);
});

test.each([3_600, 86_400])(
  "reprovision() while DPS asks for %i s: the hub that works is used meanwhile",
  (told) => {
    const made = known();
    made.agent.start();
    made.time.advance(MINUTE);
    const asked = answering(made, 429, { errorCode: 429001 }, told);
    made.agent.reprovision();
    made.time.advance(MINUTE);
    expect(made.agent.state).toBe(AgentState.RUNNING);
    made.time.advance(told * 1000 - 3 * MINUTE);
    // Nobody was asked, and a second request changes nothing about it.
    made.agent.reprovision();
    made.time.advance(MINUTE);
    expect([made.agent.state, asked.length]).toEqual([AgentState.RUNNING, 1]);
    // Then DPS is asked as the application wanted.
    made.azure.servers.set(DPS, assigningDps(HUB2));
    made.azure.servers.set(HUB2, hub());
    made.time.advance(3 * MINUTE);
    expect([made.agent.assignment?.hub, made.agent.state]).toEqual([HUB2, AgentState.RUNNING]);
  },
);

test("reprovision() while DPS fails and the hub works: asked later each time, whatever the hub's connections stand", () => {
  const made = known();
  made.agent.start();
  made.time.advance(MINUTE);
  const asked = answering(made, 500, { errorCode: 500000 });
  made.agent.reprovision();
  // What was asked for is dropped after some attempts, and asked for once more.
  made.time.advance(6 * MINUTE);
  const [first = 0, ...later] = asked;
  expect(later.length).toBeGreaterThan(1);
  let gap = 0;
  for (const [i, at] of later.entries()) {
    const own = at - (i === 0 ? first : (later[i - 1] as number));
    expect(own).toBeGreaterThan(gap);
    gap = own;
  }
});

test("reprovision() outlasts a blip of DPS, and is dropped when DPS is down", () => {
  const made = known();
  // Of some failures nothing is left after ten good hours with renewals of the token.
  made.azure.refuse = "connect-failed";
  made.agent.start();
  made.time.advance(4 * MINUTE);
  made.azure.refuse = undefined;
  made.time.advance(10 * HOUR);
  made.azure.servers.delete(DPS);
  made.agent.reprovision();
  made.time.advance(5_000);
  made.azure.servers.set(DPS, assigningDps(HUB2));
  made.azure.servers.set(HUB2, hub());
  made.time.advance(MINUTE);
  expect([made.agent.assignment?.hub, made.agent.state]).toEqual([HUB2, AgentState.RUNNING]);
  made.azure.servers.delete(DPS);
  made.agent.reprovision();
  made.time.advance(HOUR);
  const { length } = made.azure.connections;
  made.time.advance(30 * MINUTE);
  expect([made.agent.state, made.azure.last.host]).toEqual([AgentState.RUNNING, HUB2]);
  // Renewals of the token alone.
  expect(made.azure.connections.length - length).toBeLessThanOrEqual(1);
});

test("a hub that is gone, with one blip of DPS: the new one is found in minutes", () => {
  const made = known();
  made.agent.start();
  made.time.advance(10 * HOUR);
  made.azure.servers.delete(HUB);
  made.azure.servers.set(HUB2, hub());
  const moved = assigningDps(HUB2);
  let blips = 1;
  made.azure.servers.set(DPS, (connection, packet) => {
    if (packet.cmd === "connect" && blips-- > 0) connection.fail(undefined);
    else moved(connection, packet);
  });
  made.azure.last.fail(undefined);
  made.time.advance(7 * MINUTE);
  expect([made.agent.assignment?.hub, made.agent.state]).toEqual([HUB2, AgentState.RUNNING]);
});

test("after good hours an error waits as the first one does", () => {
  const made = known();
  // Each renewal leaves RUNNING before it can be asked how long it stood.
  made.azure.refuse = "connect-failed";
  made.agent.start();
  made.time.advance(4 * MINUTE);
  made.azure.refuse = undefined;
  made.time.advance(10 * HOUR);
  made.errors.length = 0;
  made.azure.servers.set(
    HUB,
    hub(() => 3),
  );
  made.time.advance(HOUR);
  expect(made.errors.slice(0, 2).map(({ retryIn }) => (retryIn ?? 0) <= 2_000)).toEqual([true, true]);
});

test("onRoom comes when one more fits: `send` in it does not throw", () => {
  const refused: string[] = [];
  let next = 0;
  const fill = (): void => {
    for (;;) {
      const code = thrownCode(() => made.agent.send(bytes(String(next))));
      if (code === "outbox-full") return;
      next += 1;
    }
  };
  let rooms = 0;
  const made: World = known({
    options: { outbox: { capacity: 1 }, hub: { window: 1 } },
    handler: {
      onRoom: () => {
        rooms += 1;
        const code = thrownCode(() => made.agent.send(bytes(String(next))));
        if (code !== "none") refused.push(code);
        next += 1;
        if (rooms < 50) fill();
      },
    },
  });
  made.agent.start();
  made.time.advance(1_000);
  fill();
  made.time.advance(MINUTE);
  expect([refused, rooms]).toEqual([[], 50]);
  expect(made.errors).toEqual([]);
  expect(made.agent.pending).toBe(0);
});

test("onRoom waits until the payload that was refused fits", () => {
  const pendings: number[] = [];
  const made: World = known({
    options: { outbox: { bytes: 100 }, hub: { window: 1 } },
    handler: {
      onRoom: () => pendings.push(thrownCode(() => made.agent.send(new Uint8Array(90))) === "none" ? 1 : 0),
    },
  });
  made.agent.start();
  made.time.advance(1_000);
  for (let i = 0; i < 5; i += 1) made.agent.send(new Uint8Array(20));
  expect(thrownCode(() => made.agent.send(new Uint8Array(90)))).toBe("outbox-full");
  made.time.advance(MINUTE);
  expect([pendings, made.agent.pending]).toEqual([[1], 0]);
});

test.each([0, 60_000])(
  "what only a person can mend slows down when it comes %i ms after CONNACK",
  (after) => {
    const made = known({
      options: {
        hub: { answerTimeout: 100_000 },
        features: [new CloudToDevice({ onMessage: () => {} })],
      },
    });
    made.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd !== "subscribe") return hub()(connection, packet);
      const suback = { cmd: "suback" as const, messageId: packet.messageId ?? 0, granted: [128] };
      made.time.set(() => connection.send(suback), after);
    });
    made.agent.start();
    made.time.advance(DAY);
    const codes = new Set(made.errors.map(({ error }) => error.code));
    expect(codes).toEqual(new Set(["subscribe-refused"]));
    expect(made.azure.connections.length).toBeLessThanOrEqual(60);
  },
);

test("a new hub does not wait for the refusals of the old one", () => {
  const made = known();
  made.azure.servers.set(
    HUB,
    hub(() => 5),
  );
  made.agent.start();
  made.time.advance(DAY);
  made.azure.servers.set(DPS, assigningDps(HUB2));
  made.azure.servers.set(HUB2, hub());
  const { length } = made.log;
  made.time.advance(HOUR + MINUTE);
  const since = made.log.slice(length);
  const at = since.indexOf(`assigned ${HUB2} device-1`);
  expect(since.slice(at, at + 4)).toEqual([
    `assigned ${HUB2} device-1`,
    "connecting",
    "running",
    `connected ${HUB2} dps`,
  ]);
});

test("the token is renewed by its own age: a slow network ends no connection by its expiry", () => {
  const made = known({ options: { hub: { tokenLifetime: 60_000 } } });
  let expired = 0;
  made.azure.servers.set(HUB, (connection, packet) => {
    if (packet.cmd !== "connect") {
      hub()(connection, packet);
      return;
    }
    const expiry = Number(/se=([0-9]+)/.exec(String(packet.password))?.[1]) * 1000;
    const left = expiry - (made.time.now() as number);
    // Some 20 s for TLS and CONNACK; at its end the hub ends the connection.
    made.time.set(() => connection.connack(), 20_000);
    made.time.set(() => {
      if (!connection.open) return;
      expired += 1;
      connection.fail(undefined);
    }, left);
  });
  made.agent.start();
  // Something is always in flight when the renewal begins.
  for (let second = 0; second < 3_600; second += 1) {
    if (made.agent.pending < 2) made.agent.send(bytes("x"));
    made.time.advance(1_000);
  }
  expect(made.azure.connections.length).toBeGreaterThan(60);
  expect(expired).toBe(0);
});

test("a clock that is set wakes what may have failed because of it, and only that", () => {
  for (const [code, wakes] of [
    ["tls-expired", true],
    ["connect-failed", false],
  ] as const) {
    const made = known();
    made.azure.refuse = code;
    made.agent.start();
    made.time.advance(3 * HOUR);
    made.azure.refuse = undefined;
    made.time.skew = -400 * DAY;
    made.time.advance(10_000);
    expect([code, made.agent.state === AgentState.RUNNING]).toEqual([code, wakes]);
  }
});

test("a clock that is set is no reason to ask DPS before its time", () => {
  const made = world();
  const asked = answering(made, 401, { errorCode: 401002 }, 3_600);
  made.agent.start();
  made.time.advance(MINUTE);
  made.time.skew = 400 * DAY;
  made.time.advance(58 * MINUTE);
  expect(asked).toHaveLength(1);
  made.time.advance(3 * MINUTE);
  expect(asked).toHaveLength(2);
});

test.each<[string, Partial<AgentOptions>]>([
  ["hub.outputSize", { hub: { outputSize: 512 } }],
  ["hub.outputSize", { hub: { outputSize: 2_000.5 } }],
  ["hub.keepAlive", { hub: { keepAlive: -1 } }],
  ["hub.port", { hub: { port: 0 } }],
  ["hub.port", { hub: { port: 8_883.5 } }],
  ["hub.tokenLifetime", { hub: { tokenLifetime: Number.POSITIVE_INFINITY } }],
  ["hub.tokenLifetime", { hub: { tokenLifetime: Number.NaN } }],
  ["hub.answerTimeout", { hub: { answerTimeout: 0 } }],
  ["hub.connectTimeout", { hub: { connectTimeout: Number.POSITIVE_INFINITY } }],
  ["hub.maximumPacketSize", { hub: { maximumPacketSize: 1 } }],
  ["provisioning.keepAlive", { provisioning: { keepAlive: -1 } }],
  ["provisioning.port", { provisioning: { port: 65_536 } }],
  ["provisioning.assignmentTimeout", { provisioning: { assignmentTimeout: 0 } }],
  ["startSpread", { startSpread: -1 }],
  ["maximumFailures", { maximumFailures: 0 }],
  ["backoff.base", { backoff: { base: 0, cap: 1 } }],
  ["slowBackoff.cap", { slowBackoff: { base: 1, cap: Number.NaN } }],
])("%s out of range is refused when the agent is made", (name, options) => {
  expect(() => world({ options })).toThrow(
    expect.objectContaining({ code: "invalid-argument", message: expect.stringContaining(`${name} is not`) }),
  );
});

test("reprovision() closes the transport to the hub a moment before it opens the one to DPS", () => {
  const made = known();
  made.agent.start();
  made.time.advance(MINUTE);
  made.agent.reprovision();
  // In the same call a chip would hold the memory of two TLS connections.
  expect(made.azure.connections.map(({ open }) => open)).toEqual([false]);
  made.time.advance(1);
  expect(made.azure.visited).toEqual([HUB, DPS]);
});

test("no transport is opened in the call that closes another", () => {
  // Which call of the platform it is.
  let turn = 0;
  class Turns extends VirtualTime {
    override set(callback: () => void, delay: number): ReturnType<VirtualTime["set"]> {
      const counted = (): void => {
        turn += 1;
        callback();
      };
      return super.set(counted, delay);
    }
  }
  const opened: number[] = [];
  const closed: number[] = [];
  const time = new Turns();
  const azure = new VirtualAzure(time);
  const { io } = azure.binding();
  const Inner = io as unknown as new (options: object) => Transport;
  class Watched extends Inner {
    constructor(options: object) {
      opened.push(turn);
      super(options);
    }

    override close(): void {
      closed.push(turn);
      super.close();
    }
  }
  const made = known({
    time,
    azure,
    options: { hub: { tokenLifetime: 60_000 } },
    host: { transport: { io: Watched as unknown as TransportBinding["io"] } },
  });
  made.agent.start();
  // A renewal of the token is among them.
  time.advance(60_000);
  for (const act of [() => made.agent.reprovision(), () => made.agent.forget()]) {
    turn += 1;
    act();
    time.advance(20_000);
  }
  expect(opened.length).toBeGreaterThanOrEqual(6);
  for (const at of opened) expect(closed).not.toContain(at);
});

/** The same device after a restart: only the store is left. */
function restarted(made: World, given: WorldOptions = {}): World {
  made.agent.stop();
  return world({ time: made.time, azure: made.azure, store: made.store, ...given });
}

test("refusals, and the time that DPS asked for, outlast a restart", () => {
  const made = world();
  const asked = answering(made, 503, {}, 7_200);
  made.agent.start();
  made.time.advance(MINUTE);
  const again = restarted(made);
  again.agent.start();
  made.time.advance(118 * MINUTE);
  expect(asked).toHaveLength(1);
  // The wait is no sign of a device that is stuck.
  expect(again.agent.heardAt).toBeGreaterThan(7_200_000);
  made.time.advance(3 * MINUTE);
  expect(asked).toHaveLength(2);
});

test("where somebody looks on, a refusal of earlier keeps from nothing and leaves nothing behind; DPS's word does", () => {
  const options = { attended: true };
  const refused = world({ options });
  const asked = answering(refused, 401, {});
  refused.agent.start();
  refused.time.advance(MINUTE / 2);
  const corrected = restarted(refused, { options });
  expect(refused.store.read(RETRY_KEY)).toBeUndefined();
  corrected.agent.start();
  refused.time.advance(1_000);
  expect(asked).toHaveLength(2);
  const throttled = world({ options });
  const told = answering(throttled, 503, {}, 7_200);
  throttled.agent.start();
  throttled.time.advance(MINUTE);
  restarted(throttled, { options }).agent.start();
  throttled.time.advance(118 * MINUTE);
  expect(told).toHaveLength(1);
  throttled.time.advance(3 * MINUTE);
  expect(told).toHaveLength(2);
});

test("an operation of DPS outlasts a restart, so that it needs no second registration", () => {
  const made = world();
  answering(made, 202, endless, 3);
  made.agent.start();
  made.time.advance(MINUTE);
  const again = restarted(made);
  made.azure.servers.set(HUB, hub());
  made.azure.servers.set(
    DPS,
    dps((connection, topic, requestId) => {
      if (!topic.includes("endless")) return false;
      answerDps(connection, 200, requestId, assignedBody(HUB, "device-1"));
      return true;
    }),
  );
  again.agent.start();
  made.time.advance(MINUTE);
  expect([registrations(again), again.agent.state]).toEqual([1, AgentState.RUNNING]);
  expect(made.store.read(RETRY_KEY)).toBeUndefined();
});

test("another identity, a damaged record, a clock that was set back, an old record: nothing waits for ever", () => {
  const changes: ((made: World) => WorldOptions | undefined)[] = [
    () => ({ options: { identity: { ...IDENTITY, registrationId: "device-2" } } }),
    ({ store }) => {
      const value = store.read(RETRY_KEY) as Uint8Array;
      value[20] = (value[20] as number) ^ 1;
      store.write(RETRY_KEY, value);
      return undefined;
    },
    ({ time }) => {
      time.skew = -2 * DAY;
      return undefined;
    },
    ({ time }) => {
      time.advance(2 * DAY);
      return undefined;
    },
  ];
  for (const change of changes) {
    const made = world();
    answering(made, 503, {}, 86_400);
    made.agent.start();
    made.time.advance(MINUTE);
    made.agent.stop();
    expect(made.store.read(RETRY_KEY)).toBeDefined();
    const again = restarted(made, change(made));
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, hub());
    again.agent.start();
    made.time.advance(10_000);
    expect(again.agent.state).toBe(AgentState.RUNNING);
    again.agent.stop();
  }
});

test("forget() keeps what DPS asked for, and nothing else", () => {
  const made = known();
  made.azure.servers.set(
    HUB,
    hub(() => 5),
  );
  const asked = answering(made, 503, {}, 3_600);
  made.agent.start();
  made.time.advance(10 * MINUTE);
  made.agent.forget();
  made.time.advance(40 * MINUTE);
  expect(asked).toHaveLength(1);
  made.time.advance(12 * MINUTE);
  expect(asked).toHaveLength(2);
});

test("a store that fails in every call stops nothing", () => {
  const fails = (): never => {
    throw new Error("nvs");
  };
  const store = new MemoryStore();
  store.read = store.write = store.delete = fails;
  const made = world({ store });
  answering(made, 503, {}, 120);
  made.agent.start();
  made.time.advance(MINUTE);
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, hub());
  made.time.advance(3 * MINUTE);
  expect(made.agent.state).toBe(AgentState.RUNNING);
  made.agent.stop();
});

test("a good life writes nothing but the assignment", () => {
  const store = new MemoryStore();
  const keys: string[] = [];
  const write = store.write.bind(store);
  store.write = (key, value) => {
    keys.push(key);
    write(key, value);
  };
  const made = world({ store });
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, hub());
  made.agent.start();
  made.time.advance(DAY);
  made.agent.stop();
  expect(keys).toEqual(["assignment0"]);
});

test("heardAt: an answer of a server, and the end of the wait that it led to; not what fails on the way", () => {
  const made = known();
  made.azure.refuse = "connect-failed";
  made.agent.start();
  const started = made.agent.heardAt;
  made.time.advance(3 * HOUR);
  expect(made.agent.heardAt).toBe(started);
  made.azure.refuse = undefined;
  made.time.advance(10 * MINUTE);
  // PINGRESP.
  made.time.advance(HOUR);
  expect(made.time.ticks() - made.agent.heardAt).toBeLessThanOrEqual(240_000);
});

test("the time until the next attempt is told in whole milliseconds, whatever the clock counts", () => {
  const made = known();
  made.azure.refuse = "connect-failed";
  made.time.advance(0.3);
  made.agent.start();
  made.time.advance(MINUTE + 0.1);
  const told = made.errors.map(({ retryIn }) => retryIn);
  expect(told.length).toBeGreaterThan(2);
  expect(told.filter((retryIn) => !Number.isInteger(retryIn))).toEqual([]);
});
