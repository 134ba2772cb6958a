// SPDX-License-Identifier: MIT
/** Reads the `faults` of a configuration document. */
import { FAULT_ACTIONS, FAULT_STEPS, type FaultRule } from "./faults";
import { JsonReader } from "./json-reader";

const FIELDS = [
  "step",
  "action",
  "id",
  "endpoint",
  "count",
  "skip",
  "probability",
  "delayMs",
  "status",
  "retryAfter",
  "body",
  "returnCode",
  "afterBytes",
];

/** The rules under `faults`; none when the key is absent. @throws DocumentError naming the place and what to do */
export function parseFaults(text: string, source = "configuration"): FaultRule[] {
  return readFaults(JsonReader.parse(text, source).get("faults"));
}

/** As `parseFaults`, from the value of the key. */
export function readFaults(node: JsonReader): FaultRule[] {
  return node.missing ? [] : node.array(1000).map(readFault);
}

function readFault(node: JsonReader): FaultRule {
  node.only(FIELDS);
  const rule: FaultRule = {
    step: node.get("step").choice(FAULT_STEPS),
    action: node.get("action").choice(FAULT_ACTIONS),
  };
  if (!node.get("id").missing) rule.id = node.get("id").string(128);
  if (!node.get("endpoint").missing) rule.endpoint = node.get("endpoint").string(253);
  const numbers: [
    "count" | "skip" | "delayMs" | "status" | "retryAfter" | "returnCode" | "afterBytes",
    number,
    number,
  ][] = [
    ["count", 1, 1_000_000],
    ["skip", 0, 1_000_000],
    ["delayMs", 0, 3_600_000],
    ["status", 200, 599],
    ["retryAfter", 0, 1_000_000],
    ["returnCode", 0, 255],
    ["afterBytes", 0, Number.MAX_SAFE_INTEGER],
  ];
  for (const [key, minimum, maximum] of numbers) {
    if (!node.get(key).missing) rule[key] = node.get(key).integer(minimum, maximum);
  }
  const probability = node.get("probability");
  if (!probability.missing) rule.probability = probability.number(0, 1);
  if (!node.get("body").missing) rule.body = node.get("body").json();
  if (rule.action === "status" && rule.step !== "register" && rule.step !== "poll") {
    node.get("action").fail("status fits the steps register and poll only");
  }
  if (rule.action === "returnCode" && rule.step !== "connack")
    node.get("action").fail("returnCode fits the step connack only");
  if (rule.action === "delay" && rule.delayMs === undefined)
    node.get("delayMs").fail("is needed by the action delay");
  if (/sent|received/i.test(rule.step)) {
    if (rule.afterBytes === undefined) node.get("afterBytes").fail(`is needed by the step ${rule.step}`);
    if (rule.action !== "close" && rule.action !== "reset")
      node.get("action").fail("must be close or reset here");
  }
  return rule;
}
