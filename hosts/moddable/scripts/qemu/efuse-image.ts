// SPDX-License-Identifier: MIT
/**
 * The eFuses of an emulated ESP32-C3: the read registers from RD_WR_DIS on, as QEMU's drive of them. Positions:
 * ESP32-C3 Technical Reference Manual, "eFuse Controller", registers EFUSE_RD_*.
 */

/** The file. */
const SIZE = 1024;
/** Registers, less that of RD_WR_DIS (0x2c). */
const REPEAT_DATA1 = 0x34 - 0x2c;
const REPEAT_DATA2 = 0x38 - 0x2c;
const MAC_SPI_SYS_0 = 0x44 - 0x2c;
const MAC_SPI_SYS_3 = 0x50 - 0x2c;
const KEY0_DATA0 = 0x9c - 0x2c;
const KEY_BYTES = 32;
/** WAFER_VERSION_MINOR_LOW: ESP-IDF's bootloader starts from v0.3 on. */
const MINOR_SHIFT = 18;
const MINOR = 3;
/** Of KEY_PURPOSE: HMAC upstream. */
export const HMAC_UP = 8;
/** Locally administered, lowest byte first. */
const MAC = [0x01, 0x00, 0x00, 0x4d, 0x45, 0x02];

/** A KEY block and what is in it. */
export interface EfuseKey {
  /** 0 to 5 */
  readonly block: number;
  /** 32 bytes at most; zeros follow */
  readonly key: Uint8Array;
}

/**
 * A chip of revision 0.3, with a key for HMAC where one is given. Read protection stays off: QEMU hides a protected key
 * from its own HMAC unit.
 * @throws RangeError for a key or a block that does not exist
 */
export function efuseImage(key?: EfuseKey): Uint8Array {
  const image = new Uint8Array(SIZE);
  const view = new DataView(image.buffer);
  image.set(MAC, MAC_SPI_SYS_0);
  view.setUint32(MAC_SPI_SYS_3, MINOR << MINOR_SHIFT, true);
  if (!key) return image;
  const { block, key: bytes } = key;
  if (!Number.isInteger(block) || block < 0 || block > 5 || bytes.length > KEY_BYTES)
    throw new RangeError("a KEY block is 0 to 5 and has 32 bytes");
  image.set(bytes, KEY0_DATA0 + block * KEY_BYTES);
  // KEY_PURPOSE_0 and 1 end RD_REPEAT_DATA1, the others begin RD_REPEAT_DATA2; four bits each.
  const [register, shift] = block < 2 ? [REPEAT_DATA1, 24 + 4 * block] : [REPEAT_DATA2, 4 * (block - 2)];
  view.setUint32(register, HMAC_UP << shift, true);
  return image;
}
