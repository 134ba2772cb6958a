// SPDX-License-Identifier: MIT
/**
 * Settings of a device: `preference` (NVS) before `mc/config` (the build) before the defaults, each value checked.
 * A wrong value is reported and its layer skipped: one bad entry in flash must not cost the way to mend it. Wi-Fi is
 * the exception: a network joined with another password than its own, or with none, may be anyone's.
 */

import { HOST_NAME_FORM, isHostName } from "../../src/azure/identifiers";
import { utf8Length } from "../../src/azure/percent";
import { isDigits } from "../../src/characters";
import { invalidArgument } from "../../src/error";
import { isIpv4, isIpv6, parseConnectTo } from "../sockets/connect-to";
import { isPassphrase } from "./interface-network";

/** A value as `preference` or `mc/config` has it. */
export type Raw = unknown;

/** A rule for a text, and its name in messages and in the table. */
export interface Form {
  readonly name: string;
  readonly check: (value: string) => boolean;
}

interface TextSetting {
  readonly kind: "text";
  readonly fallback: string;
  readonly minimum: number;
  readonly maximum: number;
  /** What it must be beyond its length. */
  readonly form?: Form;
}

interface NumberSetting {
  readonly kind: "number";
  readonly fallback: number;
  readonly minimum: number;
  readonly maximum: number;
}

export type Setting = TextSetting | NumberSetting;

export function text(fallback: string, minimum: number, maximum: number, form?: Form): TextSetting {
  return Object.freeze({ kind: "text", fallback, minimum, maximum, ...(form && { form }) });
}

/** A whole number. */
export function number(fallback: number, minimum: number, maximum: number): NumberSetting {
  return Object.freeze({ kind: "number", fallback, minimum, maximum });
}

/** The domain (the namespace of NVS) of the settings, and of what the core keeps. */
export const SETTINGS_DOMAIN = "berth";

/** IEEE 802.11-2020, section 9.4.2.2: octets, not characters. */
const SSID: Form = Object.freeze({
  name: "0 to 32 bytes of UTF-8",
  check: (value: string) => utf8Length(value) <= 32,
});
const PASSPHRASE: Form = Object.freeze({
  name: "8 to 63 ASCII characters, 64 hexadecimal digits, or empty",
  check: (value: string) => value === "" || isPassphrase(value),
});
const HOST_NAME: Form = Object.freeze({ name: HOST_NAME_FORM, check: isNameOrAddress });
const GATEWAY: Form = Object.freeze({
  name: `${HOST_NAME_FORM}, or empty`,
  check: (value: string) => value === "" || isNameOrAddress(value),
});
const SERVERS: Form = Object.freeze({
  name: "`name` or `name:port`, comma separated",
  check: (value: string) => value === "" || value.split(",").every((entry) => isServer(entry.trim())),
});
const CONNECT_TO: Form = Object.freeze({
  name: "`HOST:ADDRESS:PORT`, comma separated",
  check: (value: string) => value === "" || isConnectTo(value),
});

/** What every app has, by key, which is the key in `preference` and in `mc/config` alike: 15 characters at most. */
export const PLATFORM_SETTINGS = Object.freeze({
  /** Wi-Fi to join; empty: none, but Ethernet where the image has it. */
  ssid: text("", 0, 32, SSID),
  /** WPA passphrase; empty: an open network. */
  password: text("", 0, 64, PASSPHRASE),
  dpsHost: text("global.azure-devices-provisioning.net", 1, 253, HOST_NAME),
  /** SNTP servers; empty: the clock is set by other means. */
  sntp: text("pool.ntp.org,time.windows.com,time.cloudflare.com", 0, 255, SERVERS),
  /** Where connections really go. */
  connectTo: text("", 0, 1000, CONNECT_TO),
  /** IoT Edge gateway in the hub's place; empty: none. */
  gateway: text("", 0, 253, GATEWAY),
});

type ValueOf<S> = S extends TextSetting ? string : number;

/** The checked values of a table. */
export type Values<Table> = { readonly [K in keyof Table]: ValueOf<Table[K]> };

/** Where values come from. */
export interface SettingSources {
  /** A value of the settings' domain of `preference`. May throw. */
  readonly preference: (key: string) => Raw;
  /** `mc/config`. */
  readonly config: Readonly<Record<string, Raw>>;
}

/** What became of the sources. */
export interface SettingsRead<Settings> {
  readonly settings: Settings;
  /** What was wrong with values that were skipped; never a value itself. */
  readonly problems: readonly string[];
  /** Why no Wi-Fi may be joined though one is set; the settings then have none. Never a value. */
  readonly wifiFault: string | undefined;
}

/** Reads every setting of `table`, which has those of the platform. */
export function readTable<Table extends typeof PLATFORM_SETTINGS>(
  table: Table,
  sources: SettingSources,
): SettingsRead<Values<Table>> {
  const problems: string[] = [];
  const settings: Record<string, string | number> = {};
  const layers = layersOf(sources);
  for (const [key, setting] of Object.entries<Setting>(table)) {
    if (key === "ssid" || key === "password") continue;
    settings[key] = readOne(key, setting, layers, problems) ?? setting.fallback;
  }
  const wifi = readWifi(layers);
  const { ssid, password } = typeof wifi === "string" ? NO_WIFI : wifi;
  const wifiFault = typeof wifi === "string" ? wifi : undefined;
  return { settings: { ...settings, ssid, password } as Values<Table>, problems, wifiFault };
}

/** A source of values, and its name in messages. */
interface Layer {
  readonly name: string;
  readonly read: (key: string) => Raw;
}

function layersOf({ preference, config }: SettingSources): readonly Layer[] {
  return [
    { name: "preference", read: preference },
    { name: "mc/config", read: (key) => config[key] },
  ];
}

function readOne(
  key: string,
  setting: Setting,
  layers: readonly Layer[],
  problems: string[],
): string | number | undefined {
  for (const { name, read } of layers) {
    try {
      const raw = read(key);
      if (raw === undefined) continue;
      const value = accept(setting, raw);
      if (value !== undefined) return value;
      problems.push(`${key} in ${name} is not ${expectation(setting)}`);
    } catch {
      problems.push(`${key} in ${name} cannot be read`);
    }
  }
  return undefined;
}

interface Wifi {
  readonly ssid: string;
  readonly password: string;
}

const NO_WIFI: Wifi = Object.freeze({ ssid: "", password: "" });

/** Both from the first layer that has one of the two. @returns why there is none, as text */
function readWifi(layers: readonly Layer[]): Wifi | string {
  for (const [index, layer] of layers.entries()) {
    const problems: string[] = [];
    const read = (key: "ssid" | "password"): string | number | undefined =>
      readOne(key, PLATFORM_SETTINGS[key], [layer], problems);
    const ssid = read("ssid");
    const password = read("password");
    if (problems[0] !== undefined) return problems[0];
    if (ssid === undefined && password === undefined) continue;
    if (!ssid && password) return `password in ${layer.name} has no ssid beside it: store both`;
    // Its password may have been forgotten; the other one is of another network.
    if (ssid && password === undefined && layers.slice(index + 1).some((lower) => hasPassword(lower)))
      return `ssid in ${layer.name} has no password beside it, only mc/config has one: store both, an empty password for an open network`;
    return { ssid: String(ssid ?? ""), password: String(password ?? "") };
  }
  return NO_WIFI;
}

function hasPassword({ read }: Layer): boolean {
  return read("password") !== undefined && read("password") !== "";
}

/**
 * A value for one setting, whatever its layer.
 * @throws BerthError `invalid-argument` that says what it must be
 */
export function checkedValue(key: string, setting: Setting, raw: Raw): string | number {
  const value = accept(setting, raw);
  if (value === undefined) throw invalidArgument(`${key} is not ${expectation(setting)}`);
  return value;
}

/** On mcconfig's command line every value is text. */
function accept(setting: Setting, raw: Raw): string | number | undefined {
  if (setting.kind === "number") {
    const value = typeof raw === "string" && isDigits(raw, 10) ? Number(raw) : raw;
    if (typeof value !== "number" || !Number.isInteger(value)) return undefined;
    return value >= setting.minimum && value <= setting.maximum ? value : undefined;
  }
  if (typeof raw !== "string" || raw.length < setting.minimum || raw.length > setting.maximum)
    return undefined;
  return setting.form === undefined || setting.form.check(raw) ? raw : undefined;
}

function expectation(setting: Setting): string {
  const { minimum, maximum } = setting;
  if (setting.kind === "number") return `a whole number from ${minimum} to ${maximum}`;
  return setting.form?.name ?? `a text of ${minimum} to ${maximum} characters`;
}

/** The Wi-Fi to join; undefined for none. */
export function wifiOf({ ssid, password }: Wifi): { SSID: string; password: string | undefined } | undefined {
  return ssid === "" ? undefined : { SSID: ssid, password: password === "" ? undefined : password };
}

/** The entries of a comma separated list. */
export function listOf(text: string): string[] {
  return text === "" ? [] : text.split(",").map((entry) => entry.trim());
}

function isServer(entry: string): boolean {
  const [name = "", port = "123", ...rest] = entry.split(":");
  return isNameOrAddress(name) && rest.length === 0 && isDigits(port, 5) && isPort(Number(port));
}

function isNameOrAddress(name: string): boolean {
  return isIpv4(name) || isHostName(name);
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function isConnectTo(value: string): boolean {
  try {
    return parseConnectTo(value).every(({ address }) => !isIpv6(address));
  } catch {
    return false;
  }
}
