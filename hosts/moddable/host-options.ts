// SPDX-License-Identifier: MIT
/** What the Moddable SDK as a host is made of. Types only: no module of an image. */
import type { BerthError } from "../../src/error";
import type { Credential } from "../../src/agent/credential";
import type { HubFeature } from "../../src/azure/hub/feature";
import type { CertificateHost, Host, Network } from "../../src/host";
import type { NativeTlsOptions } from "../native/tls";
import type { ClientCertificate } from "../sockets/client-certificate";
import type { ConnectTo } from "../sockets/connect-to";
import type { MakeTunnel } from "../sockets/tcp";
import type { ModdableClock, TimeBounds } from "./clock";
import type { InterfaceClass } from "./interface-network";
import type { Root, RootReport } from "./roots";
import type { PreferenceStore, Preferences } from "./store";

/** Where an error came from that the agent does not see. */
export type HostPhase = "network" | "clock" | "timer";

/**
 * An interface that Berth joins, and joins again.
 * Without `io` it is the chip's Wi-Fi or, without SSID, the Ethernet that the image has (manifest_ethernet.json); where there
 * is none, as in the simulators, the network is always there.
 */
export interface InterfaceBinding {
  readonly io?: InterfaceClass;
  /** Of the Wi-Fi; absent for Ethernet. */
  readonly SSID?: string | undefined;
  /** Absent for an open network. */
  readonly password?: string | undefined;
}

/** What differs from one device, or one build, to the next. */
export interface ModdableHostOptions {
  /** See `loadPreferences`. */
  readonly preferences: Preferences;
  /** The domain of `preference` (the namespace of NVS) for what the core keeps; 15 characters at most. */
  readonly domain: string;
  /** The device's symmetric key in base64; absent for a device with a client certificate, or a key in eFuse. */
  readonly symmetricKey?: string | undefined;
  /** KEY block of eFuse with the symmetric key, 0 to 5. */
  readonly efuseBlock?: number | undefined;
  readonly clientCertificate?: ClientCertificate | undefined;
  readonly roots: readonly Root[];
  readonly onRoot: (report: RootReport) => void;
  /** What Berth joins, or a network that the app looks after itself. Default: `{}`. */
  readonly network?: InterfaceBinding | Network | undefined;
  /** SNTP servers, `name` or `name:port`; none: the clock is set by other means. */
  readonly sntp: readonly string[];
  /** Which times are believed. */
  readonly bounds: TimeBounds;
  readonly connectTo?: readonly ConnectTo[] | undefined;
  /** What connections go through. */
  readonly proxy?: MakeTunnel | undefined;
  /** Must not throw. */
  readonly onError: (phase: HostPhase, error: BerthError) => void;
  readonly onNetwork?: (up: boolean) => void;
  /** @param server that told the time */
  readonly onTime?: (server: string, milliseconds: number) => void;
  /** See `TransportParts.onSecure`. */
  readonly onSecure?: (version: string, suite: string, resumed: boolean) => void;
}

/** The module of manifest_certificates.json. */
export interface CertificatesModule {
  createCertificates(tls: NativeTlsOptions, certificate: ClientCertificate | undefined): CertificateHost;
  credentialsWithTwin(settings: { readonly issue: boolean; readonly rootsKey: string }): FieldCredentials;
}

/** Options of a device. */
export interface FieldCredentials {
  readonly credentials: readonly Credential[];
  readonly features: readonly HubFeature[];
}

/** A host with its network and time. */
export interface ModdableHost extends Host {
  readonly clock: ModdableClock;
  readonly store: PreferenceStore;
  /** Joins the network and sets the clock; both go on for as long as the device runs. */
  start(): void;
  /** Leaves the network. Idempotent. */
  stop(): void;
  /**
   * Takes what came of an attempt to connect as evidence about network and clock.
   * @param error undefined: the connection stands
   */
  heed(error: BerthError | undefined): void;
}
