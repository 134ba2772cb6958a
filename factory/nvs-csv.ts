// SPDX-License-Identifier: MIT
import { checkNamespaces, type NvsNamespace, type NvsValue } from "./nvs-values";

/**
 * The table that Espressif's `nvs_partition_gen.py` takes ("NVS Partition Generator Utility", CSV File Format), for
 * an encrypted image above all.
 * @throws BerthError `invalid-argument` for a name or value that NVS or `preference` does not take
 */
export function nvsCsv(namespaces: readonly NvsNamespace[]): string {
  checkNamespaces(namespaces);
  const rows = [["key", "type", "encoding", "value"]];
  for (const { name, values } of namespaces) {
    rows.push([name, "namespace", "", ""]);
    for (const value of values) rows.push([value.key, "data", ...encoded(value)]);
  }
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function encoded(value: NvsValue): [string, string] {
  if (value.type === "blob") return ["base64", Buffer.from(value.value).toString("base64")];
  return [value.type, String(value.value)];
}

/** RFC 4180. */
function quoted(field: string): string {
  return /[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
