// SPDX-License-Identifier: MIT
/** The topic of a cloud-to-device message, and the property bag at its end. */
import { parseCloudToDevice } from "../../../src/azure/hub/cloud-to-device";
import { telemetryTopic } from "../../../src/azure/hub/telemetry";
import { decodeProperties, encodeProperties, type Properties } from "../../../src/azure/properties";
import { codeOf, entriesOf, must, type Target, textOf } from "./target";

const PREFIX = "devices/device-1/messages/devicebound/";

export const cloudToDevice: Target = {
  memory: 0,
  run(bytes, text) {
    const topic = textOf(bytes, text);
    const parsed = parseCloudToDevice(topic, "device-1");
    must((parsed !== undefined) === topic.startsWith(PREFIX), "taken for another topic");
    // The bag is tried whatever comes before it.
    return `${parsed !== undefined} ${check(parsed ?? decodeProperties(topic))}`;
  },
  tokens: [
    PREFIX,
    "%24.mid=",
    "$.to=",
    "%2F",
    "%C3%A9",
    "%ED%A0%80",
    "%",
    "&",
    "=",
    "?",
    "__proto__=",
    "constructor",
  ],
};

function check(properties: Properties): string {
  const names = Object.keys(properties);
  must(Object.getPrototypeOf(properties) === null, "a bag with a prototype");
  let again = "";
  // A name of nothing can come, and cannot be sent.
  const code = codeOf(["invalid-argument"], () => {
    again = encodeProperties(properties);
    telemetryTopic("device-1", properties);
  });
  if (code) return `${code} ${entriesOf(properties)}`;
  must(/^[A-Za-z0-9\-_.~%=&]*$/.test(again), "an encoded bag that breaks a topic");
  const decoded = decodeProperties(again);
  must(names.length === Object.keys(decoded).length, "properties are lost on the way");
  for (const name of names) must(decoded[name] === properties[name], `property ${name} changes on the way`);
  return entriesOf(properties);
}
