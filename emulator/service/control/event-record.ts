// SPDX-License-Identifier: MIT
/** Events of the emulator in JSON, as `berth emulator --json` prints them. None holds a key or a token. */
import { isUtf8 } from "node:buffer";
import type { EmulatorEvents } from "../../events";
import type { Telemetry } from "../../hub/endpoint";
import { packetRecord } from "./packet-record";

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
  desired: asItIs,
  method: asItIs,
  methodResult: asItIs,
  queued: ({ hub, deviceId, sequence, body, properties }) => ({
    hub,
    deviceId,
    sequence,
    ...contentOf(body),
    properties,
  }),
  assigned: ({ registrationId, assignedHub, deviceId, substatus }) => ({
    registrationId,
    assignedHub,
    deviceId,
    substatus,
  }),
  telemetry: telemetryFields,
  fault: ({ rule: { body: _, ...rule }, id, endpoint }) => ({ ...rule, id, endpoint }),
  packet: packetRecord,
  problem: ({ message }) => ({ message }),
};

function telemetryFields({ hub, deviceId, body, properties, qos, dup }: Telemetry): object {
  // `fromEntries` defines own members, so that a property `__proto__` is one.
  const bag = Object.fromEntries(properties);
  return { hub, deviceId, ...contentOf(body), properties: bag, qos, dup };
}

function contentOf(body: Buffer): object {
  const content = isUtf8(body) ? { payload: body.toString() } : { base64: body.toString("base64") };
  return { bytes: body.length, ...content };
}

export type EventName = keyof EmulatorEvents;
/** The events there are; packets last, and apart: who does not ask for them gets none. */
export const ALL_EVENTS = Object.keys(FIELDS) as EventName[];
export const EVENT_NAMES = ALL_EVENTS.filter((name) => name !== "packet");

/** One event. @param now milliseconds since 1970 */
export function eventRecord<K extends keyof EmulatorEvents>(
  name: K,
  argument: EmulatorEvents[K][0],
  now: number,
): object {
  return { event: name, time: new Date(now).toISOString(), ...FIELDS[name](argument) };
}
