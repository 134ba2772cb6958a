// SPDX-License-Identifier: MIT
/**
 * What the module `berth` adds on the Moddable SDK: who the device is, its network, its clock and its roots, each from
 * the options or, where they say nothing, from flash, from `mc/config` and from the image.
 */

import type { ConnectedReport } from "../../src/agent/agent";
import type { Identity } from "../../src/agent/identity";
import { BerthError } from "../../src/error";
import type { Host, Network } from "../../src/host";
import type { DeviceCallbacks, DeviceError, TelemetryDeviceOptions } from "../../src/telemetry-device";
import type { Bytes, ClientCertificate } from "../sockets/client-certificate";
import { parseConnectTo } from "../sockets/connect-to";
import type { MakeTunnel } from "../sockets/tcp";
import { BOUNDS_OF_IMAGE } from "./built";
import type { TimeBounds } from "./clock";
import { IDENTITY_DOMAIN, type IDENTITY_KEYS, readDeviceIdentity } from "./device-identity";
import type { InterfaceBinding, ModdableHost, ModdableHostOptions } from "./host-options";
import type { Root } from "./roots";
import { listOf, PLATFORM_SETTINGS, readTable, SETTINGS_DOMAIN, wifiOf } from "./settings";
import type { Preferences } from "./store";

/** Who the device is, and what proves it: one of a symmetric key, a key in eFuse, a certificate with its key. */
export interface ModdableIdentity {
  /** Default `idScope` of `mc/config`. */
  readonly idScope?: string;
  /** For x.509 the common name of the certificate. */
  readonly registrationId: string;
  /** Base64; the device's, not the group's. */
  readonly symmetricKey?: string;
  /** KEY block of eFuse that holds the symmetric key, 0 to 5. */
  readonly efuseBlock?: number;
  /** DER. */
  readonly certificate?: Bytes;
  /** DER: the certificate that issued it, where DPS knows only the root. */
  readonly issuer?: Bytes;
  /** The private key of `certificate`, PKCS#8, DER. */
  readonly clientKey?: Bytes;
  /** DER: a root of one's own, trusted beside the others. */
  readonly root?: Bytes;
}

/** Options of the SDK beside those of every platform; all can be left out. */
export interface ModdableOptions {
  /** Default: flash, domain `berth-id` of `preference`. */
  readonly identity?: ModdableIdentity;
  /**
   * What Berth joins, and joins again: `{ SSID, password }`, or `{ io: Ethernet }`; or a network that the app looks
   * after itself: `{ isUp() }`. Default: the Wi-Fi of `ssid` and `password` in flash or in `mc/config`; without an `ssid`
   * the Ethernet of manifest_ethernet.json; without that either the network is taken as always there.
   */
  readonly network?: InterfaceBinding | Network;
  /** Roots to trust instead of the built-in ones, DER. */
  readonly roots?: readonly Bytes[];
  /** SNTP servers, `name` or `name:port`; none: the clock is set by other means. */
  readonly sntp?: readonly string[];
  /** Which times are believed. Default: 25 years from the day the image was made. */
  readonly bounds?: TimeBounds;
  /** Where connections really go, `HOST:ADDRESS:PORT`, comma separated. */
  readonly connectTo?: string;
  /** What connections go through: `httpProxy(...)` of the module `berth/proxy`. */
  readonly proxy?: MakeTunnel;
  /** Parts of the platform of one's own instead of the SDK's: `transport`, `store`, `signer`, ... */
  readonly host?: Partial<Host>;
}

/** What the SDK hands in. */
export interface PlatformSources {
  readonly preferences: Preferences;
  /** `mc/config`. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly roots: readonly Root[];
  readonly createHost: (options: ModdableHostOptions) => ModdableHost;
}

/** What the constructor of a device needs. */
export interface DeviceParts<Options> {
  readonly host: Host;
  readonly identity: Identity;
  readonly options: Options;
  /** @param device hears of errors from now on */
  bind(device: unknown): void;
}

/** @throws BerthError `invalid-argument` naming the option, or the key in flash, that is missing or wrong */
export function devicePartsOf<Options extends ModdableOptions & TelemetryDeviceOptions<never>>(
  options: Options,
  { preferences, config, roots, createHost }: PlatformSources,
): DeviceParts<Options> {
  const { onConnected, onError } = options as DeviceCallbacks<unknown>;
  let device: unknown;
  const report = (where: DeviceError["where"], error: BerthError): void => {
    if (device === undefined) return;
    try {
      onError?.call(device, { where, error, retryIn: undefined });
    } catch {
      // There is nobody else to tell.
    }
  };
  // Of the SDK's own keys `sntp` is its default, one server, and meant for its `setup/network`.
  const ours = { ...config, sntp: undefined, ...(config.berth as object | undefined) };
  const { settings, problems, wifiFault } = readTable(PLATFORM_SETTINGS, {
    preference: (key) => preferences.get(SETTINGS_DOMAIN, key),
    config: ours,
  });
  const { identity, root, clientCertificate, ...proof } = identityOf(options.identity, preferences, ours);
  const connectTo = options.connectTo ?? settings.connectTo;
  const moddable = createHost({
    preferences,
    domain: SETTINGS_DOMAIN,
    ...proof,
    clientCertificate,
    roots: [
      ...(options.roots?.map((der, index) => ({ name: `roots[${index}]`, read: () => der })) ?? roots),
      ...(root ? [{ name: "root of one's own", read: () => root }] : []),
    ],
    onRoot({ name, state, reason }) {
      if (state === "unreadable") report("store", new BerthError("invalid-argument", `${name}: ${reason}`));
    },
    network: options.network ?? wifiOf(settings),
    sntp: options.sntp ?? listOf(settings.sntp),
    bounds: options.bounds ?? BOUNDS_OF_IMAGE,
    connectTo: connectTo === "" ? undefined : parseConnectTo(connectTo),
    proxy: proxyOf(options.proxy),
    onError: (phase, error) => report(phase === "timer" ? "application" : phase, error),
  });
  const host: Host = {
    ...moddable,
    ...options.host,
    begin(ready) {
      for (const problem of problems) report("store", skipped(problem));
      // Never joined with less than what was set: a network of that name may be anyone's.
      if (wifiFault !== undefined && options.network === undefined) {
        ready(new BerthError("invalid-argument", `no Wi-Fi: ${wifiFault}`));
        return;
      }
      moddable.start();
      if (options.host?.begin) options.host.begin(ready);
      else ready();
    },
    end() {
      moddable.stop();
      options.host?.end?.();
    },
  };
  return {
    host,
    identity,
    options: {
      ...options,
      provisioning: { host: settings.dpsHost, ...options.provisioning },
      hub: { ...(settings.gateway !== "" && { gateway: settings.gateway }), ...options.hub },
      onConnected: heard(onConnected, (_: ConnectedReport) => moddable.heed(undefined)),
      onError: heard(onError, ({ where, error }: DeviceError) => {
        if (where === "dps" || where === "hub") moddable.heed(error);
      }),
    },
    bind(made) {
      device = made;
    },
  };
}

/** @throws BerthError `invalid-argument` */
function proxyOf(proxy: MakeTunnel | undefined): MakeTunnel | undefined {
  if (proxy === undefined || typeof proxy === "function") return proxy;
  throw new BerthError("invalid-argument", 'proxy is none that httpProxy(...) of "berth/proxy" has made');
}

function identityOf(
  own: ModdableIdentity | undefined,
  preferences: Preferences,
  config: Readonly<Record<string, unknown>>,
): ReturnType<typeof readDeviceIdentity> {
  if (!own) return readDeviceIdentity((key) => preferences.get(IDENTITY_DOMAIN, key), config);
  const read = readDeviceIdentity(
    (key) => own[key as keyof typeof IDENTITY_KEYS],
    config,
    "the option identity",
  );
  // TLS overwrites the key; that of the options is the app's.
  return { ...read, clientCertificate: read.clientCertificate && copyOf(read.clientCertificate) };
}

function copyOf({ chain, key }: ClientCertificate): ClientCertificate {
  return { chain, key: key.slice(0) };
}

/** A callback that is heard by the platform before the application; what is none is the device's to refuse. */
function heard<Report, Callback extends (report: Report) => void>(
  callback: Callback | undefined,
  listen: (report: Report) => void,
): Callback {
  if (callback !== undefined && typeof callback !== "function") return callback;
  return function (this: unknown, given: Report): void {
    listen(given);
    callback?.call(this, given);
  } as Callback;
}

function skipped(problem: string): BerthError {
  return new BerthError("invalid-argument", `setting skipped: ${problem}`);
}
