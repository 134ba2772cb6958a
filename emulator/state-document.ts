// SPDX-License-Identifier: MIT
/** The state as one JSON document: what `--export` writes, and what older emulators kept. */
import { parseJson, readJson } from "./json-reader";
import type { DeviceRecord, EnrollmentChange, RegistrationRecord, StoredPolicy } from "./records";
import { stateOf } from "./state-reader";

const VERSION = 1;

/** What is in it. */
export interface StateDocument {
  registrations: RegistrationRecord[];
  hubs: { name: string; devices: DeviceRecord[] }[];
  enrollments: EnrollmentChange[];
  policies: StoredPolicy[];
}

/** @param source for messages. @throws DocumentError when it is damaged or of another version */
export function parseState(text: string, source: string): StateDocument {
  const {
    enrollments = [],
    policies = [],
    ...rest
  } = readJson(stateOf(VERSION), parseJson(text, source), source);
  return { ...rest, enrollments, policies };
}

export function formatState(state: StateDocument): string {
  return `${JSON.stringify({ version: VERSION, ...state }, undefined, 2)}\n`;
}
