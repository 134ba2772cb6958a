// SPDX-License-Identifier: MIT
/** What `esptool merge-bin` makes: the whole flash of an ESP32-C3 as one file, for QEMU. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { APP, DATA, type FlashPartition, NVS, readPartitionTable } from "./partition-table";

/** Of the SDK's settings for ESP32-C3 (`CONFIG_ESPTOOLPY_FLASHSIZE_4MB`); QEMU takes 2, 4, 8 or 16 MB. */
export const FLASH_SIZE = 4 * 1024 * 1024;
/** Where the ROM of ESP32-C3 looks for the bootloader, and the bootloader for the table. */
const BOOTLOADER_AT = 0;
const TABLE_AT = 0x8000;

/** The parts of a build. */
export interface FlashParts {
  readonly bootloader: Uint8Array;
  readonly table: Uint8Array;
  readonly app: Uint8Array;
}

/** @param directory what mcconfig left. @throws Error that names the file that is missing */
export function readParts(directory: string): FlashParts {
  const read = (name: string) => {
    const file = join(directory, name);
    if (!existsSync(file))
      throw new Error(`the build has left no ${name} in ${directory}: look above for why`);
    return new Uint8Array(readFileSync(file));
  };
  return {
    bootloader: read("bootloader.bin"),
    table: read("partition-table.bin"),
    app: read("xs_esp32.bin"),
  };
}

/** The first partition for the app, and the one for NVS. @throws Error without one of them */
export function placesOf(table: Uint8Array): { app: FlashPartition; nvs: FlashPartition } {
  const partitions = readPartitionTable(table);
  const find = (what: string, test: (partition: FlashPartition) => boolean) => {
    const partition = partitions.find(test);
    if (!partition) throw new Error(`the partition table has no ${what}`);
    return partition;
  };
  return {
    app: find("app", ({ type }) => type === APP),
    nvs: find("nvs", ({ type, subtype }) => type === DATA && subtype === NVS),
  };
}

/**
 * The whole flash; what is not written is erased.
 * @param nvs image of that partition; undefined: erased
 * @throws Error where a part does not fit its place
 */
export function flashImage(parts: FlashParts, nvs: Uint8Array | undefined): Uint8Array {
  const places = placesOf(parts.table);
  const flash = new Uint8Array(FLASH_SIZE).fill(0xff);
  const put = (what: string, bytes: Uint8Array, at: number, room: number) => {
    if (bytes.length > room || at + bytes.length > FLASH_SIZE)
      throw new Error(
        `${what} has ${bytes.length} bytes, its place in flash ${Math.max(0, Math.min(room, FLASH_SIZE - at))}`,
      );
    flash.set(bytes, at);
  };
  put("the bootloader", parts.bootloader, BOOTLOADER_AT, TABLE_AT - BOOTLOADER_AT);
  put("the partition table", parts.table, TABLE_AT, 0x1000);
  put("the app", parts.app, places.app.offset, places.app.size);
  if (nvs) put("the NVS image", nvs, places.nvs.offset, places.nvs.size);
  return flash;
}
