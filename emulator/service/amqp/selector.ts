// SPDX-License-Identifier: MIT
/** Where a reader of events starts, as SDKs write it in the filter of a link: `amqp.annotation.x-opt-offset > '-1'`. */
import type { EventPosition } from "../../hub/event-log";

const KINDS = {
  "x-opt-offset": "offset",
  "x-opt-sequence-number": "sequenceNumber",
  "x-opt-enqueued-time": "enqueuedTime",
  "x-opt-enqueuedtimeutc": "enqueuedTime",
} as const;

/** Reads a selector; the start of the partition when there is none. Undefined when it is another. */
export function parseSelector(text: string | undefined): EventPosition | undefined {
  if (text === undefined) return { kind: "earliest" };
  const [, name = "", operator, value = ""] =
    /^\s*amqp\.annotation\.([\w-]+)\s*(>=?)\s*'([^']{1,32})'\s*$/.exec(text) ?? [];
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name as keyof typeof KINDS] : undefined;
  if (kind === undefined) return undefined;
  if (value === "@latest") return { kind: "latest" };
  if (!/^-?\d+$/.test(value)) return undefined;
  return { kind, value: Number(value), inclusive: operator === ">=" };
}
