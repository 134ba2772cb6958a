// SPDX-License-Identifier: MIT
/** How a device comes back: its attempts, and how long it waited before each. */
import type { Trouble } from "../link/records";
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
        add(event, true, `connected to ${event.endpoint === "dps" ? "DPS" : event.endpoint}`);
        break;
      case "refuse":
        add(
          event,
          false,
          `refused by ${event.endpoint === "dps" ? "DPS" : (event.endpoint ?? "the emulator")}: ${event.reason}`,
        );
        break;
      case "response":
        add(
          event,
          false,
          `DPS answered ${event.status}${event.retryAfter === undefined ? "" : `, wait ${event.retryAfter} s`}`,
        );
        break;
      case "fault":
        add(event, false, `fault: ${faultInWords({ ...event, ...UNSAID })}`);
        break;
      case "stranger":
        add(event, false, `a client was not served: ${event.reason}`);
        break;
      default:
        ended = Date.parse(event.time);
    }
  }
  return attempts;
}
