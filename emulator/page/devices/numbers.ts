// SPDX-License-Identifier: MIT
/** Numbers in telemetry, for a chart. */

interface Message {
  time: string;
  payload?: string;
}

/** Times in seconds, and by name a value for each of them: null where a message has none. */
export interface Series {
  times: number[];
  values: Map<string, (number | null)[]>;
}

/** Names of a chart at most. */
const MOST_SERIES = 6;

/** The numbers of JSON bodies, by their path. */
export function numbersOf(messages: readonly Message[]): Series {
  const times: number[] = [];
  const values = new Map<string, (number | null)[]>();
  for (const { time, payload } of messages) {
    const found = payload === undefined ? [] : numbers(payload);
    if (found.length === 0) continue;
    const at = times.push(Date.parse(time) / 1000) - 1;
    for (const [name, value] of found) {
      if (!values.has(name) && values.size >= MOST_SERIES) continue;
      const list = values.get(name) ?? [];
      while (list.length < at) list.push(null);
      list[at] = value;
      values.set(name, list);
    }
  }
  for (const list of values.values()) while (list.length < times.length) list.push(null);
  return { times, values };
}

function numbers(text: string): [string, number][] {
  try {
    return leaves(JSON.parse(text), "");
  } catch {
    return [];
  }
}

function leaves(value: unknown, path: string): [string, number][] {
  if (typeof value === "number") return [[path === "" ? "value" : path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    leaves(member, path === "" ? key : `${path}.${key}`),
  );
}
