// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeText } from "../../../simulator/virtual-host";
import { decodeRecord, encodeRecord, RecordKind } from "../../../src/storage/record";
import { type RetryRecord, retryCodec } from "../../../src/storage/retry-record";
import { testProperty } from "../../helpers/seeds";

const IDENTITY = { idScope: "0ne00000000", registrationId: "device-1" };

const RECORD: RetryRecord = {
  savedAt: 1_795_000_000_000,
  dpsWait: 3_600_000,
  toldWait: 120_000,
  counts: [1, 2, 3, 4, 5, 255],
  operationId: "4.op",
  operationAge: 61_000,
};

function encoded(value: RetryRecord, identity = IDENTITY): Uint8Array {
  return encodeRecord(retryCodec(identity), { sequence: 1, value }, nodeText);
}

function decoded(bytes: Uint8Array, identity = IDENTITY): RetryRecord | undefined {
  return decodeRecord(retryCodec(identity), bytes, nodeText)?.value;
}

test("the bytes, literally", () => {
  const value = encoded(RECORD);
  // Magic, version, kind, sequence, length; owner, when, waits, counts, age, id, checksum.
  expect(Buffer.from(value).toString("hex")).toBe(
    [
      "42525448",
      "01",
      "03",
      "00000001",
      "0022",
      "b25eeb3e",
      "427a1ee565e00000",
      "0036ee80",
      "0001d4c0",
      "0102030405ff",
      "0000ee48",
    ]
      .concat("342e6f70", "d43c0cc4")
      .join(""),
  );
});

testProperty(
  "what is written is read",
  200,
  fc.property(
    fc.record({ idScope: fc.string({ unit: "binary" }), registrationId: fc.string({ unit: "binary" }) }),
    fc.record({
      savedAt: fc.double({ noNaN: true, noDefaultInfinity: true }),
      dpsWait: fc.nat(0xffffffff),
      toldWait: fc.nat(0xffffffff),
      counts: fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }),
      operationId: fc.option(fc.string({ unit: "binary", minLength: 1, maxLength: 470 }), {
        nil: undefined,
      }),
      operationAge: fc.nat(0xffffffff),
    }),
    (identity, record) => {
      expect(decoded(encoded(record, identity), identity)).toEqual(record);
    },
  ),
);

test("durations: no less than nothing, no more than 32 bits hold, fractions rounded up", () => {
  const changed = { ...RECORD, dpsWait: Number.NEGATIVE_INFINITY, toldWait: -1, operationAge: 1e12 };
  const read = decoded(encoded(changed));
  expect([read?.dpsWait, read?.toldWait, read?.operationAge]).toEqual([0, 0, 0xffffffff]);
});

test("an operation id longer than DPS may send is none", () => {
  for (const [length, read] of [
    [1_900, true],
    [1_901, false],
  ] as const) {
    const value = encoded({ ...RECORD, operationId: "x".repeat(length) });
    expect(decoded(value) !== undefined).toBe(read);
  }
});

test("another's record is none", () => {
  const value = encoded(RECORD);
  expect(decoded(value, { ...IDENTITY, registrationId: "device-2" })).toBeUndefined();
  expect(decoded(value, { ...IDENTITY, idScope: "0ne00000001" })).toBeUndefined();
});

test("cut short at any byte, or with any bit turned, it is none; never an exception", () => {
  const value = encoded(RECORD);
  for (let length = 0; length < value.length; length += 1) {
    expect(decoded(value.subarray(0, length))).toBeUndefined();
  }
  for (let bit = 0; bit < value.length * 8; bit += 1) {
    const wrong = value.slice();
    wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decoded(wrong)).toBeUndefined();
  }
});

test("a record of another kind is none", () => {
  const codec = { ...retryCodec(IDENTITY), kind: RecordKind.ASSIGNMENT };
  expect(decoded(encodeRecord(codec, { sequence: 1, value: RECORD }, nodeText))).toBeUndefined();
});
