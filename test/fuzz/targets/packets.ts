// SPDX-License-Identifier: MIT
/** MQTT packets told apart without the code under test (MQTT 3.1.1, section 2.2). */

/** First byte, and what follows the remaining length. */
export interface RawPacket {
  readonly first: number;
  readonly body: Uint8Array;
}

/** The packets that lie whole in `bytes`, up to the first that does not or has no valid remaining length. */
export function wholePackets(bytes: Uint8Array): RawPacket[] {
  const packets: RawPacket[] = [];
  let at = 0;
  for (;;) {
    const head = readHead(bytes, at);
    if (!head || head.end > bytes.length) return packets;
    packets.push({ first: bytes[at] as number, body: bytes.slice(head.start, head.end) });
    at = head.end;
  }
}

/** One packet, its remaining length in as few bytes as possible. */
export function packetBytes(first: number, body: Uint8Array | readonly number[]): Uint8Array {
  const head = [first];
  let left = body.length;
  do {
    head.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  const packet = new Uint8Array(head.length + body.length);
  packet.set(head);
  packet.set(body, head.length);
  return packet;
}

/** `bytes` with the remaining length of the last packet made to fit what is there. */
export function withFittingLength(bytes: Uint8Array, from: number): Uint8Array {
  let at = from;
  for (;;) {
    const head = readHead(bytes, at);
    if (!head) return bytes;
    if (head.end === bytes.length) return bytes;
    if (head.end > bytes.length) {
      const packet = packetBytes(bytes[at] as number, bytes.subarray(head.start));
      const fitting = new Uint8Array(at + packet.length);
      fitting.set(bytes.subarray(0, at));
      fitting.set(packet, at);
      return fitting;
    }
    at = head.end;
  }
}

function readHead(bytes: Uint8Array, at: number): { start: number; end: number } | undefined {
  let remaining = 0;
  for (let i = 0; i < 4; i += 1) {
    const byte = bytes[at + 1 + i];
    if (byte === undefined) return undefined;
    remaining += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) return { start: at + 2 + i, end: at + 2 + i + remaining };
  }
  return undefined;
}
