// SPDX-License-Identifier: MIT
/**
 * An emulator in a process of its own, to be killed. What its hubs accept stands in the journal before it is acknowledged:
 * one JSON text a line, written at once, so that a kill loses none of it.
 */
import { openSync, writeSync } from "node:fs";
import { Emulator, parseConfiguration } from "../../../emulator/index";

/** Given as JSON by the only argument. */
export interface EmulatorSettings {
  readonly configuration: object;
  /** 0 for a free one, which `EmulatorReady` tells. */
  readonly port: number;
  readonly directory: string;
  readonly journal: string;
}

/** Sent to the parent once it listens. */
export interface EmulatorReady {
  readonly port: number;
  readonly ca: string;
}

/** A line of the journal. */
export type JournalEntry =
  | { readonly telemetry: string; readonly body: string }
  | { readonly reported: string; readonly patch: Readonly<Record<string, unknown>> };

const { configuration, port, directory, journal } = JSON.parse(process.argv[2] ?? "{}") as EmulatorSettings;
const file = openSync(journal, "a");
const note = (entry: JournalEntry): void => {
  writeSync(file, `${JSON.stringify(entry)}\n`);
};
const emulator = await Emulator.start({
  configuration: parseConfiguration(JSON.stringify(configuration), "the configuration"),
  port,
  stateDirectory: directory,
  dps: { retryAfter: 1 },
});
emulator.events.on("telemetry", ({ deviceId, body }) => note({ telemetry: deviceId, body: body.toString() }));
emulator.events.on("reported", ({ deviceId, patch }) => note({ reported: deviceId, patch }));
// The parent is gone.
process.on("disconnect", () => process.exit());
process.send?.({ port: emulator.port, ca: emulator.ca.path } satisfies EmulatorReady);
