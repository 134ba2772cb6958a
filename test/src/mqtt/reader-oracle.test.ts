// SPDX-License-Identifier: MIT
/** Thousands of packets made by `mqtt-packet`, in chunks of any size; and bytes that are anything. */
import { expect } from "@jest/globals";
import fc from "fast-check";
import type { Packet } from "mqtt-packet";
import { nodeText } from "../../../simulator/virtual-host";
import { BerthError } from "../../../src/error";
import { PacketReader } from "../../../src/mqtt/reader";
import { cut } from "../../helpers/bytes";
import { generatePackets } from "../../helpers/oracle";
import { type ReaderEvent, readerEvents, recordingReader } from "../../helpers/reader-events";
import { testProperty } from "../../helpers/seeds";

/** A packet, and what the reader must report. */
interface Case {
  readonly packet: Packet;
  readonly event: ReaderEvent;
}

const topic = fc
  .array(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((one) => !"\0#+".includes(one)),
    { minLength: 1, maxLength: 20 },
  )
  .map((all) => all.join(""));
const messageId = fc.integer({ min: 1, max: 65_535 });

const connack: fc.Arbitrary<Case> = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 5 }))
  .map(([present, returnCode]) => {
    const sessionPresent = present && returnCode === 0;
    return {
      packet: { cmd: "connack", sessionPresent, returnCode },
      event: ["connack", sessionPresent, returnCode],
    };
  });

const publish: fc.Arbitrary<Case> = fc
  .record({
    topic,
    payload: fc.oneof(
      { weight: 4, arbitrary: fc.uint8Array({ maxLength: 30 }) },
      { weight: 1, arbitrary: fc.uint8Array({ minLength: 100, maxLength: 500 }) },
    ),
    qos: fc.constantFrom<(0 | 1)[]>(0, 1),
    dup: fc.boolean(),
    retain: fc.boolean(),
    messageId,
  })
  .map((fields) => {
    const { qos, retain, payload } = fields;
    const duplicate = qos === 1 && fields.dup;
    return {
      packet: { ...fields, cmd: "publish", dup: duplicate, payload: Buffer.from(payload) },
      event: [
        "publish",
        {
          topic: fields.topic,
          QoS: qos,
          duplicate,
          retain,
          id: qos ? fields.messageId : 0,
          byteLength: payload.length,
          offset: 0,
          payload: [...payload],
        },
      ],
    };
  });

const puback: fc.Arbitrary<Case> = messageId.map((id) => ({
  packet: { cmd: "puback", messageId: id },
  event: ["puback", id],
}));

const suback: fc.Arbitrary<Case> = fc
  .tuple(messageId, fc.array(fc.constantFrom(0, 1, 2, 0x80), { minLength: 1, maxLength: 6 }))
  .map(([id, granted]) => ({
    packet: { cmd: "suback", messageId: id, granted },
    event: ["suback", id, granted],
  }));

const unsuback: fc.Arbitrary<Case> = messageId.map((id) => ({
  packet: { cmd: "unsuback", messageId: id, granted: [] },
  event: ["unsuback", id],
}));

const pingresp: fc.Arbitrary<Case> = fc.constant({ packet: { cmd: "pingresp" }, event: ["pingresp"] });

const anyPacket = fc.oneof(
  { weight: 1, arbitrary: connack },
  { weight: 5, arbitrary: publish },
  { weight: 2, arbitrary: puback },
  { weight: 2, arbitrary: suback },
  { weight: 1, arbitrary: unsuback },
  { weight: 1, arbitrary: pingresp },
);

testProperty(
  "every packet of mqtt-packet is read as it was meant",
  2_000,
  fc.property(anyPacket, ({ packet, event }) => {
    expect(readerEvents([generatePackets(packet)])).toEqual([event]);
  }),
);

testProperty(
  "a stream of packets in chunks of any size",
  500,
  fc.property(
    fc.array(anyPacket, { minLength: 1, maxLength: 15 }),
    fc.array(fc.nat(2_000), { maxLength: 20 }),
    (cases, cuts) => {
      const bytes = generatePackets(...cases.map(({ packet }) => packet));
      const events = cases.map(({ event }) => event);
      expect(readerEvents(cut(bytes, cuts))).toEqual(events);
      expect(readerEvents(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(events);
    },
  ),
);

const CODES = new Set(["malformed-packet", "protocol-violation"]);

/** Reads `chunks`; what escapes must be a BerthError of one of two codes. @returns the code, if any */
function survive(chunks: readonly Uint8Array[], oversize: "skip" | "stream"): string | undefined {
  const { reader } = recordingReader({ maximumPacketSize: 128, oversize });
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch (error) {
    expect(error).toBeInstanceOf(BerthError);
    const { code } = error as BerthError;
    expect(CODES).toContain(code);
    return code;
  }
  return undefined;
}

const oversize = fc.constantFrom<("skip" | "stream")[]>("skip", "stream");

testProperty(
  "bytes that are anything end in one of two errors or in none",
  3_000,
  fc.property(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.nat(200), { maxLength: 5 }),
    oversize,
    (bytes, cuts, mode) => {
      const whole = survive([bytes], mode);
      // The chunks do not change the judgement.
      expect(survive(cut(bytes, cuts), mode)).toBe(whole);
    },
  ),
);

testProperty(
  "good streams with some bytes changed, likewise",
  2_000,
  fc.property(
    fc.array(anyPacket, { minLength: 1, maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    fc.array(fc.nat(300), { maxLength: 4 }),
    oversize,
    (cases, changes, cuts, mode) => {
      const bytes = generatePackets(...cases.map(({ packet }) => packet));
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      const whole = survive([bytes], mode);
      expect(survive(cut(bytes, cuts), mode)).toBe(whole);
    },
  ),
);

testProperty(
  "a server that sends one valid packet type after the other, with any body, cannot do more either",
  2_000,
  fc.property(
    fc.constantFrom(0x20, 0x30, 0x31, 0x32, 0x3a, 0x3b, 0x40, 0x90, 0xb0, 0xd0),
    fc.uint8Array({ maxLength: 127 }),
    (first, body) => {
      let events = 0;
      const count = (): void => {
        events += 1;
      };
      const handler = {
        onConnack: count,
        onPublish: count,
        onOversize: count,
        onPuback: count,
        onSuback: count,
        onUnsuback: count,
        onPingresp: count,
      };
      const reader = new PacketReader(handler, nodeText);
      try {
        reader.push(Uint8Array.of(first, body.length, ...body));
        // One packet, one event.
        expect(events).toBe(1);
        // Nothing of a further packet was collected.
        reader.push(Uint8Array.of(0xd0, 0));
        expect(events).toBe(2);
      } catch (error) {
        if (!(error instanceof BerthError)) throw error;
        expect(CODES).toContain(error.code);
        expect(events).toBe(0);
      }
    },
  ),
);
