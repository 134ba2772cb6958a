// SPDX-License-Identifier: MIT
/** Cuts a byte stream into whole MQTT control packets. MQTT 3.1.1 section 2.2. */

/** Control packet types, MQTT 3.1.1 table 2.1. */
export const PacketType = Object.freeze({
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
});

/** The stream broke the framing rules or a bound; it cannot be read any further. */
export class FramingError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FramingError";
  }
}

/** Collects at most one packet of at most `maximum` bytes, and what came with its end. */
export class PacketFramer {
  readonly #maximum: number;
  #chunks: Buffer[] = [];
  #length = 0;
  #needed = 0;

  /** @param maximum the largest packet, in bytes with its fixed header */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** Takes what has come. */
  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /**
   * The next packet that is whole; undefined when more has to come. What is whole is there before what comes behind it
   * is found broken.
   * @throws FramingError on a remaining length of more than four bytes, or a packet above the maximum
   */
  next(): Buffer | undefined {
    if (this.#length < Math.max(2, this.#needed)) return undefined;
    const head = this.#joined();
    this.#needed = this.#packetLength(head);
    if (this.#needed === 0 || this.#length < this.#needed) return undefined;
    const packet = head.subarray(0, this.#needed);
    const rest = head.subarray(this.#needed);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#length = rest.length;
    this.#needed = 0;
    return packet;
  }

  #joined(): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0]!;
  }

  /** The length of the packet that starts at `head`; 0 when its header is not complete. */
  #packetLength(head: Buffer): number {
    let remaining = 0;
    for (let index = 1; index <= 4; index++) {
      if (index >= head.length) return 0;
      const byte = head[index]!;
      remaining += (byte & 0x7f) * 128 ** (index - 1);
      if (byte < 0x80) {
        const length = index + 1 + remaining;
        if (length > this.#maximum)
          throw new FramingError(`a packet of ${length} bytes; at most ${this.#maximum} are accepted`);
        return length;
      }
    }
    throw new FramingError("a remaining length of more than four bytes (MQTT 3.1.1 section 2.2.3)");
  }
}
