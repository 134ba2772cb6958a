// SPDX-License-Identifier: MIT
/** CRC-32 (ISO-HDLC, the one of Ethernet and PNG), to tell a torn value from a whole one. */

/** The remainder of each four bits: small enough, and in ROM on the device; bit by bit takes four times the steps. */
const REMAINDERS: readonly number[] = Object.freeze([
  0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
  0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
]);

/** The CRC of `bytes`, 0 to 4,294,967,295. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i += 1) {
    crc ^= bytes[i] as number;
    crc = (crc >>> 4) ^ (REMAINDERS[crc & 15] as number);
    crc = (crc >>> 4) ^ (REMAINDERS[crc & 15] as number);
  }
  return ~crc >>> 0;
}
