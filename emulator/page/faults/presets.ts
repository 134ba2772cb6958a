// SPDX-License-Identifier: MIT
/** What can go wrong, in one gesture each, and how it is undone. */
import { ask } from "../link/api";

/** As `POST /faults` takes it. */
export interface Rule {
  step: string;
  action: string;
  id?: string;
  endpoint?: string;
  count?: number;
  status?: number;
  retryAfter?: number;
  returnCode?: number;
  delayMs?: number;
  afterBytes?: number;
}

/** A rule in force. */
export interface Armed {
  id: number;
  rule: Rule;
  left: number | null;
}

/** A rule that is offered. */
export interface Preset {
  name: string;
  about: string;
  rule: Rule;
}

export const PRESETS: readonly Preset[] = [
  {
    name: "429, wait 10 s",
    about: "DPS throttles registrations",
    rule: { step: "register", action: "status", status: 429, retryAfter: 10 },
  },
  {
    name: "500",
    about: "DPS fails at registrations",
    rule: { step: "register", action: "status", status: 500 },
  },
  {
    name: "503 at polls",
    about: "DPS fails while it assigns",
    rule: { step: "poll", action: "status", status: 503, retryAfter: 5 },
  },
  {
    name: "CONNACK 3",
    about: "The server is unavailable",
    rule: { step: "connack", action: "returnCode", returnCode: 3 },
  },
  {
    name: "CONNACK 5",
    about: "The identity is refused",
    rule: { step: "connack", action: "returnCode", returnCode: 5 },
  },
  {
    name: "Drop connections",
    about: "TCP is taken, and nothing answers",
    rule: { step: "accept", action: "drop" },
  },
  { name: "Reset connections", about: "TCP ends at once", rule: { step: "accept", action: "reset" } },
  { name: "Drop CONNACK", about: "CONNECT is never answered", rule: { step: "connack", action: "drop" } },
  { name: "Drop PUBACK", about: "Telemetry is never acknowledged", rule: { step: "puback", action: "drop" } },
  {
    name: "Delay PUBACK 5 s",
    about: "The hub is slow",
    rule: { step: "puback", action: "delay", delayMs: 5000 },
  },
  {
    name: "Cut after 200 bytes",
    about: "The connection breaks within a packet",
    rule: { step: "received", action: "reset", afterBytes: 200 },
  },
];

/** A rule in words. */
export function inWords({
  step,
  action,
  id,
  endpoint,
  status,
  retryAfter,
  returnCode,
  delayMs,
  afterBytes,
}: Rule): string {
  const what =
    action === "status"
      ? `status ${status}${retryAfter === undefined ? "" : `, retry-after ${retryAfter} s`}`
      : action === "returnCode"
        ? `return code ${returnCode}`
        : action === "delay"
          ? `delay ${delayMs} ms`
          : action;
  const where = `${step}${afterBytes === undefined ? "" : ` after ${afterBytes} bytes`}`;
  return `${what} at ${where}${endpoint === undefined ? "" : ` of ${endpoint === "dps" ? "DPS" : endpoint}`}${id === undefined ? "" : ` for ${id}`}`;
}

/** @throws ApiError */
export function armed(): Promise<Armed[]> {
  return ask("localhost", "GET", "/faults");
}

/** @throws ApiError with what is wrong in the rule */
export async function arm(rule: Rule): Promise<void> {
  await ask("localhost", "POST", "/faults", rule);
}

/** @throws ApiError */
export async function disarm(id?: number): Promise<void> {
  await ask("localhost", "DELETE", id === undefined ? "/faults" : `/faults/${id}`);
}

/** The emulator's clock. */
export interface ClockState {
  time: string;
  skewMs: number;
}

/** @throws ApiError */
export function clock(): Promise<ClockState> {
  return ask("localhost", "GET", "/clock");
}

/** @throws ApiError */
export async function skew(skewMs: number): Promise<void> {
  if (skewMs === 0) await ask("localhost", "DELETE", "/clock");
  else await ask("localhost", "PUT", "/clock", { skewMs });
}

/** Kinds of certificate that servers can be made to show, and what each is. */
export const CERTIFICATES = [
  ["expired", "it ran out"],
  ["future", "it is not valid yet"],
  ["misnamed", "it names another server"],
  ["untrusted", "nobody trusts its root"],
] as const;

/** What servers show. */
export interface Certificates {
  kind: string;
}

/** @throws ApiError */
export function certificates(): Promise<Certificates> {
  return ask("localhost", "GET", "/certificates");
}

/** @param kind one of `CERTIFICATES`, or `kept` @throws ApiError */
export async function serveCertificate(kind: string): Promise<void> {
  if (kind === "kept") await ask("localhost", "DELETE", "/certificates");
  else await ask("localhost", "PUT", "/certificates/server", { kind });
}
