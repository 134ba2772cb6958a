// SPDX-License-Identifier: MIT
/** The `faults` of a configuration document. */
import * as v from "valibot";
import { FAULT_ACTIONS, FAULT_STEPS, type FaultRule } from "./faults";
import { parseJson, readJson } from "./json-reader";
import { choice, list, maybe, number, object, text, whole } from "./shapes";

/** One rule. */
export const RULE = v.pipe(
  object({
    step: choice(FAULT_STEPS),
    action: choice(FAULT_ACTIONS),
    id: maybe(text(128)),
    endpoint: maybe(text(253)),
    count: maybe(whole(1, 1_000_000)),
    skip: maybe(whole(0, 1_000_000)),
    probability: maybe(number(0, 1)),
    delayMs: maybe(whole(0, 3_600_000)),
    status: maybe(whole(200, 599)),
    retryAfter: maybe(whole(0, 1_000_000)),
    body: maybe(v.unknown()),
    returnCode: maybe(whole(0, 255)),
    afterBytes: maybe(whole(0, Number.MAX_SAFE_INTEGER)),
  }),
  v.forward(
    v.check(
      ({ action, step }) => action !== "status" || hasStatus(step),
      "status fits the steps register, poll, twinGet and twinReported only",
    ),
    ["action"],
  ),
  v.forward(
    v.check(
      ({ action, step }) => action !== "returnCode" || step === "connack",
      "returnCode fits the step connack only",
    ),
    ["action"],
  ),
  v.forward(
    v.check(
      ({ action, delayMs }) => action !== "delay" || delayMs !== undefined,
      "is needed by the action delay",
    ),
    ["delayMs"],
  ),
  v.forward(
    v.check(
      ({ step, afterBytes }) => !countsBytes(step) || afterBytes !== undefined,
      "is needed by the steps that count bytes",
    ),
    ["afterBytes"],
  ),
  v.forward(
    v.check(
      ({ step, action }) => !countsBytes(step) || action === "close" || action === "reset",
      "must be close or reset here",
    ),
    ["action"],
  ),
);

function hasStatus(step: string): boolean {
  return ["register", "poll", "twinGet", "twinReported"].includes(step);
}

function countsBytes(step: string): boolean {
  return /sent|received/i.test(step);
}

/** The rules. */
export const FAULTS = list(RULE, 1000);

/** The rules under `faults`; none when the key is absent. @throws DocumentError naming the place and what to do */
export function parseFaults(document: string, source = "configuration"): FaultRule[] {
  return readJson(object({ faults: maybe(FAULTS) }, "all"), parseJson(document, source), source).faults ?? [];
}
