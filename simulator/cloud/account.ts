// SPDX-License-Identifier: MIT
/** What the services know of one device, and what is wrong with them for it just now. */
import type { Random } from "../random";
import type { VirtualTime } from "../virtual-time";

/** What can be wrong, with its number where it has one. */
export type Trouble =
  /** 429 with `retry-after`, seconds; 0 leaves it out. */
  | "dps-throttled"
  /** 500 to 504. */
  | "dps-server-error"
  /** Answers that are no JSON, or that say too little, by number. */
  | "dps-malformed"
  /** PUBACK, and no answer. */
  | "dps-silent"
  /** Assigning, without an end. */
  | "dps-slow"
  /** Operations are not known any more. */
  | "dps-forgetful"
  | "dps-unauthorized"
  | "dps-failed"
  | "dps-disabled"
  /** CONNACK with that return code. */
  | "dps-connack"
  | "hub-connack"
  | "hub-no-puback"
  | "hub-no-suback"
  | "hub-suback-refused"
  | "hub-no-pingresp"
  /** Twin requests end in that status; 0: no answer. */
  | "hub-twin"
  /** Each connection ends so many milliseconds after CONNACK. */
  | "hub-flaps"
  /** The name of the hub, or of DPS, is not there. */
  | "hub-gone"
  | "dps-gone"
  /** TCP is refused. */
  | "refused"
  /** TLS ends in an error. */
  | "untrusted"
  /** The same telemetry is acknowledged twice, messages come twice with DUP, answers come late. */
  | "hub-repeats";

/** The twin as the hub has it. */
export interface Twin {
  desired: Record<string, unknown>;
  desiredVersion: number;
  reported: Record<string, unknown>;
  reportedVersion: number;
}

export function newTwin(): Twin {
  return { desired: {}, desiredVersion: 1, reported: {}, reportedVersion: 1 };
}

/** A message for the device. */
export interface QueuedMessage {
  readonly number: number;
  deliveries: number;
}

/** A device's place at one hub. */
export interface Place {
  twin: Twin;
  queue: QueuedMessage[];
  /** Filters of the session that is kept. */
  readonly filters: Set<string>;
}

/** What happens at the services, told to who checks. */
export interface AccountEvents {
  /** A step of the device's life: for traces, and for faults that wait for it. */
  step(step: Step, about: string): void;
  /** The device has broken a rule of the services. */
  fault(what: string): void;
  /** A hub has telemetry, before PUBACK. */
  telemetry(hub: string, payload: Buffer): void;
  /** The device has acknowledged a message. */
  delivered(message: QueuedMessage): void;
  /** A call was answered, or its connection has ended, or its time. @param status undefined without an answer */
  methodEnded(requestId: string, status: number | undefined, why: "answered" | "closed" | "timeout"): void;
}

/** Steps of the life as the services see them. */
export const STEPS = Object.freeze([
  "dps-connect",
  "dps-subscribe",
  "register",
  "assigning",
  "poll",
  "assigned",
  "hub-connect",
  "hub-connack",
  "hub-subscribe",
  "hub-closed",
  "telemetry",
  "twin-get",
  "reported",
  "desired",
  "method",
  "method-answer",
  "c2d",
  "c2d-puback",
  "pingreq",
  "token-end",
] as const);

export type Step = (typeof STEPS)[number];

export interface AccountOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly events: AccountEvents;
  readonly idScope: string;
  readonly registrationId: string;
  /** Undefined for a device with a certificate. */
  readonly key: Buffer | undefined;
}

export class Account {
  readonly options: AccountOptions;
  /** By hub. */
  readonly places = new Map<string, Place>();
  /** The hub that DPS would name now, and the device id there. */
  hub: string;
  readonly deviceId: string;
  /** DPS has put the device there. */
  assigned: string | undefined;
  disabled = false;
  #migrating: Twin | undefined;
  readonly #troubles = new Map<Trouble, { readonly value: number; readonly until: number }>();

  constructor(options: AccountOptions, hub: string, deviceId: string) {
    this.options = options;
    this.hub = hub;
    this.deviceId = deviceId;
  }

  /** @param until ticks */
  begin(trouble: Trouble, value: number, until: number): void {
    this.#troubles.set(trouble, { value, until });
  }

  /** Its number, or undefined when all is well. */
  trouble(name: Trouble): number | undefined {
    const trouble = this.#troubles.get(name);
    return trouble && trouble.until > this.options.time.ticks() ? trouble.value : undefined;
  }

  /** All is well from now on. */
  calm(): void {
    this.#troubles.clear();
    this.disabled = false;
  }

  /** The identity is gone from its hub. @param migrates the twin comes back with the next registration */
  remove(migrates: boolean): void {
    if (this.assigned === undefined) return;
    this.#migrating = migrates ? this.places.get(this.assigned)?.twin : undefined;
    this.places.delete(this.assigned);
  }

  /** DPS puts the device where it belongs. */
  assign(): void {
    const { assigned, hub, places } = this;
    this.assigned = hub;
    const twin = (assigned !== undefined && places.get(assigned)?.twin) || this.#migrating;
    this.#migrating = undefined;
    if (assigned !== undefined && assigned !== hub) places.delete(assigned);
    if (!places.has(hub)) places.set(hub, { twin: twin ?? newTwin(), queue: [], filters: new Set() });
  }
}
