// SPDX-License-Identifier: MIT
/**
 * The app on the chip and in the simulators: composition only. The one module that is not preloaded: `preference`
 * and what imports it must run on the device, not at build time.
 */
import Resource from "Resource";
import { button, finish, led, restart, restartReason } from "berth/platform";
import config from "mc/config";
import Preference from "preference";
import { readValidity } from "../hosts/moddable/certificate";
import { createModdableHost, createTimers } from "../hosts/moddable/host";
import { Indicator, type Led, Signal } from "../hosts/moddable/indicator";
import { LongPress } from "../hosts/moddable/long-press";
import type { Root } from "../hosts/moddable/roots";
import type { ClientCertificate } from "../hosts/sockets/client-certificate";
import { parseConnectTo } from "../hosts/sockets/connect-to";
import type { Validity } from "../src/agent/refusal";
import { asBerthError, BerthError } from "../src/error";
import { Device } from "./device";
import { IDENTITY_DOMAIN, readDeviceIdentity } from "./device-identity";
import { memory } from "./health";
import { readSettings, SETTINGS_DOMAIN } from "./settings";
import { TRUSTED_ROOTS } from "./trusted-roots";

/** An image is not used for longer than this: seconds. */
const LIFE_OF_IMAGE = 25 * 365 * 86_400;

/** The app. */
export default function main(): void {
  const light = led();
  try {
    start(light);
  } catch (error) {
    // Nothing on the network mends this: the LED says so, and the device stays to be read out.
    const { code, message } = asBerthError(error);
    log(`cannot start: ${code}: ${message}`);
    new Indicator(light, createTimers(ignore)).show(Signal.ERROR);
    finish?.(70);
  }
}

function start(light: Led | undefined): void {
  const { settings, problems, wifiFault } = readSettings({
    preference: (key) => Preference.get(SETTINGS_DOMAIN, key),
    config,
  });
  for (const problem of problems) log(`setting skipped: ${problem}`);
  // Never joined with less than what was set: a network of that name may be anyone's.
  if (wifiFault !== undefined) throw new BerthError("invalid-argument", `no Wi-Fi: ${wifiFault}`);
  const { identity, root, ...proof } = readDeviceIdentity(
    (key) => Preference.get(IDENTITY_DOMAIN, key),
    config,
  );
  let device: Device | undefined;
  const host = createModdableHost({
    preferences: Preference,
    domain: SETTINGS_DOMAIN,
    ...proof,
    roots: [
      ...TRUSTED_ROOTS.map(builtIn),
      ...(root ? [{ name: "root of one's own", read: () => root }] : []),
    ],
    onRoot: ({ name, state, reason }) =>
      log(`root ${name}: ${state}${reason === undefined ? "" : `: ${reason}`}`),
    ssid: optional(settings.ssid),
    password: optional(settings.password),
    sntp: list(settings.sntp),
    bounds: { earliest: settings.built * 1000, latest: (settings.built + LIFE_OF_IMAGE) * 1000 },
    connectTo: settings.connectTo === "" ? undefined : parseConnectTo(settings.connectTo),
    onError: (phase, error) => device?.note(phase, error),
    onNetwork: (up) => log(up ? "network up" : "network down"),
    onTime: (server) => log(`time from ${server}`),
    onSecure: (version, suite, resumed) => log(`secure: ${version} ${suite}${resumed ? ", resumed" : ""}`),
  });
  device = new Device(
    {
      host,
      settings,
      restartReason: restartReason(),
      led: light,
      validity: validityOf(proof.clientCertificate),
      measure: memory,
      log,
      restart,
      heed: (error) => host.heed(error),
      finish,
    },
    { identity },
  );
  const pressed = button();
  if (pressed) {
    new LongPress({ Button: pressed, timers: host.timers, onLongPress: () => device?.forget() });
  }
  host.start();
  device.start();
}

function builtIn(name: string): Root {
  return { name, read: () => new Uint8Array(new Resource(`${name}.der`) as unknown as ArrayBuffer) };
}

/** TLS judges the certificate: one that cannot be read here has no dates. */
function validityOf(certificate: ClientCertificate | undefined): Validity | undefined {
  const leaf = certificate?.chain[0];
  try {
    return leaf && readValidity(leaf instanceof Uint8Array ? leaf : new Uint8Array(leaf));
  } catch {
    return undefined;
  }
}

function optional(text: string): string | undefined {
  return text === "" ? undefined : text;
}

/** The entries of a comma separated list. */
function list(text: string): string[] {
  return text === "" ? [] : text.split(",").map((entry) => entry.trim());
}

function log(line: string): void {
  trace(`berth: ${line}\n`);
}

function ignore(): void {
  // There is nobody to tell.
}
