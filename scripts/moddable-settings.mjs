// SPDX-License-Identifier: MIT
/** `key=value` of the command line, judged by the firmware's own reader before anything is built. */

/** Of `mc/config` beside the settings: the firmware takes it from there where flash has none. */
const BUILD_ONLY = ["idScope"];

/**
 * @param {readonly string[]} words `key=value`
 * @param {boolean} image for `mc/config`; else for the simulated flash
 * @param {typeof import("../firmware/settings")} firmware
 * @returns {Record<string, string>} the values by key
 * @throws Error that names the key and what is expected; never a value
 */
export function checkedSettings(words, image, firmware) {
  /** @type {Record<string, string>} */
  const given = Object.fromEntries(words.map((word) => word.split(/=(.*)/s, 2)));
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

/**
 * @param {string} key
 * @param {typeof import("../firmware/settings")} firmware
 * @returns {key is keyof import("../firmware/settings").Settings}
 */
function isSetting(key, firmware) {
  return Object.hasOwn(firmware.SETTINGS, key);
}
