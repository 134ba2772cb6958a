// SPDX-License-Identifier: MIT
/** Literal packets, chunks of any size, truncation, and the end in the middle of a chunk. Sections of MQTT 3.1.1. */
import { describe, expect, test } from "@jest/globals";
import { concat, cut, hex } from "../../helpers/bytes";
import { isBetweenPackets, readerEvents, recordingReader } from "../../helpers/reader-events";
import { thrownCode } from "../../helpers/thrown";

/** A PUBLISH as the reader reports it. */
function publish(topic: string, payload: Uint8Array, more: object = {}): readonly unknown[] {
  const fields = { QoS: 0, duplicate: false, retain: false, id: 0, byteLength: payload.length, offset: 0 };
  return ["publish", { topic, ...fields, payload: [...payload], ...more }];
}

/** Every packet that a server sends, with what must be reported. */
const PACKETS: [string, string, readonly unknown[]][] = [
  ["CONNACK, accepted (section 3.2)", "20 02 00 00", ["connack", false, 0]],
  ["CONNACK, session present", "20 02 01 00", ["connack", true, 0]],
  ["CONNACK 1", "20 02 00 01", ["connack", false, 1]],
  ["CONNACK 5", "20 02 00 05", ["connack", false, 5]],
  [
    "figure 3.11: PUBLISH, QoS 1, identifier 10",
    "32 09 00 03 612f62 00 0a beef",
    publish("a/b", hex("beef"), { QoS: 1, id: 10 }),
  ],
  ["PUBLISH, QoS 0", "30 04 00 01 74 07", publish("t", hex("07"))],
  ["PUBLISH, nothing but a topic", "30 03 00 01 74", publish("t", hex(""))],
  ["PUBLISH, QoS 1, no payload", "32 05 00 01 74 ff ff", publish("t", hex(""), { QoS: 1, id: 65_535 })],
  ["PUBLISH, retained", "31 03 00 01 74", publish("t", hex(""), { retain: true })],
  ["PUBLISH, duplicate", "3a 05 00 01 74 00 01", publish("t", hex(""), { QoS: 1, id: 1, duplicate: true })],
  [
    "PUBLISH, all flags",
    "3b 06 00 01 74 12 34 00",
    publish("t", hex("00"), { QoS: 1, id: 0x1234, duplicate: true, retain: true }),
  ],
  ["figure 1.2: topic A and U+2A6D4", "30 07 00 05 41 f0aa9b94", publish("A\u{2a6d4}", hex(""))],
  // "is not stripped off" [MQTT-1.5.3-3]
  ["U+FEFF in a topic", "30 06 00 04 efbbbf 61", publish("\ufeffa", hex(""))],
  ["PUBACK (section 3.4)", "40 02 00 0a", ["puback", 10]],
  ["SUBACK (figure 3.27): 0, 2, failure", "90 05 00 0a 00 02 80", ["suback", 10, [0, 2, 0x80]]],
  ["SUBACK of one filter", "90 03 ff ff 01", ["suback", 65_535, [1]]],
  ["UNSUBACK (section 3.11)", "b0 02 00 0a", ["unsuback", 10]],
  ["PINGRESP (section 3.13)", "d0 00", ["pingresp"]],
  // MQTT 3.1.1 does not demand the shortest form of the remaining length.
  ["a remaining length of 2 in four bytes", "40 82 80 80 00 00 01", ["puback", 1]],
];

const LONG_PAYLOAD = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff);
const LONG_PACKET = concat(hex("32 b3 02 00 03 612f62 00 0b"), LONG_PAYLOAD);
const STREAM = concat(...PACKETS.map(([, bytes]) => hex(bytes)), LONG_PACKET, hex("d0 00"));
const STREAM_EVENTS = [
  ...PACKETS.map(([, , event]) => event),
  publish("a/b", LONG_PAYLOAD, { QoS: 1, id: 11 }),
  ["pingresp"],
];

describe("packets", () => {
  test.each(PACKETS)("%s", (_, bytes, event) => {
    expect(readerEvents([hex(bytes)])).toEqual([event]);
  });

  test("one behind the other in one chunk", () => {
    expect(readerEvents([STREAM])).toEqual(STREAM_EVENTS);
  });
});

describe("chunks", () => {
  test("cut in two at every point", () => {
    for (let at = 1; at < STREAM.length; at += 1) {
      expect(readerEvents(cut(STREAM, [at]))).toEqual(STREAM_EVENTS);
    }
  });

  test("in three, cut at every two points of a short stream", () => {
    const packets = ["20 02 00 00", "32 09 00 03 612f62 00 0a beef", "90 03 00 01 01", "d0 00"];
    const stream = concat(...packets.map(hex));
    const whole = readerEvents([stream]);
    expect(whole).toHaveLength(packets.length);
    for (let first = 1; first < stream.length; first += 1) {
      for (let second = first; second < stream.length; second += 1) {
        expect(readerEvents(cut(stream, [first, second]))).toEqual(whole);
      }
    }
  });

  test("byte by byte", () => {
    expect(readerEvents(Array.from(STREAM, (byte) => Uint8Array.of(byte)))).toEqual(STREAM_EVENTS);
  });

  test("empty chunks change nothing", () => {
    const bytes = Array.from(STREAM.subarray(0, 60), (byte) => [hex(""), Uint8Array.of(byte)]).flat();
    expect(readerEvents(bytes)).toEqual(readerEvents([STREAM.subarray(0, 60)]));
  });

  test("a chunk that is a view into a larger buffer", () => {
    const around = concat(hex("ffffff"), STREAM, hex("ffffff"));
    const { reader, events } = recordingReader();
    reader.push(around.subarray(3, 3 + STREAM.length));
    expect(events).toEqual(STREAM_EVENTS);
  });
});

describe("truncation", () => {
  test.each([...PACKETS.map(([name, bytes]) => [name, hex(bytes)] as const), ["PUBLISH, long", LONG_PACKET]])(
    "%s, cut off at every byte: no event before the last",
    (_, packet) => {
      for (let length = 1; length < packet.length; length += 1) {
        const recording = recordingReader();
        const { reader, events } = recording;
        reader.push(packet.subarray(0, length));
        expect(events).toEqual([]);
        reader.push(packet.subarray(length));
        expect(events).toHaveLength(1);
        expect(isBetweenPackets(recording)).toBe(true);
      }
    },
  );

  test("a new reader is between packets", () => {
    expect(isBetweenPackets(recordingReader())).toBe(true);
  });
});

describe("end", () => {
  test.each([
    ["in place", [concat(hex("40 02 00 01"), hex("40 02 00 02"))]],
    ["collected", [hex("40 02 00"), concat(hex("01"), hex("40 02 00 02"))]],
  ])("called by the handler, %s: what is left of the chunk is not read", (_, chunks) => {
    const { reader, events } = recordingReader(undefined, (self) => self.end());
    for (const chunk of chunks) reader.push(chunk);
    expect(events).toEqual([["puback", 1]]);
    expect(thrownCode(() => reader.push(hex("d0 00")))).toBe("closed");
    expect(events).toHaveLength(1);
  });

  test("called in the middle of a streamed message: no further fragment", () => {
    const options = { maximumPacketSize: 128, oversize: "stream" } as const;
    const { reader, events } = recordingReader(options, (self) => self.end());
    reader.push(LONG_PACKET.subarray(0, 20));
    expect(events).toHaveLength(1);
    expect(thrownCode(() => reader.push(LONG_PACKET.subarray(20)))).toBe("closed");
    expect(events).toHaveLength(1);
  });

  test("an exception of the handler comes out as a BerthError, and ends the reader", () => {
    const { reader, events } = recordingReader(undefined, () => {
      throw new RangeError("the application");
    });
    expect(thrownCode(() => reader.push(hex("d0 00 d0 00")))).toBe("internal");
    expect(events).toEqual([["pingresp"]]);
    expect(thrownCode(() => reader.push(hex("d0 00")))).toBe("closed");
  });
});

describe("options", () => {
  test.each([127, 0, -1, 268_435_456, Number.NaN, Number.POSITIVE_INFINITY])(
    "maximumPacketSize %d is refused",
    (maximumPacketSize) => {
      expect(thrownCode(() => recordingReader({ maximumPacketSize }))).toBe("invalid-argument");
    },
  );

  test.each([128, 268_435_455])("maximumPacketSize %d is accepted", (maximumPacketSize) => {
    expect(isBetweenPackets(recordingReader(Object.freeze({ maximumPacketSize })))).toBe(true);
  });
});
