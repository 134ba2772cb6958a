// SPDX-License-Identifier: MIT
/** Thousands of generated packets, read back by `mqtt-packet`. */
import { expect } from "@jest/globals";
import fc from "fast-check";
import type { Packet } from "mqtt-packet";
import { nodeText } from "../../../simulator/virtual-host";
import type { QoS } from "../../../src/mqtt/packets";
import { type ConnectOptions, PacketWriter } from "../../../src/mqtt/writer";
import { concat } from "../../helpers/bytes";
import { parsePackets } from "../../helpers/oracle";
import { testProperty } from "../../helpers/seeds";
import { waiting } from "../../helpers/waiting";

/** A packet to write, and what `mqtt-packet` must read. */
interface Case {
  readonly write: (writer: PacketWriter) => boolean;
  readonly read: object;
}

const BUFFER_SIZE = 2_048;

/** Any code point but U+0000; no surrogates, as in UTF-8. */
const character = fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((one) => one !== "\0");
const string = fc.array(character, { maxLength: 24 }).map((all) => all.join(""));
const topicName = fc
  .array(
    character.filter((one) => one !== "#" && one !== "+"),
    { minLength: 1, maxLength: 24 },
  )
  .map((all) => all.join(""));
const level = fc.oneof(
  { weight: 1, arbitrary: fc.constant("+") },
  { weight: 3, arbitrary: string.map((one) => one.replace(/[#+/]/g, "")) },
);
const filter = fc
  .tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ["#"] : [])].join("/"))
  .filter((whole) => whole !== "");
const bytes = fc.uint8Array({ maxLength: 40 });
const payload = fc.oneof(
  { weight: 4, arbitrary: bytes },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 100, maxLength: 600 }) },
);
const id = fc.integer({ min: 1, max: 65_535 });
const qos: fc.Arbitrary<QoS> = fc.constantFrom(0, 1);

const connect: fc.Arbitrary<Case> = fc
  .record({
    id: string.filter((one) => one !== ""),
    keepAlive: fc.integer({ min: 0, max: 65_535 }),
    clean: fc.boolean(),
    user: fc.option(string, { nil: undefined }),
    password: fc.option(bytes, { nil: undefined }),
    will: fc.option(fc.record({ topic: topicName, message: bytes, QoS: qos, retain: fc.boolean() }), {
      nil: undefined,
    }),
  })
  .map((fields) => {
    const options: ConnectOptions = fields.user === undefined ? { ...fields, password: undefined } : fields;
    const { will } = fields;
    return {
      write: (writer) => writer.connect(options),
      read: {
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clientId: fields.id,
        keepalive: fields.keepAlive,
        clean: fields.clean,
        ...(fields.user !== undefined && { username: fields.user }),
        ...(options.password !== undefined && { password: Buffer.from(options.password as Uint8Array) }),
        ...(will && {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.message),
            qos: will.QoS,
            retain: will.retain,
          },
        }),
      },
    };
  });

const publish: fc.Arbitrary<Case> = fc
  .record({
    topic: topicName,
    encoded: fc.boolean(),
    payload,
    QoS: qos,
    id,
    duplicate: fc.boolean(),
    retain: fc.boolean(),
  })
  .map((fields) => ({
    write: (writer) => {
      const topic = fields.encoded ? writer.encodeTopicName(fields.topic) : fields.topic;
      return writer.publish(topic, fields.payload, fields.QoS, fields.id, fields.duplicate, fields.retain);
    },
    read: {
      cmd: "publish",
      topic: fields.topic,
      payload: Buffer.from(fields.payload),
      qos: fields.QoS,
      dup: fields.QoS === 1 && fields.duplicate,
      retain: fields.retain,
      ...(fields.QoS === 1 && { messageId: fields.id }),
    },
  }));

const subscribe: fc.Arbitrary<Case> = fc
  .record({ id, QoS: qos, filters: fc.array(filter, { minLength: 1, maxLength: 4 }) })
  .map((fields) => ({
    write: (writer) => writer.subscribe(fields.id, fields.filters, fields.QoS),
    read: {
      cmd: "subscribe",
      messageId: fields.id,
      subscriptions: fields.filters.map((topic) => ({ topic, qos: fields.QoS })),
    },
  }));

const unsubscribe: fc.Arbitrary<Case> = fc
  .record({ id, filters: fc.array(filter, { minLength: 1, maxLength: 4 }) })
  .map((fields) => ({
    write: (writer) => writer.unsubscribe(fields.id, fields.filters),
    read: { cmd: "unsubscribe", messageId: fields.id, unsubscriptions: fields.filters },
  }));

const puback: fc.Arbitrary<Case> = id.map((messageId) => ({
  write: (writer) => writer.puback(messageId),
  read: { cmd: "puback", messageId },
}));

const pingreq: Case = { write: (writer) => writer.pingreq(), read: { cmd: "pingreq" } };
const disconnect: Case = { write: (writer) => writer.disconnect(), read: { cmd: "disconnect" } };

const packet = fc.oneof(
  { weight: 3, arbitrary: connect },
  { weight: 4, arbitrary: publish },
  { weight: 2, arbitrary: subscribe },
  { weight: 2, arbitrary: unsubscribe },
  { weight: 1, arbitrary: puback },
  { weight: 1, arbitrary: fc.constantFrom(pingreq, disconnect) },
);

function check(cases: readonly Case[], packets: readonly Packet[]): void {
  expect(packets).toHaveLength(cases.length);
  for (let i = 0; i < cases.length; i += 1) expect(packets[i]).toMatchObject(cases[i]?.read ?? {});
}

testProperty(
  "mqtt-packet reads every packet as it was meant",
  2_000,
  fc.property(packet, (one) => {
    const writer = new PacketWriter(new Uint8Array(BUFFER_SIZE), nodeText);
    expect(one.write(writer)).toBe(true);
    check([one], parsePackets(waiting(writer)));
  }),
);

testProperty(
  "a queue of packets, sent in parts of any size through a buffer that is often full, arrives whole and in order",
  400,
  fc.property(
    fc.array(packet, { minLength: 1, maxLength: 20 }),
    fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
    (cases, sizes) => {
      const writer = new PacketWriter(new Uint8Array(BUFFER_SIZE), nodeText);
      const sent: Uint8Array[] = [];
      const send = (): void => {
        const sink = {
          write(bytes: Uint8Array, start: number, end: number): number {
            sent.push(bytes.slice(start, end));
            return 0;
          },
        };
        writer.drain(sink, sizes.next().value as number);
      };
      for (const one of cases) {
        while (!one.write(writer)) send();
        if ((sizes.next().value as number) % 3 === 0) send();
      }
      while (writer.pending > 0) send();
      check(cases, parsePackets(concat(...sent)));
    },
  ),
);
