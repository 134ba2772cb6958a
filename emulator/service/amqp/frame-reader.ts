// SPDX-License-Identifier: MIT
/** Cuts the bytes of a client into protocol headers and frames (AMQP 1.0, part 2), and refuses what rhea should not see. */
import { EncodingError, endOfValue } from "./encoding";

/** Bytes of a frame, which a peer is told; Azure's. */
export const LARGEST_FRAME = 65_536;
/** How a protocol header begins. */
export const HEADER = Buffer.from("AMQP");
/** Of SASL, and of AMQP. */
const MOST_HEADERS = 2;

/** Reads one connection. */
export class FrameReader {
  readonly #onFrame: (bytes: Buffer) => void;
  #chunks: Buffer[] = [];
  #length = 0;
  /** Bytes that have to be there before anything is done. */
  #needed = 8;
  #headers = 0;

  /** @param onFrame is given a header of 8 bytes, or a whole frame */
  constructor(onFrame: (bytes: Buffer) => void) {
    this.#onFrame = onFrame;
  }

  /** @throws EncodingError when the bytes are no AMQP, or too many */
  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#length);
    for (;;) {
      const size = rest.length < 8 ? 8 : this.#sizeOf(rest);
      if (rest.length < size) {
        this.#needed = size;
        break;
      }
      const frame = rest.subarray(0, size);
      rest = rest.subarray(size);
      this.#onFrame(frame);
    }
    this.#chunks = [rest];
    this.#length = rest.length;
  }

  #sizeOf(bytes: Buffer): number {
    if (this.#headers < MOST_HEADERS && bytes.subarray(0, 4).equals(HEADER)) {
      this.#headers++;
      return 8;
    }
    if (this.#headers === 0) throw new EncodingError("what came first is no AMQP header");
    const size = bytes.readUInt32BE();
    const start = bytes.readUInt8(4) * 4;
    if (size > LARGEST_FRAME || size < 8 || start < 8 || start > size)
      throw new EncodingError(`a frame of ${size} bytes; at most ${LARGEST_FRAME} are allowed`);
    if (bytes.length >= size && start < size) endOfValue(bytes.subarray(0, size), start);
    return size;
  }
}
