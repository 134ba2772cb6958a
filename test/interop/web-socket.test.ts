// SPDX-License-Identifier: MIT
/** The package `ws` as the judge of our frames: it reads what we write, and we read what it writes. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import * as ws from "ws";
import { concat, cut } from "../helpers/bytes";
import { testProperty } from "../helpers/seeds";
import { openedWebSocket } from "../helpers/websocket-world";

/** What `ws` is made of; its types leave it out. */
interface Sender {
  send(data: Buffer, options: object, done: () => void): void;
  ping(data: Buffer, mask: boolean, done: () => void): void;
  close(code: number, reason: string, mask: boolean, done: () => void): void;
}
interface Receiver {
  on(event: string, listener: (...given: never[]) => void): void;
  write(bytes: Buffer): void;
}
const { Receiver, Sender } = ws as unknown as {
  Receiver: new (options: object) => Receiver;
  Sender: new (socket: object) => Sender;
};

/** What a server of `ws` makes of bytes of a client. */
function judged(bytes: Uint8Array): {
  messages: Uint8Array[];
  pongs: Uint8Array[];
  closed: number | undefined;
} {
  const messages: Uint8Array[] = [];
  const pongs: Uint8Array[] = [];
  let closed: number | undefined;
  const receiver = new Receiver({ isServer: true, allowSynchronousEvents: true, binaryType: "nodebuffer" });
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    expect(isBinary).toBe(true);
    messages.push(Uint8Array.from(data));
  });
  receiver.on("pong", (data: Buffer) => pongs.push(Uint8Array.from(data)));
  receiver.on("conclude", (code: number) => {
    closed = code;
  });
  receiver.on("error", (error: Error) => {
    throw error;
  });
  receiver.write(Buffer.from(bytes));
  return { messages, pongs, closed };
}

/** The bytes that a server of `ws` sends. */
function sentBy(work: (sender: Sender) => void): Uint8Array {
  const parts: Uint8Array[] = [];
  const socket = {
    write: (part: Uint8Array) => void parts.push(Uint8Array.from(part)),
    cork: () => {},
    uncork: () => {},
  };
  work(new Sender(socket));
  return concat(...parts);
}

const random = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));

testProperty(
  "it takes each of our frames for a message of those bytes, masked as it must be",
  200,
  fc.property(
    fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 6 }),
    random,
    (messages, numbers) => {
      const { socket, inner } = openedWebSocket({ random: () => numbers.next().value as number });
      inner.writable(100_000);
      for (const message of messages) socket.write(message);
      socket.close();
      expect(judged(inner.sent)).toEqual({ messages, pongs: [], closed: 1000 });
    },
  ),
);

testProperty(
  "we read whatever it sends, fragments and pings in between, cut anywhere, and it takes our answers",
  200,
  fc.property(
    fc.array(
      fc.tuple(
        fc.uint8Array({ maxLength: 70_000 }),
        fc.boolean(),
        fc.option(fc.uint8Array({ maxLength: 125 }), { nil: undefined }),
      ),
      { maxLength: 5 },
    ),
    fc.array(fc.nat(80_000), { maxLength: 8 }),
    (all, cuts) => {
      const options = { mask: false, binary: true, compress: false };
      let fragmented = false;
      const wire = sentBy((sender) => {
        for (const [payload, isFinal, ping] of all) {
          sender.send(Buffer.from(payload), { ...options, fin: isFinal }, () => {});
          fragmented = !isFinal;
          if (ping) sender.ping(Buffer.from(ping), false, () => {});
        }
        if (fragmented) sender.send(Buffer.alloc(0), { ...options, fin: true }, () => {});
      });
      const { inner, received, errors } = openedWebSocket();
      inner.writable(1_000_000);
      for (const part of cut(wire, cuts)) inner.receive(part);
      expect(errors).toEqual([]);
      expect(received()).toEqual(concat(...all.map(([payload]) => payload)));
      expect(concat(...judged(inner.sent).pongs)).toEqual(
        concat(...all.map(([, , ping]) => ping ?? new Uint8Array(0))),
      );
    },
  ),
);

test("its close is answered with its code", () => {
  const { inner, errors } = openedWebSocket();
  inner.receive(sentBy((sender) => sender.close(1001, "going away", false, () => {})));
  expect(errors[0]?.message).toContain("1001 going away");
  expect(judged(inner.sent).closed).toBe(1001);
});
