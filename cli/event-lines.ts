// SPDX-License-Identifier: MIT
/** Events of an emulator, as its API gives them, in a line each for people. */
import type { EnrollmentPlace } from "../emulator/enrollment-registry";
import type { EmulatorEvents } from "../emulator/events";
import type { Style } from "./output";

/** A record of `eventRecord`: the event's fields in JSON. */
export type EventRecord = { readonly event: string; readonly time?: string } & Readonly<
  Record<string, unknown>
>;

/** A line, and its colour. */
export interface EventLine {
  readonly line: string;
  readonly style?: Style;
}

type Lines = { readonly [K in keyof EmulatorEvents]?: (fields: EventRecord) => EventLine };

const LINES: Lines = {
  connect: ({ endpoint, id }) => ({ line: `${endpoint}: ${id} connected`, style: "green" }),
  refuse: ({ endpoint, id, reason, enrollment }) => ({
    line: `${endpoint ?? "?"}: ${id} refused: ${reason}${placeText(enrollment)}`,
    style: "red",
  }),
  serviceRefused: ({ host, path, reason }) => ({
    line: `${host}: a request to ${path} refused: ${reason}`,
    style: "red",
  }),
  disconnect: ({ endpoint, id, reason }) => ({ line: `${endpoint}: ${id} gone: ${reason}`, style: "dim" }),
  response: ({ registrationId, request, status, outcome, errorCode, reason, enrollment, retryAfter }) => {
    const code = errorCode === undefined ? "" : ` ${errorCode}`;
    const why = reason === undefined ? "" : `: ${reason}${placeText(enrollment)}`;
    const wait = retryAfter === undefined ? "" : `, next in ${retryAfter} s at the earliest`;
    const line = `dps: ${request} of ${registrationId}: ${status} ${outcome}${code}${why}${wait}`;
    return reason === undefined ? { line } : { line, style: "red" };
  },
  assigned: ({ registrationId, assignedHub, deviceId, substatus }) => ({
    line: `dps: ${registrationId} is ${deviceId} of ${assignedHub} (${substatus})`,
    style: "green",
  }),
  telemetry: ({ hub, deviceId, bytes }) => ({
    line: `${hub}: ${bytes} bytes of telemetry from ${deviceId}`,
    style: "cyan",
  }),
  queued: ({ hub, deviceId, sequence }) => ({ line: `${hub}: message ${sequence} waits for ${deviceId}` }),
  delivered: ({ hub, deviceId, sequence }) => ({
    line: `${hub}: message ${sequence} delivered to ${deviceId}`,
  }),
  desired: ({ hub, deviceId, patch }) => ({ line: `${hub}: ${deviceId} shall have ${namesOf(patch)}` }),
  reported: ({ hub, deviceId, patch }) => ({ line: `${hub}: ${deviceId} reported ${namesOf(patch)}` }),
  methodResult: ({ hub, deviceId, name, status, reason }) => ({
    line: `${hub}: method ${name} of ${deviceId} ${status === undefined ? `failed: ${reason}` : `answered ${status}`}`,
  }),
  fault: ({ step, action, id }) => ({
    line: `fault: ${action} at ${step}${id === undefined ? "" : ` of ${id}`}${action === "drop" ? ": no answer" : ""}`,
    style: "magenta",
  }),
  certificateIssued: ({ by, id, notAfter }) => ({
    line: `${by}: certificate issued to ${id}, good until ${new Date(Number(notAfter)).toISOString()}`,
    style: "green",
  }),
  packet: ({ direction, id, endpoint, type, size }) => ({
    line: `${endpoint ?? "?"}: ${id ?? "?"} ${direction === "received" ? "→" : "←"} ${type} ${size} B`,
  }),
  stranger: ({ address, reason }) => ({ line: `${address} was not served: ${reason}`, style: "yellow" }),
};

/** What an emulator does not say by itself, for it says what comes of it; who asks for its events is told. */
const QUIET: Lines = {
  registration: ({ registrationId, request }) => ({ line: `dps: ${registrationId} asks: ${request}` }),
  method: ({ hub, deviceId, name }) => ({ line: `${hub}: method ${name} of ${deviceId} is called` }),
};

/** What people are told as a warning. */
const WARNINGS: { readonly [K in keyof EmulatorEvents]?: (fields: EventRecord) => string } = {
  problem: ({ message }) => String(message),
  certificateRequest: ({ registrationId }) =>
    `${registrationId} asks for a certificate, and its enrollment has no credentialPolicyName: it is assigned without`,
  unknownApiVersion: ({ registrationId, apiVersion }) =>
    `${registrationId} speaks the API version ${apiVersion}, which the emulator does not know`,
};

/** The line of an event; undefined for one that people are not told. */
export function eventLine(record: EventRecord): EventLine | undefined {
  const warning = warningOf(record);
  return warning === undefined
    ? LINES[record.event as keyof EmulatorEvents]?.(record)
    : { line: warning, style: "yellow" };
}

/** As `eventLine`, for who has asked for events: of each there is. */
export function askedLine(record: EventRecord): EventLine {
  return eventLine(record) ?? QUIET[record.event as keyof EmulatorEvents]?.(record) ?? { line: record.event };
}

/** The words of a warning; undefined for any other event. */
export function warningOf(record: EventRecord): string | undefined {
  return WARNINGS[record.event as keyof EmulatorEvents]?.(record);
}

function namesOf(patch: unknown): string {
  return Object.keys(patch as object).join(", ");
}

/** Which enrollment a refusal rests on, and where it stands. */
function placeText(place: unknown): string {
  if (!place) return "";
  const { kind, id, line, source } = place as EnrollmentPlace;
  const what = kind === "group" ? "enrollment group" : "enrollment";
  return ` (${what} ${id}${line === undefined ? "" : `, ${source}:${line}`})`;
}
