// SPDX-License-Identifier: MIT
/** Packets over the configured size: refused, or handed over in fragments, in bounded memory. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { InboundPublish, ReaderOptions } from "../../../src/mqtt/reader";
import { cut, hex } from "../../helpers/bytes";
import { generatePackets } from "../../helpers/oracle";
import { readerEvents, recordingReader } from "../../helpers/reader-events";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const REFUSE: ReaderOptions = { maximumPacketSize: 128 };
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

describe("refuse", () => {
  test("128 bytes are read, 129 are refused when they are announced", () => {
    expect(readerEvents([packet("t", counting(125))], REFUSE)).toHaveLength(1);
    const { reader, events } = recordingReader(REFUSE);
    expect(thrownCode(() => reader.push(packet("t", counting(126)).subarray(0, 3)))).toBe("packet-too-large");
    expect(events).toEqual([]);
  });

  test("a packet that lies whole in a chunk is refused alike", () => {
    const { reader, events } = recordingReader(REFUSE);
    expect(thrownCode(() => reader.push(packet("t", counting(126))))).toBe("packet-too-large");
    expect(events).toEqual([]);
  });

  test("the largest packet of MQTT is refused after its fifth byte", () => {
    const { reader } = recordingReader(REFUSE);
    reader.push(hex("30 ff ff ff"));
    expect(thrownCode(() => reader.push(hex("7f")))).toBe("packet-too-large");
  });

  test("the default is 4,096 bytes, and to refuse", () => {
    expect(readerEvents([packet("t", counting(4_093))])).toHaveLength(1);
    const { reader } = recordingReader();
    expect(thrownCode(() => reader.push(packet("t", counting(4_094))))).toBe("packet-too-large");
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

  test("cut off at every byte: not idle, and no more than what came is reported", () => {
    const bytes = packet("topic", counting(200));
    const headLength = bytes.length - 200;
    for (let length = 1; length < bytes.length; length += 1) {
      const { reader, events } = recordingReader(STREAM);
      reader.push(bytes.subarray(0, length));
      expect(reader.idle).toBe(false);
      expect(events).toHaveLength(length > headLength ? 1 : 0);
    }
  });

  test("only PUBLISH is streamed", () => {
    const { reader } = recordingReader(STREAM);
    expect(thrownCode(() => reader.push(hex("90 81 01")))).toBe("packet-too-large");
  });

  test.each([
    ["QoS 0", 0, 126],
    ["QoS 1", 1, 124],
  ] as const)(
    "%s: a head of 128 bytes is collected, one of 129 refused before it has come",
    (_, qos, length) => {
      const longest = packet("x".repeat(length), counting(20), qos);
      expect(joined(readerEvents(cut(longest, [5, 50]), STREAM))).toMatchObject({
        topic: "x".repeat(length),
        payload: counting(20),
      });
      const over = packet("x".repeat(length + 1), counting(20), qos);
      const { reader, events } = recordingReader(STREAM);
      expect(thrownCode(() => reader.push(over.subarray(0, 5)))).toBe("packet-too-large");
      expect(events).toEqual([]);
    },
  );

  test("a message that is nothing but a topic over the maximum", () => {
    const { reader } = recordingReader(STREAM);
    expect(thrownCode(() => reader.push(packet("x".repeat(127), hex(""))))).toBe("packet-too-large");
  });

  test.each([
    ["an empty topic", "30 90 01 00 00", "malformed-packet"],
    ["an empty topic, QoS 1", "32 90 01 00 00 00 01", "malformed-packet"],
    ["a topic longer than the packet", "30 90 01 00 8f", "malformed-packet"],
    ["no room for the identifier", "32 90 01 00 8d", "malformed-packet"],
    ["a wildcard", "30 90 01 00 02 61 23", "malformed-packet"],
    ["not UTF-8", "30 90 01 00 01 ff", "malformed-packet"],
    ["packet identifier 0", "32 90 01 00 01 61 00 00", "malformed-packet"],
  ])("%s is refused as in a small message", (_, digits, code) => {
    const { reader, events } = recordingReader(STREAM);
    const bytes = hex(digits);
    expect(thrownCode(() => reader.push(bytes.subarray(0, -1)))).toBe("none");
    expect(thrownCode(() => reader.push(bytes.subarray(-1)))).toBe(code);
    expect(events).toEqual([]);
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
    ["refused", REFUSE],
    ["streamed", STREAM],
  ])("a message of 1 MB, %s, never makes the reader allocate over its maximum", (_, options) => {
    const bytes = packet("x".repeat(100), new Uint8Array(1_000_000));
    const lengths = allocations(() => {
      const { reader } = recordingReader({ ...options }, () => {});
      try {
        for (let at = 0; at < bytes.length; at += 50_000) reader.push(bytes.subarray(at, at + 50_000));
      } catch {
        // Refused.
      }
    });
    expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(128);
  });

  test("what is announced is allocated only up to the maximum, and once", () => {
    const bytes = packet("t", counting(100));
    const lengths = allocations(() => {
      const { reader, events } = recordingReader(REFUSE);
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
