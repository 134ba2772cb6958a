// SPDX-License-Identifier: MIT
/** The NVS image of the emulated chip, as `berth identity factory` makes those of boards. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkedSetting } from "../../../../firmware/settings";
import { readDevices } from "../../../../factory/devices";
import { nvsImage } from "../../../../factory/nvs-image";
import type { NvsNamespace } from "../../../../factory/nvs-values";
import { SETTINGS_DOMAIN } from "../../settings";
import type { FlashPartition } from "./partition-table";

export interface ChipIdentity {
  /** The values of `berth-id`; bytes are DER. */
  readonly identity: Readonly<Record<string, string | Uint8Array>>;
  /** Those of `berth`. */
  readonly settings: Readonly<Record<string, string>>;
  /** The KEY block that takes the symmetric key in place of NVS. */
  readonly efuseBlock?: number | undefined;
}

export interface IdentityImage {
  readonly nvs: Uint8Array;
  /** What belongs into the KEY block. */
  readonly efuseKey: Uint8Array | undefined;
}

/**
 * @param directory for its files, which it replaces
 * @param partition whose image it is
 * @throws Error that says which value the device would not take, and why
 */
export function identityImage(
  directory: string,
  { identity, settings, efuseBlock }: ChipIdentity,
  { size }: FlashPartition,
): IdentityImage {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // No column of a factory's table, for what a board says once concerns only whoever runs it here.
  const { exitAfter, ...row }: Record<string, string> = settings;
  for (const [key, value] of Object.entries(identity)) {
    row[key] = typeof value === "string" ? value : `${key}.der`;
    if (typeof value !== "string") writeFileSync(join(directory, `${key}.der`), value, { mode: 0o600 });
  }
  if (efuseBlock !== undefined) row.efuseBlock = String(efuseBlock);
  const none = { idScope: undefined, groupKey: undefined, certificates: undefined };
  const defaults = { ...none, base: directory, now: Date.now() };
  const { devices, problems } = readDevices(table([Object.keys(row), Object.values(row)]), defaults, size);
  const [device] = devices;
  if (!device) {
    const messages = problems.map(({ column, message }) => (column ? `${column}: ${message}` : message));
    throw new Error(`the identity was not taken: ${messages.join("; ")}`);
  }
  const namespaces = exitAfter === undefined ? device.namespaces : withExit(device.namespaces, exitAfter);
  return { nvs: nvsImage(namespaces, size).bytes, efuseKey: device.efuse?.key };
}

function withExit(namespaces: readonly NvsNamespace[], exitAfter: string): NvsNamespace[] {
  const isOurs = ({ name }: NvsNamespace) => name === SETTINGS_DOMAIN;
  const value = {
    key: "exitAfter",
    type: "i32",
    value: Number(checkedSetting("exitAfter", exitAfter)),
  } as const;
  const values = [...(namespaces.find(isOurs)?.values ?? []), value];
  return [...namespaces.filter((one) => !isOurs(one)), { name: SETTINGS_DOMAIN, values }];
}

function table(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  return `${rows.map((cells) => cells.map(cell).join(",")).join("\n")}\n`;
}
