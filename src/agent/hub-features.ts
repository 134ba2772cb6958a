// SPDX-License-Identifier: MIT
/** The features of a device, and what of theirs is on its way to the hub. It outlives connections. */
import type { HubFeature, HubFeatureHost, HubMessage } from "../azure/hub/feature";
import { type BerthError, invalidArgument } from "../error";
import type { Host } from "../host";
import { InFlight } from "../mqtt/in-flight";
import type { Assignment } from "../storage/assignment";

/** So many subscriptions IoT Hub takes of a device. */
const MOST_FILTERS = 5;

export class HubFeatures {
  readonly list: readonly HubFeature[];
  readonly #window: number | undefined;
  #inFlight: InFlight<HubMessage>;
  /** For whose hub and device id the messages in flight have their topics. */
  #for: Assignment | undefined;

  /** @throws BerthError `invalid-argument` for too many filters, or the same twice, or a window out of range */
  constructor(list: readonly HubFeature[], deviceId: string, window: number | undefined) {
    checkFilters(list, deviceId);
    this.list = list;
    this.#window = window;
    this.#inFlight = new InFlight(window);
  }

  get inFlight(): InFlight<HubMessage> {
    return this.#inFlight;
  }

  /** @throws BerthError `invalid-argument` for a feature of another device */
  attach(host: HubFeatureHost): void {
    for (const feature of this.list) feature.attach(host);
  }

  /** The next connection is for `assignment`: takes back what was on its way to another hub or as another device. */
  address(assignment: Assignment): void {
    if (isSame(this.#for, assignment)) return;
    this.#for = assignment;
    this.#recall();
    for (const feature of this.list) feature.moved?.();
  }

  /** Drops all that waits. @returns how many messages */
  forget(): number {
    this.#recall();
    this.#for = undefined;
    let dropped = 0;
    for (const feature of this.list) dropped += feature.forget?.() ?? 0;
    return dropped;
  }

  #recall(): void {
    const inFlight = this.#inFlight;
    this.#inFlight = new InFlight(this.#window);
    for (let i = inFlight.count - 1; i >= 0; i -= 1) inFlight.messageAt(i).recalled?.();
  }
}

/** @param outputSize bytes of the output buffer @param wake as `HubFeatureHost` */
export function hubFeatureHost(
  { text, clock, timers, random }: Host,
  outputSize: number,
  wake: () => void,
  report: (error: BerthError) => void,
): HubFeatureHost {
  // Fixed header, length of the topic, packet identifier.
  return { text, clock, timers, random, largest: outputSize - 5 - 2 - 2, wake, report };
}

/** Names the same hub and device id. */
export function isSame(a: Assignment | undefined, b: Assignment): boolean {
  return a?.hub === b.hub && a.deviceId === b.deviceId;
}

function checkFilters(list: readonly HubFeature[], deviceId: string): void {
  const filters: string[] = [];
  for (const feature of list) filters.push(...feature.filters(deviceId));
  if (filters.length > MOST_FILTERS) {
    throw invalidArgument(
      `the features subscribe to ${filters.length} topic filters; IoT Hub takes ${MOST_FILTERS}: leave some out`,
    );
  }
  const twice = filters.find((filter, i) => filters.indexOf(filter) !== i);
  if (twice !== undefined) throw invalidArgument(`two features subscribe to ${twice}: leave one out`);
}
