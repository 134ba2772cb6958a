// SPDX-License-Identifier: MIT
/** `key=value` of the command line, judged by the firmware's own reader before anything is built. */

import type * as firmwareSettings from "../../../firmware/settings";
import type { Settings } from "../../../firmware/settings";

type Firmware = typeof firmwareSettings;

/** Of `mc/config` beside the settings: the firmware takes it from there where flash has none. */
const BUILD_ONLY = ["idScope"];

/**
 * @param words `key=value`
 * @param image for `mc/config`; else for the simulated flash
 * @returns the values by key
 * @throws Error that names the key and what is expected; never a value
 */
export function checkedSettings(
  words: readonly string[],
  image: boolean,
  firmware: Firmware,
): Record<string, string> {
  const given: Record<string, string> = Object.fromEntries(words.map((word) => word.split(/=(.*)/s, 2)));
  for (const [key, value] of Object.entries(given)) {
    if (image && BUILD_ONLY.includes(key)) {
      if (value === "") throw new Error(`${key} is empty`);
      continue;
    }
    if (key === "built") throw new Error("built is set by the build itself");
    if (!isSetting(key, firmware)) {
      const known = Object.keys(firmware.SETTINGS).filter((name) => name !== "built");
      throw new Error(
        `there is no setting "${key}"; there are ${[...known, ...(image ? BUILD_ONLY : [])].join(", ")}`,
      );
    }
    firmware.checkedSetting(key, value);
  }
  // An image may have the other half of a Wi-Fi in manifest_local.json.
  const wifi = image
    ? undefined
    : firmware.readSettings({ preference: (key) => given[key], config: {} }).wifiFault;
  if (wifi !== undefined) throw new Error(wifi);
  return given;
}

function isSetting(key: string, firmware: Firmware): key is keyof Settings {
  return Object.hasOwn(firmware.SETTINGS, key);
}
