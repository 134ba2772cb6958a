// SPDX-License-Identifier: MIT
/** How a device comes back: its attempts, and how long it waited before each; and the attempts of whom nobody knows. */
import type { EarlyTrouble, Of, Trouble } from "../link/records";
import { faultInWords } from "../../fault-words";

/** A try to connect. */
export interface Attempt {
  key: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Milliseconds since what ended the one before; undefined for the first. */
  waited: number | undefined;
  isGood: boolean;
  what: string;
}

/** What a rule says that has struck here: whom else, and how often. */
const UNSAID = { id: undefined, endpoint: undefined, skip: undefined, probability: undefined };

/** Where a device is connected by what it did last; undefined where it is not. */
export function connectedTo(events: readonly Trouble[]): string | undefined {
  const at = events.findLastIndex(({ event }) => event === "connect");
  const last = events[at];
  if (last?.event !== "connect") return undefined;
  const isOver = events
    .slice(at)
    .some((event) => event.event === "disconnect" && event.connection === last.connection);
  return isOver ? undefined : nameOf(last.endpoint);
}

/** The attempts that ended before CONNECT, oldest first, each with the time since the one before, whoever that was. */
export function earlyAttemptsOf(events: readonly EarlyTrouble[]): Attempt[] {
  return events.map((event, at) => {
    const time = Date.parse(event.time);
    const before = events[at - 1];
    return {
      key: event.seq,
      time,
      waited: before && time - Date.parse(before.time),
      isGood: false,
      what: event.event === "fault" ? faultOf(event) : event.reason,
    };
  });
}

/** The attempts of a device, oldest first. An end, a fault and a refusal of one try count as one. */
export function attemptsOf(events: readonly Trouble[]): Attempt[] {
  const attempts: Attempt[] = [];
  let ended: number | undefined;
  const add = (event: Trouble, isGood: boolean, what: string) => {
    const time = Date.parse(event.time);
    const last = attempts.at(-1);
    // A fault is told, and then what it brings about.
    if (last && !isGood && !last.isGood && time - last.time < 50) {
      if (event.event !== "disconnect") last.what = what;
      ended = time;
      return;
    }
    attempts.push({
      key: event.seq,
      time,
      waited: ended === undefined ? undefined : time - ended,
      isGood,
      what,
    });
    ended = time;
  };
  for (const event of events) {
    switch (event.event) {
      case "connect":
        add(event, true, `connected to ${nameOf(event.endpoint)}`);
        break;
      case "refuse":
        add(event, false, `refused by ${nameOf(event.endpoint)}: ${event.reason}`);
        break;
      case "response":
        add(
          event,
          false,
          `DPS answered ${event.status}${event.retryAfter === undefined ? "" : `, wait ${event.retryAfter} s`}`,
        );
        break;
      case "fault":
        add(event, false, faultOf(event));
        break;
      default:
        ended = Date.parse(event.time);
    }
  }
  return attempts;
}

function faultOf(event: Of<"fault">): string {
  return `fault: ${faultInWords({ ...event, ...UNSAID })}`;
}

function nameOf(endpoint = "the emulator"): string {
  return endpoint === "dps" ? "DPS" : endpoint;
}
