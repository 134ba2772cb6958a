// SPDX-License-Identifier: MIT
/** The forms of names in DPS and IoT Hub. */

/** Registration ids: at most 128 letters, digits and `-._:`, ending in a letter, a digit or `-`; case-insensitive. */
export function isRegistrationId(text: string): boolean {
  return text.length <= 128 && /^[A-Za-z0-9._:-]*[A-Za-z0-9-]$/.test(text);
}

/** What `isDeviceId` asks for, in words. */
export const DEVICE_ID_RULE =
  "must be 1 to 128 ASCII letters, digits and - . + % _ # * ? ! ( ) , : = @ $ '; no blank, no slash";

/** Device ids of IoT Hub: at most 128 letters, digits and a few special characters; case-sensitive. */
export function isDeviceId(text: string): boolean {
  return text.length <= 128 && /^[A-Za-z0-9\-:.+%_#*?!(),=@$']+$/.test(text);
}

/** Host names of RFC 1123; one that ends in a number is an IPv4 address to those who resolve it. */
export function isHostName(text: string): boolean {
  const labels = text.split(".");
  const isNumber = /^(\d+|0x[\da-f]*)$/i.test(labels.at(-1) ?? "");
  return (
    text.length <= 253 && !isNumber && labels.every((label) => /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/.test(label))
  );
}

/** Characters of a model id; a user name has no room for more. */
export const LONGEST_MODEL_ID = 2048;

/** True for what is kept as the model id of a device. Whether it is a DTMI is for those who have the model. */
export function isModelId(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_MODEL_ID;
}
