// SPDX-License-Identifier: MIT
/**
 * What goes into the NVS partition of a board, in the types in which the firmware's `preference` reads it
 * (Moddable SDK 8.2.3, modules/files/preference/esp32/modPreference.c): it tries u8, i32, string and blob in this
 * order and gives a boolean, a number, a string and an ArrayBuffer. Every other type of NVS makes it throw.
 */
import { LONGEST_STORE_KEY as LONGEST_KEY, LONGEST_STORE_VALUE as LONGEST_VALUE } from "../src/host";
import { BerthError } from "../src/error";

/** One value. `u8` is a flag, 0 or 1. */
export type NvsValue =
  | { readonly key: string; readonly type: "string"; readonly value: string }
  | { readonly key: string; readonly type: "i32" | "u8"; readonly value: number }
  | { readonly key: string; readonly type: "blob"; readonly value: Uint8Array };

/** A namespace, which `preference` calls a domain, with its values. */
export interface NvsNamespace {
  readonly name: string;
  readonly values: readonly NvsValue[];
}

const text = new TextEncoder();

/** The bytes of a string as NVS keeps them: UTF-8 and a final zero. */
export function stringBytes(value: string): Uint8Array {
  return text.encode(`${value}\0`);
}

/** As `preference` on ESP32 hands it to the firmware. */
export function preferenceOf(value: NvsValue): string | number | boolean | ArrayBuffer {
  if (value.type === "u8") return value.value !== 0;
  return value.type === "blob" ? value.value.slice().buffer : value.value;
}

/**
 * Checks names and values against the limits of NVS ("Non-Volatile Storage Library", ESP-IDF) and of `preference`:
 * names of 1 to 15 printable characters, none twice; strings of 4,000 bytes at most with their final zero; blobs of
 * 1 to 4,000 bytes. Control characters are refused in strings: a zero ends them early, and Espressif's generator
 * changes line ends.
 * @throws BerthError `invalid-argument` naming the value, never showing it
 */
export function checkNamespaces(namespaces: readonly NvsNamespace[]): void {
  const names = new Set<string>();
  for (const { name, values } of namespaces) {
    checkName("namespace", name, names);
    const keys = new Set<string>();
    for (const value of values) {
      checkName(`key of ${name}`, value.key, keys);
      const wrong = problemOf(value);
      if (wrong !== undefined) throw new BerthError("invalid-argument", `${value.key} ${wrong}`);
    }
  }
}

function problemOf(value: NvsValue): string | undefined {
  if (value.type === "string") {
    // Lone surrogates have no UTF-8.
    if (/\p{Cc}|\p{Cs}/u.test(value.value)) return "has a control character, such as a line end";
    const { length } = stringBytes(value.value);
    return length > LONGEST_VALUE ? `has ${length - 1} bytes; NVS takes ${LONGEST_VALUE - 1}` : undefined;
  }
  if (value.type === "blob") {
    const { length } = value.value;
    return length < 1 || length > LONGEST_VALUE
      ? `has ${length} bytes; preference takes 1 to ${LONGEST_VALUE}`
      : undefined;
  }
  const [least, most] = value.type === "u8" ? [0, 1] : [-(2 ** 31), 2 ** 31 - 1];
  const fits = Number.isInteger(value.value) && value.value >= least && value.value <= most;
  return fits ? undefined : `is no whole number from ${least} to ${most}`;
}

function checkName(what: string, name: string, taken: Set<string>): void {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > LONGEST_KEY) {
    throw new BerthError(
      "invalid-argument",
      `"${name}" is no ${what} of NVS: 1 to ${LONGEST_KEY} printable ASCII characters`,
    );
  }
  if (taken.has(name)) throw new BerthError("invalid-argument", `the ${what} "${name}" is there twice`);
  taken.add(name);
}
