// SPDX-License-Identifier: MIT
/** The small parts that no conversation shows from every side. */
import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import { Throttle } from "../../emulator/dps/throttle";
import { FramingError, PacketFramer } from "../../emulator/mqtt/packet-framer";
import { isDeviceId, isHostName, isRegistrationId } from "../../emulator/names";
import { formatPropertyBag, parsePropertyBag } from "../../emulator/property-bag";
import {
  decodeKey,
  deriveDeviceKey,
  isSignedBy,
  parseSharedAccessSignature,
  resourceOf,
} from "../../emulator/shared-access-signature";

/** The packets that are whole with `chunk`. */
function framed(framer: PacketFramer, chunk: Buffer): Buffer[] {
  framer.add(chunk);
  const packets: Buffer[] = [];
  for (let packet = framer.next(); packet; packet = framer.next()) packets.push(packet);
  return packets;
}

describe("packet framer", () => {
  const stream = Buffer.concat([
    Buffer.from([0xc0, 0]),
    Buffer.from([0x30, 0x80, 0x01]),
    Buffer.alloc(128, 1),
    Buffer.from([0xe0, 0]),
  ]);

  test("cuts the same packets whatever the chunks are", () => {
    for (let size = 1; size <= stream.length; size++) {
      const framer = new PacketFramer(1000);
      const packets: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size)
        packets.push(...framed(framer, stream.subarray(at, at + size)));
      expect(packets.map((packet) => packet.length)).toEqual([2, 131, 2]);
      expect(Buffer.concat(packets)).toEqual(stream);
    }
  });

  test("refuses a packet above the bound before its body has come, and a length of five bytes", () => {
    const of = (maximum: number, ...bytes: number[]) => framed(new PacketFramer(maximum), Buffer.from(bytes));
    expect(() => of(100, 0x30, 0x80, 0x01)).toThrow(FramingError);
    expect(() => of(1e9, 0x30, 0x80, 0x80, 0x80, 0x80, 1)).toThrow("more than four bytes");
    expect(of(131, 0x30, 0x80, 0x01)).toEqual([]);
  });

  test("found by fuzzing: what is whole comes out, though what follows in the same chunk is broken", () => {
    const framer = new PacketFramer(100);
    framer.add(Buffer.from([0xc0, 0, 0x30, 0x80, 0x01]));
    expect(framer.next()).toEqual(Buffer.from([0xc0, 0]));
    expect(() => framer.next()).toThrow(FramingError);
  });
});

describe("shared access signatures", () => {
  // The vectors were computed with a second implementation; group key and registration id are Microsoft's example.
  const key = Buffer.from("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=", "base64");
  const dps =
    "SharedAccessSignature sr=0ne00000000%2Fregistrations%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6&sig=gNjkn3R1j5N9USDokt3gtJVTEnXNk2KJLunM5qRuFN8%3D&se=1700003600&skn=registration";
  const hub =
    "SharedAccessSignature sr=contoso.azure-devices.net%2Fdevices%2Fsn-007-888-abc-mac-a1-b2-c3-d4-e5-f6&sig=VrKa1fKwDGGFvjBLZY5%2Ftv3ZMfgKiDPTpV%2B0qL5QxSU%3D&se=1700003600";

  test.each([dps, hub])("a known token holds", (text) => {
    const parsed = parseSharedAccessSignature(text)!;
    expect(parsed.se).toBe(1_700_003_600);
    expect(isSignedBy(parsed, key)).toBe(true);
    expect(isSignedBy(parsed, Buffer.alloc(32))).toBe(false);
    expect(isSignedBy({ ...parsed, se: parsed.se + 1 }, key)).toBe(false);
    expect(isSignedBy({ ...parsed, sig: parsed.sig.subarray(1) }, key)).toBe(false);
  });

  test("the resource is decoded, the policy name read", () => {
    expect(resourceOf(parseSharedAccessSignature(dps)!)).toBe(
      "0ne00000000/registrations/sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6",
    );
    expect(parseSharedAccessSignature(dps)!.skn).toBe("registration");
    expect(parseSharedAccessSignature(hub)!.skn).toBeUndefined();
  });

  test.each([
    "",
    "SharedAccessSignature ",
    "SharedAccessSignature sr",
    "SharedAccessSignature sr=a&sig=%&se=1",
    "SharedAccessSignature sr=a&sig=b&se=1.5",
    `SharedAccessSignature sr=${"a".repeat(5000)}&sig=b&se=1`,
  ])("a malformed one is none (%#)", (text) => expect(parseSharedAccessSignature(text)).toBeUndefined());

  test("keys are 16 to 64 bytes", () => {
    const of = (length: number) => decodeKey(Buffer.alloc(length, 1).toString("base64"))?.length;
    expect([15, 16, 64, 65].map(of)).toEqual([undefined, 16, 64, undefined]);
    expect(deriveDeviceKey(Buffer.alloc(32), "a")).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });
});

test("property bags go there and back", () => {
  const properties: [string, string | null][] = [
    ["a b", "c&d=e/f"],
    ["empty", ""],
    ["flag", null],
    ["ü", "日本"],
  ];
  expect([...parsePropertyBag(formatPropertyBag(properties))]).toEqual(properties);
  expect([...parsePropertyBag("?a=1&&%24.ct=x")]).toEqual([
    ["a", "1"],
    ["$.ct", "x"],
  ]);
  expect(() => parsePropertyBag("a=%zz")).toThrow("broken percent-encoding");
});

test("names", () => {
  expect(["dev-1", "a.b_c:d-", "A1"].every(isRegistrationId)).toBe(true);
  expect(["", "a_", "a b", "a/b", "x".repeat(129)].some(isRegistrationId)).toBe(false);
  expect(isDeviceId("a$#@") && !isDeviceId("a/b") && !isDeviceId("")).toBe(true);
  expect(isHostName("a-b.example") && !isHostName("a..b") && !isHostName("-a")).toBe(true);
});

test("a throttle slides", () => {
  const throttle = new Throttle(2, 1000);
  expect([0, 400, 900, 1000, 1100].map((now) => throttle.take("a", now))).toEqual([0, 0, 1, 0, 1]);
  expect(throttle.take("b", 1100)).toBe(0);
});

test("a clock that is set back makes a throttle no longer", () => {
  const throttle = new Throttle(2, 1000);
  throttle.take("a", 5_000_000);
  throttle.take("a", 5_000_000);
  expect([1000, 1000, 1000].map((now) => throttle.take("a", now))).toEqual([0, 0, 1]);
});

test("a manual clock fires timers in order, those set by timers included, and none that was cancelled", () => {
  const clock = new ManualClock(1000);
  const fired: string[] = [];
  clock.schedule(() => fired.push(`late ${clock.now()}`), 50);
  clock.schedule(() => {
    fired.push(`early ${clock.now()}`);
    clock.schedule(() => fired.push(`nested ${clock.now()}`), 10);
  }, 20);
  const cancel = clock.schedule(() => fired.push("never"), 30);
  cancel();
  clock.advance(100);
  expect(fired).toEqual(["early 1020", "nested 1030", "late 1050"]);
  expect(clock.now()).toBe(1100);
});
