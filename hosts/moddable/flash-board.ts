// SPDX-License-Identifier: MIT
/** Flash for the outbox on ESP32: the data partition `outbox`. `flash-simulator.ts` has the same name. */
import flash from "embedded:storage/flash";
import type { FlashRegion } from "../../src/host";

const PARTITION = "outbox";

/** @throws Error where the partition table has none */
export function openRegion(): FlashRegion {
  const partition = opened();
  const { blocks, blockLength } = partition.status();
  return {
    sectors: blocks,
    sectorSize: blockLength,
    erase: (sector) => partition.eraseBlock(sector),
    read: (at, target) => void partition.read(target, at),
    write: (at, bytes) => partition.write(bytes, at),
  };
}

function opened(): ReturnType<typeof flash.open> {
  try {
    return flash.open({ path: PARTITION, mode: "r+" });
  } catch {
    // The queue makes it `outbox-unwritten`; a module that takes another's place imports none by its path.
    throw new Error(
      `no partition "${PARTITION}": name firmware/partitions.csv as PARTITIONS_FILE, or a table of your own with it`,
    );
  }
}
