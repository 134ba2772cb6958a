// SPDX-License-Identifier: MIT
/** The configuration of the firmware; the table in README.md is checked against `SETTINGS`. */
import {
  checkedValue,
  type Form,
  listOf,
  number,
  PLATFORM_SETTINGS,
  type Raw,
  readTable,
  type SettingSources,
  type SettingsRead,
  text,
  type Values,
} from "../hosts/moddable/settings";
import { parseProxy } from "../hosts/sockets/http-connect";
import { ALPHANUMERIC, consistsOf } from "../src/characters";
import { transports } from "../src/transports";

const TRANSPORTS: Form = Object.freeze({
  name: "`tcp`, `websocket`, each with `:PORT` or without, comma separated",
  check: (value: string) => value === "" || passes(() => transports(...listOf(value))),
});
const PROXY: Form = Object.freeze({
  name: "`http://HOST:PORT` or `http://USER:PASSWORD@HOST:PORT`",
  check: (value: string) => value === "" || passes(() => parseProxy(value)),
});

function passes(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

function isRootsKey(value: string): boolean {
  const isPoint = value.startsWith("B") && value.charAt(1) >= "A" && value.charAt(1) <= "P";
  const digits = value.slice(0, -1);
  return value.length === 88 && isPoint && value.endsWith("=") && consistsOf(digits, ALPHANUMERIC, "+/");
}

/** 65 bytes of a public key on P-256 in base64; the first one is 4. */
const ROOTS_KEY = Object.freeze({
  name: "88 characters of base64 as berth roots key prints them, or empty",
  check: (value: string) => value === "" || isRootsKey(value),
});

const OUTBOX: Form = Object.freeze({
  name: "`refuse`, `drop-oldest`, or empty",
  check: (value: string) => value === "" || value === "refuse" || value === "drop-oldest",
});

/** By key, which is the key in `preference` and in `mc/config` alike: 15 characters at most. */
export const SETTINGS = Object.freeze({
  ...PLATFORM_SETTINGS,
  /** Ways to the servers, the one that is wanted first; empty: TCP. */
  transports: text("", 0, 100, TRANSPORTS),
  /** An HTTP proxy; empty: none. */
  proxy: text("", 0, 500, PROXY),
  /** Seconds between two telemetry messages. */
  telemetryEvery: number(60, 1, 86_400),
  /** Seconds that a SAS token is good. */
  tokenLifetime: number(3_600, 300, 86_400),
  /** Seconds; IoT Hub allows 1,177 at most. */
  keepAlive: number(240, 30, 1_177),
  /** Bytes of the largest answer of DPS or message of the hub that is held; what is larger is read past and reported. */
  receiveLimit: number(8_192, 2_048, 262_144),
  /** Seconds; the start waits a random part of it. */
  startSpread: number(10, 0, 3_600),
  /** Minutes without life after which the device restarts; 0: never. */
  stuckAfter: number(30, 0, 1_440),
  /** 1: has a certificate issued, and renewed. Needs manifest_certificates.json, as `rootsKey`. */
  issue: number(0, 0, 1),
  /** Who may sign roots, as `berth roots key` prints it; empty: nobody. */
  rootsKey: text("", 0, 88, ROOTS_KEY),
  /** Keeps telemetry in flash, and what becomes of it when that is full. Needs manifest_outbox.json. */
  outbox: text("", 0, 11, OUTBOX),
  /** Acknowledged messages after which a simulator ends its run, and a board says so; 0: never. */
  exitAfter: number(0, 0, 1_000_000),
});

/** The checked configuration. Units as in `SETTINGS`. */
export type Settings = Values<typeof SETTINGS>;

/** Reads every setting. */
export function readSettings(sources: SettingSources): SettingsRead<Settings> {
  return readTable(SETTINGS, sources);
}

/**
 * A value for one setting, whatever its layer.
 * @throws BerthError `invalid-argument` that says what it must be
 */
export function checkedSetting(key: keyof Settings, raw: Raw): string | number {
  return checkedValue(key, SETTINGS[key], raw);
}
