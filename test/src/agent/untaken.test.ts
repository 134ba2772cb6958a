// SPDX-License-Identifier: MIT
/** Messages that cannot be taken: too large, or the handler throws. None comes back for ever, none costs telemetry. */
import { describe, expect, test } from "@jest/globals";
import mqtt from "mqtt-packet";
import { answerDps, assignedBody, assigningDps, hub } from "../../../simulator/services";
import type { VirtualConnection } from "../../../simulator/virtual-azure";
import { MemoryStore, nodeText } from "../../../simulator/virtual-host";
import { type AgentHandler, type AgentOptions, AgentState } from "../../../src/agent/agent";
import { CloudToDevice, type CloudToDeviceOptions } from "../../../src/azure/hub/cloud-to-device";
import { BerthError, type ErrorCode } from "../../../src/error";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import { bytes, DPS, HUB, HUB2, IDENTITY, type World, world } from "../../helpers/agent-world";
import { cut } from "../../helpers/bytes";
import { thrownCode } from "../../helpers/thrown";

const MINUTE = 60_000;
const PREFIX = "devices/device-1/messages/devicebound/";

/** What waits at the hub for the device; like IoT Hub it sends all again on a connection until PUBACK. */
class Queue {
  readonly waiting: { topic: string; payload: string; id: number }[] = [];
  deliveries = 0;
  #last = 0;

  add(topic: string, payload: string): this {
    this.#last += 1;
    this.waiting.push({ topic: PREFIX + topic, payload, id: this.#last });
    return this;
  }

  deliver(connection: VirtualConnection, split: boolean): void {
    for (const { topic, payload, id } of this.waiting) {
      this.deliveries += 1;
      const sent = mqtt.generate({
        cmd: "publish",
        topic,
        payload,
        qos: 1,
        messageId: id,
        dup: false,
        retain: false,
      });
      if (!split) connection.deliver(sent);
      // A byte at a time where something is judged; each piece is a timer.
      else for (const piece of cut(sent, pieces(sent.length))) connection.deliver(piece);
    }
  }

  acknowledge(id: number | undefined): void {
    const index = this.waiting.findIndex((message) => message.id === id);
    if (index >= 0) this.waiting.splice(index, 1);
  }
}

function pieces(length: number): number[] {
  const at: number[] = [];
  for (let i = 1; i < length; i += i < 60 || i > length - 5 ? 1 : 1_999) at.push(i);
  return at;
}

/** Runs ten minutes with five telemetry messages. @returns what came to the application, too */
function live(
  queue: Queue,
  { redeliveries, oversize, ...hubOptions }: NonNullable<AgentOptions["hub"]> & Partial<CloudToDeviceOptions>,
  onMessage: (text: string) => void = () => {},
  { split = false, handler = {} as AgentHandler } = {},
): World & { taken: string[]; telemetry: () => number; ends: () => number } {
  const taken: string[] = [];
  const made = world({
    options: {
      hub: hubOptions,
      features: [
        new CloudToDevice({
          onMessage({ payload, offset, byteLength }) {
            taken.push(
              byteLength > 100 ? `${offset}+${payload.length}/${byteLength}` : nodeText.decode(payload),
            );
            onMessage(taken.at(-1) as string);
          },
          redeliveries,
          oversize,
        }),
      ],
    },
    handler,
  });
  const answers = hub();
  made.azure.servers.set(DPS, assigningDps(HUB));
  made.azure.servers.set(HUB, (connection, packet) => {
    answers(connection, packet);
    if (packet.cmd === "subscribe") queue.deliver(connection, split);
    if (packet.cmd === "puback") queue.acknowledge(packet.messageId);
  });
  for (let i = 0; i < 5; i += 1) made.agent.send(bytes(String(i)));
  made.agent.start();
  made.time.advance(10 * MINUTE);
  expect([made.agent.state, made.agent.pending]).toEqual([AgentState.RUNNING, 0]);
  const hubs = made.azure.connections.filter(({ host }) => host === HUB);
  return {
    ...made,
    taken,
    telemetry: () => hubs.flatMap(({ packets }) => packets).filter(({ cmd }) => cmd === "publish").length,
    ends: () => hubs.length - 1,
  };
}

describe("too large", () => {
  const large: [string, string, string][] = [
    ["body", "", "x".repeat(20_000)],
    ["properties", `a=${"x".repeat(9_000)}`, "body"],
    ["topic of the most that MQTT has", "x".repeat(65_535 - PREFIX.length), "body"],
    ["topic and body together", `a=${"x".repeat(4_000)}`, "x".repeat(4_200)],
  ];
  const modes = [
    ["skip", false],
    ["skip", true],
    ["stream", false],
    ["stream", true],
  ] as const;

  test.each(
    large.flatMap(([what, topic, body]) =>
      modes.map(([mode, split]) => ({ what, topic, body, mode, split })),
    ),
  )("$what, $mode, in pieces: $split", ({ topic, body, mode, split }) => {
    const queue = new Queue().add("", "before").add(topic, body).add("n=1", "after");
    const { errors, taken, telemetry, ends } = live(queue, { oversize: mode }, undefined, { split });
    expect(queue.waiting).toEqual([]);
    expect([queue.deliveries, ends(), telemetry()]).toEqual([3, 0, 5]);
    expect([taken[0], taken.at(-1)]).toEqual(["before", "after"]);
    if (mode === "stream" && topic.length < 8_000) {
      expect(errors).toEqual([]);
      expect(taken.length).toBeGreaterThan(3);
      return;
    }
    expect(taken).toHaveLength(2);
    expect(errors).toMatchObject([{ phase: "hub", error: { code: "packet-too-large" }, retryIn: undefined }]);
    const size = 4 + PREFIX.length + topic.length + body.length;
    expect(errors[0]?.error.message).toContain(`${size} bytes received on ${PREFIX}`);
    expect(errors[0]?.error.message).toContain("maximumPacketSize is 8192");
  });

  test("the limit counts: a byte less is taken", () => {
    const room = 1_000 - 4 - PREFIX.length;
    const queue = new Queue().add("", "x".repeat(room)).add("", "y".repeat(room + 1));
    const { errors, taken } = live(queue, { maximumPacketSize: 1_000 });
    expect(taken).toEqual([`0+${room}/${room}`]);
    expect(errors).toHaveLength(1);
  });

  test("a message that the application did not ask for, and is too large, is told and acknowledged too", () => {
    const queue = new Queue();
    queue.waiting.push({ topic: "$iothub/methods/POST/reboot/?$rid=1", payload: "x".repeat(9_000), id: 77 });
    const { errors, ends } = live(queue, {});
    expect(queue.waiting).toEqual([]);
    expect(errors.map(({ error }) => error.message).join()).toContain(
      "on $iothub/methods/POST/reboot/?$rid=1",
    );
    expect(ends()).toBe(0);
  });

  test("the application stops the agent when it is told", () => {
    const made = world({
      options: { features: [new CloudToDevice({ onMessage() {} })] },
      handler: { onError: () => made.agent.stop() },
    });
    const queue = new Queue().add("", "x".repeat(9_000)).add("", "x".repeat(9_000));
    const answers = hub();
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, (connection, packet) => {
      answers(connection, packet);
      if (packet.cmd === "subscribe") queue.deliver(connection, false);
    });
    made.agent.start();
    made.time.advance(MINUTE);
    expect(made.agent.state).toBe(AgentState.STOPPED);
    expect(made.time.pending).toBe(0);
  });
});

describe("the handler throws", () => {
  const boom = (): never => {
    throw new Error("boom");
  };

  test("the message counts as taken, the error is the application's, life goes on", () => {
    const queue = new Queue().add("", "1").add("", "2");
    const { errors, taken, telemetry, ends } = live(queue, {}, boom);
    expect(taken).toEqual(["1", "2"]);
    expect(queue.waiting).toEqual([]);
    expect([queue.deliveries, ends(), telemetry()]).toEqual([2, 0, 5]);
    const report = { phase: "application", error: { code: "handler-failed" }, retryIn: undefined };
    expect(errors).toMatchObject([report, report]);
    expect(errors[0]?.error.message).toContain("onMessage: boom");
  });

  test("in the middle of a large one: the rest is not handed over, and it is acknowledged", () => {
    const queue = new Queue().add("", "x".repeat(20_000)).add("", "next");
    const options = { oversize: "stream", maximumPacketSize: 128 } as const;
    const { errors, taken } = live(queue, options, (text) => {
      if (text.startsWith("0+")) boom();
    });
    expect(taken).toHaveLength(2);
    expect(taken[0]).toMatch(/^0\+\d+\/20000$/);
    expect(taken[1]).toBe("next");
    expect(errors).toHaveLength(1);
    expect(queue.waiting).toEqual([]);
  });

  test.each([1, 3])(
    "with %i redeliveries it is fetched so often, then it counts as taken",
    (redeliveries) => {
      const queue = new Queue().add("%24.mid=a", "bad").add("%24.mid=b", "good");
      const { errors, taken, ends } = live(queue, { redeliveries }, (text) => {
        if (text === "bad") boom();
      });
      expect(taken).toEqual([...new Array(redeliveries + 1).fill("bad"), "good"]);
      expect(ends()).toBe(redeliveries);
      expect(queue.waiting).toEqual([]);
      expect(errors.map(({ phase, error }) => [phase, error.code])).toEqual(
        new Array(redeliveries + 1).fill(["application", "handler-failed"]),
      );
      // The connection ended all but the last time.
      expect(errors.map(({ retryIn }) => retryIn !== undefined)).toEqual([
        ...new Array(redeliveries).fill(true),
        false,
      ]);
    },
  );

  test("what passes is taken the next time, and does not count against the message that follows", () => {
    const seen = { 1: 0, 2: 0 };
    const queue = new Queue().add("%24.mid=a", "1").add("%24.mid=b", "2");
    const { taken, ends } = live(queue, { redeliveries: 2 }, (text) => {
      seen[text as "1" | "2"] += 1;
      if (seen[text as "1" | "2"] <= 2) boom();
    });
    expect(taken).toEqual(["1", "1", "1", "2", "2", "2"]);
    expect(ends()).toBe(4);
    expect(queue.waiting).toEqual([]);
  });
  test("messages that fail in turn come to an end too", () => {
    const queue = new Queue();
    for (let i = 0; i < 3; i += 1) queue.add(`%24.mid=${i}`, String(i));
    // Another order on each connection.
    const { ends } = live(queue, { redeliveries: 2 }, () => {
      queue.waiting.reverse();
      boom();
    });
    expect(queue.waiting).toEqual([]);
    expect(ends()).toBeLessThanOrEqual(6);
  });

  test("the agent is moved on from inside, then the handler throws: told, and no connection ended twice", () => {
    let once = true;
    const other = world({
      options: {
        features: [
          new CloudToDevice({
            onMessage() {
              if (!once) return;
              once = false;
              other.agent.reprovision();
              throw new Error("boom");
            },
            redeliveries: 5,
          }),
        ],
      },
    });
    const queue = new Queue().add("", "1");
    const answers = hub();
    other.azure.servers.set(DPS, assigningDps(HUB));
    other.azure.servers.set(HUB, (connection, packet) => {
      answers(connection, packet);
      if (packet.cmd === "subscribe") queue.deliver(connection, false);
      if (packet.cmd === "puback") queue.acknowledge(packet.messageId);
    });
    other.agent.start();
    other.time.advance(MINUTE);
    expect(other.errors).toMatchObject([{ phase: "application", error: { code: "handler-failed" } }]);
    expect(other.azure.visited).toEqual([DPS, HUB, DPS, HUB]);
    expect(queue.waiting).toEqual([]);
  });

  test.each(["onState", "onAssigned", "onConnected", "onAcknowledged", "onRoom"] as const)(
    "in %s, always: each is told, no connection ends, no telemetry goes twice",
    (name) => {
      const made = live(new Queue(), {}, undefined, {
        handler: { [name]: boom },
      });
      if (name === "onRoom") {
        for (let i = 0; i < 32; i += 1) made.agent.send(bytes("x"));
        while (thrownCode(() => made.agent.send(bytes("x"))) === "none");
        made.time.advance(MINUTE);
      }
      expect(made.errors.length).toBeGreaterThan(0);
      for (const { phase, error } of made.errors) {
        expect([phase, error.code]).toEqual(["application", "handler-failed"]);
        expect(error.message).toContain(`${name}: boom`);
      }
      expect(made.ends()).toBe(0);
      if (name !== "onRoom") expect(made.telemetry()).toBe(5);
    },
  );

  test.each([-1, 0.5, 101, Number.NaN])("redeliveries %d are refused", (redeliveries) => {
    expect(thrownCode(() => new CloudToDevice({ onMessage() {}, redeliveries }))).toBe("invalid-argument");
  });
});

describe("an answer of DPS that is too large", () => {
  const filling = { payload: { filling: "x".repeat(20_000) } };
  /** A DPS whose answer with `status` is too large `times` times. */
  function provisioned(status: number, times: number, known = false): World {
    let left = times;
    const store = new MemoryStore();
    if (known) {
      const assignment = { ...IDENTITY, hub: HUB, deviceId: "device-1", assignedAt: 0 };
      new AssignmentStore(store, nodeText).write(assignment);
    }
    const made = world({ store });
    made.azure.servers.set(HUB, hub());
    made.azure.servers.set(
      DPS,
      assigningDps(HUB, "device-1", (connection, _topic, requestId) => {
        if (left-- <= 0) return false;
        const body =
          status < 300 ? assignedBody(HUB, "device-1", filling) : { errorCode: status * 1000, ...filling };
        answerDps(connection, status, requestId, body);
        return true;
      }),
    );
    return made;
  }

  test("assigned: told with its sizes, tried again slowly, and home when it fits", () => {
    const { agent, time, errors } = provisioned(200, 2);
    agent.start();
    time.advance(10 * MINUTE);
    expect(errors.map(({ phase, error }) => [phase, error.code])).toEqual(
      new Array(2).fill(["dps", "packet-too-large"]),
    );
    expect(errors[0]?.error.message).toMatch(/20\d{3} bytes received on \$dps\/registrations\/res\/200/);
    for (const { retryIn } of errors) expect(retryIn).toBeGreaterThanOrEqual(30_000);
    expect(agent.state).toBe(AgentState.RUNNING);
  });

  test("the hub that is known is not lost for it", () => {
    const { agent, time, azure } = provisioned(200, 1_000, true);
    agent.start();
    time.advance(MINUTE);
    agent.reprovision();
    time.advance(5 * MINUTE);
    expect(agent.state).toBe(AgentState.RUNNING);
    expect(azure.visited.slice(0, 3)).toEqual([HUB, DPS, HUB]);
  });

  test.each<[number, ErrorCode]>([
    [401, "dps-unauthorized"],
    [404, "dps-not-found"],
    [400, "dps-refused"],
  ])("status %i counts without its body", (status, code) => {
    const { agent, time, errors } = provisioned(status, 1);
    agent.start();
    time.advance(10_000);
    expect(errors.map(({ error }) => error.code)).toEqual([code]);
  });

  test.each([429, 503])("status %i is waited out on the same connection", (status) => {
    const { agent, time, azure, errors } = provisioned(status, 2);
    agent.start();
    time.advance(MINUTE);
    expect(errors.map(({ error }) => error.status)).toEqual([status, status]);
    expect(azure.visited).toEqual([DPS, HUB]);
    expect(agent.state).toBe(AgentState.RUNNING);
  });

  test("one for an earlier request is passed over, one whose topic is cut ends the attempt", () => {
    for (const [topic, code] of [
      ["200/?$rid=other", undefined],
      [`200/?${"a=1&".repeat(3_000)}$rid=1`, "packet-too-large"],
    ] as const) {
      const made = world();
      made.azure.servers.set(HUB, hub());
      made.azure.servers.set(
        DPS,
        assigningDps(HUB, "device-1", (connection) => {
          connection.publish(`$dps/registrations/res/${topic}`, "x".repeat(9_000));
          return false;
        }),
      );
      made.agent.start();
      made.time.advance(10_000);
      expect(made.errors.map(({ error }) => error.code)).toEqual(code ? [code] : []);
    }
  });
});

describe("an assignment that cannot be used", () => {
  test.each(["127.1", "2130706433", "0x7f000001", "no host"])(
    "a stored hub %j leads back to DPS at once",
    (host) => {
      const store = new MemoryStore();
      new AssignmentStore(store, nodeText).write({
        ...IDENTITY,
        hub: host,
        deviceId: "device-1",
        assignedAt: 0,
      });
      const { agent, time, azure } = world({ store });
      azure.servers.set(DPS, assigningDps(HUB));
      azure.servers.set(HUB, hub());
      agent.start();
      time.advance(10_000);
      expect(azure.visited).toEqual([DPS, HUB]);
      expect(new AssignmentStore(store, nodeText).read()?.hub).toBe(HUB);
    },
  );

  test("a hub whose name this platform cannot use leads back to DPS, ever slower while DPS names it again", () => {
    const store = new MemoryStore();
    new AssignmentStore(store, nodeText).write({
      ...IDENTITY,
      hub: HUB2,
      deviceId: "device-1",
      assignedAt: 0,
    });
    let named = HUB2;
    const { agent, time, azure, errors } = world({ store });
    azure.servers.set(DPS, (connection, packet) => assigningDps(named)(connection, packet));
    azure.servers.set(HUB, hub());
    azure.servers.set(HUB2, (connection) => connection.fail(new BerthError("invalid-argument")));
    agent.start();
    time.advance(8 * 60 * MINUTE);
    const rounds = azure.visited.filter((host) => host === DPS).length;
    expect(rounds).toBeGreaterThan(4);
    expect(rounds).toBeLessThan(30);
    expect(errors.every(({ phase, error }) => phase === "hub" && error.code === "invalid-argument")).toBe(
      true,
    );
    named = HUB;
    time.advance(2 * 60 * MINUTE);
    expect(agent.state).toBe(AgentState.RUNNING);
  });

  test("a device id that no topic can carry is not stored, and asked for again slowly", () => {
    const { agent, time, azure, store, errors } = world();
    azure.servers.set(DPS, assigningDps(HUB, "light#1"));
    agent.start();
    time.advance(60 * MINUTE);
    expect(new AssignmentStore(store, nodeText).read()).toBeUndefined();
    expect(azure.visited.length).toBeLessThan(12);
    for (const { phase, error, retryIn } of errors) {
      expect([phase, error.code]).toEqual(["dps", "dps-device-id"]);
      expect(error.message).toContain("light#1");
      expect(retryIn).toBeGreaterThanOrEqual(30_000);
    }
  });
});
