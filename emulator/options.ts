// SPDX-License-Identifier: MIT
/** How an emulator is started. */
import type { Clock } from "./clock";
import type { Configuration, CustomAllocation } from "./configuration";
import type { FaultRule } from "./faults";

/** How DPS behaves; the defaults are Azure's. */
export interface DpsBehaviour {
  /** Seconds of `retry-after` in a 202; 3 by default. 0 leaves the header out. */
  retryAfter?: number;
  /** Polls that are answered 202 before the result; 0 by default, so that the first poll has it. */
  pollsBeforeResult?: number;
  /** Answers a registration with its result at once instead of 202; false by default. */
  immediate?: boolean;
  /** A refused credential ends in CONNACK 5, or in a response with 401 or 404 to the registration; `connack` by default. */
  refusal?: "connack" | "response";
  /** `errorCode` of such a 401: 401002 by default, as recorded from Azure; Microsoft's unified SDK names 401000. */
  refusalCode?: 401000 | 401002;
  /**
   * Refuses a device certificate whose extended key usage leaves out clientAuth, for example one made for a server;
   * false by default, because it is not known that Azure does.
   */
  requireClientAuth?: boolean;
  /** Polls that a device may make in 10 s; 5 by default. */
  pollsPer10Seconds?: number;
  /** Registrations a minute, over all devices; 1,000 by default. */
  registrationsPerMinute?: number;
  /** Milliseconds that an issued certificate is good, of DPS and of a hub; 30 days by default. */
  certificateLifetime?: number;
  /** Sent as `registrationState.connectionProfile`; absent by default. A device has to refuse a value it does not know. */
  connectionProfile?: string;
}

/** How the hubs behave; the defaults are Azure's. */
export interface HubBehaviour {
  /** Seconds that a connection lives on after its token's `se`; 0 by default. */
  expiryGrace?: number;
  /** Subscriptions a connection may hold; 5 by default. */
  maximumSubscriptions?: number;
  /** Messages that wait for a device; 50 by default. */
  maximumQueue?: number;
  /** Partitions of the Event Hubs-compatible endpoint, 1 to 32; 4 by default. */
  partitions?: number;
}

/** The page that shows devices and drives everything. */
export interface PageOptions {
  /** 0, the default, takes a free one. */
  port?: number;
}

/** Options of `Emulator.start`. Every key but `configuration` may be left out. */
export interface EmulatorOptions {
  configuration: Configuration;
  /** 0, the default, takes a free port; 8883 is the one that devices in the field use. */
  port?: number;
  /** Of the HTTPS APIs for services; 0, the default, takes a free port; 443 is the one that Microsoft's SDKs know. */
  httpsPort?: number;
  /** Of AMQP for services; 0, the default, takes a free port; 5671 is the one that Microsoft's SDKs know. */
  amqpsPort?: number;
  /** The address to listen on; 127.0.0.1 by default. */
  host?: string;
  /** Names and addresses that it is reached by beside those of its hubs and DPS: into its certificate, and as `Host`. */
  names?: readonly string[];
  /**
   * What `/events`, `/faults` and the like ask for as `Authorization: Bearer …`. Where it listens to other computers,
   * one is made when this is absent.
   */
  controlToken?: string;
  /** Serves the page, and keeps events for it; without it there is none. HTTP on a loopback address, else HTTPS. */
  page?: PageOptions;
  /** Keeps the last events and packets from the start on, for those who ask `/events?after=start` for them; false by default. */
  keepEvents?: boolean;
  /** Keeps the CA and the state. Without it both vanish with the emulator. */
  stateDirectory?: string;
  /** Keeps the CA apart from the state, so that several emulators share one root. */
  authorityDirectory?: string;
  /** A server chain (leaf first, PEM) and key in place of the CA's: for tests of what a client must refuse. */
  serverCertificate?: { certificatePem: string; privateKeyPem: string };
  clock?: Clock;
  faults?: readonly FaultRule[];
  /** Seed of the fault injector; 1 by default. */
  seed?: number;
  dps?: DpsBehaviour;
  hub?: HubBehaviour;
  /** Decides under the allocation policy `custom` when the enrollment names no module. */
  customAllocation?: CustomAllocation;
  /** Where relative module paths of the configuration start; the working directory by default. */
  baseDirectory?: string;
  /** Milliseconds for the TLS handshake, and for CONNECT after it; 30,000 by default. */
  connectTimeout?: number;
  /** `TLSv1.2` by default, which is what DPS documents. */
  maxTlsVersion?: "TLSv1.2" | "TLSv1.3";
}
