// SPDX-License-Identifier: MIT
/**
 * What berth-native runs for an application that imports `berth`. The first line of standard input says who the device is
 * (`AppSettings`), each further one is a press of its button; the end of the input ends the program. Standard output is
 * what the application logs.
 */
import type { Identity } from "../../../src/agent/identity";
import { asBerthError, BerthError } from "../../../src/error";
import type { LinuxHostOptions } from "./host";
import { readLines } from "./lines";
import { natives } from "./natives";
import { text } from "./text";

const EXIT_BAD_SETTINGS = 64;
const EXIT_SOFTWARE = 70;

/** What a board has in flash. */
export interface AppSettings {
  readonly host: LinuxHostOptions;
  readonly identity: Identity;
}

let settings: AppSettings | undefined;
const buttons: (() => void)[] = [];

/** @throws BerthError `invalid-argument` before there are any */
export function appSettings(): AppSettings {
  if (!settings) throw new BerthError("invalid-argument", "no settings have come on standard input");
  return settings;
}

/** Calls `onPress` for each press of the button. */
export function onButton(onPress: () => void): void {
  buttons.push(onPress);
}

/** One line of standard output. */
export function printLine(line: string): void {
  natives.print(text.encode(line));
}

/** @param load runs the application, once the settings are there */
export function runApp(load: () => Promise<unknown>): void {
  readLines((line) => {
    if (line === undefined) natives.exit(0);
    else if (settings) for (const press of buttons) press();
    else if (take(line)) load().catch((thrown: unknown) => fail(thrown, EXIT_SOFTWARE));
  });
}

function take(line: string): boolean {
  try {
    settings = JSON.parse(line) as AppSettings;
    return true;
  } catch (thrown) {
    fail(thrown, EXIT_BAD_SETTINGS);
    return false;
  }
}

function fail(thrown: unknown, status: number): void {
  printLine(`error: ${asBerthError(thrown).message}`);
  natives.exit(status);
}
