// SPDX-License-Identifier: MIT
/** The options of an agent, and their ranges. */
import type { HubFeature } from "../azure/hub/feature";
import type { BackoffPolicy } from "../backoff";
import { inRange, invalidArgument } from "../error";
import { checkSessionOptions, LONGEST_TIMER } from "../mqtt/session";
import type { Credential } from "./credential";
import type { HubOptions } from "./hub-connection";
import type { Identity } from "./identity";
import type { OutboxOptions } from "./outbox";
import type { ProvisioningOptions } from "./provisioner";
import type { MakeWays } from "./ways";

/** Durations are milliseconds. */
export interface AgentOptions {
  readonly identity: Identity;
  readonly provisioning?: ProvisioningOptions;
  readonly hub?: HubOptions;
  readonly outbox?: OutboxOptions;
  /** Other ways to the servers where the first one is closed: what `transports` of src/transports.ts makes. Default: TCP. */
  readonly transports?: MakeWays;
  /** What the device does at its hub beside telemetry; each belongs to this device alone. What waits in them leaves first. */
  readonly features?: readonly HubFeature[];
  /** What it shows and trusts beside what its platform has; each belongs to this device alone. */
  readonly credentials?: readonly Credential[];
  /** The start waits a random part of this: it spreads a fleet after a power cut. Default 0. */
  readonly startSpread?: number;
  /**
   * Somebody has started it and looks on, a command of a desktop for example: of what slowed an earlier run down only
   * the time counts that DPS itself has told, and an operation that goes on. Default false.
   */
  readonly attended?: boolean;
  /**
   * After this many failed connections to the hub in a row the device asks DPS again; where DPS names the same hub,
   * after twice as many, then each time after four times as many. Default 10.
   */
  readonly maximumFailures?: number;
  /**
   * Between attempts after an error that may pass. Default 1,000 doubled up to 420,000; the first 54 attempts at a hub
   * wait 50,000 at most.
   */
  readonly backoff?: BackoffPolicy;
  /**
   * Between attempts after an error that only a person can mend, and between registrations in the end.
   * Default 60,000 doubled up to 3,600,000.
   */
  readonly slowBackoff?: BackoffPolicy;
}

/** What would else be found only after a (billed) registration. @throws BerthError `invalid-argument` */
export function checkOptions({ provisioning = {}, hub = {}, ...options }: AgentOptions): void {
  checkSessionOptions(provisioning, "provisioning.");
  inRange(provisioning.assignmentTimeout, 1, LONGEST_TIMER, "provisioning.assignmentTimeout");
  checkSessionOptions(hub, "hub.");
  inRange(hub.tokenLifetime, 60_000, LONGEST_TIMER, "hub.tokenLifetime");
  if (
    provisioning.host !== undefined &&
    (typeof provisioning.host !== "string" || provisioning.host === "")
  ) {
    throw invalidArgument("provisioning.host is no host name");
  }
  if (hub.modelId !== undefined && !String(hub.modelId).startsWith("dtmi:")) {
    throw invalidArgument("modelId is no model of IoT Plug and Play, as dtmi:com:example:Thermostat;1");
  }
  if (hub.gateway !== undefined && (typeof hub.gateway !== "string" || hub.gateway === "")) {
    throw invalidArgument("hub.gateway is no host name");
  }
  if (options.transports !== undefined && typeof options.transports !== "function") {
    throw invalidArgument('transports is none that transports(...) of "berth/transports" has made');
  }
  if (options.outbox?.log !== undefined && typeof options.outbox.log !== "function") {
    throw invalidArgument('outbox.log is none that flashLog(...) of "berth/outbox" has made');
  }
  inRange(options.startSpread, 0, LONGEST_TIMER, "startSpread");
  inRange(options.maximumFailures, 1, LONGEST_TIMER, "maximumFailures");
  for (const name of ["backoff", "slowBackoff"] as const) {
    const policy = options[name];
    // Both are needed.
    inRange(policy && (policy.base ?? Number.NaN), 1, LONGEST_TIMER, `${name}.base`);
    inRange(policy && (policy.cap ?? Number.NaN), 1, LONGEST_TIMER, `${name}.cap`);
  }
}
