// SPDX-License-Identifier: MIT
/**
 * Quotas as Azure documents them: "IoT Hub quotas and throttling", "DPS quotas and limits". What happens above them is not
 * documented for MQTT and assumed here: a hub lets connections and messages wait in line ("traffic shaping"), 10 s long, and
 * answers CONNACK 3 beyond it, or ends the connection; DPS answers 429 with the time until the next registration as
 * `retry-after`.
 */

export const TIERS = Object.freeze({
  S1: (units: number) => Math.max(100, 12 * units),
  S2: (units: number) => 120 * units,
  S3: (units: number) => 6_000 * units,
});

export type Tier = keyof typeof TIERS;

export interface Quotas {
  /** New connections a second of a hub; of messages to the cloud there are as many. */
  readonly hub: number;
  /** Registrations a minute of DPS. */
  readonly registrations: number;
}

/** Registrations a minute of a DPS instance. */
export const REGISTRATIONS = 1_000;
/** Polls of a device. */
export const POLLS = Object.freeze({ limit: 5, window: 10_000 });
