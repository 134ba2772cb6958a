// SPDX-License-Identifier: MIT
/** Where the NVS partition lies in a board's flash. */
import { BerthError } from "../src/error";

/** In bytes. */
export interface Partition {
  readonly offset: number;
  readonly size: number;
}

/**
 * The partition `nvs` of the Moddable SDK 8.2.3: the same in the table of each of its ESP32 targets
 * (build/devices/esp32/xsProj-esp32/partitions.csv and its siblings). It holds identity, settings and what the
 * firmware stores alike, because the SDK's `preference` knows the default partition only.
 */
export const SDK_NVS_PARTITION: Partition = Object.freeze({ offset: 0x9000, size: 0x6000 });

/**
 * The partition `nvs` of a partition table in CSV ("Partition Tables", ESP-IDF): Name, Type, SubType, Offset, Size.
 * @throws BerthError `invalid-argument` when there is none, it is encrypted by flash encryption, or its offset or size
 *   is not given in full
 */
export function nvsPartitionOf(table: string, file: string): Partition {
  for (const line of table.split(/\r?\n/)) {
    const [name, type, subType, offset, size, flags = ""] = line.split(",").map((field) => field.trim());
    if (name !== "nvs" || !/^(data|1|0x0?1)$/.test(type ?? "") || !/^(nvs|2|0x0?2)$/.test(subType ?? ""))
      continue;
    if (flags.split(":").includes("encrypted")) {
      throw wrong(file, "nvs has the flag 'encrypted', which ESP-IDF refuses for NVS; see NVS encryption");
    }
    return {
      offset: bytesOf(offset ?? "", file, "offset"),
      size: bytesOf(size ?? "", file, "size"),
    };
  }
  throw wrong(file, 'there is no line "nvs, data, nvs, OFFSET, SIZE"');
}

/** A number as partition tables have it: decimal or hexadecimal, K or M behind it. */
function bytesOf(field: string, file: string, what: string): number {
  const parts = /^(0x[0-9a-f]+|\d+)([km]?)$/i.exec(field);
  if (!parts) throw wrong(file, `the ${what} of nvs is "${field}"; give a number, for example 0x9000`);
  const unit = { "": 1, k: 1024, m: 1024 * 1024 }[(parts[2] ?? "").toLowerCase() as "" | "k" | "m"];
  return Number(parts[1]) * unit;
}

function wrong(file: string, about: string): BerthError {
  return new BerthError("invalid-argument", `${file}: ${about}`);
}
