// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import rhea from "rhea";
import { checkValues, EncodingError, endOfValue } from "../../../../emulator/service/amqp/encoding";
import { FrameReader } from "../../../../emulator/service/amqp/frame-reader";
import { parseSelector } from "../../../../emulator/service/amqp/selector";
import { testProperty } from "../../../helpers/seeds";

const VALUE = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, min: -1e6, max: 1e6 }),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie("value"), { maxKeys: 5 }),
  ),
})).value;

testProperty(
  "what rhea writes is taken, and no beginning of it",
  300,
  fc.property(
    fc.dictionary(fc.string({ minLength: 1 }), VALUE, { maxKeys: 4 }),
    VALUE,
    fc.nat(),
    (properties, body, at) => {
      const bytes = rhea.message.encode({ message_id: "1", application_properties: properties, body });
      checkValues(bytes);
      const end = endOfValue(bytes, 0);
      const cut = 1 + (at % (end - 1));
      expect(() => checkValues(bytes.subarray(0, cut))).toThrow(EncodingError);
    },
  ),
);

testProperty(
  "frames come whole, however their bytes do",
  200,
  fc.property(
    fc.array(fc.nat(200), { maxLength: 8 }),
    fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
    (sizes, steps) => {
      const frames = sizes.map((size) => {
        const frame = Buffer.alloc(8 + size);
        frame.writeUInt32BE(frame.length);
        frame[4] = 2;
        // A binary value is the body.
        if (size >= 5) {
          frame[8] = 0xb0;
          frame.writeUInt32BE(size - 5, 9);
        } else frame.fill(0x40, 8);
        return frame;
      });
      const all = Buffer.concat([Buffer.from("AMQP\0\x01\0\0", "latin1"), ...frames]);
      const seen: Buffer[] = [];
      const reader = new FrameReader((frame) => seen.push(Buffer.from(frame)));
      for (let at = 0, step = 0; at < all.length; step++) {
        const size = steps[step % steps.length]!;
        reader.push(all.subarray(at, at + size));
        at += size;
      }
      expect(seen.slice(1)).toEqual(frames);
    },
  ),
);

test.each<[string | undefined, ReturnType<typeof parseSelector>]>([
  [undefined, { kind: "earliest" }],
  ["amqp.annotation.x-opt-offset > '-1'", { kind: "offset", value: -1, inclusive: false }],
  ["amqp.annotation.x-opt-offset > '@latest'", { kind: "latest" }],
  ["amqp.annotation.x-opt-sequence-number >= '7'", { kind: "sequenceNumber", value: 7, inclusive: true }],
  [
    "amqp.annotation.x-opt-enqueued-time > '1700000000000'",
    { kind: "enqueuedTime", value: 1.7e12, inclusive: false },
  ],
  ["amqp.annotation.x-opt-offset < '1'", undefined],
  ["amqp.annotation.__proto__ > '1'", undefined],
  ["amqp.annotation.x-opt-offset > 'a'", undefined],
  ["1 = 1", undefined],
])("the selector %s", (text, position) => {
  expect(parseSelector(text)).toEqual(position);
});
