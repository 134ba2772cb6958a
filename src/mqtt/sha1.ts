// SPDX-License-Identifier: MIT
/**
 * SHA-1 (FIPS 180-4, section 6.1), for the one place where RFC 6455 asks for it: `Sec-WebSocket-Accept` shows that the
 * server knows what a WebSocket is, and proves nobody's identity. So it is here and no function of the host: 20 lines that
 * only those carry who use a WebSocket, instead of an entry in the C of four platforms.
 */

/** 20 bytes. */
export function sha1(message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / 64) * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const input = new DataView(padded.buffer);
  input.setUint32(padded.length - 4, message.length * 8);
  const digest = new Uint8Array(20);
  const state = new DataView(digest.buffer);
  let [h0, h1, h2, h3, h4] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
  const words = new Uint32Array(80);
  for (let block = 0; block < padded.length; block += 64) {
    for (let t = 0; t < 16; t += 1) words[t] = input.getUint32(block + 4 * t);
    for (let t = 16; t < 80; t += 1) {
      words[t] = rotated(
        (words[t - 3] as number) ^
          (words[t - 8] as number) ^
          (words[t - 14] as number) ^
          (words[t - 16] as number),
        1,
      );
    }
    let [a, b, c, d, e] = [h0, h1, h2, h3, h4];
    for (let t = 0; t < 80; t += 1) {
      const [f, k] =
        t < 20
          ? [(b & c) | (~b & d), 0x5a827999]
          : t < 40
            ? [b ^ c ^ d, 0x6ed9eba1]
            : t < 60
              ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
              : [b ^ c ^ d, 0xca62c1d6];
      const next = (rotated(a, 5) + f + e + k + (words[t] as number)) | 0;
      [e, d, c, b, a] = [d, c, rotated(b, 30), a, next];
    }
    h0 = (h0 + a) | 0;
    h1 = (h1 + b) | 0;
    h2 = (h2 + c) | 0;
    h3 = (h3 + d) | 0;
    h4 = (h4 + e) | 0;
  }
  for (const [i, word] of [h0, h1, h2, h3, h4].entries()) state.setInt32(4 * i, word);
  return digest;
}

function rotated(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
