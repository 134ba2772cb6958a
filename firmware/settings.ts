// SPDX-License-Identifier: MIT
/**
 * The configuration: `preference` (NVS) before `mc/config` (the build) before the defaults, each value checked.
 * A wrong value is reported and its layer skipped: one bad entry in flash must not cost the way to mend it.
 * The table in README.md is checked against `SETTINGS`.
 */
import { parseConnectTo } from "../hosts/sockets/connect-to";
import { isHostName } from "../src/azure/identifiers";
import { utf8Length } from "../src/azure/percent";

/** A value as `preference` or `mc/config` has it. */
type Raw = unknown;

/** A rule for a text, and its name in messages and in the table. */
interface Form {
  readonly name: string;
  readonly check: (value: string) => boolean;
}

interface TextSetting {
  readonly kind: "text";
  readonly fallback: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly buildOnly: boolean;
  /** What it must be beyond its length. */
  readonly form?: Form;
}

interface NumberSetting {
  readonly kind: "number";
  readonly fallback: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly buildOnly: boolean;
}

function text(fallback: string, minimum: number, maximum: number, form?: Form): TextSetting {
  return Object.freeze({ kind: "text", fallback, minimum, maximum, buildOnly: false, ...(form && { form }) });
}

/** A whole number. */
function number(fallback: number, minimum: number, maximum: number, buildOnly = false): NumberSetting {
  return Object.freeze({ kind: "number", fallback, minimum, maximum, buildOnly });
}

/** The domain (the namespace of NVS) of the settings, and of what the core keeps. */
export const SETTINGS_DOMAIN = "berth";

/** IEEE 802.11-2020, section 9.4.2.2: octets, not characters. */
const SSID: Form = Object.freeze({
  name: "0 to 32 bytes of UTF-8",
  check: (value: string) => utf8Length(value) <= 32,
});
/** IEEE 802.11-2020, annex J.4: a passphrase of 8 to 63 characters, or 64 hexadecimal digits. */
const PASSPHRASE: Form = Object.freeze({
  name: "8 to 64 ASCII characters, or empty",
  check: (value: string) => value === "" || /^[\x20-\x7e]{8,64}$/.test(value),
});
const HOST_NAME: Form = Object.freeze({ name: "a host name", check: isHostName });
const SERVERS: Form = Object.freeze({
  name: "`name` or `name:port`, comma separated",
  check: (value: string) => value === "" || value.split(",").every((entry) => isServer(entry.trim())),
});
const CONNECT_TO: Form = Object.freeze({
  name: "`HOST:ADDRESS:PORT`, comma separated",
  check: (value: string) => value === "" || isConnectTo(value),
});

/** By key, which is the key in `preference` and in `mc/config` alike: 15 characters at most. */
export const SETTINGS = Object.freeze({
  /** Wi-Fi to join; empty: none. */
  ssid: text("", 0, 32, SSID),
  /** WPA passphrase; empty: an open network. */
  password: text("", 0, 64, PASSPHRASE),
  dpsHost: text("global.azure-devices-provisioning.net", 1, 253, HOST_NAME),
  /** SNTP servers; empty: the clock is set by other means. */
  sntp: text("pool.ntp.org,time.windows.com,time.cloudflare.com", 0, 255, SERVERS),
  /** Where connections really go. */
  connectTo: text("", 0, 1000, CONNECT_TO),
  /** Seconds between two telemetry messages. */
  telemetryEvery: number(60, 1, 86_400),
  /** Seconds that a SAS token is good. */
  tokenLifetime: number(3_600, 300, 86_400),
  /** Seconds; IoT Hub allows 1,177 at most. */
  keepAlive: number(240, 30, 1_177),
  /** Seconds; the start waits a random part of it. */
  startSpread: number(10, 0, 3_600),
  /** Minutes without life after which the device restarts; 0: never. */
  stuckAfter: number(30, 0, 1_440),
  /** Acknowledged messages after which a simulator ends its run; 0: never. */
  exitAfter: number(0, 0, 1_000_000),
  /** When the image was built, seconds since 1970: no earlier time is believed. */
  built: number(1_781_654_400, 1_700_000_000, 2_147_483_647, true),
});

type ValueOf<S> = S extends TextSetting ? string : number;

/** The checked configuration. Units as in `SETTINGS`. */
export type Settings = { readonly [K in keyof typeof SETTINGS]: ValueOf<(typeof SETTINGS)[K]> };

/** Where values come from. */
export interface SettingSources {
  /** A value of the settings' domain of `preference`. May throw. */
  readonly preference: (key: string) => Raw;
  /** `mc/config`. */
  readonly config: Readonly<Record<string, Raw>>;
}

/** Reads every setting. @returns them, and what was wrong with values that were skipped; never a value itself */
export function readSettings(sources: SettingSources): {
  readonly settings: Settings;
  readonly problems: readonly string[];
} {
  const problems: string[] = [];
  const settings: Record<string, string | number> = {};
  for (const [key, setting] of Object.entries(SETTINGS)) {
    settings[key] = readOne(key, setting, sources, problems) ?? setting.fallback;
  }
  return { settings: settings as Settings, problems };
}

function readOne(
  key: string,
  setting: TextSetting | NumberSetting,
  sources: SettingSources,
  problems: string[],
): string | number | undefined {
  const layers: [string, () => Raw][] = [["mc/config", () => sources.config[key]]];
  if (!setting.buildOnly) layers.unshift(["preference", () => sources.preference(key)]);
  for (const [layer, read] of layers) {
    try {
      const raw = read();
      if (raw === undefined) continue;
      const value = accept(setting, raw);
      if (value !== undefined) return value;
      problems.push(`${key} in ${layer} is not ${expectation(setting)}`);
    } catch {
      problems.push(`${key} in ${layer} cannot be read`);
    }
  }
  return undefined;
}

/** On mcconfig's command line every value is text. */
function accept(setting: TextSetting | NumberSetting, raw: Raw): string | number | undefined {
  if (setting.kind === "number") {
    const value = typeof raw === "string" && /^\d{1,10}$/.test(raw) ? Number(raw) : raw;
    if (typeof value !== "number" || !Number.isInteger(value)) return undefined;
    return value >= setting.minimum && value <= setting.maximum ? value : undefined;
  }
  if (typeof raw !== "string" || raw.length < setting.minimum || raw.length > setting.maximum)
    return undefined;
  return setting.form === undefined || setting.form.check(raw) ? raw : undefined;
}

function expectation(setting: TextSetting | NumberSetting): string {
  const { minimum, maximum } = setting;
  if (setting.kind === "number") return `a whole number from ${minimum} to ${maximum}`;
  return setting.form?.name ?? `a text of ${minimum} to ${maximum} characters`;
}

function isServer(entry: string): boolean {
  const [name = "", port = "123", ...rest] = entry.split(":");
  return isHostName(name) && rest.length === 0 && /^\d{1,5}$/.test(port) && isPort(Number(port));
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function isConnectTo(value: string): boolean {
  try {
    parseConnectTo(value);
    return true;
  } catch {
    return false;
  }
}
