// SPDX-License-Identifier: MIT
/** Rules of faults that are offered. */

/** As `POST /faults` takes it. */
export interface Rule {
  step: string;
  action: string;
  id?: string | undefined;
  endpoint?: string | undefined;
  count?: number;
  status?: number;
  retryAfter?: number;
  returnCode?: number;
  delayMs?: number;
  afterBytes?: number;
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
    about: "TCP is taken, and nothing answers: for all, as nobody is known yet",
    rule: { step: "accept", action: "drop" },
  },
  {
    name: "Reset connections",
    about: "TCP ends at once: for all, as nobody is known yet",
    rule: { step: "accept", action: "reset" },
  },
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
