// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeText } from "../../../simulator/virtual-host";
import { decodeRetryRecord, encodeRetryRecord, type RetryRecord } from "../../../src/storage/retry-record";
import { testProperty } from "../../helpers/seeds";

const RECORD: RetryRecord = {
  idScope: "0ne00000000",
  registrationId: "device-1",
  savedAt: 1_795_000_000_000,
  dpsWait: 3_600_000,
  toldWait: 120_000,
  counts: [1, 2, 3, 4, 5, 255],
  operationId: "4.op",
  operationAge: 61_000,
};

test("the bytes, literally", () => {
  const value = encodeRetryRecord(RECORD, nodeText);
  // Magic, version, owner, when, waits, counts, age, id, checksum.
  expect(Buffer.from(value).toString("hex")).toBe(
    ["42525452", "01", "b25eeb3e", "427a1ee565e00000", "0036ee80", "0001d4c0", "0102030405ff", "0000ee48"]
      .concat("342e6f70", "88b2fecb")
      .join(""),
  );
});

testProperty(
  "what is written is read",
  200,
  fc.property(
    fc.record({
      idScope: fc.string({ unit: "binary" }),
      registrationId: fc.string({ unit: "binary" }),
      savedAt: fc.double({ noNaN: true, noDefaultInfinity: true }),
      dpsWait: fc.nat(0xffffffff),
      toldWait: fc.nat(0xffffffff),
      counts: fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }),
      operationId: fc.option(fc.string({ unit: "binary", minLength: 1, maxLength: 470 }), {
        nil: undefined,
      }),
      operationAge: fc.nat(0xffffffff),
    }),
    (record) => {
      expect(decodeRetryRecord(encodeRetryRecord(record, nodeText), record, nodeText)).toEqual(record);
    },
  ),
);

test("durations: no less than nothing, no more than 32 bits hold, fractions rounded up", () => {
  const changed = { ...RECORD, dpsWait: Number.NEGATIVE_INFINITY, toldWait: -1, operationAge: 1e12 };
  const read = decodeRetryRecord(encodeRetryRecord(changed, nodeText), RECORD, nodeText);
  expect([read?.dpsWait, read?.toldWait, read?.operationAge]).toEqual([0, 0, 0xffffffff]);
});

test("an operation id longer than DPS may send is none", () => {
  for (const [length, read] of [
    [1_900, true],
    [1_901, false],
  ] as const) {
    const value = encodeRetryRecord({ ...RECORD, operationId: "x".repeat(length) }, nodeText);
    expect(decodeRetryRecord(value, RECORD, nodeText) !== undefined).toBe(read);
  }
});

test("another's record is none", () => {
  const value = encodeRetryRecord(RECORD, nodeText);
  expect(decodeRetryRecord(value, { ...RECORD, registrationId: "device-2" }, nodeText)).toBeUndefined();
  expect(decodeRetryRecord(value, { ...RECORD, idScope: "0ne00000001" }, nodeText)).toBeUndefined();
});

test("cut short at any byte, or with any bit turned, it is none; never an exception", () => {
  const value = encodeRetryRecord(RECORD, nodeText);
  for (let length = 0; length < value.length; length += 1) {
    expect(decodeRetryRecord(value.subarray(0, length), RECORD, nodeText)).toBeUndefined();
  }
  for (let bit = 0; bit < value.length * 8; bit += 1) {
    const wrong = value.slice();
    wrong[bit >> 3] = (wrong[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decodeRetryRecord(wrong, RECORD, nodeText)).toBeUndefined();
  }
});
