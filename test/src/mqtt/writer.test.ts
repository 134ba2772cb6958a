// SPDX-License-Identifier: MIT
/** Literal packets, and what the writer refuses. Figures and statements are those of MQTT 3.1.1. */
import { describe, expect, test } from "@jest/globals";
import { nodeText } from "../../../simulator/virtual-host";
import { type ConnectOptions, PacketWriter } from "../../../src/mqtt/writer";
import { hex, toHex } from "../../helpers/bytes";
import { thrownCode } from "../../helpers/thrown";
import { waiting } from "../../helpers/waiting";

const text = nodeText;

function writer(size = 512): PacketWriter {
  return new PacketWriter(new Uint8Array(size), text);
}

/** What `write` puts into a fresh buffer. */
function written(write: (writer: PacketWriter) => boolean, size?: number): string {
  const fresh = writer(size);
  expect(write(fresh)).toBe(true);
  return toHex(waiting(fresh));
}

function spaced(digits: string): string {
  return toHex(hex(digits));
}

describe("CONNECT (section 3.1)", () => {
  test("the least: clean session, an id", () => {
    expect(written((to) => to.connect({ id: "a", clean: true, keepAlive: 60 }))).toBe(
      spaced("10 0d  00 04 4d515454 04 02 00 3c  00 01 61"),
    );
  });

  test("figure 3.6: user name, password, will with QoS 1, clean session, keep alive of 10 s", () => {
    const packet = written((to) =>
      to.connect({
        id: "id",
        user: "us",
        password: "pw",
        will: { topic: "w/t", message: "bye", QoS: 1 },
        clean: true,
        keepAlive: 10,
      }),
    );
    // Payload in the order of [MQTT-3.1.3-1]: client identifier, will topic, will message, user name, password.
    expect(packet).toBe(
      spaced(`10 20  00 04 4d515454 04 ce 00 0a
              00 02 6964  00 03 772f74  00 03 627965  00 02 7573  00 02 7077`),
    );
  });

  /** Bits of the connect flags (figure 3.4). */
  test.each<[string, Partial<ConnectOptions>, number]>([
    ["nothing", {}, 0x00],
    ["clean session", { clean: true }, 0x02],
    ["will, QoS 0", { will: { topic: "t", message: "" } }, 0x04],
    ["will, QoS 0 said", { will: { topic: "t", message: "", QoS: 0 } }, 0x04],
    ["will, QoS 1", { will: { topic: "t", message: "", QoS: 1 } }, 0x0c],
    ["will, retained", { will: { topic: "t", message: "", retain: true } }, 0x24],
    ["user", { user: "u" }, 0x80],
    ["user and password", { user: "u", password: "p" }, 0xc0],
    ["an empty user and password are still there", { user: "", password: "" }, 0xc0],
  ])("connect flags: %s", (_, options, flags) => {
    const fresh = writer();
    fresh.connect({ id: "i", clean: false, keepAlive: 0, ...options });
    expect(waiting(fresh, 512)[9]).toBe(flags);
  });

  test("fields as bytes are written as they are; password and will message may hold any byte", () => {
    const packet = written((to) =>
      to.connect({
        id: hex("69"),
        user: hex("75"),
        password: hex("00 ff"),
        will: { topic: hex("74"), message: hex("00 80"), retain: true },
        clean: false,
        keepAlive: 65_535,
      }),
    );
    expect(packet).toBe(
      spaced("10 1b  00 04 4d515454 04 e4 ff ff  00 01 69  00 01 74  00 02 0080  00 01 75  00 02 00ff"),
    );
  });

  test("an empty id with a clean session [MQTT-3.1.3-6]", () => {
    expect(written((to) => to.connect({ id: "", clean: true, keepAlive: 0 }))).toBe(
      spaced("10 0c  00 04 4d515454 04 02 00 00  00 00"),
    );
  });

  test("a field of 65,535 bytes, the longest (section 1.5.3)", () => {
    const fresh = writer(70_000);
    expect(fresh.connect({ id: "x".repeat(65_535), clean: true, keepAlive: 0 })).toBe(true);
    // 10 + 2 + 65,535 = 65,547 = 0x0b + 0x00 * 128 + 0x04 * 16384
    expect(toHex(waiting(fresh, 4))).toBe("10 8b 80 04");
    expect(fresh.pending).toBe(4 + 65_547);
    expect(toHex(waiting(fresh, 18).subarray(14))).toBe("ff ff 78 78");
  });
});

describe("PUBLISH (section 3.3)", () => {
  test("figure 3.11: topic a/b, packet identifier 10", () => {
    expect(written((to) => to.publish("a/b", hex("dead"), 1, 10))).toBe(
      spaced("32 09  00 03 612f62  00 0a  dead"),
    );
  });

  test.each<[string, 0 | 1, number, boolean, boolean, string]>([
    ["QoS 0", 0, 0, false, false, "30"],
    ["QoS 0 retained", 0, 0, false, true, "31"],
    // DUP must be 0 for QoS 0 [MQTT-3.3.1-2].
    ["QoS 0, asked for DUP", 0, 0, true, false, "30"],
    ["QoS 1", 1, 1, false, false, "32"],
    ["QoS 1 retained", 1, 1, false, true, "33"],
    ["QoS 1 again", 1, 1, true, false, "3a"],
    ["QoS 1 again, retained", 1, 1, true, true, "3b"],
  ])("first byte: %s", (_, QoS, id, duplicate, retain, first) => {
    expect(written((to) => to.publish("t", hex(""), QoS, id, duplicate, retain)).slice(0, 2)).toBe(first);
  });

  test("QoS 0 has no packet identifier, even when one is given [MQTT-2.3.1-5]", () => {
    expect(written((to) => to.publish("t", hex("01"), 0, 77))).toBe(spaced("30 04  00 01 74  01"));
  });

  test("figure 1.2: a string of A and U+2A6D4", () => {
    expect(written((to) => to.publish("A\u{2a6d4}", hex("")))).toBe(spaced("30 07  00 05 41f0aa9b94"));
  });

  test("a topic encoded once is the same packet", () => {
    const topic = writer().encodeTopicName("a/ü");
    expect(toHex(topic)).toBe("61 2f c3 bc");
    const payload = hex("01 02");
    expect(written((to) => to.publish(topic, payload, 1, 9))).toBe(
      written((to) => to.publish("a/ü", payload, 1, 9)),
    );
  });

  test("packet identifiers are big-endian (section 2.3.1)", () => {
    expect(written((to) => to.publish("t", hex(""), 1, 0x1234))).toBe(spaced("32 05  00 01 74  12 34"));
    expect(written((to) => to.publish("t", hex(""), 1, 65_535))).toBe(spaced("32 05  00 01 74  ff ff"));
  });

  /** Table 2.4: the first and the last value of each size of the remaining length. */
  test.each([
    [3, "03"],
    [127, "7f"],
    [128, "80 01"],
    [16_383, "ff 7f"],
    [16_384, "80 80 01"],
    [2_097_151, "ff ff 7f"],
    [2_097_152, "80 80 80 01"],
  ])("remaining length %i", (remaining, length) => {
    const fresh = writer(2_100_000);
    const payload = new Uint8Array(remaining - 3).fill(0xa5);
    expect(fresh.publish("t", payload)).toBe(true);
    const header = hex(`30 ${length} 00 01 74`);
    expect(toHex(waiting(fresh, header.length))).toBe(toHex(header));
    expect(fresh.pending).toBe(header.length - 3 + remaining);
    if (payload.length > 0) expect(waiting(fresh, fresh.pending).at(-1)).toBe(0xa5);
  });

  test("a remaining length of 268,435,456 cannot be written down (section 2.2.3)", () => {
    const large = new PacketWriter(new Uint8Array(268_435_500), text);
    expect(thrownCode(() => large.publish("t", new Uint8Array(268_435_453)))).toBe("packet-too-large");
    expect(large.pending).toBe(0);
  });
});

describe("the rest", () => {
  test("PUBACK (section 3.4)", () => {
    expect(written((to) => to.puback(0x1234))).toBe("40 02 12 34");
  });

  test("figures 3.20 to 3.23: SUBSCRIBE with packet identifier 10", () => {
    expect(written((to) => to.subscribe(10, ["a/b", "c/d"], 1))).toBe(
      spaced("82 0e  00 0a  00 03 612f62 01  00 03 632f64 01"),
    );
    expect(written((to) => to.subscribe(10, ["a/b"], 0))).toBe(spaced("82 08  00 0a  00 03 612f62 00"));
  });

  test("figures 3.28 to 3.30: UNSUBSCRIBE with packet identifier 10", () => {
    expect(written((to) => to.unsubscribe(10, ["a/b", "c/d"]))).toBe(
      spaced("a2 0c  00 0a  00 03 612f62  00 03 632f64"),
    );
  });

  test("PINGREQ (section 3.12) and DISCONNECT (section 3.14)", () => {
    expect(written((to) => to.pingreq())).toBe("c0 00");
    expect(written((to) => to.disconnect())).toBe("e0 00");
  });

  test.each([
    "#",
    "+",
    "/",
    "a",
    "a/#",
    "+/b",
    "a/+",
    "a/+/c",
    "/#",
    "//",
    "+/+/#",
    "$dps/registrations/res/#",
  ])("filter %s is well-formed (section 4.7.1)", (filter) => {
    expect(writer().subscribe(1, [filter], 1)).toBe(true);
  });
});

const LONG = "x".repeat(65_536);

/** Each line: what is wrong, how it is asked for, the code that is thrown. */
const REFUSED: [string, (to: PacketWriter) => boolean, string][] = [
  ["a password without a user [MQTT-3.1.2-22]", connect({ password: "p" }), "invalid-argument"],
  ["keepAlive below 0", connect({ keepAlive: -1 }), "invalid-argument"],
  ["keepAlive over 65535", connect({ keepAlive: 65_536 }), "invalid-argument"],
  ["keepAlive with a fraction", connect({ keepAlive: 1.5 }), "invalid-argument"],
  ["keepAlive that is no number", connect({ keepAlive: Number.NaN }), "invalid-argument"],
  ["an empty id, no clean session [MQTT-3.1.3-7]", connect({ id: "", clean: false }), "invalid-argument"],
  ["U+0000 in the id [MQTT-1.5.3-2]", connect({ id: "a\0" }), "invalid-argument"],
  ["U+0000 in the id as bytes", connect({ id: hex("61 00") }), "invalid-argument"],
  ["U+0000 in the user", connect({ user: "\0" }), "invalid-argument"],
  ["U+0000 in the will's topic", connect({ will: { topic: "\0", message: "" } }), "invalid-argument"],
  ["an empty will topic [MQTT-4.7.3-1]", connect({ will: { topic: "", message: "" } }), "invalid-argument"],
  ["a wildcard in the will's topic", connect({ will: { topic: "a/#", message: "" } }), "invalid-argument"],
  ["an id over 65,535 bytes", connect({ id: LONG }), "invalid-argument"],
  ["a user over 65,535 bytes", connect({ user: LONG }), "invalid-argument"],
  ["a password over 65,535 bytes", connect({ user: "u", password: LONG }), "invalid-argument"],
  ["65,536 bytes in 32,768 characters", connect({ id: "ü".repeat(32_768) }), "invalid-argument"],
  ["a will topic over 65,535 bytes", connect({ will: { topic: LONG, message: "" } }), "invalid-argument"],
  ["a will message over 65,535 bytes", connect({ will: { topic: "t", message: LONG } }), "invalid-argument"],
  ["CONNECT over the buffer", connect({ id: "x".repeat(53) }), "packet-too-large"],
  ["an empty topic [MQTT-4.7.3-1]", (to) => to.publish("", hex("")), "invalid-argument"],
  ["# in a topic [MQTT-3.3.2-2]", (to) => to.publish("a/#", hex("")), "invalid-argument"],
  ["+ in a topic [MQTT-3.3.2-2]", (to) => to.publish("a/+", hex("")), "invalid-argument"],
  ["U+0000 in a topic [MQTT-4.7.3-2]", (to) => to.publish("a\0b", hex("")), "invalid-argument"],
  ["a topic over 65,535 bytes [MQTT-4.7.3-3]", (to) => to.publish(LONG, hex("")), "invalid-argument"],
  [
    "QoS 1 with packet identifier 0 [MQTT-2.3.1-1]",
    (to) => to.publish("t", hex(""), 1, 0),
    "invalid-argument",
  ],
  ["QoS 1 without one", (to) => to.publish("t", hex(""), 1), "invalid-argument"],
  ...[0, 65_536, -1, 1.5, Number.NaN].map((id): [string, (to: PacketWriter) => boolean, string] => [
    `PUBACK with packet identifier ${id} [MQTT-2.3.1-1]`,
    (to) => to.puback(id),
    "invalid-argument",
  ]),
  ["packet identifier 1.5", (to) => to.publish("t", hex(""), 1, 1.5), "invalid-argument"],
  ["SUBSCRIBE with packet identifier 1.5", (to) => to.subscribe(1.5, ["a"], 1), "invalid-argument"],
  ["packet identifier 65536", (to) => to.publish("t", hex(""), 1, 65_536), "invalid-argument"],
  ["PUBLISH over the buffer", (to) => to.publish("t", new Uint8Array(60)), "packet-too-large"],
  ["SUBSCRIBE to nothing [MQTT-3.8.3-3]", (to) => to.subscribe(1, [], 1), "invalid-argument"],
  ["SUBSCRIBE with packet identifier 0", (to) => to.subscribe(0, ["a"], 1), "invalid-argument"],
  ["SUBSCRIBE with packet identifier 65536", (to) => to.subscribe(65_536, ["a"], 1), "invalid-argument"],
  ["SUBSCRIBE over the buffer", (to) => to.subscribe(1, ["x".repeat(58)], 1), "packet-too-large"],
  ["a second filter that is wrong", (to) => to.subscribe(1, ["a", "b#"], 1), "invalid-argument"],
  ["a filter over 65,535 bytes", (to) => to.subscribe(1, [LONG], 1), "invalid-argument"],
  ["UNSUBSCRIBE from nothing [MQTT-3.10.3-2]", (to) => to.unsubscribe(1, []), "invalid-argument"],
  ["UNSUBSCRIBE with packet identifier 0", (to) => to.unsubscribe(0, ["a"]), "invalid-argument"],
  ["UNSUBSCRIBE over the buffer", (to) => to.unsubscribe(1, ["x".repeat(59)]), "packet-too-large"],
  ...["", "a#", "a/b#", "#/a", "a/#/b", "##", "a+", "+a", "a/+b/c", "a\0"].map(
    (filter): [string, (to: PacketWriter) => boolean, string] => [
      `filter ${JSON.stringify(filter)} [MQTT-4.7.1-2, 4.7.1-3, 4.7.3-1, 4.7.3-2]`,
      (to) => to.subscribe(1, [filter], 1),
      "invalid-argument",
    ],
  ),
];

function connect(options: Partial<ConnectOptions>): (to: PacketWriter) => boolean {
  return (to) => to.connect({ id: "i", clean: true, keepAlive: 0, ...options });
}

describe("refused for good: nothing is written", () => {
  test.each(REFUSED)("%s", (_, ask, code) => {
    const memory = new Uint8Array(96).fill(0xee);
    const to = new PacketWriter(memory.subarray(16, 80), text);
    expect(thrownCode(() => ask(to))).toBe(code);
    expect(to.pending).toBe(0);
    expect(memory.every((byte) => byte === 0xee)).toBe(true);
  });

  // Seen by the encoder only, which has begun to write by then.
  test.each<[string, (to: PacketWriter) => unknown]>([
    ["a topic", (to) => to.publish("a\ud800", hex(""))],
    ["an id", connect({ id: "\udc00a" })],
    ["a user", connect({ user: "\ud800" })],
    ["a will", connect({ will: { topic: "t", message: "\ud800" } })],
    ["a filter", (to) => to.subscribe(1, ["\ud800/a"], 1)],
    ["a topic to encode", (to) => to.encodeTopicName("\ud800")],
  ])("a lone surrogate in %s [MQTT-1.5.3-1]", (_, ask) => {
    const to = writer();
    expect(thrownCode(() => ask(to))).toBe("invalid-argument");
    expect(to.pending).toBe(0);
  });

  test("encodeTopicName refuses what publish refuses", () => {
    for (const topic of ["", "#", "+", "\0", LONG]) {
      expect(thrownCode(() => writer().encodeTopicName(topic))).toBe("invalid-argument");
    }
  });
});

describe("refused for lack of room", () => {
  const PACKETS: [string, (to: PacketWriter) => boolean, number][] = [
    ["CONNECT", connect({}), 15],
    ["PUBLISH QoS 0", (to) => to.publish("t", hex("01")), 6],
    ["PUBLISH QoS 1", (to) => to.publish("t", hex("01"), 1, 1), 8],
    ["PUBACK", (to) => to.puback(1), 4],
    ["SUBSCRIBE", (to) => to.subscribe(1, ["a"], 1), 8],
    ["UNSUBSCRIBE", (to) => to.unsubscribe(1, ["a"]), 7],
    ["PINGREQ", (to) => to.pingreq(), 2],
    ["DISCONNECT", (to) => to.disconnect(), 2],
  ];

  test.each(PACKETS)("%s: fits into exactly its size, not into a byte less", (_, ask, size) => {
    const memory = new Uint8Array(96).fill(0xee);
    const to = new PacketWriter(memory.subarray(16, 80), text);
    // Filled up to one byte too many.
    expect(to.publish("f", new Uint8Array(64 - size - 4))).toBe(true);
    const before = memory.slice();
    expect(ask(to)).toBe(false);
    expect(to.pending).toBe(65 - size);
    expect(memory).toEqual(before);
    // A byte has been sent: now it fits.
    to.consume(1);
    expect(ask(to)).toBe(true);
    expect(to.pending).toBe(64);
    expect(memory.subarray(0, 16).every((byte) => byte === 0xee)).toBe(true);
    expect(memory.subarray(80).every((byte) => byte === 0xee)).toBe(true);
  });

  test.each(PACKETS)("%s: the whole buffer is enough, one byte less never is", (_, ask, size) => {
    expect(ask(new PacketWriter(new Uint8Array(size), text))).toBe(true);
    const to = new PacketWriter(new Uint8Array(size - 1), text);
    expect(thrownCode(() => ask(to))).toBe("packet-too-large");
  });
});

describe("sending in parts", () => {
  test("drain hands over what waits, by offsets into the buffer, as far as there is room", () => {
    const memory = new Uint8Array(64);
    const to = new PacketWriter(memory, text);
    to.puback(1);
    to.puback(2);
    const calls: [start: number, end: number, bytes: string][] = [];
    const rooms = [1, 0];
    const sink = {
      write(bytes: Uint8Array, start: number, end: number): number {
        expect(bytes).toBe(memory);
        calls.push([start, end, toHex(bytes.subarray(start, end))]);
        return rooms.shift() ?? 0;
      },
    };
    expect(to.drain(sink, 0)).toBe(0);
    expect(to.drain(sink, 3)).toBe(0);
    // Room for one more byte after the first three.
    expect(calls).toEqual([
      [0, 3, "40 02 00"],
      [3, 4, "01"],
    ]);
    expect(to.pending).toBe(4);
    rooms.push(96);
    expect(to.drain(sink, 100)).toBe(96);
    expect(calls.at(-1)).toEqual([4, 8, "40 02 00 02"]);
    expect(to.pending).toBe(0);
    expect(to.drain(sink, 100)).toBe(100);
    expect(calls).toHaveLength(3);
  });

  test("a sink that throws: the bytes still wait", () => {
    const to = writer();
    to.puback(1);
    const broken = {
      write(): number {
        throw new Error("broken");
      },
    };
    expect(() => to.drain(broken, 100)).toThrow("broken");
    expect(toHex(waiting(to))).toBe("40 02 00 01");
  });

  test("what waits can be looked at, as much as asked for; consume takes it away", () => {
    const to = writer();
    to.puback(1);
    to.puback(2);
    expect(toHex(waiting(to, 3))).toBe("40 02 00");
    to.consume(3);
    expect(to.pending).toBe(5);
    expect(toHex(waiting(to, 100))).toBe("01 40 02 00 02");
    to.consume(5);
    expect(to.pending).toBe(0);
    expect(waiting(to, 100)).toHaveLength(0);
  });

  test("what waits is moved to the front when the next packet needs the room", () => {
    const to = writer(10);
    to.puback(1);
    to.puback(2);
    to.consume(3);
    expect(to.puback(3)).toBe(true);
    expect(toHex(waiting(to, 100))).toBe("01 40 02 00 02 40 02 00 03");
    expect(to.puback(4)).toBe(false);
    expect(toHex(waiting(to, 100))).toBe("01 40 02 00 02 40 02 00 03");
  });

  test("wipe leaves nothing of what was sent, and all of what waits", () => {
    const memory = new Uint8Array(64);
    const to = new PacketWriter(memory, text);
    to.connect({ id: "i", user: "user", password: "secret", clean: true, keepAlive: 0 });
    to.puback(7);
    to.consume(to.pending - 4);
    to.wipe();
    expect(Buffer.from(memory).includes("secret")).toBe(false);
    expect(toHex(waiting(to, 100))).toBe("40 02 00 07");
    to.consume(4);
    to.wipe();
    expect(memory.every((byte) => byte === 0)).toBe(true);
  });

  test("wipe reaches what a move to the front left behind", () => {
    const memory = new Uint8Array(40);
    const to = new PacketWriter(memory, text);
    to.connect({ id: "", user: "u", password: "secret", clean: true, keepAlive: 0 });
    expect(to.pending).toBe(25);
    to.consume(23);
    // 16 bytes do not fit behind the 25: the last two of these go to the front, the password stays where it was.
    to.publish("t", new Uint8Array(11));
    expect(Buffer.from(memory).includes("secret")).toBe(true);
    to.wipe();
    expect(Buffer.from(memory).includes("secret")).toBe(false);
    expect(toHex(waiting(to, 100))).toBe(spaced(`6574 30 0e 00 01 74 ${"00".repeat(11)}`));
  });
});

describe("a buffer that grows", () => {
  test("takes as much as its limit, in order, and not a byte more", () => {
    const memory = new Uint8Array(8);
    const to = new PacketWriter(memory, text, 24);
    for (let id = 1; id <= 6; id += 1) expect(to.puback(id)).toBe(true);
    expect(to.puback(7)).toBe(false);
    to.consume(4);
    expect(to.puback(8)).toBe(true);
    const ids = [2, 3, 4, 5, 6, 8].map((id) => `40 02 00 0${id}`);
    expect(toHex(waiting(to, 100))).toBe(ids.join(" "));
  });

  test("a packet of its limit fits, one byte more never does, and leaves the buffer as it was", () => {
    const to = new PacketWriter(new Uint8Array(8), text, 64);
    to.puback(1);
    expect(thrownCode(() => to.publish("t", new Uint8Array(60)))).toBe("packet-too-large");
    expect(toHex(waiting(to, 100))).toBe("40 02 00 01");
    to.consume(4);
    expect(to.publish("t", new Uint8Array(59).fill(0x2a))).toBe(true);
    expect(to.pending).toBe(64);
  });

  test("what it grew out of holds no password, whether sent or waiting", () => {
    const memory = new Uint8Array(32);
    const to = new PacketWriter(memory, text, 128);
    to.connect({ id: "", user: "u", password: "secret", clean: true, keepAlive: 0 });
    expect(Buffer.from(memory).includes("secret")).toBe(true);
    to.consume(20);
    to.publish("t", new Uint8Array(40));
    expect(memory.every((byte) => byte === 0)).toBe(true);
    to.wipe();
    expect(to.pending).toBe(5 + 45);
  });
});
