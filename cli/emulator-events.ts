// SPDX-License-Identifier: MIT
import type { Emulator } from "../emulator/emulator";
import type { EmulatorEvents } from "../emulator/events";
import { EVENT_NAMES, eventRecord } from "../emulator/service/control/event-record";
import { type EventRecord, eventLine, warningOf } from "./event-lines";
import type { Output } from "./output";

/** Prints what an emulator reports. Its events hold no keys and no tokens. */
export function reportEvents({ events, clock }: Pick<Emulator, "events" | "clock">, output: Output): void {
  for (const name of EVENT_NAMES) {
    events.on(name, (argument: EmulatorEvents[typeof name][0]) => {
      const record = eventRecord(name, argument, clock.now()) as EventRecord;
      const warning = warningOf(record);
      if (warning === undefined) {
        const { line, style } = eventLine(record) ?? {};
        output.passing(record, line, style);
      } else output.passingWarning(warning);
    });
  }
}
