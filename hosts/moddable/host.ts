// SPDX-License-Identifier: MIT
/** The Moddable SDK as the core sees it: the one place where the SDK's modules are bound to the host's classes. */

import type { MakeMessageQueue } from "../../src/agent/outbox";
import Resource from "Resource";
import UDP from "embedded:io/socket/udp";
import { fillRandom } from "berth/natives/random";
import Modules from "modules";
// biome-ignore lint/style/useNodejsImportProtocol: the SDK's module of that name, not Node's
import Net from "net";
import TextDecoder from "text/decoder";
import Time from "time";
import Timer from "timer";
import { asBerthError } from "../../src/error";
import type { Signer, Timers } from "../../src/host";
import { randomBytes, randomOf } from "../native/random";
import type { Resolve } from "../sockets/connect-to";
import { ModdableClock } from "./clock";
import { bindTransport, createEfuseSigner, createSigner, tlsOptions } from "./cryptography";
import { isOutOfTime, networkWorks } from "./evidence";
import type {
  CertificatesModule,
  FieldCredentials,
  InterfaceBinding,
  ModdableHost,
  ModdableHostOptions,
} from "./host-options";
import { type InterfaceClass, InterfaceNetwork } from "./interface-network";
import { type Root, readableRoots } from "./roots";
import { PreferenceStore, type Preferences } from "./store";
import { ModdableText } from "./text";
import { TimeSync, type UdpClass } from "./time-sync";
import { ModdableTimers } from "./timers";
import { TRUSTED_ROOTS } from "./trusted-roots";

/** Of manifest_certificates.json. */
const CERTIFICATES = "berth/hosts/moddable/certificates";
/** The SDK's interfaces; the simulators have neither, and Ethernet is there with manifest_ethernet.json. */
const WIFI = "embedded:network/interface/wifi";
const ETHERNET = "embedded:network/interface/ethernet";

/**
 * Binds the SDK.
 * @throws BerthError `invalid-argument` for a wrong key, eFuse block, SSID or server
 */
export function createModdableHost(options: ModdableHostOptions): ModdableHost {
  const { onError, bounds } = options;
  const clock = new ModdableClock(Time, bounds);
  const timers = createTimers((error) => onError("timer", asBerthError(error)));
  const random = randomOf(fillRandom);
  const resolve: Resolve = (name, done) => Net.resolve(name, done);
  const signer = signerOf(options);
  // Whoever connects has looked at the clock.
  const roots = () => readableRoots(options.roots, clock.now() ?? bounds.earliest, options.onRoot);
  const own = options.clientCertificate;
  const certificates = optionalModule<CertificatesModule>(CERTIFICATES)?.createCertificates(
    tlsOptions(roots),
    // TLS overwrites the key that it is given.
    own && { chain: own.chain, key: own.key.slice(0) },
  );
  const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));
  const transport = bindTransport({
    roots,
    clientCertificate: options.clientCertificate,
    resolve,
    timers,
    clock,
    connectTo: options.connectTo,
    tunnel: options.proxy?.(text),
    onSecure: options.onSecure ?? (() => {}),
  });

  const sync =
    options.sntp.length === 0
      ? undefined
      : new TimeSync({
          UDP: { io: UDP as unknown as UdpClass },
          resolve,
          timers,
          clock,
          servers: options.sntp,
          bounds,
          nonce: () => randomBytes(fillRandom, 8),
          random,
          set: (seconds) => Time.set(seconds),
          onTime: options.onTime ?? (() => {}),
          onError: (error) => onError("clock", error),
        });

  const given = options.network ?? {};
  const theirs = "isUp" in given ? given : undefined;
  const found = "isUp" in given ? undefined : interfaceOf(given);
  const joined =
    found &&
    new InterfaceNetwork({
      ...found,
      timers,
      random,
      onChanged: (up) => {
        if (up) sync?.start();
        else sync?.stop();
        options.onNetwork?.(up);
      },
      onError: (error) => onError("network", error),
    });

  const network = theirs ?? joined;
  return {
    text,
    clock,
    timers,
    store: new PreferenceStore(options.preferences, options.domain),
    transport,
    random,
    ...(signer && { signer }),
    ...(certificates && { certificates }),
    ...(network && { network }),
    start(): void {
      if (joined) joined.start();
      else sync?.start();
    },
    stop(): void {
      joined?.stop();
      sync?.stop();
    },
    heed(error): void {
      const works = error === undefined || networkWorks(error.code);
      if (works !== undefined) joined?.heed(works);
      if (error && isOutOfTime(error.code)) sync?.doubt();
    },
  };
}

/** What the settings ask for; undefined where the app has no manifest_certificates.json. */
export function fieldCredentials(issue: boolean, rootsKey: string): FieldCredentials | undefined {
  return optionalModule<CertificatesModule>(CERTIFICATES)?.credentialsWithTwin({ issue, rootsKey });
}

/** For `outbox.log`; undefined where the app has no manifest_outbox.json. */
export function outboxInFlash(): MakeMessageQueue | undefined {
  return optionalModule<{ flashLog(): MakeMessageQueue }>("berth/outbox")?.flashLog();
}

/** The timers of the SDK. @param onError gets what a callback throws; must not throw itself */
export function createTimers(onError: (error: unknown) => void): Timers {
  return new ModdableTimers<Timer>(Timer, onError);
}

/**
 * The SDK's `preference`, loaded now: in the simulators it reads its file when it is loaded, which for whatever imports
 * it and is preloaded would be when the app is built.
 */
export function loadPreferences(): Preferences {
  return Modules.importNow("preference") as Preferences;
}

/** The roots of the module manifest. They stay where they lie in flash. */
export function builtInRoots(): Root[] {
  return TRUSTED_ROOTS.map((name) => ({
    name,
    read: () => new Uint8Array(new Resource(`berth-${name}.der`) as unknown as ArrayBuffer),
  }));
}

/** @returns undefined where this platform, or this image, has no such interface */
function interfaceOf({ io, SSID, password }: InterfaceBinding) {
  const found = io ?? optionalModule<InterfaceClass>(SSID === undefined ? ETHERNET : WIFI);
  return found && { Interface: { io: found }, SSID, password };
}

function optionalModule<Module>(name: string): Module | undefined {
  return Modules.has(name) ? (Modules.importNow(name) as Module) : undefined;
}

function signerOf({ symmetricKey, efuseBlock }: ModdableHostOptions): Signer | undefined {
  if (efuseBlock !== undefined) return createEfuseSigner(efuseBlock);
  return symmetricKey === undefined ? undefined : createSigner(symmetricKey);
}
