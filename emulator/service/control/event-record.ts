// SPDX-License-Identifier: MIT
/** Events of the emulator in JSON, as `berth emulator --json` prints them. None holds a key or a token. */
import { isUtf8 } from "node:buffer";
import type { EmulatorEvents } from "../../events";
import type { Telemetry } from "../../hub/endpoint";

type Fields = { [K in keyof EmulatorEvents]: (argument: EmulatorEvents[K][0]) => object };

const asItIs = (argument: object) => argument;

/** The fields of each event. */
const FIELDS: Fields = {
  connect: asItIs,
  refuse: asItIs,
  serviceRefused: asItIs,
  stranger: asItIs,
  registration: asItIs,
  response: asItIs,
  delivered: asItIs,
  disconnect: asItIs,
  certificateRequest: asItIs,
  certificateIssued: asItIs,
  unknownApiVersion: asItIs,
  reported: asItIs,
  assigned: ({ registrationId, assignedHub, deviceId, substatus }) => ({
    registrationId,
    assignedHub,
    deviceId,
    substatus,
  }),
  telemetry: telemetryFields,
  fault: ({ rule, id, endpoint }) => ({ step: rule.step, action: rule.action, id, endpoint }),
  problem: ({ message }) => ({ message }),
};

function telemetryFields({ hub, deviceId, body, properties, qos, dup }: Telemetry): object {
  const content = isUtf8(body) ? { payload: body.toString() } : { base64: body.toString("base64") };
  // `fromEntries` defines own members, so that a property `__proto__` is one.
  const bag = Object.fromEntries(properties);
  return { hub, deviceId, bytes: body.length, ...content, properties: bag, qos, dup };
}

/** The events there are. */
export const EVENT_NAMES = Object.keys(FIELDS) as (keyof EmulatorEvents)[];

/** One event. @param now milliseconds since 1970 */
export function eventRecord<K extends keyof EmulatorEvents>(
  name: K,
  argument: EmulatorEvents[K][0],
  now: number,
): object {
  return { event: name, time: new Date(now).toISOString(), ...FIELDS[name](argument) };
}
