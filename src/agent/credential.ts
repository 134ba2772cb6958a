// SPDX-License-Identifier: MIT
/**
 * What a device shows and trusts beside what its platform has, as a value in its list: a certificate that is issued and
 * renewed, roots that are delivered. A device without any carries none of their code.
 */
import type { HubFeature } from "../azure/hub/feature";
import type { JsonObject } from "../azure/json";
import type { BerthError } from "../error";
import type { CertificateHost, Host, Trust } from "../host";
import type { Identity } from "./identity";

/** What has become of a certificate or of roots. */
export interface CredentialReport {
  readonly what: "certificate" | "roots";
  /** `asked`: for a certificate. `stored`: on trial from the next connection on. `in-use`: it has proven itself. */
  readonly state: "asked" | "stored" | "in-use" | "given-up";
  /** Of a certificate: until when it is good, milliseconds since 1970. */
  readonly notAfter?: number;
  /** Of roots. */
  readonly counter?: number;
}

/** What a credential may ask of the device that has it. */
export interface CredentialHost {
  readonly host: Host;
  readonly certificates: CertificateHost;
  readonly identity: Identity;
  /** Tells the application of an error; life goes on. */
  report(error: BerthError): void;
  tell(report: CredentialReport): void;
  /** Ends the connection to the hub by plan, if there is one, and opens another. */
  reconnect(): void;
  /** Asks DPS anew, where the device has not just done so. */
  register(): void;
}

/** The methods are called by the device only, which guards them. */
export interface Credential {
  /** Its part at the hub. */
  readonly feature?: HubFeature;
  /** Called once, first. @throws BerthError `invalid-argument` when it belongs to a device already, or an option is wrong */
  attach(host: CredentialHost): void;
  /** A run begins. */
  start?(): void;
  /** What the next connection shows and trusts. The clock is set. */
  show(server: "dps" | "hub"): Trust;
  /** DPS is to be asked though a hub is known. */
  readonly needsDps?: boolean;
  /** For a registration: a request for a certificate, DER; undefined for none. */
  request?(): Uint8Array | undefined;
  /** DPS has assigned. @param chain `issuedCertificateChain` of its answer */
  issued?(chain: unknown): void;
  /** CONNACK of the hub has come. */
  connected?(): void;
  /** The connection to the hub counts as a success. */
  stood?(): void;
  /** A connection to the hub, or the attempt at one, has ended in an error. @returns the error that it is to the device, where that is another */
  failed?(error: BerthError): BerthError | undefined;
  /** Of another owner from now on. @throws BerthError `store-failed` */
  forget?(): void;
  /** It is told by desired properties, and reports. @param report false when there is no room */
  bindTwin?(report: (patch: JsonObject) => boolean): void;
  /** Desired properties: all of them, or what changed. */
  desired?(desired: JsonObject): void;
}
