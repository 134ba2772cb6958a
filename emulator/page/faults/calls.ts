// SPDX-License-Identifier: MIT
/** What the emulator can be made to do wrong, and right again, by its own API. */
import { ask } from "../link/api";
import type { Rule } from "./rules";

/** A rule in force. */
export interface Armed {
  id: number;
  rule: Rule;
  left: number | null;
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
