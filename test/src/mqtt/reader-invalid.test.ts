// SPDX-License-Identifier: MIT
/** Every form that MQTT 3.1.1 forbids a server to send and that a client can see, with its statement. */
import { describe, expect, test } from "@jest/globals";
import { cut, hex } from "../../helpers/bytes";
import { recordingReader } from "../../helpers/reader-events";
import { thrownCode } from "../../helpers/thrown";

const MALFORMED = "malformed-packet";
const VIOLATION = "protocol-violation";

/** Statement, what is wrong, the bytes, the code. The last byte is the one that cannot be accepted. */
const INVALID: [string, string, string, string][] = [
  ["table 2.1", "reserved type 0", "00", MALFORMED],
  ["table 2.1", "reserved type 15", "f0", MALFORMED],
  ["table 2.1", "CONNECT from a server", "10", VIOLATION],
  ["table 2.1", "SUBSCRIBE from a server", "82", VIOLATION],
  ["table 2.1", "UNSUBSCRIBE from a server", "a2", VIOLATION],
  ["table 2.1", "PINGREQ from a server", "c0", VIOLATION],
  ["table 2.1", "DISCONNECT from a server", "e0", VIOLATION],
  // This client publishes and subscribes at QoS 1 at most.
  ["MQTT-4.3.3-1", "PUBREC, though no QoS 2 message was sent", "50", VIOLATION],
  ["MQTT-4.3.3-2", "PUBREL, though no QoS 2 message can have come", "62", VIOLATION],
  ["MQTT-4.3.3-1", "PUBCOMP, though no QoS 2 message was sent", "70", VIOLATION],
  ...flagged("CONNACK", 0x20),
  ...flagged("PUBACK", 0x40),
  ...flagged("SUBACK", 0x90),
  ...flagged("UNSUBACK", 0xb0),
  ...flagged("PINGRESP", 0xd0),
  ["MQTT-3.3.1-4", "PUBLISH with QoS 3", "36", MALFORMED],
  ["MQTT-3.3.1-4", "PUBLISH with QoS 3, all flags", "3f", MALFORMED],
  ["MQTT-3.8.4-6", "PUBLISH with QoS 2, more than was asked for", "34", VIOLATION],
  ["MQTT-3.3.1-2", "DUP with QoS 0", "38", MALFORMED],
  ["MQTT-3.3.1-2", "DUP with QoS 0, retained", "39", MALFORMED],
  ["section 2.2.3", "a remaining length of five bytes", "30 80 80 80 80", MALFORMED],
  ["section 2.2.3", "a remaining length of five bytes, all bits", "30 ff ff ff ff", MALFORMED],
  ["section 3.2.1", "CONNACK of 0 bytes", "20 00", MALFORMED],
  ["section 3.2.1", "CONNACK of 1 byte", "20 01", MALFORMED],
  ["section 3.2.1", "CONNACK of 3 bytes", "20 03", MALFORMED],
  ["section 3.2.2.1", "a reserved acknowledge flag of CONNACK", "20 02 02 00", MALFORMED],
  ["section 3.2.2.1", "all acknowledge flags of CONNACK", "20 02 ff 00", MALFORMED],
  ["table 3.1", "CONNACK return code 6", "20 02 00 06", MALFORMED],
  ["table 3.1", "CONNACK return code 255", "20 02 00 ff", MALFORMED],
  ["MQTT-3.2.2-4", "refused, yet a session is present", "20 02 01 05", VIOLATION],
  ["section 3.4.1", "PUBACK of 0 bytes", "40 00", MALFORMED],
  ["section 3.4.1", "PUBACK of 1 byte", "40 01", MALFORMED],
  ["section 3.4.1", "PUBACK of 3 bytes", "40 03", MALFORMED],
  ["MQTT-2.3.1-1", "PUBACK with packet identifier 0", "40 02 00 00", MALFORMED],
  ["section 3.9.3", "SUBACK without a return code", "90 02", MALFORMED],
  ["section 3.9.2", "SUBACK without a packet identifier", "90 00", MALFORMED],
  ["MQTT-2.3.1-1", "SUBACK with packet identifier 0", "90 03 00 00 01", MALFORMED],
  ["MQTT-3.9.3-2", "SUBACK return code 3", "90 03 00 01 03", MALFORMED],
  ["MQTT-3.9.3-2", "SUBACK return code 0x7f", "90 03 00 01 7f", MALFORMED],
  ["MQTT-3.9.3-2", "SUBACK return code 0x81", "90 03 00 01 81", MALFORMED],
  ["MQTT-3.9.3-2", "a second SUBACK return code of 0xff", "90 04 00 01 01 ff", MALFORMED],
  ["section 3.11.1", "UNSUBACK of 0 bytes", "b0 00", MALFORMED],
  ["section 3.11.1", "UNSUBACK of 3 bytes", "b0 03", MALFORMED],
  ["MQTT-2.3.1-1", "UNSUBACK with packet identifier 0", "b0 02 00 00", MALFORMED],
  ["section 3.13.1", "PINGRESP of 1 byte", "d0 01", MALFORMED],
  ["section 3.3.2.1", "PUBLISH of 0 bytes", "30 00", MALFORMED],
  ["section 3.3.2.1", "PUBLISH of 1 byte", "30 01", MALFORMED],
  ["MQTT-4.7.3-1", "PUBLISH with room for no topic", "30 02", MALFORMED],
  ["MQTT-2.3.1-1", "PUBLISH, QoS 1, with room for no identifier", "32 04", MALFORMED],
  ["MQTT-4.7.3-1", "an empty topic", "30 03 00 00 61", MALFORMED],
  ["section 1.5.3", "a topic longer than the packet", "30 03 00 02 61", MALFORMED],
  ["section 1.5.3", "a topic of 65,535 bytes in a packet of 4", "30 04 ff ff 61 61", MALFORMED],
  ["section 3.3.2.2", "a topic that leaves no room for the identifier", "32 05 00 02 61 62 00", MALFORMED],
  ["MQTT-2.3.1-1", "PUBLISH, QoS 1, packet identifier 0", "32 05 00 01 61 00 00", MALFORMED],
  ["MQTT-3.3.2-2", "# in a topic name", "30 05 00 03 61 2f 23", MALFORMED],
  ["MQTT-3.3.2-2", "+ in a topic name", "30 05 00 03 2b 2f 61", MALFORMED],
  ["MQTT-1.5.3-2", "U+0000 in a topic", "30 05 00 03 61 00 62", MALFORMED],
  ...notUtf8("a continuation byte alone", "80"),
  ...notUtf8("a lead byte alone", "c3"),
  ...notUtf8("a three-byte character cut off", "e2 82"),
  ...notUtf8("a four-byte character cut off", "f0 9f 98"),
  ...notUtf8("a lead byte before another character", "c3 41"),
  ...notUtf8("overlong U+0000", "c0 80"),
  ...notUtf8("overlong /", "c0 af"),
  ...notUtf8("overlong / in three bytes", "e0 80 af"),
  ...notUtf8("overlong in four bytes", "f0 80 80 af"),
  ...notUtf8("the surrogate U+D800", "ed a0 80"),
  ...notUtf8("the surrogate U+DFFF", "ed bf bf"),
  ...notUtf8("a pair of surrogates (CESU-8)", "ed a0 bd ed b8 80"),
  ...notUtf8("U+110000, beyond Unicode", "f4 90 80 80"),
  ...notUtf8("a byte that is never UTF-8", "ff"),
  ...notUtf8("a five-byte form", "f8 88 80 80 80"),
];

/** Flag bits that table 2.2 reserves [MQTT-2.2.2-2]. */
function flagged(name: string, first: number): [string, string, string, string][] {
  return Array.from({ length: 15 }, (_, i) => [
    "MQTT-2.2.2-2",
    `${name} with flags ${i + 1}`,
    (first | (i + 1)).toString(16),
    MALFORMED,
  ]);
}

/** A topic of the letter a and `bytes`. */
function notUtf8(name: string, bytes: string): [string, string, string, string][] {
  const length = hex(bytes).length + 1;
  return [["MQTT-1.5.3-1", name, `30 0${length + 2} 00 0${length} 61 ${bytes}`, MALFORMED]];
}

describe("refused", () => {
  test.each(INVALID)("[%s] %s", (_statement, _name, digits, code) => {
    const bytes = hex(digits);
    // In one chunk and in two; good until the last byte.
    for (let at = 0; at < bytes.length; at += 1) {
      const { reader, events } = recordingReader();
      const chunks = cut(bytes.subarray(0, -1), [at]);
      for (const chunk of chunks) expect(thrownCode(() => reader.push(chunk))).toBe("none");
      expect(thrownCode(() => reader.push(bytes.subarray(-1)))).toBe(code);
      expect(events).toEqual([]);
      expect(thrownCode(() => recordingReader().reader.push(bytes))).toBe(code);
    }
  });

  test.each(INVALID)(
    "[%s] %s: after good packets, which are still reported, and before nothing",
    (...line) => {
      const [, , digits, code] = line;
      const { reader, events } = recordingReader();
      expect(thrownCode(() => reader.push(hex(`40 02 00 01 d0 00 ${digits} d0 00`)))).toBe(code);
      expect(events).toEqual([["puback", 1], ["pingresp"]]);
      expect(thrownCode(() => reader.push(hex("d0 00")))).toBe("closed");
      expect(events).toHaveLength(2);
    },
  );
});
