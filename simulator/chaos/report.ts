// SPDX-License-Identifier: MIT
/** What a run has come to, for people. */
import type { Outcome, Violation } from "./world";
import { stamp } from "./trace";

/** @param seconds of wall time */
export function report(outcome: Outcome, seconds: number): string {
  const { deviceHours, faults, messages, tally, violation } = outcome;
  const all = [...faults].sort(([, a], [, b]) => b - a);
  const sum = all.reduce((total, [, count]) => total + count, 0);
  const minutes = (tally.longestReturn / 60_000).toFixed(1);
  const back =
    tally.returns === 0
      ? "nothing measured: no device was away when the calm came"
      : `${minutes} minutes at most, of ${tally.returns} times that a device was away when the calm came`;
  return [
    `${Math.round(deviceHours)} device-hours in ${seconds.toFixed(1)} s, ${Math.round(deviceHours / seconds)} a second`,
    `messages: ${messages.accepted} accepted, ${messages.received} at a hub, ${messages.acknowledged} acknowledged, ` +
      `${messages.dropped} dropped and told by onDropped, ${messages.lost} in the memory of a device that lost power or was closed`,
    `devices: ${tally.boots} boots, ${tally.powerCuts} power cuts, ${tally.connections} connections, ` +
      `${tally.registrations} registrations, ${tally.polls} polls, ${tally.twins} twin requests, ` +
      `${tally.methods} method answers, ${tally.c2d} messages from the cloud, ${tally.writes} writes to flash`,
    `back after the last fault: ${back}`,
    `faults: ${sum}`,
    ...all.map(([kind, count]) => `  ${String(count).padStart(7)}  ${kind}`),
    `violations: ${violation ? 1 : 0}`,
  ].join("\n");
}

/** @param replay the command that does it again */
export function complaint(violation: Violation, replay: string): string {
  const { device, at, rule, what, trace, faults } = violation;
  return [
    `VIOLATION of "${rule}" by device ${device} at ${stamp(at)}:`,
    `  ${what}`,
    "its faults:",
    ...[...faults].slice(-20).map(([number, words]) => `  ${number}: ${words}`),
    "the last events:",
    ...trace.map((line) => `  ${line}`),
    `again: ${replay}`,
  ].join("\n");
}
