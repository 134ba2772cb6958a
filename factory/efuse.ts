// SPDX-License-Identifier: MIT
/**
 * A symmetric key in a KEY block of eFuse, where the HMAC peripheral uses it and no software reads it: "HMAC" and
 * "eFuse Manager" of ESP-IDF's documentation, "Burn Key" of esptool's. The names of commands are those of esptool 5,
 * which belongs to ESP-IDF 6.
 */
import { symmetricKeyBytes } from "../src/azure/symmetric-key";
import { BerthError } from "../src/error";
import { shellPath } from "./shell-word";

/** Chips with the peripheral that the firmware is built for. */
export const EFUSE_CHIPS = Object.freeze(["esp32s2", "esp32s3", "esp32c3", "esp32c6"] as const);
export type EfuseChip = (typeof EFUSE_CHIPS)[number];

/** A KEY block holds as much. */
const BLOCK_BYTES = 32;
/** The last of the KEY blocks 0 to 5. */
export const LAST_BLOCK = 5;
/** The purpose with which the peripheral gives its result to software. */
const PURPOSE = "HMAC_UP";

/** @throws BerthError `invalid-argument` for another chip, saying why */
export function checkEfuseChip(chip: string): EfuseChip {
  const known = EFUSE_CHIPS.find((candidate) => candidate === chip);
  if (known !== undefined) return known;
  throw new BerthError(
    "invalid-argument",
    chip === "esp32"
      ? "the ESP32 has no HMAC peripheral, so a key in its eFuse is of no use; leave the key in NVS"
      : `"${chip}" is not one of ${EFUSE_CHIPS.join(", ")}`,
  );
}

/** @throws BerthError `invalid-argument` unless `block` is a KEY block's number as a decimal digit */
export function checkEfuseBlock(block: string): number {
  if (!/^[0-5]$/.test(block)) {
    throw new BerthError("invalid-argument", `a KEY block of eFuse is 0 to ${LAST_BLOCK}`);
  }
  return Number(block);
}

/**
 * The 32 bytes to burn for a symmetric key. A shorter key is filled with zeros: HMAC does the same (RFC 2104,
 * section 2), so the codes stay those of the key that Azure has. A longer one cannot be shortened: up to the hash's
 * block of 64 bytes HMAC takes a key as it is.
 * @param symmetricKey base64, as Azure shows it
 * @throws BerthError `invalid-argument` for no key of 16 to 32 bytes in base64; never showing it
 */
export function efuseKey(symmetricKey: string): Uint8Array {
  const key = symmetricKeyBytes(symmetricKey);
  if (key.length > BLOCK_BYTES) {
    const { length } = key;
    key.fill(0);
    throw new BerthError(
      "invalid-argument",
      `the key has ${length} bytes, a KEY block takes ${BLOCK_BYTES}; enroll the device with a key of ${BLOCK_BYTES} random bytes, or in a group: derived keys have ${BLOCK_BYTES}`,
    );
  }
  const block = new Uint8Array(BLOCK_BYTES);
  block.set(key);
  key.fill(0);
  return block;
}

/** A step to take at the bench. */
export interface EfuseStep {
  readonly command: string;
  /** What must be seen, before the next step is taken. */
  readonly expect: string;
}

/** What is lost. */
export const IRREVERSIBLE =
  "Burning eFuse cannot be undone: a wrong key, block or purpose stays in the chip for ever, and the block is spent.";

/** The steps that bring the key of `file` into a KEY block. */
export function efuseSteps(chip: EfuseChip, block: number, file: string): readonly EfuseStep[] {
  const espefuse = `espefuse --chip ${chip} --port PORT`;
  return [
    {
      command: `${espefuse} summary`,
      expect: `KEY_PURPOSE_${block} is USER R/W and BLOCK_KEY${block} all zeros R/W; SECURE_BOOT_EN is False, else no key can be read-protected any more`,
    },
    {
      command: `${espefuse} burn-key BLOCK_KEY${block} ${shellPath(file)} ${PURPOSE}`,
      expect: `"Disabling read to key block" and "Disabling write to key block", then type BURN; never with --no-read-protect`,
    },
    {
      command: `${espefuse} summary`,
      expect: `KEY_PURPOSE_${block} is ${PURPOSE} R/-, BLOCK_KEY${block} is ?? ?? … -/-`,
    },
  ];
}
