// SPDX-License-Identifier: MIT
/** The bytes of the assignment record, and all that is none. The vectors were made with Python's struct and zlib. */
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { nodeText } from "../../../simulator/virtual-host";
import { type Assignment, ASSIGNMENT as CODEC } from "../../../src/storage/assignment";
import { crc32 } from "../../../src/storage/crc32";
import { decodeRecord, encodeRecord, type StoredRecord } from "../../../src/storage/record";
import { concat, hex, toHex } from "../../helpers/bytes";
import { testProperty } from "../../helpers/seeds";
import { thrownCode } from "../../helpers/thrown";

const ASSIGNMENT: Assignment = Object.freeze({
  idScope: "0ne",
  registrationId: "d1",
  hub: "h.net",
  deviceId: "d2",
  assignedAt: 1_700_000_000_000,
});
const ASSIGNED: StoredRecord<Assignment> = { sequence: 7, value: ASSIGNMENT };
const ASSIGNED_BYTES = hex(`
  42 52 54 48  01 01  00 00 00 07  00 18
  42 78 bc fe 56 80 00 00  03 30 6e 65  02 64 31  05 68 2e 6e 65 74  02 64 32
  53 d5 28 5b`);
const FORGOTTEN: StoredRecord<Assignment> = { sequence: 0xfffffffe, value: undefined };
const FORGOTTEN_BYTES = hex("42 52 54 48  01 02  ff ff ff fe  00 00  46 20 29 14");

function decode(value: Uint8Array): StoredRecord<Assignment> | undefined {
  return decodeRecord(CODEC, value, nodeText);
}

/** `head` with its CRC: whole, whatever it says. */
function sealed(head: Uint8Array): Uint8Array {
  const crc = new DataView(new ArrayBuffer(4));
  crc.setUint32(0, crc32(head));
  return concat(head, new Uint8Array(crc.buffer));
}

/** A sealed record of `kind` with `body`; its length says `length`. */
function record(kind: number, body: Uint8Array, length = body.length): Uint8Array {
  const size = Uint8Array.of(length >> 8, length);
  return sealed(concat(hex("42 52 54 48 01"), Uint8Array.of(kind), hex("00 00 00 01"), size, body));
}

const WHEN = hex("42 78 bc fe 56 80 00 00");

describe("literally", () => {
  test.each([
    ["an assignment", ASSIGNED, ASSIGNED_BYTES],
    ["forgotten on purpose", FORGOTTEN, FORGOTTEN_BYTES],
  ])("%s", (_, value, bytes) => {
    expect(toHex(encodeRecord(CODEC, value, nodeText))).toBe(toHex(bytes));
    expect(decode(bytes)).toEqual(value);
  });

  test("a view into a larger buffer", () => {
    const around = concat(hex("42 52 54"), ASSIGNED_BYTES, hex("48"));
    expect(decode(around.subarray(3, -1))).toEqual(ASSIGNED);
    expect(decode(around.subarray(2, -1))).toBeUndefined();
  });
});

describe.each([
  ["an assignment", ASSIGNED_BYTES],
  ["forgotten on purpose", FORGOTTEN_BYTES],
])("damaged: %s", (_, bytes) => {
  test("cut off at every byte", () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decode(bytes.subarray(0, length))).toBeUndefined();
    }
  });

  test("every single bit turned", () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const turned = bytes.slice();
      turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decode(turned)).toBeUndefined();
    }
  });

  test("bytes before, between or behind", () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(decode(concat(bytes.subarray(0, at), hex("00"), bytes.subarray(at)))).toBeUndefined();
    }
  });
});

describe("whole, but not ours", () => {
  test.each([
    ["another magic", sealed(concat(hex("42 52 54 49"), ASSIGNED_BYTES.subarray(4, -4)))],
    ["version 0", sealed(concat(hex("42 52 54 48 00"), ASSIGNED_BYTES.subarray(5, -4)))],
    ["version 2", sealed(concat(hex("42 52 54 48 02"), ASSIGNED_BYTES.subarray(5, -4)))],
    ["kind 0", record(0, ASSIGNED_BYTES.subarray(12, -4))],
    ["kind 3", record(3, ASSIGNED_BYTES.subarray(12, -4))],
    ["forgotten, with a body", record(2, ASSIGNED_BYTES.subarray(12, -4))],
    ["an assignment without a body", record(1, hex(""))],
    ["no time", record(1, WHEN.subarray(1))],
    ["no field", record(1, WHEN)],
    ["three fields", record(1, concat(WHEN, hex("01 61 01 62 01 63")))],
    ["five fields", record(1, concat(WHEN, hex("01 61 01 62 01 63 01 64 01 65")))],
    ["a last field longer than the body", record(1, concat(WHEN, hex("01 61 01 62 01 63 02 64")))],
    ["a field that is not UTF-8", record(1, concat(WHEN, hex("01 61 01 62 01 ff 01 64")))],
    ["a length too small", record(1, concat(WHEN, hex("01 61 01 62 01 63 01 64")), 15)],
    ["a length too large", record(1, concat(WHEN, hex("01 61 01 62 01 63 01 64")), 17)],
    ["nothing", hex("")],
    ["erased flash", new Uint8Array(64).fill(0xff)],
    ["zeros", new Uint8Array(64)],
  ])("%s", (_, value) => {
    expect(decode(value)).toBeUndefined();
  });

  test("the same body, whole and ours, is read: the cases above are near misses", () => {
    expect(decode(record(1, concat(WHEN, hex("01 61 01 62 01 63 01 64"))))?.value).toEqual({
      idScope: "a",
      registrationId: "b",
      hub: "c",
      deviceId: "d",
      assignedAt: 1_700_000_000_000,
    });
    expect(decode(record(2, hex("")))).toEqual({ sequence: 1, value: undefined });
    expect(decode(record(1, concat(WHEN, hex("00 00 00 00"))))?.value?.hub).toBe("");
  });
});

test("a field of 255 bytes is kept, one of 256 refused", () => {
  for (const name of ["idScope", "registrationId", "hub", "deviceId"] as const) {
    const longest = { sequence: 1, value: { ...ASSIGNMENT, [name]: "x".repeat(255) } };
    expect(decode(encodeRecord(CODEC, longest, nodeText))).toEqual(longest);
    const over = { sequence: 1, value: { ...ASSIGNMENT, [name]: `${"x".repeat(254)}ü` } };
    expect(thrownCode(() => encodeRecord(CODEC, over, nodeText))).toBe("invalid-argument");
  }
});

test("the largest record fits a value of NVS", () => {
  const field = "x".repeat(255);
  const assignment = { idScope: field, registrationId: field, hub: field, deviceId: field, assignedAt: 0 };
  expect(encodeRecord(CODEC, { sequence: 1, value: assignment }, nodeText).length).toBeLessThan(4_000);
});

const field = fc.string({ unit: "binary", maxLength: 60 });

testProperty(
  "a record comes back as it was",
  500,
  fc.property(
    fc.integer({ min: 1, max: 0xffffffff }),
    fc.option(
      fc.record({
        idScope: field,
        registrationId: field,
        hub: field,
        deviceId: field,
        assignedAt: fc.integer(),
      }),
      { nil: undefined },
    ),
    (sequence, assignment) => {
      expect(decode(encodeRecord(CODEC, { sequence, value: assignment }, nodeText))).toEqual({
        sequence,
        value: assignment,
      });
    },
  ),
);

testProperty(
  "any bytes are a record or none",
  1_000,
  fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (bytes, seal) => {
    // Sealed with our head, they get past the checksum.
    const value = seal ? record(1, bytes) : bytes;
    const found = decode(value);
    if (found) expect(toHex(encodeRecord(CODEC, found, nodeText))).toBe(toHex(value));
  }),
);
