// SPDX-License-Identifier: MIT

/** Devices of Windows, whatever follows a dot: "Naming Files, Paths, and Namespaces" (Microsoft). */
const RESERVED = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=\.|$)/i;

/**
 * How the files of an id are named: as the id, but for what is no name of a file everywhere. A colon becomes `_`, and a
 * name that Windows keeps for a device gets one: `nul` becomes `nul_`.
 */
export function stemOf(id: string): string {
  return id.replaceAll(":", "_").replace(RESERVED, "$1_");
}
