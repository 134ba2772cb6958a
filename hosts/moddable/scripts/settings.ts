// SPDX-License-Identifier: MIT
/** `key=value` of the command line, judged by the device's own reader before anything is built. */
import { checkedValue, type PLATFORM_SETTINGS, readTable, type Setting } from "../settings";

/** Of `mc/config` beside the settings: a device takes it from there where flash has none. */
const BUILD_ONLY = ["idScope"];

/**
 * @param words `key=value`
 * @param image for `mc/config`; else for the simulated flash
 * @param table the settings that the app has
 * @returns the values by key
 * @throws Error that names the key and what is expected; never a value
 */
export function checkedSettings(
  words: readonly string[],
  image: boolean,
  table: typeof PLATFORM_SETTINGS,
): Record<string, string> {
  const given: Record<string, string> = Object.fromEntries(words.map((word) => word.split(/=(.*)/s, 2)));
  for (const [key, value] of Object.entries(given)) {
    if (image && BUILD_ONLY.includes(key)) {
      if (value === "") throw new Error(`${key} is empty`);
      continue;
    }
    const setting = Object.hasOwn(table, key) ? (table as Record<string, Setting>)[key] : undefined;
    if (!setting) {
      const known = [...Object.keys(table), ...(image ? BUILD_ONLY : [])];
      throw new Error(`there is no setting "${key}"; there are ${known.join(", ")}`);
    }
    checkedValue(key, setting, value);
  }
  // An image may have the other half of a Wi-Fi in manifest_local.json.
  const wifi = image
    ? undefined
    : readTable(table, { preference: (key) => given[key], config: {} }).wifiFault;
  if (wifi !== undefined) throw new Error(wifi);
  return given;
}
