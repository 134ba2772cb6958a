// SPDX-License-Identifier: MIT
/** CRC-32 (ISO-HDLC, the one of Ethernet and PNG), to tell a torn value from a whole one. */

/** The CRC of `bytes`, 0 to 4,294,967,295. Bit by bit: a record has a few hundred bytes, a table would stay in RAM. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i += 1) {
    crc ^= bytes[i] as number;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
