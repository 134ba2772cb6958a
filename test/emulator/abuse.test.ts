// SPDX-License-Identifier: MIT
/** Attacks of one client, each beside an ordinary device that keeps working. */
import { once } from "node:events";
import { connect as tcpConnect } from "node:net";
import { duplexPair } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { generate, type Packet } from "mqtt-packet";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import {
  dpsToken,
  dpsUser,
  HUB,
  hubToken,
  hubUser,
  KEY,
  open,
  openDps,
  openHub,
  record,
  register,
  startEmulator,
} from "../helpers/emulator-client";
import type { RawMqttClient } from "../helpers/raw-mqtt-client";

const EVENTS = "devices/dev-1/messages/events/";
const TWIN_RESPONSES = "$iothub/twin/res/#";
let emulator: Emulator;
let ordinary: RawMqttClient;
let ends: { id: string; reason: string }[];

beforeEach(async () => {
  emulator = await startEmulator();
  for (const id of ["dev-1", "ordinary"])
    emulator.devices.create(HUB, id, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  ends = record(emulator, "disconnect");
  ordinary = await openHub(emulator, "ordinary");
  await ordinary.subscribe("devices/ordinary/messages/devicebound/#", TWIN_RESPONSES);
});

afterEach(async () => {
  // Whatever was done to the emulator, the other device is served as before, and it ends in order.
  const before = emulator.counts.telemetry;
  await ordinary.publish("devices/ordinary/messages/events/", "still here");
  expect(emulator.counts.telemetry).toBe(before + 1);
  await emulator.sendCloudToDevice(HUB, "ordinary", "to you");
  expect((await ordinary.message()).text).toBe("to you");
  await ordinary.publish("$iothub/twin/PATCH/properties/reported/?$rid=1", '{"fine":true}');
  expect((await ordinary.message()).topic).toMatch(/\/204\//);
  await ordinary.disconnect();
  await emulator.stop();
});

const publish = (topic: string, payload: string | Buffer = "", messageId = 0): Buffer =>
  generate({
    cmd: "publish",
    topic,
    payload,
    qos: messageId === 0 ? 0 : 1,
    dup: false,
    retain: false,
    ...(messageId === 0 ? {} : { messageId }),
  });

describe("a client that never acknowledges", () => {
  test("twin reads: their answers have QoS 0, and none waits", async () => {
    const client = await openHub(emulator);
    await client.subscribe(TWIN_RESPONSES);
    const get = publish("$iothub/twin/GET/?$rid=1");
    client.socket.write(Buffer.concat(Array.from({ length: 3000 }, () => get)));
    await client.ping();
    expect(client.packets).toHaveLength(3000);
    await client.disconnect();
  });

  test("polls of DPS: the connection ends once too many answers wait", async () => {
    const client = await openDps(emulator, "dev-1");
    const poll = publish("$dps/registrations/GET/iotdps-get-operationstatus/?$rid=1&operationId=x");
    client.socket.write(Buffer.concat(Array.from({ length: 66_000 }, () => poll)));
    await client.closed;
    expect(ends).toContainEqual(
      expect.objectContaining({ id: "dev-1", reason: "2000 messages wait for PUBACK" }),
    );
  });
});

describe("a client that never reads", () => {
  async function deafOne(): Promise<RawMqttClient> {
    const client = await openHub(emulator);
    await client.subscribe({ topic: TWIN_RESPONSES, qos: 0 }, "$iothub/twin/PATCH/properties/desired/#");
    client.socket.pause();
    return client;
  }

  test("and asks: TCP holds it back, and a second connection of the device takes over", async () => {
    await emulator.updateDesired(HUB, "dev-1", Object.fromEntries(manyProperties(7)));
    const client = await deafOne();
    const get = publish("$iothub/twin/GET/?$rid=1");
    // Some 28 KB an answer: 560 MB, were all of them held.
    client.socket.write(Buffer.concat(Array.from({ length: 20_000 }, () => get)));
    await ordinary.ping();
    const second = await openHub(emulator);
    await second.ping();
    expect(ends).toContainEqual(
      expect.objectContaining({ id: "dev-1", reason: expect.stringContaining("a second connection") }),
    );
    client.socket.resume();
    await client.closed;
    expect(client.packets.length).toBeLessThan(2000);
    await second.disconnect();
  });

  test("and is sent to: past the limit it is cut", async () => {
    const client = await deafOne();
    const ended = once(emulator.events, "disconnect");
    const change = Object.fromEntries(manyProperties(7));
    let sent = 0;
    // TCP holds some megabytes more than the emulator does.
    for (; sent < 2000 && ends.length === 0; sent++) await emulator.updateDesired(HUB, "dev-1", change);
    expect(sent).toBeLessThan(2000);
    await ended;
    expect(ends).toMatchObject([{ id: "dev-1", reason: "the client does not read what is sent to it" }]);
    client.socket.resume();
    await client.closed;
  });
});

/** Of 4,000 bytes each. */
function manyProperties(count: number): [string, string][] {
  return Array.from({ length: count }, (_, index) => [`p${index}`, "x".repeat(4000)]);
}

test("floods of QoS 1: each is acknowledged in order, and little of them is kept", async () => {
  const clients = await Promise.all(
    [1, 2, 3].map(async (number) => {
      const id = `flood-${number}`;
      emulator.devices.create(HUB, id, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
      return { id, client: await openHub(emulator, id) };
    }),
  );
  const body = Buffer.alloc(20_000);
  const count = 500;
  for (const { id, client } of clients) {
    for (let messageId = 1; messageId <= count; messageId++)
      client.socket.write(publish(`devices/${id}/messages/events/`, body, messageId));
    client.send({ cmd: "pingreq" });
  }
  await ordinary.ping();
  for (const { client } of clients) {
    await client.next(({ cmd }) => cmd === "pingresp");
    const pubacks = client.packets.filter(({ cmd }) => cmd === "puback").map(({ messageId }) => messageId);
    expect(pubacks).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    await client.disconnect();
  }
  expect(emulator.counts.telemetry).toBe(3 * count);
  const kept = emulator.telemetry.reduce((sum, message) => sum + message.body.length, 0);
  expect(kept).toBeLessThanOrEqual(16 * 1024 * 1024);
  expect(kept).toBeGreaterThan(15 * 1024 * 1024);
});

test("1,000 equal filters get a code each", async () => {
  const client = await openHub(emulator);
  const equal = Array.from({ length: 999 }, () => TWIN_RESPONSES);
  const granted = await client.subscribe(...equal, { topic: TWIN_RESPONSES, qos: 0 });
  expect(granted).toEqual([...equal.map(() => 1), 0]);
  await client.disconnect();
});

test("a QoS above 1 is granted as 1, and filters beyond the limit are refused", async () => {
  const client = await openHub(emulator);
  const filters = Array.from({ length: 200 }, (_, index) => `not/mine/${index}`);
  expect(await client.subscribe({ topic: TWIN_RESPONSES, qos: 2 }, ...filters)).toEqual([
    1,
    ...filters.map(() => 0x80),
  ]);
  await client.disconnect();
});

const text = (value: string | Buffer) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};
/** A packet with a remaining length below 16,384. */
const packet = (first: number, ...parts: (Buffer | number[])[]) => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7];
  return Buffer.concat([Buffer.from([first, ...length]), body]);
};
const ID = [0, 7];
const ILL_FORMED = Buffer.from([0x61, 0xff, 0x62]);
const SURROGATE = Buffer.from([0xed, 0xa0, 0x80]);

/** What, its bytes, and the rule that the reason has to name. */
const BROKEN: [string, Buffer, string][] = [
  ["a second CONNECT", packet(0x10, text("MQTT"), [4, 2, 0, 0], text("dev-1")), "MQTT-3.1.0-2"],
  ["packet identifier 0 of PUBLISH", packet(0x32, text(EVENTS), [0, 0]), "MQTT-2.3.1-1"],
  ["packet identifier 0 of PUBACK", packet(0x40, [0, 0]), "MQTT-2.3.1-1"],
  ["packet identifier 0 of SUBSCRIBE", packet(0x82, [0, 0], text("a"), [1]), "MQTT-2.3.1-1"],
  ["packet identifier 0 of UNSUBSCRIBE", packet(0xa2, [0, 0], text("a")), "MQTT-2.3.1-1"],
  ["U+0000 in a topic", packet(0x30, text(`${EVENTS}a=\0`)), "MQTT-1.5.3-2"],
  ["U+0000 in a filter", packet(0x82, ID, text("a\0"), [1]), "MQTT-1.5.3-2"],
  ["U+0000 in a filter to leave", packet(0xa2, ID, text("a\0")), "MQTT-1.5.3-2"],
  ["a topic that is not UTF-8", packet(0x30, text(ILL_FORMED)), "MQTT-1.5.3-1"],
  ["a topic with a surrogate", packet(0x30, text(SURROGATE)), "MQTT-1.5.3-1"],
  ["a filter that is not UTF-8", packet(0x82, ID, text(ILL_FORMED), [1]), "MQTT-1.5.3-1"],
  ["an empty topic", packet(0x30, text("")), "MQTT-4.7.3-1"],
  ["an empty filter", packet(0x82, ID, text(""), [0]), "MQTT-4.7.3-1"],
  ["# in a topic", packet(0x30, text(`${EVENTS}#`)), "MQTT-3.3.2-2"],
  ["+ in a topic", packet(0x30, text("devices/+/messages/events/")), "MQTT-3.3.2-2"],
  ["# that is not last", packet(0x82, ID, text("a/#/b"), [1]), "MQTT-4.7.1-2"],
  ["# behind letters", packet(0x82, ID, text("a#"), [1]), "MQTT-4.7.1-2"],
  ["+ behind letters", packet(0x82, ID, text("a+/b"), [1]), "MQTT-4.7.1-3"],
  ["SUBSCRIBE without filters", packet(0x82, ID), "MQTT-3.8.3-3"],
  ["SUBSCRIBE of QoS 3", packet(0x82, ID, text("a"), [3]), "MQTT-3-8.3-4"],
  ["SUBSCRIBE with reserved bits", packet(0x82, ID, text("a"), [0x41]), "MQTT-3-8.3-4"],
  ["UNSUBSCRIBE without filters", packet(0xa2, ID), "MQTT-3.10.3-2"],
  ["PUBLISH of QoS 3", packet(0x36, text(EVENTS), ID), "MQTT-3.3.1-4"],
  ["PUBLISH of QoS 2", packet(0x34, text(EVENTS), ID), "QoS 2"],
  ["DUP of QoS 0", packet(0x38, text(EVENTS)), "MQTT-3.3.1-2"],
  ["PUBREL", packet(0x62, ID), "QoS 2"],
  ["flags of PINGREQ", packet(0xc1), "MQTT-2.2.2-2"],
  ["flags of SUBSCRIBE", packet(0x80, ID, text("a"), [1]), "MQTT-2.2.2-2"],
  ["flags of PUBACK", packet(0x42, ID), "MQTT-2.2.2-2"],
  ["flags of DISCONNECT", packet(0xe8), "MQTT-2.2.2-2"],
  ["PINGREQ with a body", packet(0xc0, [1]), "behind the last field"],
  ["PUBACK with a body", packet(0x40, ID, [1]), "behind the last field"],
  ["DISCONNECT with a body", packet(0xe0, [1]), "behind the last field"],
  ["a topic longer than its packet", packet(0x30, [0, 9, 0x61]), "within its topic"],
  ["a packet identifier cut off", packet(0x32, text(EVENTS), [1]), "within its packet identifier"],
  ["a filter without its QoS", packet(0x82, ID, text("a")), "within its requested QoS"],
  ["CONNACK", packet(0x20, [0, 0]), "no client may send"],
  ["SUBACK", packet(0x90, ID, [0]), "no client may send"],
  ["PINGRESP", packet(0xd0), "no client may send"],
  ["packet type 0", packet(0x00), "no client may send"],
  ["packet type 15", packet(0xf0), "no client may send"],
  ["a packet of 256 MB", Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), "at most"],
  [
    "a remaining length of five bytes",
    Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1]),
    "more than four bytes",
  ],
];

test.each(BROKEN)("%s ends the connection", async (_name, bytes, reason) => {
  const client = await openHub(emulator);
  // In one write: what stands before it counts, and what comes behind it does not.
  client.socket.write(Buffer.concat([publish(EVENTS, "1", 9), bytes, publish(EVENTS, "2", 10)]));
  await client.closed;
  expect(ends).toMatchObject([{ id: "dev-1", reason: expect.stringContaining(reason) }]);
  expect(client.packets).toMatchObject([{ cmd: "puback", messageId: 9 }]);
  expect(emulator.telemetry.map(({ body }) => body.toString())).toEqual(["1"]);
});

const connectFlags = (flags: number, ...parts: Buffer[]) =>
  packet(0x10, text("MQTT"), [4, flags, 0, 60], text("dev-1"), ...parts);
const BROKEN_CONNECTS: [string, Buffer, string][] = [
  ["another protocol", packet(0x10, text("AMQP"), [4, 2, 0, 60], text("dev-1")), "MQTT-3.1.2-1"],
  ["flags of the fixed header", packet(0x14, text("MQTT"), [4, 2, 0, 60], text("dev-1")), "no CONNECT"],
  ["the reserved flag", connectFlags(0x03), "MQTT-3.1.2-3"],
  ["QoS of no will", connectFlags(0x0a), "MQTT-3.1.2-11"],
  ["retain of no will", connectFlags(0x22), "MQTT-3.1.2-11"],
  ["a will of QoS 3", connectFlags(0x1e, text(EVENTS), text("x")), "MQTT-3.1.2-14"],
  ["a will to a wildcard", connectFlags(0x06, text("a/#"), text("x")), "MQTT-3.3.2-2"],
  ["a will to U+0000", connectFlags(0x06, text("a\0"), text("x")), "MQTT-1.5.3-2"],
  ["a password without a user name", connectFlags(0x42, text("x")), "MQTT-3.1.2-22"],
  ["a user name that is not UTF-8", connectFlags(0x82, text(ILL_FORMED)), "MQTT-1.5.3-1"],
  ["U+0000 in the user name", connectFlags(0x82, text("a\0b")), "MQTT-1.5.3-2"],
  ["a user name that is missing", connectFlags(0x82), "within its user name"],
  ["bytes behind the last field", connectFlags(0x02, Buffer.from([1])), "behind the last field"],
  ["flags in the first byte", packet(0x11, text("MQTT"), [4, 2, 0, 60], text("a")), "no CONNECT"],
  ["PINGREQ", packet(0xc0), "no CONNECT"],
  ["HTTP inside TLS", Buffer.from("POST / HTTP/1.1\r\n\r\n"), "an HTTP request"],
];

test.each(BROKEN_CONNECTS)("CONNECT with %s is no CONNECT", async (_name, bytes, reason) => {
  const told = once(emulator.events, "stranger");
  const client = await open(emulator);
  client.socket.write(bytes);
  await client.closed;
  expect(await told).toMatchObject([
    { address: expect.stringMatching(/^127\.0\.0\.1:\d+$/), reason: expect.stringContaining(reason) },
  ]);
  expect(client.packets).toEqual([]);
});

test.each([
  ["5, with its properties", packet(0x10, text("MQTT"), [5, 2, 0, 60, 0], text("dev-1"))],
  ["6, which is none yet", packet(0x10, text("MQTT"), [6, 2, 0, 60], text("dev-1"))],
  ["3", packet(0x10, text("MQIsdp"), [3, 2, 0, 60], text("dev-1"))],
])("protocol level %s gets CONNACK 1", async (_name, bytes) => {
  const client = await open(emulator);
  client.socket.write(bytes);
  await client.closed;
  expect(client.packets).toMatchObject([{ cmd: "connack", returnCode: 1 }]);
});

describe("who is not served is told in one line", () => {
  const stranger = async () =>
    ((await once(emulator.events, "stranger")) as [{ address: string; reason: string }])[0].reason;

  test("an HTTP request on the port", async () => {
    const told = stranger();
    tcpConnect(emulator.port, "127.0.0.1")
      .on("error", () => {})
      .write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await told).toBe("an HTTP request; this port speaks MQTT over TLS");
  });

  test("bytes that are no TLS", async () => {
    const told = stranger();
    tcpConnect(emulator.port, "127.0.0.1")
      .on("error", () => {})
      .write(Buffer.alloc(100, 0x10));
    expect(await told).toBe("what came is not TLS");
  });

  /** The first flight of a client. */
  async function clientHello(): Promise<Buffer> {
    const [near, far] = duplexPair();
    const client = tlsConnect({ socket: near, servername: "localhost" }).on("error", () => {});
    const [hello] = (await once(far, "data")) as [Buffer];
    client.destroy();
    return hello;
  }

  test.each([
    ["unknown_ca", 48],
    ["bad_certificate", 42],
    ["certificate_unknown", 46],
    ["certificate_expired", 45],
  ])("a client that refuses the certificate (%s)", async (_name, alert) => {
    const told = stranger();
    const socket = tcpConnect(emulator.port, "127.0.0.1").on("error", () => {});
    socket.write(await clientHello());
    await once(socket, "data");
    socket.write(Buffer.from([21, 3, 3, 0, 2, 2, alert]));
    expect(await told).toContain("the client refused the certificate of this server");
  });

  test("a client without a cipher suite of ours", async () => {
    const told = stranger();
    tlsConnect({
      port: emulator.port,
      host: "127.0.0.1",
      maxVersion: "TLSv1.2",
      ciphers: "NULL-SHA256:@SECLEVEL=0",
    }).on("error", () => {});
    expect(await told).toBe("the client offered no cipher suite or curve that is known here");
  });

  test("a TLS version that is too old", async () => {
    const told = stranger();
    tlsConnect({
      port: emulator.port,
      host: "127.0.0.1",
      minVersion: "TLSv1.1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT:@SECLEVEL=0",
    }).on("error", () => {});
    expect(await told).toBe("the client speaks no TLS version that is offered");
  });

  test("one that goes within the handshake, and one that goes before CONNECT", async () => {
    let told = stranger();
    const socket = tcpConnect(emulator.port, "127.0.0.1", () => socket.end());
    expect(await told).toBe("the client ended the connection before TLS was up");
    told = stranger();
    await (await open(emulator)).drop();
    expect(await told).toMatch(/the client (closed the connection before CONNECT|ended the connection)/);
  });

  test.each([
    ["expired", "expired"],
    ["misnamed", "another host's"],
    ["untrusted", "below a root that nobody knows"],
    ["good", undefined],
    ["a new root", "below a new root"],
  ] as const)("one that may not like the certificate asked for: %s", async (kind, flaw) => {
    const { certificates, ca } = emulator;
    try {
      await (kind === "a new root" ? certificates.swapRoot() : certificates.serve(kind));
      const words =
        flaw === undefined
          ? /does it trust the root\?|ended the connection before TLS was up$/
          : new RegExp(`; the emulator was asked to show a certificate that is ${flaw}$`);
      // One that goes after the handshake, as Node.js does, and one that sends an alert.
      let told = stranger();
      const client = tlsConnect({
        port: emulator.port,
        host: "127.0.0.1",
        ca: ca.pem,
        servername: "localhost",
      });
      client.on("error", () => {}).on("secureConnect", () => client.destroy());
      expect(await told).toMatch(words);
      told = stranger();
      const socket = tcpConnect(emulator.port, "127.0.0.1").on("error", () => {});
      socket.write(await clientHello());
      await once(socket, "data");
      socket.write(Buffer.from([21, 3, 3, 0, 2, 2, 46]));
      expect(await told).toMatch(flaw === undefined ? /let it trust the root/ : words);
    } finally {
      await certificates.reset();
    }
  });

  test("one that sends no CONNECT in time, and nobody when a fault breaks the handshake", async () => {
    const clock = new ManualClock();
    const other = await startEmulator({ clock });
    other.faults.add({ step: "tcpSent", action: "reset", afterBytes: 100, count: 1 });
    const strangers: unknown[] = [];
    other.events.on("stranger", ({ reason }) => strangers.push(reason));
    await expect(open(other)).rejects.toThrow();
    const client = await open(other);
    clock.advance(30_000);
    await client.closed;
    expect(strangers).toEqual(["no CONNECT came in time"]);
    await other.stop();
  });
});

describe("the order of events", () => {
  const log = (): string[] => {
    const lines: string[] = [];
    emulator.events.on("connect", ({ id }) => lines.push(`connect ${id}`));
    emulator.events.on("disconnect", ({ id }) => lines.push(`gone ${id}`));
    emulator.events.on("telemetry", ({ deviceId }) => lines.push(`telemetry ${deviceId}`));
    emulator.events.on("fault", ({ rule }) => lines.push(`fault ${rule.action}`));
    return lines;
  };
  const connect: Packet = {
    cmd: "connect",
    clientId: "dev-1",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    username: hubUser("dev-1"),
    password: Buffer.from(hubToken("dev-1")),
  };

  test.each(["returnCode", "close", "reset"] as const)(
    "a connection that a fault refuses (%s) neither connects nor goes",
    async (action) => {
      emulator.faults.add({ step: "connack", action, count: 1 });
      const lines = log();
      const client = await open(emulator);
      client.socket.write(Buffer.concat([generate(connect), publish(EVENTS, "1", 1)]));
      await client.closed;
      expect(lines).toEqual([`fault ${action}`]);
    },
  );

  test.each([0, 20])(
    "telemetry sent with CONNECT comes behind `connect` (CONNACK %i ms late)",
    async (delayMs) => {
      if (delayMs > 0) emulator.faults.add({ step: "connack", action: "delay", delayMs, count: 1 });
      const lines = log();
      const client = await open(emulator);
      client.socket.write(Buffer.concat([generate(connect), publish(EVENTS, "1", 1)]));
      await client.next(({ cmd }) => cmd === "puback");
      await client.disconnect();
      const expected = ["connect dev-1", "telemetry dev-1", "gone dev-1"];
      expect(lines.filter((line) => !line.startsWith("fault"))).toEqual(expected);
    },
  );

  test("a take-over is told as gone, then as connected", async () => {
    const client = await openHub(emulator);
    const lines = log();
    await (await openHub(emulator)).disconnect();
    await client.closed;
    expect(lines).toEqual(["gone dev-1", "connect dev-1", "gone dev-1"]);
  });
});

test("a storm of clients with one identity leaves the last", async () => {
  const clients = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const client = await open(emulator);
      const connack = await client
        .connect({ clientId: "dev-1", username: dpsUser("dev-1"), password: dpsToken("dev-1") })
        .catch(() => undefined);
      return { client, accepted: connack?.returnCode === 0 };
    }),
  );
  expect(clients.some(({ accepted }) => accepted)).toBe(true);
  const left = await Promise.all(
    clients.map(({ client }) =>
      client.ping().then(
        () => 1,
        () => 0,
      ),
    ),
  );
  expect(left.reduce<number>((sum, one) => sum + one, 0)).toBe(1);
  for (const { client } of clients) await client.drop();
});

test("a payload of a registration that nests 5,000 deep is refused before it can be stored", async () => {
  const client = await openDps(emulator, "dev-1");
  const answer = await register(client, `{"payload":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}}`);
  expect(answer).toMatchObject({ status: 400, body: { errorCode: 400000 } });
  expect(answer.body.message).toContain("payload nests more than 64 levels");
  expect((await register(client, `{"payload":{"a":${"[".repeat(60)}${"]".repeat(60)}}}`)).status).toBe(202);
  await client.disconnect();
});
