// SPDX-License-Identifier: MIT
/** The rules for identifiers and host names that DPS and IoT Hub state: wrong ones are refused before they travel. */
import { ALPHANUMERIC, consistsOf, HEXADECIMAL, isDigits } from "../characters";
import { invalidArgument } from "../error";

/** Letters and digits aside. */
const REGISTRATION_ID = "-._:";
const DEVICE_ID = "-.%_*?!(),:=@$'";

/**
 * A registration id: 1 to 128 of `A-Z a-z 0-9 - . _ :`, the last one a letter, a digit or `-`
 * ("DPS terminology", registration id). Use lower case: a derived key depends on the case.
 * @throws BerthError `invalid-argument`
 */
export function checkRegistrationId(id: string): string {
  const last = id.slice(-1);
  if (
    id === "" ||
    id.length > 128 ||
    !consistsOf(id, ALPHANUMERIC, REGISTRATION_ID) ||
    "._:".includes(last)
  ) {
    throw invalidArgument(
      "registration id: 1 to 128 letters, digits or - . _ :, the last one a letter, a digit or -",
    );
  }
  return id;
}

/**
 * An id scope, such as `0ne00000000`: letters and digits, at most 64.
 * @throws BerthError `invalid-argument`
 */
export function checkIdScope(idScope: string): string {
  if (idScope === "" || idScope.length > 64 || !consistsOf(idScope, ALPHANUMERIC)) {
    throw invalidArgument("id scope: letters and digits, as the DPS overview page shows it");
  }
  return idScope;
}

/** What `isHostName` takes, for messages. */
export const HOST_NAME_FORM = "a host name alone: no https://, no port, no blank";

/**
 * Is it a DNS name that a hub can have? Labels of letters, digits and `-`, 253 characters at most; the last one not all
 * digits nor a number in hex, for resolvers take such names as IPv4 addresses: `127.1`, `2130706433`, `0x7f000001`
 * (WHATWG URL, "ends in a number").
 */
export function isHostName(name: string): boolean {
  let label = "";
  for (let at = 0; at <= name.length; at += label.length + 1) {
    const dot = name.indexOf(".", at);
    label = name.slice(at, dot < 0 ? name.length : dot);
    if (!isLabel(label)) return false;
  }
  return name.length <= 253 && !isNumber(label);
}

function isLabel(label: string): boolean {
  const isLong = label === "" || label.length > 63;
  return !isLong && consistsOf(label, ALPHANUMERIC, "-") && !label.startsWith("-") && !label.endsWith("-");
}

function isNumber(label: string): boolean {
  const hexadecimal = label.startsWith("0x") || label.startsWith("0X") ? label.slice(2) : undefined;
  return isDigits(label) || consistsOf(hexadecimal ?? "-", HEXADECIMAL);
}

/**
 * Is it a device id that MQTT can carry: 1 to 128 ASCII letters, digits or `- . % _ * ? ! ( ) , : = @ $ '`? Azure allows
 * `#` and `+` too ("Identity registry"), which no topic can hold [MQTT-3.3.2-2].
 */
export function isDeviceId(id: string): boolean {
  return id !== "" && id.length <= 128 && consistsOf(id, ALPHANUMERIC, DEVICE_ID);
}
