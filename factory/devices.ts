// SPDX-License-Identifier: MIT
/** The whole table of devices: its rows, and what no two of them may share. */
import { IDENTITY_KEYS } from "../hosts/moddable/device-identity";
import { DEVICE_COLUMNS, type DeviceDefaults, type FactoryDevice, readDevice } from "./device";
import { readTable, type TableProblem } from "./device-table";
import { nvsImage } from "./nvs-image";
import { reasonOf } from "./reason";

/**
 * Reads a table of devices.
 * @param size of the NVS partition in bytes, already checked
 * @returns the devices, whose images fit; with a problem, none
 */
export function readDevices(
  table: string,
  defaults: DeviceDefaults,
  size: number,
): {
  readonly devices: readonly FactoryDevice[];
  readonly problems: readonly TableProblem[];
  readonly warnings: readonly TableProblem[];
} {
  const { rows, problems: tableProblems } = readTable(table, DEVICE_COLUMNS);
  const problems = [...tableProblems];
  const warnings: TableProblem[] = [];
  const devices: FactoryDevice[] = [];
  const unique = new Unique();
  for (const row of rows) {
    const read = readDevice(row, defaults);
    warnings.push(...read.warnings);
    const found = [...read.problems];
    if (read.device) {
      found.push(...unique.add(read.device));
      try {
        // Only whether it fits: a fleet's images are too much to keep.
        nvsImage(read.device.namespaces, size);
        devices.push(read.device);
      } catch (error) {
        found.push({ line: row.line, column: undefined, message: reasonOf(error) });
      }
    }
    problems.push(...found);
  }
  return { devices: problems.length > 0 ? [] : devices, problems, warnings };
}

/** What no two devices have in common. */
class Unique {
  readonly #lines = new Map<string, number>();

  add(device: FactoryDevice): readonly TableProblem[] {
    const { line, registrationId, stem, secret } = device;
    // DPS does not tell upper from lower case, some file systems neither.
    const checks: [string, string, string][] = [
      [`id ${registrationId.toLowerCase()}`, IDENTITY_KEYS.registrationId, "the registration id"],
      [`files ${stem.toLowerCase()}`, IDENTITY_KEYS.registrationId, "the name of its files"],
    ];
    if (secret !== undefined) {
      const [column, what] =
        device.attestation === "x509"
          ? [IDENTITY_KEYS.clientKey, "the private key"]
          : [IDENTITY_KEYS.symmetricKey, "the symmetric key"];
      checks.push([`secret ${secret}`, column, what]);
    }
    for (const [entry, column, what] of checks) {
      const other = this.#lines.get(entry);
      if (other !== undefined) return [{ line, column, message: `${what} is that of line ${other}` }];
      this.#lines.set(entry, line);
    }
    return [];
  }
}
