// SPDX-License-Identifier: MIT
import { checkedSetting, SETTINGS, type Settings } from "../firmware/settings";
import type { NvsValue } from "./nvs-values";

/** Settings that a device may have of its own: all but what only simulators heed. */
export const SETTING_COLUMNS = (Object.keys(SETTINGS) as (keyof Settings)[]).filter(
  (key) => key !== "exitAfter",
);

/**
 * A setting as the firmware's own reader accepts it.
 * @throws BerthError `invalid-argument` for what the firmware would skip; never showing it
 */
export function settingValue(key: keyof Settings, cell: string): NvsValue {
  const accepted = checkedSetting(key, cell);
  return typeof accepted === "string"
    ? { key, type: "string", value: accepted }
    : { key, type: "i32", value: accepted };
}
