// SPDX-License-Identifier: MIT
/** A rule of the fault injector in words, for people. */
import type { FaultRule } from "./faults";

/** The whole rule but for its count, what is left of which changes. */
export function faultInWords(
  rule: Omit<FaultRule, "step" | "action"> & { readonly step: string; readonly action: string },
): string {
  const { step, id, endpoint, skip, probability, afterBytes } = rule;
  const parts = [
    whatOf(rule),
    ` at ${step}`,
    afterBytes !== undefined && ` after ${afterBytes} bytes`,
    endpoint !== undefined && ` of ${endpoint === "dps" ? "DPS" : endpoint}`,
    id !== undefined && ` for ${id}`,
    skip && `, after ${skip} without it`,
    probability !== undefined && `, with probability ${probability}`,
  ];
  return parts.filter((part) => part).join("");
}

function whatOf({
  action,
  status,
  retryAfter,
  body,
  returnCode,
  delayMs,
}: Parameters<typeof faultInWords>[0]) {
  switch (action) {
    case "status": {
      const wait = retryAfter === undefined ? "" : `, retry-after ${retryAfter} s`;
      return `status ${status}${wait}${body === undefined ? "" : ", with a body of its own"}`;
    }
    case "returnCode":
      return `return code ${returnCode}`;
    case "delay":
      return `delay ${delayMs} ms`;
    default:
      return action;
  }
}
