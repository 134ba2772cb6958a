// SPDX-License-Identifier: MIT
/** Every way back: refusals, failures, stalls and resets at DPS and at the hub, and a store that fails. */
import { expect, test } from "@jest/globals";
import {
  answerDps,
  assignedBody,
  assigningDps,
  type DpsRequestHandler,
  hub,
  isRegistration,
} from "../../../simulator/services";
import type { Behaviour } from "../../../simulator/virtual-azure";
import { MemoryStore, nodeText } from "../../../simulator/virtual-host";
import { AgentState } from "../../../src/agent/agent";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import { bytes, DPS, HUB, HUB2, IDENTITY, type World, world } from "../../helpers/agent-world";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function storedWorld(): World {
  const store = new MemoryStore();
  new AssignmentStore(store, nodeText).write({ ...IDENTITY, hub: HUB, deviceId: "device-1", assignedAt: 0 });
  return world({ store });
}

function count(list: readonly string[], item: string): number {
  return list.filter((entry) => entry === item).length;
}

test.each([
  [2, "connack-identifier-rejected"],
  [4, "connack-bad-credentials"],
  [5, "connack-not-authorized"],
])("CONNACK %i of the hub: the device was moved, DPS is asked at once", (returnCode, code) => {
  const { agent, azure, time, log, store } = storedWorld();
  azure.servers.set(
    HUB,
    hub(() => returnCode),
  );
  azure.servers.set(HUB2, hub());
  azure.servers.set(DPS, assigningDps(HUB2));
  agent.start();
  time.advance(20_000);
  expect(azure.visited).toEqual([HUB, DPS, HUB2]);
  expect(log).toContain(`error hub ${code}`);
  expect(log.at(-1)).toBe(`connected ${HUB2} dps`);
  expect(new AssignmentStore(store, nodeText).read()?.hub).toBe(HUB2);
});

// The second is a hub that is there, and over its quota.
test.each([
  [1, "connack-protocol-version", 10],
  [3, "connack-server-unavailable", 40],
])("CONNACK %i says nothing of the identity: %s, DPS only after %i of them", (returnCode, code, failures) => {
  const { agent, azure, time, errors } = storedWorld();
  azure.servers.set(
    HUB,
    hub(() => returnCode),
  );
  azure.servers.set(DPS, assigningDps(HUB2));
  azure.servers.set(HUB2, hub());
  agent.start();
  time.advance(24 * HOUR);
  // From then on only renewals of the token.
  expect(azure.visited.slice(0, failures + 2)).toEqual([...Array<string>(failures).fill(HUB), DPS, HUB2]);
  expect(new Set(azure.visited.slice(failures + 2))).toEqual(new Set([HUB2]));
  expect(new Set(errors.map(({ error }) => error.code))).toEqual(new Set([code]));
});

test("10 failed connections in a row lead to DPS; a connection that stood starts the count anew", () => {
  const { agent, azure, time } = storedWorld();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.refuse = "connect-failed";
  agent.start();
  while (azure.connections.length < 9) time.advance(1000);
  azure.refuse = undefined;
  azure.servers.set(HUB, hub());
  time.advance(HOUR);
  expect(agent.state).toBe(AgentState.RUNNING);
  azure.servers.delete(HUB);
  const before = azure.connections.length;
  azure.last.fail(undefined);
  time.advance(3 * HOUR);
  const after = azure.visited.slice(before);
  expect(after.indexOf(DPS)).toBe(10);
});

test("the loop 'DPS accepts, hub refuses' slows down and never ends in silence", () => {
  const { agent, azure, time, store } = world();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(
    HUB,
    hub(() => 5),
  );
  agent.start();
  time.advance(HOUR);
  const early = count(azure.visited, DPS);
  time.advance(23 * HOUR);
  const day = count(azure.visited, DPS);
  time.advance(24 * HOUR);
  // A registration is billed: about one in 30 to 60 minutes in the long run.
  expect(early).toBeLessThanOrEqual(9);
  expect(count(azure.visited, DPS) - day).toBeLessThanOrEqual(50);
  expect(count(azure.visited, DPS) - day).toBeGreaterThanOrEqual(23);
  // It is mended at the hub: the device comes back by itself.
  azure.servers.set(HUB, hub());
  time.advance(2 * HOUR);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(new AssignmentStore(store, nodeText).read()?.hub).toBe(HUB);
});

test("a second device with the same id drops the first again and again: back-off, never DPS", () => {
  const { agent, azure, time } = storedWorld();
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, (connection, packet) => {
    hub()(connection, packet);
    if (packet.cmd === "connect") time.set(() => connection.fail(undefined), 5000);
  });
  agent.start();
  time.advance(24 * HOUR);
  expect(count(azure.visited, DPS)).toBe(0);
  // Without back-off it would be one in 5 s: 17,280.
  expect(azure.connections.length).toBeLessThan(800);
});

test.each([
  ["unauthorized", 401, { errorCode: 401002, message: "Unauthorized" }, "dps-unauthorized"],
  ["forbidden", 403, {}, "dps-unauthorized"],
  ["not found", 404, { errorCode: 404201 }, "dps-not-found"],
  ["bad request", 400, { errorCode: 400208 }, "dps-refused"],
  [
    "failed",
    200,
    { operationId: "o", status: "failed", registrationState: { errorCode: 400209 } },
    "dps-failed",
  ],
  ["disabled", 200, { operationId: "o", status: "disabled" }, "dps-disabled"],
  ["profile", 200, assignedBody(HUB, "d", { connectionProfile: "mqttV5" }), "dps-unknown-profile"],
])("DPS says %s: reported, retried slowly, mended by itself", (_, status, body, code) => {
  const { agent, azure, time, errors } = world();
  azure.servers.set(HUB, hub());
  const special: DpsRequestHandler = (connection, __, requestId) => {
    answerDps(connection, status, requestId, body);
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(24 * HOUR);
  expect(new Set(errors.map(({ error }) => error.code))).toEqual(new Set([code]));
  expect(errors.length).toBeGreaterThan(20);
  expect(errors.length).toBeLessThan(60);
  expect(errors[0]?.error.retriable).toBe(false);
  expect(errors[0]?.retryIn).toBeGreaterThanOrEqual(30_000);
  azure.servers.set(DPS, assigningDps(HUB));
  time.advance(2 * HOUR);
  expect(agent.state).toBe(AgentState.RUNNING);
});

test.each([2, 4, 5])("DPS refuses by CONNACK %i instead of an answer: the same slow way", (returnCode) => {
  const { agent, azure, time, errors } = world();
  azure.servers.set(
    DPS,
    hub(() => returnCode),
  );
  agent.start();
  time.advance(24 * HOUR);
  expect(errors[0]).toMatchObject({ phase: "dps", error: { status: returnCode, retriable: false } });
  expect(azure.connections.length).toBeLessThan(60);
});

test.each([
  [429, "dps-throttled"],
  [500, "dps-server-error"],
])(
  "%i: each answer is reported as it comes, with its code and when the next request goes out",
  (status, code) => {
    const codes: string[] = [];
    const due: number[] = [];
    const { agent, azure, time } = world({
      handler: {
        onError: ({ phase, error, retryIn = Number.NaN }) => {
          codes.push(`${phase} ${error.code}`);
          due.push(time.ticks() + retryIn);
        },
      },
    });
    const requests: number[] = [];
    const special: DpsRequestHandler = (connection, _, requestId) => {
      requests.push(time.ticks());
      answerDps(connection, status, requestId, { errorCode: status * 1000 });
      return true;
    };
    azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
    agent.start();
    time.advance(3 * MINUTE);
    expect(requests.length).toBeGreaterThan(6);
    expect(codes.slice(0, requests.length)).toEqual(requests.map(() => `dps ${code}`));
    for (const [i, at] of requests.slice(1).entries()) {
      expect(at).toBeGreaterThanOrEqual(due[i] as number);
      // A new connection takes its time.
      expect(at).toBeLessThan((due[i] as number) + 1_000);
    }
  },
);

test("429 until the time for the assignment is over: the error is that, not a timeout", () => {
  const { agent, azure, time, errors } = world({ options: { provisioning: { assignmentTimeout: 30_000 } } });
  const special: DpsRequestHandler = (connection, _, requestId) => {
    answerDps(connection, 429, requestId, {}, 20);
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(29_000);
  expect(errors.map(({ error }) => error.code)).toEqual(["dps-throttled", "dps-throttled"]);
  expect(azure.connections.map(({ open }) => open)).toEqual([false]);
});

test("an application that stops at such an answer has no further request", () => {
  const { agent, azure, time } = world({ handler: { onError: () => agent.stop() } });
  let requests = 0;
  const special: DpsRequestHandler = (connection, _, requestId) => {
    requests += 1;
    answerDps(connection, 500, requestId, {});
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(10 * MINUTE);
  expect(requests).toBe(1);
  expect(agent.state).toBe(AgentState.STOPPED);
});

test("429 with retry-after: the same request again on the same connection, not before", () => {
  const { agent, azure, time } = world();
  azure.servers.set(HUB, hub());
  const registered: number[] = [];
  const special: DpsRequestHandler = (connection, topic, requestId) => {
    if (!isRegistration(topic) || registered.push(time.ticks()) === 3) return false;
    answerDps(connection, 429, requestId, { errorCode: 429001 }, 20);
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(2 * MINUTE);
  expect(azure.visited).toEqual([DPS, HUB]);
  const gaps = registered.slice(1).map((at, i) => at - (registered[i] as number));
  expect(gaps).toHaveLength(2);
  for (const gap of gaps) {
    expect(gap).toBeGreaterThanOrEqual(20_000);
    expect(gap).toBeLessThan(26_000);
  }
});

test("a long retry-after is waited out without a connection, jitter above it, and never capped", () => {
  const { agent, azure, time, errors } = world();
  azure.servers.set(HUB, hub());
  let throttles = 1;
  const special: DpsRequestHandler = (connection, _, requestId) => {
    if (throttles-- <= 0) return false;
    answerDps(connection, 503, requestId, {}, 3600);
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(59 * MINUTE);
  expect(azure.connections.map(({ open }) => open)).toEqual([false]);
  expect(errors[0]).toMatchObject({ phase: "dps", error: { code: "dps-server-error", retryAfter: 3600 } });
  expect(errors[0]?.retryIn).toBeGreaterThan(3_600_000);
  time.advance(5 * MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
});

test("500 for ever: a few tries on one connection, then one in 30 to 60 minutes: a registration is billed", () => {
  const { agent, azure, time } = world();
  let requests = 0;
  const special: DpsRequestHandler = (connection, _, requestId) => {
    requests += 1;
    answerDps(connection, 500, requestId, { errorCode: 500000 });
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(MINUTE);
  expect(azure.connections.length).toBe(1);
  expect(requests).toBeGreaterThan(4);
  time.advance(24 * HOUR);
  expect(requests).toBeLessThanOrEqual(50);
  expect(requests).toBeGreaterThan(24);
});

test("polls honour retry-after and are never faster than 2 s", () => {
  for (const retryAfter of [undefined, 0, 1, 7]) {
    const { agent, azure, time } = world();
    azure.servers.set(HUB, hub());
    const polls: number[] = [];
    const special: DpsRequestHandler = (connection, _, requestId) => {
      polls.push(time.ticks());
      if (polls.length > 5) return false;
      answerDps(connection, 202, requestId, { operationId: "op", status: "assigning" }, retryAfter);
      return true;
    };
    azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
    agent.start();
    time.advance(MINUTE);
    expect(agent.state).toBe(AgentState.RUNNING);
    const gaps = polls.slice(1).map((at, i) => at - (polls[i] as number));
    expect(gaps).toHaveLength(5);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(Math.max(2, retryAfter ?? 0) * 1000);
    expect(new Set(gaps).size).toBeGreaterThan(1);
  }
});

test("an assignment that never finishes ends after its time; the next attempt goes on with the operation", () => {
  const { agent, azure, time, errors } = world({ options: { provisioning: { assignmentTimeout: 30_000 } } });
  azure.servers.set(HUB, hub());
  let registrations = 0;
  let finished = false;
  const special: DpsRequestHandler = (connection, topic, requestId) => {
    if (isRegistration(topic)) registrations += 1;
    if (finished) return false;
    answerDps(connection, 202, requestId, { operationId: "op", status: "assigning" });
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(40_000);
  expect(errors.map(({ error }) => error.code)).toEqual(["dps-timeout"]);
  finished = true;
  time.advance(5 * MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(registrations).toBe(1);
});

test("an operation that DPS no longer knows is told, and leads to a new registration", () => {
  const { agent, azure, time, errors } = world();
  azure.servers.set(HUB, hub());
  let registrations = 0;
  const special: DpsRequestHandler = (connection, topic, requestId) => {
    if (isRegistration(topic)) {
      registrations += 1;
      if (registrations === 2) return false;
      answerDps(connection, 202, requestId, { operationId: "lost", status: "assigning" });
    } else if (!topic.includes("lost")) return false;
    else if (azure.connections.length === 1) connection.fail(undefined);
    else answerDps(connection, 404, requestId, { errorCode: 404000 });
    return true;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(5 * MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(registrations).toBe(2);
  expect(errors.map(({ error: { code }, retryIn }) => [code, retryIn !== undefined])).toEqual([
    ["connection-lost", true],
    ["dps-refused", false],
  ]);
  expect(errors[1]?.error).toMatchObject({ status: 404, errorCode: 404000 });
  expect(errors[1]?.error.message).toContain("with dps-not-found; the device registers anew");
});

test("it is known what is waited for, at each step", () => {
  const { agent, azure, time } = world();
  const answers: [number, object][] = [
    [500, {}],
    [202, { operationId: "op", status: "assigning" }],
  ];
  let silent = true;
  azure.servers.set(
    DPS,
    assigningDps(HUB, "device-1", (connection, _, requestId) => {
      const answer = answers.shift();
      if (answer) answerDps(connection, answer[0], requestId, answer[1]);
      return silent;
    }),
  );
  expect(agent.awaited).toBeUndefined();
  agent.start();
  expect(agent.awaited).toBe("connect-timeout");
  time.advance(1_000);
  expect(agent.awaited).toBe("dps-server-error");
  time.advance(10_000);
  expect(answers).toEqual([]);
  expect(agent.awaited).toBe("dps-timeout");
  silent = false;
  azure.servers.set(HUB, hub());
  time.advance(10 * MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(agent.awaited).toBeUndefined();
  agent.send(bytes("1"));
  expect(agent.awaited).toBe("publish-timeout");
});

test("an answer to another request is not taken for ours", () => {
  const { agent, azure, time } = world();
  azure.servers.set(HUB, hub());
  const special: DpsRequestHandler = (connection) => {
    answerDps(connection, 200, "stranger", assignedBody(HUB2, "evil"));
    connection.publish("$dps/registrations/res/200/", JSON.stringify(assignedBody(HUB2, "evil")));
    return false;
  };
  azure.servers.set(DPS, assigningDps(HUB, "device-1", special));
  agent.start();
  time.advance(MINUTE);
  expect(agent.assignment).toMatchObject({ hub: HUB, deviceId: "device-1" });
});

test.each(["connect", "subscribe", "iotdps-register", "iotdps-get-operationstatus"])(
  "DPS goes silent, or resets, at %s: a typed error and another try",
  (step) => {
    for (const reset of [false, true]) {
      const { agent, azure, time, errors } = world();
      azure.servers.set(HUB, hub());
      azure.servers.set(DPS, (connection, packet) => {
        const here = packet.cmd === step || (packet.cmd === "publish" && packet.topic.includes(step));
        if (!here || azure.connections.length > 3) assigningDps(HUB)(connection, packet);
        else if (reset) connection.fail(undefined);
      });
      agent.start();
      time.advance(10 * MINUTE);
      expect(agent.state).toBe(AgentState.RUNNING);
      expect(errors).toHaveLength(3);
      const expected = reset
        ? "connection-lost"
        : step === "connect"
          ? "connack-timeout"
          : step === "subscribe"
            ? "subscribe-timeout"
            : expect.stringMatching(/^(dps|publish)-timeout$/);
      expect(errors[0]).toMatchObject({ phase: "dps", error: { code: expected, retriable: true } });
    }
  },
);

test.each<[string, Behaviour, string]>([
  ["connect", () => {}, "connack-timeout"],
  ["publish", (c, p) => (p.cmd === "connect" ? c.connack() : undefined), "publish-timeout"],
  ["pingreq", (c, p) => (p.cmd === "pingreq" ? undefined : hub()(c, p)), "keep-alive-timeout"],
])("the hub goes silent at %s: a typed error and another try", (step, mute, code) => {
  const { agent, azure, time, errors } = storedWorld();
  azure.servers.set(HUB, (connection, packet) => {
    (azure.connections.length === 1 ? mute : hub())(connection, packet);
  });
  if (step === "publish") agent.send(bytes("1"));
  agent.start();
  time.advance(10 * MINUTE);
  expect(errors.map(({ phase, error }) => `${phase} ${error.code}`)).toEqual([`hub ${code}`]);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(agent.pending).toBe(0);
});

test("every error of the network is reported with its own code and retried", () => {
  for (const code of [
    "dns-failed",
    "connect-failed",
    "tls-untrusted",
    "tls-name-mismatch",
    "tls-expired",
  ] as const) {
    const { agent, azure, time, errors } = world();
    azure.servers.set(DPS, assigningDps(HUB));
    azure.servers.set(HUB, hub());
    azure.refuse = code;
    agent.start();
    time.advance(HOUR);
    expect(new Set(errors.map(({ error }) => error.code))).toEqual(new Set([code]));
    // The delay grows to 5 minutes: about 20 attempts in the first hour, not 3,600.
    expect(errors.length).toBeLessThan(30);
    azure.refuse = undefined;
    time.advance(10 * MINUTE);
    expect(agent.state).toBe(AgentState.RUNNING);
  }
});

test("a store that is full: reported, the device works, and the assignment is kept once there is room", () => {
  const store = new MemoryStore();
  const write = store.write.bind(store);
  let full = true;
  store.write = (key, value) => {
    if (full) throw new Error("ESP_ERR_NVS_NOT_ENOUGH_SPACE");
    write(key, value);
  };
  const { agent, azure, time, errors } = world({ store });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(errors[0]).toMatchObject({ phase: "store", error: { code: "store-failed" } });
  expect(errors[0]?.error.message).toContain("ESP_ERR_NVS_NOT_ENOUGH_SPACE");
  full = false;
  azure.last.fail(undefined);
  time.advance(MINUTE);
  expect(new AssignmentStore(store, nodeText).read()?.hub).toBe(HUB);
});

test("the old assignment stays until the new one is stored and read back", () => {
  const { agent, azure, time, store } = storedWorld();
  store.write = () => {
    throw new Error("worn out");
  };
  azure.servers.set(
    HUB,
    hub(() => 5),
  );
  azure.servers.set(HUB2, hub());
  azure.servers.set(DPS, assigningDps(HUB2));
  agent.start();
  time.advance(MINUTE);
  expect(agent.assignment?.hub).toBe(HUB2);
  expect(new AssignmentStore(store, nodeText).read()?.hub).toBe(HUB);
});

test("DPS down for good does not strand a device whose hub works", () => {
  const { agent, azure, time } = storedWorld();
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(MINUTE);
  agent.reprovision();
  time.advance(10 * MINUTE);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(azure.last.host).toBe(HUB);
  expect(count(azure.visited, DPS)).toBeGreaterThanOrEqual(4);
});

test("bytes that are no MQTT end in a typed error and another try", () => {
  const { agent, azure, time, errors } = storedWorld();
  azure.servers.set(HUB, (connection, packet) => {
    if (azure.connections.length === 1)
      connection.deliver(nodeText.encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    else hub()(connection, packet);
  });
  agent.start();
  time.advance(MINUTE);
  expect(errors.map(({ error }) => error.code)).toEqual(["malformed-packet"]);
  expect(agent.state).toBe(AgentState.RUNNING);
});
