// SPDX-License-Identifier: MIT

/** A property in both sections of a twin; JSON, and empty where it is not there. */
export interface TwinRow {
  path: string;
  desired: string;
  reported: string;
  state: "equal" | "differs" | "desired only" | "reported only";
}

/** Every leaf of both sections, by its path; `$metadata` and the like are left out. */
export function compare(desired: Record<string, unknown>, reported: Record<string, unknown>): TwinRow[] {
  const wanted = leaves(desired);
  const told = leaves(reported);
  const paths = [...new Set([...wanted.keys(), ...told.keys()])].sort();
  return paths.map((path) => {
    const one = wanted.get(path);
    const other = told.get(path);
    const state =
      one === undefined
        ? "reported only"
        : other === undefined
          ? "desired only"
          : one === other
            ? "equal"
            : "differs";
    return { path, desired: one ?? "", reported: other ?? "", state };
  });
}

function leaves(
  section: Record<string, unknown>,
  prefix = "",
  found = new Map<string, string>(),
): Map<string, string> {
  for (const [key, value] of Object.entries(section)) {
    if (key.startsWith("$")) continue;
    const isBranch =
      typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    if (isBranch) leaves(value as Record<string, unknown>, `${prefix}${key}.`, found);
    else found.set(prefix + key, JSON.stringify(value));
  }
  return found;
}
