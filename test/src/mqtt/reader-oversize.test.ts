// SPDX-License-Identifier: MIT
/** Packets over the configured size: read past, or handed over in fragments, in bounded memory. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  type InboundPublish,
  type OversizePublish,
  oversizeError,
  type ReaderOptions,
} from "../../../src/mqtt/reader";
import { cut, hex } from "../../helpers/bytes";
import { generatePackets } from "../../helpers/oracle";
import { isBetweenPackets, readerEvents, recordingReader } from "../../helpers/reader-events";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const SKIP: ReaderOptions = { maximumPacketSize: 128 };
const STREAM: ReaderOptions = { maximumPacketSize: 128, oversize: "stream" };

function packet(topic: string, payload: Uint8Array, qos: 0 | 1 = 0): Uint8Array {
  const identifier = qos ? { messageId: 7 } : {};
  return generatePackets({
    cmd: "publish",
    topic,
    payload: Buffer.from(payload),
    qos,
    dup: false,
    retain: true,
    ...identifier,
  });
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i & 0xff);
}

/** The PUBLISH events, put together again; expects them to be the fragments of one message. */
function joined(events: readonly (readonly unknown[])[]): InboundPublish & { fragments: number } {
  const payload: number[] = [];
  let first: InboundPublish | undefined;
  for (const [name, value] of events) {
    const fragment = value as Omit<InboundPublish, "payload"> & { payload: number[] };
    expect(name).toBe("publish");
    expect(fragment.offset).toBe(payload.length);
    first ??= { ...fragment, payload: hex("") };
    expect({ ...fragment, offset: 0, payload: hex("") }).toEqual(first);
    payload.push(...fragment.payload);
  }
  if (!first) throw new Error("no fragment");
  return { ...first, payload: Uint8Array.from(payload), fragments: events.length };
}

/** What is reported of `packet(topic, payload, qos)` when it is read past. */
function oversize(topic: string, payload: Uint8Array, qos: 0 | 1 = 0, held = topic): readonly unknown[] {
  const size = 2 + Buffer.byteLength(topic) + (qos ? 2 : 0) + payload.length;
  const report = { topic: held, topicIsWhole: held === topic, QoS: qos, id: qos ? 7 : 0, size, maximum: 128 };
  return ["oversize", report];
}

const NEXT = hex("40 02 00 05");

describe("read past", () => {
  test("128 bytes are read, 129 are told when the last has come", () => {
    expect(readerEvents([packet("t", counting(125))], SKIP)).toHaveLength(1);
    const recording = recordingReader(SKIP);
    const { reader, events } = recording;
    const bytes = packet("t", counting(126));
    reader.push(bytes.subarray(0, -1));
    expect(events).toEqual([]);
    reader.push(bytes.subarray(-1));
    expect(events).toEqual([oversize("t", counting(126))]);
    expect(isBetweenPackets(recording)).toBe(true);
  });

  // Bodies, topics on both sides of the maximum, and characters of one to four bytes where the topic is cut.
  const cases: readonly [string, string, number, 0 | 1, string?][] = [
    ["a large body", "a/b", 400, 1],
    ["a large body, QoS 0", "a/b", 400, 0],
    ["a topic with properties, and a body", `d/${"p=1&".repeat(20)}`, 90, 1],
    ["a topic that just fits", "x".repeat(126), 3, 1],
    ["a topic that just does not", "x".repeat(127), 3, 1, "x".repeat(125)],
    ["nothing but a topic", "x".repeat(127), 0, 0, "x".repeat(125)],
    ["nothing but a topic, QoS 1", "x".repeat(300), 0, 1, "x".repeat(125)],
    ["a topic of 65,535 bytes", "x".repeat(65_535), 10, 1, "x".repeat(125)],
    ["two bytes a character", "ü".repeat(200), 10, 1, "ü".repeat(62)],
    ["three bytes a character", "€".repeat(200), 10, 1, "€".repeat(41)],
    ["four bytes a character", "😀".repeat(200), 10, 1, "😀".repeat(31)],
    ["four bytes a character, cut a byte on", `x${"😀".repeat(200)}`, 10, 1, `x${"😀".repeat(31)}`],
    ["four bytes a character, cut two bytes on", `xx${"😀".repeat(200)}`, 10, 1, `xx${"😀".repeat(30)}`],
  ];

  test.each(
    cases.map(([name, topic, length, qos, held = topic]) => [name, topic, length, qos, held] as const),
  )("%s, cut in two at every byte; the next packet is read as ever", (_, topic, length, qos, held) => {
    const bytes = Uint8Array.from([...packet(topic, counting(length), qos), ...NEXT]);
    const expected = [oversize(topic, counting(length), qos, held), ["puback", 5]];
    expect(readerEvents([bytes], SKIP)).toEqual(expected);
    expect(
      readerEvents(
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
        SKIP,
      ),
    ).toEqual(expected);
    const step = bytes.length > 2_000 ? 9_973 : bytes.length > 450 ? 7 : 1;
    for (let at = 1; at < bytes.length; at += step) {
      expect(readerEvents(cut(bytes, [at]), SKIP)).toEqual(expected);
    }
  });

  test.each(
    cases.map(([name, topic, length, qos, held = topic]) => [name, topic, length, qos, held] as const),
  )("%s, by its topic: as where all are, or as where none is", (_, topic, length, qos, held) => {
    const bytes = Uint8Array.from([...packet(topic, counting(length), qos), ...NEXT]);
    const asked: string[] = [];
    const options = (streams: boolean): ReaderOptions => ({
      ...SKIP,
      oversize: (of) => {
        asked.push(of);
        return streams;
      },
    });
    const step = bytes.length > 2_000 ? 9_973 : bytes.length > 450 ? 7 : 1;
    for (let at = 1; at < bytes.length; at += step) {
      const chunks = cut(bytes, [at, Math.min(bytes.length - 1, at + 130)]);
      const past = readerEvents(chunks, options(false));
      expect(past).toEqual([oversize(topic, counting(length), qos, held), ["puback", 5]]);
      expect(readerEvents(chunks, options(true))).toEqual(readerEvents(chunks, STREAM));
    }
    expect(asked.every((of) => of === topic)).toBe(true);
  });

  test("two in a row, with identifiers of their own, cut in three anywhere", () => {
    const other = packet("b", counting(140), 1);
    other.set([0xff, 0xfe], 6);
    const both = Uint8Array.from([...packet("a", counting(130), 1), ...other, ...NEXT]);
    for (let at = 1; at < both.length; at += 3) {
      for (const width of [1, 2, 5, 130]) {
        const events = readerEvents(cut(both, [at, at + width]), SKIP);
        expect(events.map(([, value]) => (value as OversizePublish).id ?? value)).toEqual([7, 0xfffe, 5]);
      }
    }
  });

  test("the largest packet of MQTT", () => {
    const { reader, events } = recordingReader(SKIP);
    reader.push(hex("32 ff ff ff 7f 00 01 61 00 09"));
    const chunk = new Uint8Array(1 << 20);
    for (let left = 268_435_455 - 5; left > 0; left -= chunk.length) {
      expect(events).toEqual([]);
      reader.push(chunk, Math.min(left, chunk.length));
    }
    const report = { topic: "a", topicIsWhole: true, QoS: 1, id: 9, size: 268_435_455, maximum: 128 };
    expect(events).toEqual([["oversize", report]]);
  });

  test("the default is 8,192 bytes, and to read past", () => {
    expect(readerEvents([packet("t", counting(8_189))])[0]?.[0]).toBe("publish");
    expect(readerEvents([packet("t", counting(8_190))])[0]?.[0]).toBe("oversize");
  });

  test("its error names sizes and topic, bounded and without control characters", () => {
    const report = {
      topic: "a/\u001b[31m",
      topicIsWhole: true,
      QoS: 1,
      id: 1,
      size: 5_000,
      maximum: 128,
    } as const;
    expect(oversizeError(report)).toMatchObject({
      code: "packet-too-large",
      message: expect.stringContaining("5000 bytes received on a/?[31m, maximumPacketSize is 128"),
    });
    const long = oversizeError({ ...report, topic: "x".repeat(9_000), topicIsWhole: false });
    expect(long.message).toContain(`${"x".repeat(200)}...`);
    expect(long.message.length).toBeLessThan(500);
  });

  test("a SUBACK over the maximum answers no request", () => {
    for (const options of [SKIP, STREAM]) {
      const { reader } = recordingReader(options);
      expect(thrownCode(() => reader.push(hex("90 81 01")))).toBe("protocol-violation");
    }
  });
});

describe("stream", () => {
  test("up to the maximum a message is not cut, over it it is", () => {
    const whole = joined(readerEvents(cut(packet("t", counting(125)), [60]), STREAM));
    expect(whole).toMatchObject({ fragments: 1, byteLength: 125 });
    const large = joined(readerEvents(cut(packet("t", counting(126)), [60]), STREAM));
    expect(large).toMatchObject({ fragments: 2, byteLength: 126, payload: counting(126) });
  });

  test("topic, QoS, identifier and flags go with every fragment; the next packet is read as ever", () => {
    const bytes = Uint8Array.from([...packet("a/b", counting(400), 1), ...hex("40 02 00 05")]);
    const events = readerEvents(cut(bytes, [100, 200, 300]), STREAM);
    expect(events.pop()).toEqual(["puback", 5]);
    expect(joined(events)).toEqual({
      topic: "a/b",
      QoS: 1,
      id: 7,
      duplicate: false,
      retain: true,
      byteLength: 400,
      offset: 0,
      payload: counting(400),
      fragments: 4,
    });
  });

  test("two large messages, one behind the other, cut in two at every point", () => {
    const first = packet("a", counting(130), 1);
    const both = Uint8Array.from([...first, ...packet("b", counting(140))]);
    for (let at = 1; at < both.length; at += 1) {
      const events = readerEvents(cut(both, [at]), STREAM);
      const second = events.findIndex(([, value]) => (value as InboundPublish).topic === "b");
      expect(joined(events.slice(0, second))).toMatchObject({ QoS: 1, payload: counting(130) });
      expect(joined(events.slice(second))).toMatchObject({ QoS: 0, payload: counting(140) });
    }
  });

  test("no fragment is empty", () => {
    const bytes = packet("t", counting(300), 1);
    for (let at = 1; at < bytes.length; at += 1) {
      for (const [, value] of readerEvents(cut(bytes, [at]), STREAM)) {
        expect((value as InboundPublish).payload.length).toBeGreaterThan(0);
      }
    }
  });

  test("cut off at every byte: not between packets, and no more than what came is reported", () => {
    const bytes = packet("topic", counting(200));
    const headLength = bytes.length - 200;
    for (let length = 1; length < bytes.length; length += 1) {
      const recording = recordingReader(STREAM);
      recording.reader.push(bytes.subarray(0, length));
      expect(recording.events).toHaveLength(length > headLength ? 1 : 0);
      expect(isBetweenPackets(recording)).toBe(false);
    }
  });

  test.each([
    ["QoS 0", 0, 126],
    ["QoS 1", 1, 124],
  ] as const)(
    "%s: a head of 128 bytes is collected, with one of 129 the message is read past",
    (_, qos, length) => {
      const longest = packet("x".repeat(length), counting(20), qos);
      expect(joined(readerEvents(cut(longest, [5, 50]), STREAM))).toMatchObject({
        topic: "x".repeat(length),
        payload: counting(20),
      });
      const topic = "x".repeat(length + 1);
      const over = Uint8Array.from([...packet(topic, counting(20), qos), ...NEXT]);
      const expected = [
        oversize(topic, counting(20), qos, length < 126 ? topic : "x".repeat(125)),
        ["puback", 5],
      ];
      for (let at = 1; at < over.length; at += 1)
        expect(readerEvents(cut(over, [at]), STREAM)).toEqual(expected);
    },
  );

  test.each([
    ["an empty topic", "30 90 01 00 00", "malformed-packet"],
    ["an empty topic, QoS 1", "32 90 01 00 00 00 01", "malformed-packet"],
    ["a topic longer than the packet", "30 90 01 00 8f", "malformed-packet"],
    ["no room for the identifier", "32 90 01 00 8d", "malformed-packet"],
    ["a wildcard", "30 90 01 00 02 61 23", "malformed-packet"],
    ["not UTF-8", "30 90 01 00 01 ff", "malformed-packet"],
    ["packet identifier 0", "32 90 01 00 01 61 00 00", "malformed-packet"],
  ])("%s is refused as in a small message", (_, digits, code) => {
    const bytes = hex(digits);
    const streaming = recordingReader(STREAM);
    expect(thrownCode(() => streaming.reader.push(bytes.subarray(0, -1)))).toBe("none");
    expect(thrownCode(() => streaming.reader.push(bytes.subarray(-1)))).toBe(code);
    // Read past, an identifier is looked at with the last byte.
    const skipping = recordingReader(SKIP);
    const whole = Uint8Array.from([...bytes, ...new Uint8Array(0x90 + 3 - bytes.length)]);
    expect(thrownCode(() => skipping.reader.push(whole))).toBe(code);
    expect([streaming.events, skipping.events]).toEqual([[], []]);
  });

  test("what is held of a topic over the maximum is judged too", () => {
    for (const wrong of ["#", "+", "\0"]) {
      const bytes = packet("x".repeat(200), counting(1));
      bytes[60] = wrong.charCodeAt(0);
      expect(thrownCode(() => recordingReader(STREAM).reader.push(bytes))).toBe("malformed-packet");
    }
    // More continuation bytes than a character has, where the topic is cut.
    const bytes = packet("x".repeat(200), counting(1));
    bytes.fill(0x80, 125, 135);
    expect(thrownCode(() => recordingReader(SKIP).reader.push(bytes))).toBe("malformed-packet");
  });
});

/** The lengths of all `new Uint8Array(length)` while `work` runs. */
function allocations(work: () => void): number[] {
  const lengths: number[] = [];
  const original = globalThis.Uint8Array;
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, args, newTarget) {
      if (typeof args[0] === "number") lengths.push(args[0]);
      return Reflect.construct(target, args, newTarget === globalThis.Uint8Array ? target : newTarget);
    },
  });
  try {
    work();
  } finally {
    globalThis.Uint8Array = original;
  }
  return lengths;
}

describe("memory", () => {
  test.each([
    ["read past", SKIP],
    ["streamed", STREAM],
  ])("a message of 1 MB, %s, never makes the reader allocate over its maximum", (_, options) => {
    for (const topic of ["x".repeat(100), "x".repeat(60_000)]) {
      const bytes = packet(topic, new Uint8Array(1_000_000), 1);
      const lengths = allocations(() => {
        const { reader, events } = recordingReader({ ...options }, () => {});
        for (let at = 0; at < bytes.length; at += 50_000) reader.push(bytes.subarray(at, at + 50_000));
        expect(events.length).toBeGreaterThan(0);
      });
      expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(128);
    }
  });

  test("what is announced is allocated only up to the maximum, and once", () => {
    const bytes = packet("t", counting(100));
    const lengths = allocations(() => {
      const { reader, events } = recordingReader(SKIP);
      for (let i = 0; i < 50; i += 1) {
        reader.push(bytes.subarray(0, 9));
        reader.push(bytes.subarray(9));
      }
      expect(events).toHaveLength(50);
    });
    expect(lengths.filter((length) => length > 0)).toEqual([103]);
  });

  test("the buffer for collected packets survives a streamed message", () => {
    const small = packet("t", counting(100));
    const large = packet("t", counting(1_000));
    const lengths = allocations(() => {
      const { reader, events } = recordingReader(STREAM);
      for (let i = 0; i < 10; i += 1) {
        for (const bytes of [small, large]) {
          reader.push(bytes.subarray(0, 9));
          reader.push(bytes.subarray(9));
        }
      }
      expect(events).toHaveLength(30);
    });
    expect(lengths.filter((length) => length > 0)).toEqual([103]);
  });
});

testProperty(
  "the fragments are the payload, whatever the sizes",
  500,
  fc.property(
    fc.string({ minLength: 1, maxLength: 130 }).filter((topic) => !/[#+\0]/.test(topic)),
    fc.uint8Array({ minLength: 1, maxLength: 700 }),
    fc.constantFrom<(0 | 1)[]>(0, 1),
    fc.array(fc.nat(900), { maxLength: 8 }),
    (topic, payload, qos, cuts) => {
      const bytes = packet(topic, payload, qos);
      fc.pre(Buffer.byteLength(topic) + 4 <= 128);
      const message = joined(readerEvents(cut(bytes, cuts), STREAM));
      expect(message).toMatchObject({ topic, payload: Uint8Array.from(payload), QoS: qos });
      expect(message.byteLength).toBe(payload.length);
    },
  ),
);

testProperty(
  "what is read past is told once, whatever the sizes, and what follows is read",
  300,
  fc.property(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 130 }).filter((topic) => !/[#+\0]/.test(topic)),
    fc.uint8Array({ minLength: 130, maxLength: 700 }),
    fc.constantFrom<(0 | 1)[]>(0, 1),
    fc.array(fc.nat(900), { maxLength: 8 }),
    (topic, payload, qos, cuts) => {
      const bytes = Uint8Array.from([...packet(topic, payload, qos), ...NEXT]);
      const [[name, report], next, ...more] = readerEvents(cut(bytes, cuts), SKIP) as [
        string,
        OversizePublish,
      ][];
      expect([name, next, more]).toEqual(["oversize", ["puback", 5], []]);
      expect(topic.startsWith(report.topic)).toBe(true);
      expect(report).toMatchObject({ QoS: qos, id: qos ? 7 : 0, topicIsWhole: report.topic === topic });
      expect(report.topicIsWhole).toBe(Buffer.byteLength(topic) <= 126);
    },
  ),
);
