// SPDX-License-Identifier: MIT
/** Features of the hub in an agent: subscriptions, hand-over, queues, renewal, moves, and the end of each connection. */
import { describe, expect, test } from "@jest/globals";
import { assigningDps, hub } from "../../../simulator/services";
import type { VirtualConnection } from "../../../simulator/virtual-azure";
import { AgentState } from "../../../src/agent/agent";
import { CloudToDevice } from "../../../src/azure/hub/cloud-to-device";
import { DirectMethods, type MethodCall } from "../../../src/azure/hub/direct-methods";
import type { HubFeature, HubFeatureHost, HubMessage } from "../../../src/azure/hub/feature";
import { Twin } from "../../../src/azure/hub/twin";
import { BerthError } from "../../../src/error";
import type { InboundPublish } from "../../../src/mqtt/reader";
import { bytes, DPS, HUB, HUB2, type World, type WorldOptions, world } from "../../helpers/agent-world";
import { thrownCode } from "../../helpers/thrown";

/** A feature of an application, which notes what it is told. */
class Probe implements HubFeature {
  readonly log: string[] = [];
  readonly queue: HubMessage[] = [];
  readonly #filters: readonly string[];
  readonly #topic: string;
  host!: HubFeatureHost;
  busy = false;
  takes: (publish: InboundPublish) => void = () => {};
  closes: () => void = () => {};

  constructor(topic = "probe", filters: readonly string[] = [`${topic}/#`]) {
    this.#topic = topic;
    this.#filters = filters;
  }

  attach(host: HubFeatureHost): void {
    this.host = host;
  }

  filters(): readonly string[] {
    return this.#filters;
  }

  opened(deviceId: string): void {
    this.log.push(`opened ${deviceId}`);
  }

  closing(): void {
    this.log.push("closing");
  }

  closed(): void {
    this.log.push("closed");
    this.closes();
  }

  moved(): void {
    this.log.push("moved");
  }

  forget(): number {
    this.log.push("forget");
    return this.queue.splice(0).length;
  }

  take(publish: InboundPublish): boolean {
    if (!publish.topic.startsWith(`${this.#topic}/`)) return false;
    this.log.push(`took ${publish.topic} ${publish.offset}`);
    this.takes(publish);
    return true;
  }

  tooLarge(topic: string, error: BerthError): boolean {
    if (!topic.startsWith(`${this.#topic}/`)) return false;
    this.log.push(`${error.code} ${topic}`);
    return true;
  }

  first(): HubMessage | undefined {
    return this.queue[0];
  }

  sent(): void {
    this.queue.shift();
  }

  /** Queues a message; what becomes of one with QoS 1 stands in the log. */
  send(topic: string, QoS: 0 | 1, payload = ""): void {
    const message: HubMessage = {
      topic,
      payload: bytes(payload),
      QoS,
      acknowledged: () => this.log.push(`acknowledged ${topic}`),
      recalled: () => {
        this.log.push(`recalled ${topic}`);
        this.queue.unshift(message);
      },
    };
    this.queue.push(message);
    this.host.wake();
  }
}

function running(features: readonly HubFeature[], given: WorldOptions = {}): World {
  const made = world({ ...given, options: { ...given.options, features } });
  made.azure.servers.set(DPS, assigningDps(HUB));
  if (!made.azure.servers.has(HUB)) made.azure.servers.set(HUB, hub());
  made.agent.start();
  made.time.advance(10_000);
  return made;
}

function published(connection: VirtualConnection): string[] {
  return connection.packets.flatMap((packet) => (packet.cmd === "publish" ? [packet.topic] : []));
}

function receive({ azure, time }: World, topic: string, payload: string, messageId?: number): void {
  azure.last.send({
    cmd: "publish",
    topic,
    payload,
    qos: messageId ? 1 : 0,
    ...(messageId && { messageId }),
    dup: false,
    retain: false,
  });
  time.advance(10);
}

describe("subscriptions", () => {
  test("all filters go in one SUBSCRIBE; without one there is none", () => {
    const features = [
      new DirectMethods({}),
      new Twin({ onDesired() {} }),
      new CloudToDevice({ onMessage() {} }),
    ];
    const { azure } = running(features);
    expect(azure.last.packets.filter(({ cmd }) => cmd === "subscribe")).toMatchObject([
      {
        subscriptions: [
          { topic: "$iothub/methods/POST/#" },
          { topic: "$iothub/twin/res/#" },
          { topic: "$iothub/twin/PATCH/properties/desired/#" },
          { topic: "devices/device-1/messages/devicebound/#" },
        ],
      },
    ]);
    expect(running([]).azure.last.packets.map(({ cmd }) => cmd)).toEqual(["connect"]);
  });

  test("a feature is open at SUBACK, one without filters at CONNACK, each once", () => {
    const subscribed = new Probe();
    const sends = new Probe("sends", []);
    const made = world({ options: { features: [subscribed, sends] } });
    let granted = (): void => {};
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd === "subscribe") granted = () => hub()(connection, packet);
      else hub()(connection, packet);
    });
    made.agent.start();
    made.time.advance(10_000);
    expect([subscribed.log, sends.log]).toEqual([["moved"], ["moved", "opened device-1"]]);
    granted();
    made.time.advance(10);
    expect([subscribed.log.length, sends.log.length]).toEqual([2, 2]);
  });

  test.each([true, false])(
    "a session is new where CONNACK says so, whatever becomes of SUBSCRIBE: %s",
    (kept) => {
      const told: string[] = [];
      const probe = Object.assign(new Probe(), { newSession: () => told.push("new") });
      const made = world({ options: { features: [probe] } });
      made.azure.servers.set(DPS, assigningDps(HUB));
      made.azure.servers.set(HUB, (connection, packet) => {
        if (packet.cmd === "connect") connection.connack(0, kept);
      });
      made.agent.start();
      made.time.advance(10_000);
      expect([told, probe.log]).toEqual([kept ? [] : ["new"], ["moved"]]);
    },
  );

  test("more than five are refused before anything starts, and the same twice", () => {
    const options = (...features: HubFeature[]) => ({ options: { features } });
    const six = new Probe("p", ["a", "b", "c", "d", "e", "f"]);
    expect(() => world(options(six))).toThrow("6 topic filters; IoT Hub takes 5");
    expect(thrownCode(() => world(options(new Probe("p", ["a", "b", "c", "d", "e"]))))).toBe("none");
    const messages = () => new CloudToDevice({ onMessage() {} });
    expect(() => world(options(messages(), messages()))).toThrow(
      "two features subscribe to devices/device-1/messages/devicebound/#",
    );
  });

  test.each([() => new CloudToDevice({ onMessage() {} }), () => new DirectMethods({}), () => new Twin()])(
    "a feature belongs to one device: %p",
    (make) => {
      const features = [make()];
      world({ options: { features } });
      expect(thrownCode(() => world({ options: { features } }))).toBe("invalid-argument");
    },
  );
});

describe("what comes in", () => {
  test("each gets its share; what is nobody's is acknowledged and passed over", () => {
    const [a, b] = [new Probe("a"), new Probe("b")];
    const made = running([a, b]);
    receive(made, "b/1", "x", 1);
    receive(made, "a/1", "x", 2);
    receive(made, "c/1", "x", 3);
    expect([a.log.slice(2), b.log.slice(2)]).toEqual([["took a/1 0"], ["took b/1 0"]]);
    const acknowledged = made.azure.last.packets.flatMap((packet) =>
      packet.cmd === "puback" ? [packet.messageId] : [],
    );
    expect(acknowledged).toEqual([1, 2, 3]);
    expect(made.errors).toEqual([]);
  });

  test("an exception of a feature is reported once, and the message counts as taken", () => {
    const probe = new Probe();
    probe.takes = () => {
      throw new Error("mistake of the feature");
    };
    const made = running([probe]);
    receive(made, "probe/1", "x", 7);
    expect(made.errors).toMatchObject([{ phase: "hub", error: { code: "internal" }, retryIn: undefined }]);
    expect(made.azure.last.packets.at(-1)).toMatchObject({ cmd: "puback", messageId: 7 });
    expect(made.azure.visited).toEqual([DPS, HUB]);
  });

  test("what is too large is told to its feature and reported once; fragments go to none that does not take them", () => {
    const probe = new Probe();
    const taken: string[] = [];
    const messages = new CloudToDevice({
      onMessage: ({ offset, byteLength }) => taken.push(`${offset}/${byteLength}`),
      oversize: "stream",
    });
    const made = running([messages, probe], { options: { hub: { maximumPacketSize: 1_000 } } });
    receive(made, "probe/1", "x".repeat(2_000), 1);
    receive(made, "devices/device-1/messages/devicebound/", "x".repeat(2_000), 2);
    expect(probe.log.slice(2)).toEqual(["packet-too-large probe/1"]);
    expect(taken.length).toBeGreaterThan(1);
    expect(taken[0]).toBe("0/2000");
    expect(made.errors).toMatchObject([{ phase: "hub", error: { code: "packet-too-large" } }]);
    expect(made.errors[0]?.error.message).toContain("2011 bytes received on probe/1");
    const acknowledged = made.azure.last.packets.filter(({ cmd }) => cmd === "puback");
    expect(acknowledged).toHaveLength(2);
  });

  test("a call that is too large is answered by 413, a twin that is too large ends its read", () => {
    const read: unknown[] = [];
    const twin = new Twin();
    const made = running([new DirectMethods({ ok: () => ({ status: 200 }) }), twin]);
    receive(made, "$iothub/methods/POST/ok/?$rid=1", "x".repeat(9_000));
    twin.read((error) => read.push(error?.code));
    made.time.advance(10);
    const [answer, get] = published(made.azure.last);
    expect(answer).toBe("$iothub/methods/res/413/?$rid=1");
    receive(made, `$iothub/twin/res/200/?$rid=${get?.split("=")[1]}`, "x".repeat(9_000));
    expect(read).toEqual(["packet-too-large"]);
    expect(made.errors.map(({ error }) => error.code)).toEqual(["packet-too-large", "packet-too-large"]);
  });

  test("a handler of any feature that throws is the application's, by its name", async () => {
    const boom = (): never => {
      throw new Error("boom");
    };
    const made = running([new DirectMethods({ bad: boom }), new Twin({ onDesired: boom })]);
    receive(made, "$iothub/methods/POST/bad/?$rid=1", "");
    const get = published(made.azure.last).find((topic) => topic.includes("GET"));
    const twin = '{"desired":{"$version":1},"reported":{"$version":1}}';
    receive(made, `$iothub/twin/res/200/?$rid=${get?.split("=")[1]}`, twin);
    expect(made.errors.map(({ phase, error }) => `${phase} ${error.message}`)).toEqual([
      expect.stringMatching(/^application .*methods\.bad: boom/),
      expect.stringMatching(/^application .*onDesired: boom/),
    ]);
  });
});

describe("what goes out", () => {
  test("QoS 1 is sent again until PUBACK, and its own feature is told; QoS 0 is not", () => {
    const probe = new Probe();
    const made = world({ options: { features: [probe] } });
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd !== "publish" || made.azure.connections.length > 2) hub()(connection, packet);
    });
    made.agent.start();
    made.time.advance(10_000);
    made.agent.send(bytes("telemetry"));
    probe.send("one", 1);
    probe.send("zero", 0);
    made.time.advance(100);
    const telemetry = "devices/device-1/messages/events/";
    expect(published(made.azure.last)).toEqual([telemetry, "one", "zero"]);
    expect(made.agent.pending).toBe(1);
    made.azure.last.fail(undefined);
    made.time.advance(10_000);
    expect(published(made.azure.last)).toEqual([telemetry, "one"]);
    expect(probe.log.filter((line) => line.startsWith("ack"))).toEqual(["acknowledged one"]);
    expect(made.log.filter((line) => line.startsWith("ack"))).toEqual(["acknowledged 1"]);
    expect(made.agent.pending).toBe(0);
  });

  test("what waits in the application's features leaves before telemetry, in the order of the list", () => {
    const [a, b] = [new Probe("a"), new Probe("b")];
    const made = world({ options: { features: [a, b] } });
    made.agent.send(bytes("telemetry"));
    b.send("b", 1);
    a.send("a", 1);
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, hub());
    made.agent.start();
    made.time.advance(10_000);
    expect(published(made.azure.last)).toEqual(["a", "b", "devices/device-1/messages/events/"]);
  });

  test("a full window of telemetry holds no answer up", () => {
    const probe = new Probe();
    const made = world({ options: { features: [probe], hub: { window: 1 } } });
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd !== "publish") hub()(connection, packet);
    });
    made.agent.start();
    made.time.advance(10_000);
    for (let i = 0; i < 3; i += 1) made.agent.send(bytes("x"));
    probe.send("answer", 0);
    made.time.advance(10);
    expect(published(made.azure.last)).toEqual(["devices/device-1/messages/events/", "answer"]);
  });

  test("one that can never be sent is dropped and reported, and what is behind it goes", () => {
    const probe = new Probe();
    const made = running([probe]);
    probe.send("large", 1, "x".repeat(5_000));
    probe.send("wrong/#", 0);
    probe.send("good", 1);
    made.time.advance(10);
    expect(published(made.azure.last)).toEqual(["good"]);
    expect(made.errors.map(({ error }) => error.code)).toEqual(["packet-too-large", "invalid-argument"]);
    expect(made.agent.state).toBe(AgentState.RUNNING);
    expect(made.azure.visited).toEqual([DPS, HUB]);
  });

  test("the largest that a feature is told of goes out; a header more does not", () => {
    const probe = new Probe();
    const made = running([probe]);
    const topic = "t";
    probe.send(topic, 1, "x".repeat(probe.host.largest - topic.length));
    probe.send(topic, 1, "x".repeat(probe.host.largest - topic.length + 5));
    made.time.advance(10);
    expect(published(made.azure.last)).toEqual([topic]);
    expect(made.errors.map(({ error }) => error.code)).toEqual(["packet-too-large"]);
  });

  test("nothing is reported while the device is stopped", () => {
    const probe = new Probe();
    const made = running([probe]);
    made.agent.stop();
    probe.host.report(new BerthError("hub-timeout"));
    expect(made.errors).toEqual([]);
    made.agent.start();
    probe.host.report(new BerthError("hub-timeout"));
    expect(made.errors).toMatchObject([{ phase: "hub", retryIn: undefined }]);
  });
});

describe("the end of a connection", () => {
  test.each<[string, (made: World) => void]>([
    ["it fails", ({ azure }) => azure.last.fail(undefined)],
    ["the agent is stopped", ({ agent }) => agent.stop()],
    ["the agent is moved on", ({ agent }) => agent.reprovision()],
  ])("closed is told once: %s", (_, act) => {
    const probe = new Probe();
    const made = running([probe]);
    act(made);
    made.time.advance(60_000);
    const told = probe.log.join();
    expect(told).toMatch(/^moved,opened device-1,closed(,opened device-1)?$/);
  });

  test("one that fails before CONNACK is closed too", () => {
    const probe = new Probe();
    const made = world({ options: { features: [probe] } });
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(
      HUB,
      hub(() => 3),
    );
    made.agent.start();
    made.time.advance(4_000);
    expect(new Set(probe.log)).toEqual(new Set(["moved", "closed"]));
  });

  test("a feature that throws at it holds nothing up", () => {
    const probe = new Probe();
    probe.closes = () => {
      throw new Error("mistake of the feature");
    };
    const made = running([probe]);
    made.azure.last.fail(undefined);
    made.time.advance(10_000);
    expect(made.errors.map(({ error }) => error.code)).toEqual(["internal", "connection-lost"]);
    expect(made.agent.state).toBe(AgentState.RUNNING);
  });

  test("another hub: what was on its way waits again in its order, and what is known of the hub is void", () => {
    const probe = new Probe();
    const made = world({ options: { features: [probe] } });
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd !== "publish") hub()(connection, packet);
    });
    made.azure.servers.set(HUB2, hub());
    made.agent.start();
    made.time.advance(10_000);
    for (const text of ["1", "2", "3"]) made.agent.send(bytes(text));
    probe.send("one", 1);
    probe.send("two", 1);
    made.time.advance(100);
    made.azure.servers.set(DPS, assigningDps(HUB2, "renamed"));
    made.agent.reprovision();
    made.time.advance(30_000);
    expect(probe.log.slice(2, 7)).toEqual([
      "closed",
      "recalled two",
      "recalled one",
      "moved",
      "opened renamed",
    ]);
    const sent = made.azure.last.packets.flatMap((packet) =>
      packet.cmd === "publish" ? [`${packet.topic} ${packet.payload}`] : [],
    );
    expect(sent).toEqual([
      "one ",
      "two ",
      ...["1", "2", "3"].map((text) => `devices/renamed/messages/events/ ${text}`),
    ]);
    expect(made.agent.pending).toBe(0);
  });

  test("forget() drops what all features hold, and says how many messages; what was reported is none", () => {
    const probe = new Probe();
    const twin = new Twin();
    const made = world({ options: { features: [probe, twin] } });
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, (connection, packet) => {
      if (packet.cmd !== "publish") hub()(connection, packet);
    });
    made.agent.start();
    made.time.advance(10_000);
    made.agent.send(bytes("1"));
    probe.send("one", 1);
    twin.report({ a: 1 });
    made.time.advance(100);
    expect(made.agent.forget()).toBe(2);
    made.azure.servers.set(HUB, hub());
    made.time.advance(30_000);
    expect(made.agent.state).toBe(AgentState.RUNNING);
    expect(published(made.azure.last)).toEqual([]);
  });
});

describe("the renewal of the token", () => {
  const options = { hub: { tokenLifetime: 60_000 } };
  const host = { random: () => 0.5 };

  /** At its beginning: 48 s after the token was made, 3.5 s after the start. */
  function renewing(features: readonly HubFeature[]): World {
    const made = running(features, { options, host });
    made.time.advance(41_000);
    return made;
  }

  test("what a feature has begun may end; nothing new begins", () => {
    let call: MethodCall | undefined;
    const methods = new DirectMethods({
      slow: (_, waiting) => {
        call = waiting;
      },
    });
    const probe = new Probe();
    const made = renewing([methods, probe]);
    receive(made, "$iothub/methods/POST/slow/?$rid=1", "");
    made.time.advance(1_500);
    expect(probe.log.at(-1)).toBe("closing");
    expect(made.azure.visited).toEqual([DPS, HUB]);
    made.agent.send(bytes("for the next connection"));
    expect(call?.answer(200)).toBe(true);
    expect(published(made.azure.last)).toEqual([]);
    made.time.advance(10);
    expect(published(made.azure.connections[1] as VirtualConnection)).toEqual([
      "$iothub/methods/res/200/?$rid=1",
    ]);
    made.time.advance(1_000);
    expect(made.azure.visited).toEqual([DPS, HUB, HUB]);
    expect(published(made.azure.last)).toEqual(["devices/device-1/messages/events/"]);
    expect(made.errors).toEqual([]);
  });

  test("a feature that does not come to an end is waited for no longer than telemetry is", () => {
    const probe = new Probe();
    probe.busy = true;
    const made = renewing([probe]);
    made.time.advance(1_500);
    expect(made.azure.visited).toEqual([DPS, HUB]);
    made.time.advance(6_000);
    expect(made.azure.visited).toEqual([DPS, HUB, HUB]);
  });

  test("a read of the twin ends before the connection does", () => {
    const twin = new Twin();
    const made = renewing([twin]);
    const read: unknown[] = [];
    twin.read((_, document) => read.push(document?.desiredVersion));
    made.time.advance(1_500);
    twin.report({ a: 1 });
    const [get] = published(made.azure.last);
    const body = '{"desired":{"$version":4},"reported":{"$version":1}}';
    receive(made, `$iothub/twin/res/200/?$rid=${get?.split("=")[1]}`, body);
    made.time.advance(1_000);
    expect(read).toEqual([4]);
    expect(made.azure.visited).toEqual([DPS, HUB, HUB]);
    expect(published(made.azure.last).join()).toContain("$iothub/twin/PATCH/properties/reported/");
  });
});

describe("outbox.whenFull", () => {
  const outbox = { capacity: 2, whenFull: "drop-oldest" as const };

  test("the oldest that wait go, counted and told; what is on its way stays", () => {
    const dropped: number[] = [];
    const made = world({
      options: { outbox, hub: { window: 1 } },
      handler: { onDropped: (count) => void dropped.push(count) },
    });
    made.azure.servers.set(DPS, assigningDps(HUB));
    let silent = true;
    made.azure.servers.set(HUB, (connection, packet) => {
      if (!silent || packet.cmd !== "publish") hub()(connection, packet);
    });
    made.agent.start();
    made.time.advance(10_000);
    for (let i = 1; i <= 6; i += 1) made.agent.send(bytes(String(i)));
    // Not from inside `send`.
    expect(dropped).toEqual([]);
    made.time.advance(1);
    expect(dropped).toEqual([3]);
    silent = false;
    made.azure.last.fail(undefined);
    made.time.advance(10_000);
    const sent = made.azure.last.packets.flatMap((packet) =>
      packet.cmd === "publish" ? [String(packet.payload)] : [],
    );
    expect(sent).toEqual(["1", "5", "6"]);
    expect(made.agent.pending).toBe(0);
  });

  test("a day without a network neither throws nor grows, and what was dropped is told", () => {
    let dropped = 0;
    const made = world({
      options: { outbox },
      host: { network: { isUp: () => false } },
      handler: {
        onDropped: (count) => {
          dropped += count;
        },
      },
    });
    made.agent.start();
    for (let i = 0; i < 1_440; i += 1) {
      made.agent.send(bytes(String(i)));
      made.time.advance(60_000);
    }
    expect([made.agent.pending, dropped]).toEqual([2, 1_438]);
  });

  test("stopped, nobody is told; with the next connection they are", () => {
    const dropped: number[] = [];
    const made = world({ options: { outbox }, handler: { onDropped: (count) => void dropped.push(count) } });
    made.azure.servers.set(DPS, assigningDps(HUB));
    made.azure.servers.set(HUB, hub());
    for (let i = 0; i < 5; i += 1) made.agent.send(bytes(String(i)));
    made.time.advance(1_000);
    expect(dropped).toEqual([]);
    made.agent.start();
    made.time.advance(10_000);
    expect(dropped).toEqual([3]);
  });

  test("an unknown policy is refused", () => {
    expect(thrownCode(() => world({ options: { outbox: { whenFull: "x" as never } } }))).toBe(
      "invalid-argument",
    );
  });
});
