// SPDX-License-Identifier: MIT
/** An answer of DPS: its topic, a NUL, its body. */
import {
  type DpsAnswer,
  interpretDpsResponse,
  operationStatusTopic,
  parseDpsTopic,
} from "../../../src/azure/dps";
import { BEYOND_XS, digest, isBeyondXs, must, type Target, textOf } from "./target";

/** What the topic of a request has room for in the output buffer of `Provisioner`. */
const LONGEST_REQUEST = 2_048 - 64;

export const dpsResponse: Target = {
  memory: 0,
  run(bytes, text) {
    if (isBeyondXs(bytes)) return BEYOND_XS;
    const end = bytes.indexOf(0);
    const topic = textOf(end < 0 ? bytes : bytes.subarray(0, end), text);
    const body = textOf(end < 0 ? new Uint8Array(0) : bytes.subarray(end + 1), text);
    const parts = parseDpsTopic(topic);
    if (parts) {
      must(topic.startsWith("$dps/registrations/res/"), "the topic of something else");
      must(
        Number.isInteger(parts.status) && parts.status >= 100 && parts.status <= 599,
        `status ${parts.status}`,
      );
      const after = parts.retryAfter;
      must(
        after === undefined || (Number.isInteger(after) && after >= 0 && after <= 86_400),
        `retry after ${after}`,
      );
    }
    // A body is judged under each kind of status, whatever the topic.
    const lines = [200, 202, 401, 404, 429, 500].map((status) => {
      const given = parts ?? { status, requestId: "1", retryAfter: undefined };
      return check(interpretDpsResponse({ ...given, status }, body, "device-1"), text.encode.bind(text));
    });
    return [
      parts ? `${parts.status} ${digest(text.encode(parts.requestId))} ${parts.retryAfter}` : "no",
      ...lines,
    ].join("\n");
  },
  tokens: [
    "$dps/registrations/res/200/?$rid=1",
    "202/",
    "&retry-after=",
    "%24rid=",
    "\0",
    '{"operationId":"',
    '"status":"assigned"',
    '"status":"assigning"',
    '"status":"failed"',
    '"status":"disabled"',
    '"registrationState":{',
    '"assignedHub":"h.net"',
    '"registrationId":"device-1"',
    '"deviceId":"d"',
    '"substatus":"initialAssignment"',
    '"payload":{',
    '"connectionProfile":"',
    '"errorCode":401002',
    '"trackingId":"',
    '"message":"',
    '"errorMessage":"',
    "\\ud800",
    "1e999",
    "null",
    "[[[[",
    '{"a":',
  ],
};

function check(answer: DpsAnswer, encode: (text: string) => Uint8Array): string {
  if (answer.kind === "error") {
    const { code, message, retryAfter, status, errorCode, trackingId } = answer.error;
    must(code.startsWith("dps-"), `code ${code}`);
    must(message.length <= 1_000, `a message of ${message.length} characters`);
    must(/^[\x20-\x7e]*$/.test(message), "a message with control characters");
    must(trackingId === undefined || /^[\x20-\x7e]{0,200}$/.test(trackingId), "a tracking id as it came");
    return `${code} ${retryAfter} ${status} ${errorCode} ${digest(encode(message))}`;
  }
  if (answer.kind === "assigning") {
    // The agent sends it back: it must be able to.
    const topic = operationStatusTopic("7fffffff", answer.operationId);
    must(answer.operationId !== "", "no operation id");
    must(encode(topic).length <= LONGEST_REQUEST, `a request topic of ${topic.length} characters`);
    return `assigning ${answer.retryAfter} ${digest(encode(topic))}`;
  }
  const { hub, deviceId, substatus, payload } = answer.assignment;
  must(!/(^|\.)(\d+|0x[\da-f]*)$/.test(hub), "a hub that is an address");
  must(/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/.test(hub) && hub.length <= 253, "a hub that is no host name");
  must(/^[\x21-\x7e]{1,128}$/.test(deviceId) && !/[/#+]/.test(deviceId), "a device id that breaks a topic");
  // The agent hands them on and may print them.
  return `assigned ${hub} ${deviceId} ${JSON.stringify(substatus)} ${payload && Object.keys(payload)}`;
}
