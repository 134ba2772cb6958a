// SPDX-License-Identifier: MIT
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeText } from "../../../simulator/virtual-host";
import { concat, cut, hex, toHex } from "../../helpers/bytes";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";
import {
  ANSWER,
  answer,
  answerTo,
  frame,
  openedWebSocket,
  openWebSocket,
  SAMPLE_ACCEPT,
  SAMPLE_KEY,
} from "../../helpers/websocket-world";

const bytes = (text: string): Uint8Array => nodeText.encode(text);
const HELLO = bytes("Hello");

describe("the upgrade", () => {
  test("asks as RFC 6455 has it, in as many parts as the room takes", () => {
    const { inner, log } = openWebSocket();
    inner.writable(20);
    inner.writable(1);
    inner.writable();
    expect(nodeText.decode(inner.sent)).toBe(
      [
        "GET /$iothub/websocket HTTP/1.1",
        "Host: hub.example",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${SAMPLE_KEY}`,
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: mqtt",
        "\r\n",
      ].join("\r\n"),
    );
    expect(log).toEqual([]);
    inner.receive(answer());
    expect(log).toEqual(["writable 16376"]);
  });

  test("names a port that is not HTTPS's, and puts an IPv6 address into brackets", () => {
    const { inner } = openWebSocket({ host: "::1", port: 8443 });
    inner.writable();
    expect(nodeText.decode(inner.sent)).toContain("\r\nHost: [::1]:8443\r\n");
  });

  test.each([
    ["another order, other cases, white space", ["upgrade: WebSocket", "CONNECTION:  keep-alive, upgrade "]],
    ["header fields that say nothing", ["Upgrade: websocket", "Connection: Upgrade", "Date: now", "X-Y:"]],
  ])("takes %s", (_what, lines) => {
    const { inner, log } = openWebSocket();
    inner.writable();
    inner.receive(answer([ANSWER[0] as string, ...ANSWER.slice(3), ...lines]));
    expect(log).toEqual(["writable 16376"]);
  });

  const without = (name: string): string[] => ANSWER.filter((line) => !line.startsWith(name));
  test.each<[string, Uint8Array, string]>([
    ["another status", answer(["HTTP/1.1 404 Not Found"]), "404 Not Found"],
    ["a redirection", answer(["HTTP/1.1 302 Found", "Location: https://login.example"]), "302 Found"],
    ["HTTP/1.0", answer(["HTTP/1.0 101 ok", ...ANSWER.slice(1)]), "no HTTP/1.1"],
    ["no HTTP", answer(["220 mail.example ESMTP"]), "no HTTP/1.1: 220 mail"],
    ["bytes that are no text", concat(hex("ff fe"), answer()), "no text"],
    ["a line that is no header", answer([...ANSWER, "nonsense"]), "no header: nonsense"],
    ["a folded header", answer([...ANSWER, " folded"]), "no header"],
    ["no Upgrade", answer(without("Upgrade")), "no Upgrade"],
    ["no Connection", answer(without("Connection")), "no Connection"],
    ["no Accept", answer(without("Sec-WebSocket-Accept")), "wrong Sec-WebSocket-Accept"],
    [
      "the Accept of another key",
      answer(ANSWER.map((line) => line.replace(SAMPLE_ACCEPT, "dGhlIHNhbXBsZSBub25jZQ=="))),
      "wrong Sec-WebSocket-Accept",
    ],
    [
      "Accept twice",
      answer([...ANSWER, `Sec-WebSocket-Accept: ${SAMPLE_ACCEPT}`]),
      "wrong Sec-WebSocket-Accept",
    ],
    ["no subprotocol", answer(without("Sec-WebSocket-Protocol")), "no Sec-WebSocket-Protocol"],
    ["another subprotocol", answer(ANSWER.map((line) => line.replace("mqtt", "amqp"))), "mqtt"],
    ["an extension", answer([...ANSWER, "Sec-WebSocket-Extensions: permessage-deflate"]), "an extension"],
    ["an answer without end", bytes(`HTTP/1.1 101 ok\r\nX: ${"y".repeat(4000)}`), "more than 2048"],
  ])("refuses %s", (_what, reply, about) => {
    const { inner, errors, log, socket } = openWebSocket();
    inner.writable();
    inner.receive(reply);
    expect(log).toEqual(["error websocket-refused"]);
    expect(errors[0]?.message).toContain(about);
    expect(inner.closed).toBe(1);
    expect(thrownCode(() => socket.write(HELLO))).toBe("closed");
  });

  test("tells the status", () => {
    const { inner, errors } = openWebSocket();
    inner.writable();
    inner.receive(answer(["HTTP/1.1 503 Service Unavailable"]));
    expect(errors[0]).toMatchObject({ status: 503, retriable: true });
  });

  test("an answer to half of a request is none", () => {
    const { inner, errors } = openWebSocket();
    inner.writable(40);
    inner.receive(answer());
    expect(errors[0]?.message).toContain("before it had the whole request");
  });

  test("a connection that ends is told as what carries it says, once", () => {
    const { inner, log } = openWebSocket();
    inner.readError = new Error("gone");
    inner.options.onReadable(1);
    inner.fail(new Error("again"));
    expect(log).toEqual(["error connection-lost"]);
  });

  test("nothing may be read or written before it is open", () => {
    const { socket } = openWebSocket();
    expect(socket.read(new Uint8Array(10))).toBe(0);
    expect(thrownCode(() => socket.write(HELLO))).toBe("closed");
  });
});

describe("frames of this side, RFC 6455 section 5.7", () => {
  test("a masked message", () => {
    const { socket, inner } = openedWebSocket();
    socket.write(concat(bytes("xx"), HELLO, bytes("x")), 2, 7);
    expect(toHex(inner.sent)).toBe("82 85 37 fa 21 3d 7f 9f 4d 51 58");
  });

  test("the length in two bytes from 126 on", () => {
    const { socket, inner } = openedWebSocket();
    socket.write(new Uint8Array(125));
    socket.write(new Uint8Array(126));
    socket.write(new Uint8Array(16_376));
    expect(inner.writes.map((one) => [one.length, toHex(one.subarray(0, 4))])).toEqual([
      [131, "82 fd 37 fa"],
      [134, "82 fe 00 7e"],
      [16_384, "82 fe 3f f8"],
    ]);
  });

  test("room for a header, and for the answer to a ping, is kept", () => {
    const { socket, inner, log } = openedWebSocket();
    inner.writable(1_000);
    expect(log).toEqual(["writable 861"]);
    expect(thrownCode(() => socket.write(new Uint8Array(862)))).toBe("invalid-argument");
    expect(socket.write(new Uint8Array(861))).toBe(0);
    expect(inner.violations).toEqual([]);
    inner.receive(frame(9, new Uint8Array(125).fill(1)));
    expect(inner.room).toBe(0);
  });

  test("a ping that finds no room is answered by the next one, and only the newest", () => {
    const { inner } = openedWebSocket();
    inner.writable(150);
    inner.receive(frame(9, new Uint8Array(125)), frame(9, bytes("old")), frame(9, bytes("new")));
    expect(inner.writes.map((one) => one.length)).toEqual([131]);
    inner.writable();
    expect(inner.writes[1]?.length).toBe(6 + 3);
    expect(inner.writes).toHaveLength(2);
  });

  test("a mask is never used twice", () => {
    let count = 0;
    const random = (): number => {
      count += 1;
      return count / 1_000;
    };
    const { socket, inner } = openedWebSocket({ random });
    for (let i = 0; i < 10; i += 1) socket.write(HELLO);
    expect(new Set(inner.writes.map((one) => toHex(one.subarray(2, 6)))).size).toBe(10);
  });

  test("close says so, and is idempotent", () => {
    const { socket, inner } = openedWebSocket();
    socket.close();
    socket.close();
    expect(toHex(inner.sent)).toBe("88 82 37 fa 21 3d 34 12");
    expect(inner.closed).toBe(1);
    expect(socket.read(new Uint8Array(9))).toBe(0);
  });

  test("a transport that fails while it closes does no harm", () => {
    const { socket, inner } = openedWebSocket();
    inner.writeError = new Error("gone");
    socket.close();
    expect(inner.closed).toBe(1);
  });
});

describe("frames of the server", () => {
  test.each([
    ["a message", hex("82 05 48 65 6c 6c 6f"), "Hello"],
    ["in two fragments", hex("02 03 48 65 6c 80 02 6c 6f"), "Hello"],
    ["with a ping in between", hex("02 03 48 65 6c 89 00 80 02 6c 6f"), "Hello"],
    ["an empty one, and an unasked pong", hex("82 00 8a 01 00 82 05 48 65 6c 6c 6f"), "Hello"],
    ["256 bytes", concat(hex("82 7e 01 00"), new Uint8Array(256).fill(65)), "A".repeat(256)],
    [
      "64 KB",
      concat(hex("82 7f 00 00 00 00 00 01 00 00"), new Uint8Array(65_536).fill(65)),
      "A".repeat(65_536),
    ],
  ])("%s", (_what, sent, text) => {
    const { inner, received, errors } = openedWebSocket();
    inner.receive(sent);
    expect(nodeText.decode(received())).toBe(text);
    expect(errors).toEqual([]);
  });

  test("a ping is answered with what it holds", () => {
    const { inner } = openedWebSocket();
    inner.receive(hex("89 05 48 65 6c 6c 6f"));
    expect(toHex(inner.sent)).toBe("8a 85 37 fa 21 3d 7f 9f 4d 51 58");
  });

  test.each<[string, Uint8Array, string]>([
    ["text", frame(1, HELLO), "opcode 1"],
    ["an unknown opcode", frame(3, HELLO), "opcode 3"],
    ["an unknown control opcode", frame(11, HELLO), "opcode 11"],
    ["reserved bits", hex("c2 00"), "reserved bits"],
    ["a masked frame", hex("82 85 37 fa 21 3d 7f 9f 4d 51 58"), "masked"],
    ["a fragment of nothing", frame(0, HELLO), "a fragment of no message"],
    ["a message within a message", concat(frame(2, HELLO, false), frame(2, HELLO)), "inside of another"],
    ["a ping in fragments", frame(9, HELLO, false), "in fragments"],
    ["a ping over 125 bytes", hex("89 7e 00 7e"), "over 125"],
    ["a length that no number holds", hex("82 7f ff ff ff ff ff ff ff ff"), "over 2^53"],
    ["a close of one byte", hex("88 01 03"), "close of one byte"],
    [
      "pings without end",
      concat(...Array.from({ length: 1_100 }, () => frame(9, new Uint8Array(0)))),
      "that bring nothing",
    ],
  ])("%s ends it, behind what came before", (_what, sent, about) => {
    const { inner, errors, received, log } = openedWebSocket();
    inner.receive(concat(frame(2, HELLO), sent));
    expect(nodeText.decode(received()).slice(0, 5)).toBe("Hello");
    expect(errors.map(({ code }) => code)).toEqual(["websocket-malformed"]);
    expect(errors[0]?.message).toContain(about);
    expect(log.at(-1)).toBe("error websocket-malformed");
    // 1002: protocol error.
    expect(toHex(inner.sent.slice(-8))).toBe("88 82 37 fa 21 3d 34 10");
    expect(inner.violations).toEqual([]);
  });

  test.each<[string, Uint8Array, string]>([
    ["without a reason", hex("88 00"), "the server closed the WebSocket)"],
    ["with a status", hex("88 02 03 e9"), "the server closed the WebSocket: 1001)"],
    ["with words", frame(8, concat(hex("03 f0"), bytes("policy"))), "WebSocket: 1008 policy)"],
    ["with words that are none", frame(8, hex("03 f0 ff fe")), "WebSocket: 1008)"],
    ["with words that would paint", frame(8, concat(hex("03 f0"), bytes("\x1b[31m"))), "1008 ?[31m)"],
  ])("a close %s is answered, and told", (_what, sent, about) => {
    const { inner, errors, received } = openedWebSocket();
    inner.receive(concat(frame(2, HELLO), sent, frame(2, HELLO)));
    expect(nodeText.decode(received())).toBe("Hello");
    expect(errors).toMatchObject([{ code: "connection-lost" }]);
    expect(errors[0]?.message).toContain(about);
    expect(inner.sent[0]).toBe(0x88);
    expect(inner.writes).toHaveLength(1);
  });
});

const payloads = fc.array(
  fc.record({
    payload: fc.uint8Array({ maxLength: 300 }),
    opcode: fc.constantFrom(2, 2, 2, 9, 10),
    pieces: fc.integer({ min: 1, max: 3 }),
  }),
  { maxLength: 12 },
);

testProperty(
  "whatever way messages are cut into frames and chunks, their bytes come as one stream",
  300,
  fc.property(
    payloads,
    fc.infiniteStream(fc.nat(2_000)),
    fc.integer({ min: 1, max: 40 }),
    (all, cuts, chunk) => {
      const { inner, received, errors } = openedWebSocket({ chunk });
      const frames: Uint8Array[] = [];
      const data: Uint8Array[] = [];
      for (const { payload, opcode, pieces } of all) {
        if (opcode !== 2) frames.push(frame(opcode, payload.subarray(0, 125)));
        else {
          data.push(payload);
          const parts = Array.from({ length: pieces }, (_, i) =>
            payload.subarray((i * payload.length) / pieces, ((i + 1) * payload.length) / pieces),
          );
          for (const [i, part] of parts.entries()) {
            frames.push(frame(i === 0 ? 2 : 0, part, i === parts.length - 1));
          }
        }
      }
      const wire = concat(...frames);
      for (const part of cut(
        wire,
        Array.from({ length: 20 }, () => cuts.next().value as number),
      )) {
        inner.receive(part);
      }
      expect(errors).toEqual([]);
      expect(received()).toEqual(concat(...data));
    },
  ),
);

test("every byte split of an answer with frames behind it", () => {
  const first = openWebSocket();
  first.inner.writable();
  const wire = concat(answerTo(first.inner.sent), frame(9, HELLO), frame(2, HELLO, false), frame(0, HELLO));
  for (let at = 0; at <= wire.length; at += 1) {
    const { inner, received, errors, log } = openWebSocket();
    inner.writable();
    for (const part of cut(wire, [at])) inner.receive(part);
    expect({ at, text: nodeText.decode(received()), errors, log }).toEqual({
      at,
      text: "HelloHello",
      errors: [],
      log: ["writable 16376"],
    });
  }
});

testProperty(
  "a hostile server: whatever it sends ends in one typed error, or in nothing",
  500,
  fc.property(
    fc.uint8Array({ maxLength: 600 }),
    fc.array(fc.nat(600), { maxLength: 5 }),
    fc.boolean(),
    (wire, cuts, isOpen) => {
      const world = isOpen ? openedWebSocket() : openWebSocket();
      if (!isOpen) world.inner.writable();
      for (const part of cut(wire, cuts)) if (world.errors.length === 0) world.inner.receive(part);
      expect(world.errors.length).toBeLessThan(2);
      for (const { code } of world.errors) {
        expect(["websocket-refused", "websocket-malformed", "connection-lost"]).toContain(code);
      }
      expect(world.inner.violations).toEqual([]);
      expect(world.received().length).toBeLessThanOrEqual(wire.length);
    },
  ),
);
