// SPDX-License-Identifier: MIT

/** A property in both sections of a twin; JSON, and empty where it is not there. */
export interface TwinRow {
  path: string;
  desired: string;
  reported: string;
  state: "equal" | "differs" | "desired only" | "reported only";
}

type Branch = Record<string, unknown>;

/**
 * Every leaf of both sections, by its path; `$metadata` and the like are left out. What answers a desired property without
 * repeating it is one row: IoT Plug and Play's `{ value, ac, av }`, and Berth's word about roots.
 */
export function compare(desired: Branch, reported: Branch): TwinRow[] {
  return walk("", desired, reported).sort((one, other) => (one.path < other.path ? -1 : 1));
}

function walk(path: string, wanted: unknown, told: unknown): TwinRow[] {
  if (isWritableAnswer(told)) {
    const isDone = told.ac >= 200 && told.ac < 300 && isSame(wanted, told.value);
    return [row(path, wanted, told, isDone)];
  }
  if (path === "trustedRoots" && isBranch(wanted) && isBranch(told))
    return [row(path, wanted, told, told.state === "in-use" && told.offered === wanted.counter)];
  const [one, other] = [isBranch(wanted) ? wanted : {}, isBranch(told) ? told : {}];
  const names = new Set([...Object.keys(one), ...Object.keys(other)].filter((name) => !name.startsWith("$")));
  const rows = [...names].flatMap((name) =>
    walk(path === "" ? name : `${path}.${name}`, own(one, name), own(other, name)),
  );
  const leaves = [wanted, told].map((value) => (isBranch(value) ? undefined : value));
  if (leaves.some((value) => value !== undefined)) rows.push(row(path, leaves[0], leaves[1]));
  return rows;
}

function row(path: string, wanted: unknown, told: unknown, isDone = isSame(wanted, told)): TwinRow {
  const state =
    wanted === undefined
      ? "reported only"
      : told === undefined
        ? "desired only"
        : isDone
          ? "equal"
          : "differs";
  return { path, desired: JSON.stringify(wanted) ?? "", reported: JSON.stringify(told) ?? "", state };
}

/** Whatever the order of members. */
function isSame(one: unknown, other: unknown): boolean {
  if (!isBranch(one) || !isBranch(other)) return JSON.stringify(one) === JSON.stringify(other);
  return walk("value", one, other).every(({ state }) => state === "equal");
}

function isWritableAnswer(value: unknown): value is { value: unknown; ac: number; av: number } {
  return isBranch(value) && Object.hasOwn(value, "value") && [value.ac, value.av].every(Number.isInteger);
}

/** An object with members; arrays and `{}` are leaves. */
function isBranch(value: unknown): value is Branch {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
  );
}

/** A property may be called as a member that every object has. */
function own(branch: Branch, name: string): unknown {
  return Object.hasOwn(branch, name) ? branch[name] : undefined;
}
