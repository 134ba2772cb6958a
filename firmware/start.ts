// SPDX-License-Identifier: MIT
/** The app on the chip and in the simulators: composition only. */
import { button, finish, led, restart, restartReason } from "berth/platform";
import config from "mc/config";
import { BOUNDS_OF_IMAGE } from "../hosts/moddable/built";
import { readValidity } from "../src/x509/certificate";
import { IDENTITY_DOMAIN, readDeviceIdentity } from "../hosts/moddable/device-identity";
import {
  builtInRoots,
  createModdableHost,
  createTimers,
  fieldCredentials,
  loadPreferences,
  outboxInFlash,
} from "../hosts/moddable/host";
import { Indicator, type Led, Signal } from "../hosts/moddable/indicator";
import { LongPress } from "../hosts/moddable/long-press";
import { listOf, SETTINGS_DOMAIN, wifiOf } from "../hosts/moddable/settings";
import type { ClientCertificate } from "../hosts/sockets/client-certificate";
import { parseConnectTo } from "../hosts/sockets/connect-to";
import { httpProxy } from "../hosts/sockets/proxied-tcp";
import type { Validity } from "../src/agent/refusal";
import { asBerthError, BerthError } from "../src/error";
import { FirmwareApp, type FirmwareWorld } from "./app";
import { memory } from "./health";
import { readSettings, type Settings } from "./settings";

/** The app. */
export function start(): void {
  const light = led();
  try {
    compose(light);
  } catch (error) {
    // Nothing on the network mends this: the LED says so, and the device stays to be read out.
    const { code, message } = asBerthError(error);
    log(`cannot start: ${code}: ${message}`);
    new Indicator(light, createTimers(ignore)).show(Signal.ERROR);
    finish?.(70);
  }
}

function compose(light: Led | undefined): void {
  const preferences = loadPreferences();
  const { settings, problems, wifiFault } = readSettings({
    preference: (key) => preferences.get(SETTINGS_DOMAIN, key),
    config,
  });
  for (const problem of problems) log(`setting skipped: ${problem}`);
  // Never joined with less than what was set: a network of that name may be anyone's.
  if (wifiFault !== undefined) throw new BerthError("invalid-argument", `no Wi-Fi: ${wifiFault}`);
  const { identity, root, ...proof } = readDeviceIdentity(
    (key) => preferences.get(IDENTITY_DOMAIN, key),
    config,
  );
  let device: FirmwareApp | undefined;
  const host = createModdableHost({
    preferences,
    domain: SETTINGS_DOMAIN,
    ...proof,
    roots: [...builtInRoots(), ...(root ? [{ name: "root of one's own", read: () => root }] : [])],
    onRoot: ({ name, state, reason }) =>
      log(`root ${name}: ${state}${reason === undefined ? "" : `: ${reason}`}`),
    network: wifiOf(settings),
    sntp: listOf(settings.sntp),
    bounds: BOUNDS_OF_IMAGE,
    connectTo: settings.connectTo === "" ? undefined : parseConnectTo(settings.connectTo),
    proxy: settings.proxy === "" ? undefined : httpProxy(settings.proxy),
    onError: (phase, error) => device?.note(phase, error),
    onNetwork: (up) => log(up ? "network up" : "network down"),
    onTime: (server) => log(`time from ${server}`),
    onSecure: (version, suite, resumed) => log(`secure: ${version} ${suite}${resumed ? ", resumed" : ""}`),
  });
  device = new FirmwareApp(
    {
      host,
      settings,
      restartReason: restartReason(),
      led: light,
      field: settings.issue === 1 || settings.rootsKey !== "" ? fieldOf(settings) : undefined,
      outbox: outboxOf(settings),
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

function fieldOf({ issue, rootsKey }: Settings): ReturnType<typeof fieldCredentials> {
  const field = fieldCredentials(issue === 1, rootsKey);
  if (!field) log("issue and rootsKey skipped: the app has no manifest_certificates.json");
  return field;
}

function outboxOf({ outbox }: Settings): FirmwareWorld["outbox"] {
  if (outbox === "") return undefined;
  const inFlash = outboxInFlash();
  if (!inFlash) log("outbox skipped: the app has no manifest_outbox.json");
  return inFlash && { log: inFlash, whenFull: outbox as "refuse" | "drop-oldest" };
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

function log(line: string): void {
  trace(`berth: ${line}\n`);
}

function ignore(): void {
  // There is nobody to tell.
}
