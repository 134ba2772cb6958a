// SPDX-License-Identifier: MIT
import { readSettings, SETTINGS, type Settings } from "../firmware/settings";
import { BerthError } from "../src/error";
import type { NvsValue } from "./nvs-values";

/** Settings that a device may have of its own: those that the firmware reads from flash, but what only simulators heed. */
export const SETTING_COLUMNS: readonly string[] = Object.entries(SETTINGS)
  .filter(([key, { buildOnly }]) => !buildOnly && key !== "exitAfter")
  .map(([key]) => key);

/**
 * A setting as the firmware's own reader accepts it.
 * @throws BerthError `invalid-argument` for what the firmware would skip; never showing it
 */
export function settingValue(key: string, cell: string): NvsValue {
  const { settings, problems } = readSettings({
    preference: (asked) => (asked === key ? cell : undefined),
    config: {},
  });
  if (problems[0] !== undefined) throw new BerthError("invalid-argument", problems[0]);
  const accepted = settings[key as keyof Settings];
  return typeof accepted === "string"
    ? { key, type: "string", value: accepted }
    : { key, type: "i32", value: accepted };
}
