// SPDX-License-Identifier: MIT
/** What `mqtt-packet` makes of the same bytes. */
import type { Packet } from "mqtt-packet";
import { concat } from "../../helpers/bytes";
import { parsePackets } from "../../helpers/oracle";
import { packetBytes, type RawPacket, wholePackets } from "../targets/packets";
import { publishLine, readInput } from "../targets/reader";
import { digest, must } from "../targets/target";

/** Each packet that the reader reported, `mqtt-packet` reports too, and the same. */
export function agreesOnStream(bytes: Uint8Array, outcome: string): void {
  const lines = outcome.split("\n").slice(0, -1);
  const parsed = parse(wholePackets(readInput(bytes).stream).slice(0, lines.length));
  for (const [i, line] of lines.entries()) {
    const expected = line.startsWith('["oversize"') ? oversizeLineOf(parsed[i], line) : lineOf(parsed[i]);
    must(line === expected, `reported ${line}, by mqtt-packet ${expected}`);
  }
}

/** All that the session sent are packets. */
export function agreesOnSent(_bytes: Uint8Array, outcome: string): void {
  parse(wholePackets(Buffer.from(outcome.slice(outcome.lastIndexOf("\n") + 1), "hex")));
}

/** @throws Error of `mqtt-packet` */
function parse(packets: readonly RawPacket[]): Packet[] {
  return parsePackets(concat(...packets.map(({ first, body }) => packetBytes(first, body))));
}

/** Of a message that was read past only the start of a long topic is told, and that of `line` if it is one. */
function oversizeLineOf(packet: Packet | undefined, line: string): string {
  if (packet?.cmd !== "publish") return String(packet?.cmd);
  const [, topic = "", , , , size] = JSON.parse(line) as [string, string, boolean, number, number, number];
  const whole = packet.topic === topic;
  const start = packet.topic.startsWith(topic) ? topic : packet.topic;
  return JSON.stringify(["oversize", start, whole, packet.qos, packet.messageId ?? 0, size]);
}

function lineOf(packet: Packet | undefined): string {
  switch (packet?.cmd) {
    case "connack":
      return `connack ${packet.sessionPresent} ${packet.returnCode}`;
    case "publish":
      return publishLine(
        packet.topic,
        { QoS: packet.qos, duplicate: packet.dup, retain: packet.retain, id: packet.messageId ?? 0 },
        packet.payload as Uint8Array,
      );
    case "puback":
    case "unsuback":
      return `${packet.cmd} ${packet.messageId}`;
    case "suback":
      return `suback ${packet.messageId} ${digest(Uint8Array.from(packet.granted as number[]))}`;
    default:
      return String(packet?.cmd);
  }
}
