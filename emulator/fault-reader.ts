// SPDX-License-Identifier: MIT
/** The `faults` of a configuration document. */
import * as v from "valibot";
import { FAULT_ACTIONS, FAULT_STEPS, type FaultRule } from "./faults";
import { parseJson, readJson } from "./json-reader";
import { choice, list, maybe, number, object, text, whole } from "./shapes";

/** The steps that are answers with a status. */
const WITH_STATUS: readonly string[] = ["register", "poll", "twinGet", "twinReported", "issueCertificate"];

/** What one action alone makes use of. */
const OWNERS = {
  delayMs: "delay",
  status: "status",
  retryAfter: "status",
  body: "status",
  returnCode: "returnCode",
} as const;

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
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { value } = dataset;
    const [key, message] = misfit(value) ?? [];
    if (key === undefined || message === undefined) return;
    addIssue({ message, path: [{ type: "object", origin: "value", input: value, key, value: value[key] }] });
  }),
);

/** What in a rule does not fit the rest of it, and why. */
function misfit(rule: FaultRule): [key: keyof FaultRule, message: string] | undefined {
  const { step, action, delayMs, afterBytes } = rule;
  if (action === "status" && !WITH_STATUS.includes(step))
    return ["action", `status fits the steps ${WITH_STATUS.join(", ")} only`];
  if (action === "returnCode" && step !== "connack")
    return ["action", "returnCode fits the step connack only"];
  if (action === "delay" && delayMs === undefined) return ["delayMs", "is needed by the action delay"];
  if (countsBytes(step) && action !== "close" && action !== "reset")
    return ["action", "must be close or reset here"];
  if (countsBytes(step) && afterBytes === undefined)
    return ["afterBytes", "is needed by the steps that count bytes"];
  if (!countsBytes(step) && afterBytes !== undefined)
    return ["afterBytes", "fits the steps that count bytes only"];
  if (step === "assigned" && action !== "close") return ["action", "must be close at the step assigned"];
  const detail = (Object.keys(OWNERS) as (keyof typeof OWNERS)[]).find(
    (name) => rule[name] !== undefined && action !== OWNERS[name],
  );
  return detail && [detail, `fits the action ${OWNERS[detail]} only`];
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
