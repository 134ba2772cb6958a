// SPDX-License-Identifier: MIT
/**
 * The device's life: network, clock, assignment, hub, telemetry, and every way back.
 *
 * Rules (docs of Azure: "Manage device reconnections", "Best practices for large-scale deployments"):
 * - The stored assignment comes first; DPS only when there is none for this identity, when asked, when the hub
 *   refuses the identity (CONNACK 2, 4, 5), or after 10 failed connections in a row.
 * - The old assignment stays until the new one is stored and read back.
 * - A failed attempt at DPS falls back to the assignment that is known, so that neither service can strand the
 *   device alone; the loop 'DPS accepts, hub refuses' slows down to one round in 30 to 60 minutes.
 * - What only a person can mend (wrong key, disabled enrollment) is tried again slowly and reported.
 */
import type { JsonObject } from "../azure/dps";
import { telemetryTopic } from "../azure/hub";
import { encodeProperties, type Properties } from "../azure/properties";
import { asBerthError, BerthError, invalidArgument } from "../error";
import type { Host } from "../host";
import { InFlight } from "../mqtt/in-flight";
import { MAXIMUM_FIELD_LENGTH } from "../mqtt/packets";
import { AssignmentStore } from "../storage/assignment-store";
import type { Assignment } from "../storage/record";
import { Alarm } from "./alarm";
import { type BackoffPolicy, backoffDelay } from "./backoff";
import { type CloudToDeviceMessage, HubConnection, type HubOptions } from "./hub-connection";
import { checkIdentity, type Identity } from "./identity";
import { NO_BAG, Outbox, type OutboxOptions, type TelemetryMessage } from "./outbox";
import { Provisioner, type ProvisioningOptions } from "./provisioner";
import { refusesIdentity } from "./refusal";

/** Where the device is in its life. */
export const AgentState = Object.freeze({
  STOPPED: 0,
  /** For the network. */
  WAITING_FOR_NETWORK: 1,
  /** TLS and SAS need a set clock. */
  WAITING_FOR_CLOCK: 2,
  /** At DPS. */
  PROVISIONING: 3,
  /** To the hub. */
  CONNECTING: 4,
  /** Connected to the hub. */
  RUNNING: 5,
  /** Between two attempts. */
  BACKING_OFF: 6,
} as const);

export type AgentState = (typeof AgentState)[keyof typeof AgentState];

/** By `AgentState`, for traces. */
export const AGENT_STATE_NAMES: readonly string[] = Object.freeze([
  "stopped",
  "waiting for the network",
  "waiting for the clock",
  "provisioning",
  "connecting",
  "running",
  "backing off",
]);

/** An assignment with what DPS said beside it. */
export interface AssignedReport {
  readonly assignment: Assignment;
  readonly substatus: string | undefined;
  /** Of a custom allocation policy. */
  readonly payload: JsonObject | undefined;
}

/** A connection to the hub stands. */
export interface ConnectedReport {
  readonly hub: string;
  readonly deviceId: string;
  /** Whether this run got the assignment from DPS or found it stored. */
  readonly source: "dps" | "stored";
  readonly sessionPresent: boolean;
}

/** Telemetry that the hub has. */
export interface AcknowledgedTelemetry {
  readonly payload: Uint8Array;
  /** The property bag, encoded; empty without properties. */
  readonly bag: string;
}

/** What went wrong, and when the device tries again. */
export interface ErrorReport {
  readonly phase: "network" | "clock" | "dps" | "hub" | "store";
  readonly error: BerthError;
  /**
   * Milliseconds until the next attempt, or with `AgentState.PROVISIONING` until the next request on the same connection;
   * undefined when life goes on without one.
   */
  readonly retryIn: number | undefined;
}

/** What the agent reports. An exception in one of these is reported as `internal` and ends the connection. */
export interface AgentHandler {
  onState?(state: AgentState): void;
  onAssigned?(report: AssignedReport): void;
  onConnected?(report: ConnectedReport): void;
  /**
   * @param message good only during the call: the object is used again, its payload is yours
   * @param count of acknowledged messages since `start`
   */
  onAcknowledged?(message: AcknowledgedTelemetry, count: number): void;
  /** Without it the device does not subscribe to cloud-to-device messages. */
  onCloudToDevice?(message: CloudToDeviceMessage): void;
  /** `send` has room again after `outbox-full`. */
  onRoom?(): void;
  onError?(report: ErrorReport): void;
}

/** Durations are milliseconds. */
export interface AgentOptions {
  readonly identity: Identity;
  readonly provisioning?: ProvisioningOptions;
  readonly hub?: HubOptions;
  readonly outbox?: OutboxOptions;
  /** The start waits a random part of this: it spreads a fleet after a power cut. Default 0. */
  readonly startSpread?: number;
  /** After this many failed connections to the hub in a row the device asks DPS again. Default 10. */
  readonly maximumFailures?: number;
  /** Between attempts after an error that may pass. Default 1,000 doubled up to 300,000. */
  readonly backoff?: BackoffPolicy;
  /** Between attempts after an error that only a person can mend. Default 60,000 doubled up to 3,600,000. */
  readonly slowBackoff?: BackoffPolicy;
}

const BACKOFF: BackoffPolicy = Object.freeze({ base: 1_000, cap: 300_000 });
const SLOW_BACKOFF: BackoffPolicy = Object.freeze({ base: 60_000, cap: 3_600_000 });
/** How often network and clock are looked at while they are not there. */
const LOOK = 500;
/** A missing clock or network is reported this often. */
const REPORT_EVERY = 60_000;
/** A connection that stood this long counts as a success: back-off starts anew. */
const STABLE = 30_000;

/** Attempts at DPS in a row before the hub that is known is tried again. */
const DPS_TRIES = 4;

export class Agent {
  readonly #host: Host;
  readonly #options: AgentOptions;
  readonly #handler: AgentHandler;
  readonly #store: AssignmentStore;
  readonly #outbox: Outbox;
  /** Bytes of the largest payload with its property bag that the output buffer holds. */
  readonly #largest: number;
  readonly #alarm: Alarm;
  #state: AgentState = AgentState.STOPPED;
  /** How often the state has changed: tells whether a handler has moved the agent on. */
  #moves = 0;
  #inFlight: InFlight;
  /** For whose hub and device id the messages in flight have their topics. */
  #inFlightFor: Assignment | undefined;
  #assignment: Assignment | undefined;
  #source: "dps" | "stored" = "stored";
  /** The store has failed to take the assignment. */
  #unsaved = false;
  /** DPS is asked next, though an assignment is known. */
  #askDps = false;
  #operationId: string | undefined;
  /** An eager connection to DPS has ended without a word of it. */
  #dpsRefusesEager = false;
  /** The hub of which the last eager connection ended so. */
  #hubRefusingEager: string | undefined;
  #provisioner: Provisioner | undefined;
  #connection: HubConnection | undefined;
  /** Attempts in a row that ended in an error that may pass. */
  #attempts = 0;
  /** Attempts in a row that ended in one that only a person can mend. */
  #finals = 0;
  /** Failed connections to the hub in a row. */
  #failures = 0;
  /** How often in a row the hub refused what DPS had assigned. */
  #refusals = 0;
  #connectedAt = 0;
  #waitingSince = 0;
  #acknowledged = 0;
  #wantsRoom = false;
  /** The last properties that were frozen, and their bag with its length: encoded once. */
  #properties: Properties | undefined;
  #bag = NO_BAG;
  #bagLength = 0;

  /** @throws BerthError `invalid-argument` for a wrong identity or option */
  constructor(host: Host, handler: AgentHandler, options: AgentOptions) {
    checkIdentity(options.identity, host);
    const lifetime = options.hub?.tokenLifetime;
    if (lifetime !== undefined && !(lifetime >= 60_000)) {
      throw invalidArgument("hub.tokenLifetime is below 60000");
    }
    this.#host = host;
    this.#handler = handler;
    this.#options = options;
    this.#store = new AssignmentStore(host.store, host.text);
    this.#outbox = new Outbox(options.outbox);
    this.#largest = (options.hub?.outputSize ?? 4_096) - PACKET_OVERHEAD;
    this.#inFlight = new InFlight(options.hub?.window);
    this.#alarm = new Alarm(host.timers, (error) => this.#failed("hub", error));
  }

  get state(): AgentState {
    return this.#state;
  }

  /** The assignment in use: stored, or new from DPS. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  /** Messages that wait to be sent or acknowledged. */
  get pending(): number {
    return this.#outbox.count + this.#inFlight.count;
  }

  /** Starts the life from the stored assignment. Does nothing when started. */
  start(): void {
    if (this.#state !== AgentState.STOPPED) return;
    this.#attempts = this.#finals = this.#failures = this.#refusals = this.#acknowledged = 0;
    this.#askDps = false;
    this.#source = "stored";
    const { identity, startSpread = 0 } = this.#options;
    const stored = this.#store.read();
    const ours = stored?.idScope === identity.idScope && stored.registrationId === identity.registrationId;
    this.#assignment = ours ? stored : undefined;
    const delay = Math.floor(this.#host.random() * startSpread);
    if (delay > 0) this.#backOff(delay);
    else this.#decide();
  }

  /** Ends the connection with DISCONNECT. Messages that wait are kept and sent after the next `start`. Idempotent. */
  stop(): void {
    this.#disconnect();
    this.#alarm.cancel();
    this.#enter(AgentState.STOPPED);
  }

  /**
   * Queues telemetry, sent with QoS 1, at least once.
   * @param payload must not change until it is acknowledged
   * @param properties a frozen object that is the same from message to message is encoded once, when it comes first:
   *   getters in it are not asked again
   * @throws BerthError `outbox-full`: nothing was queued, `onRoom` tells when to try again; `invalid-argument`;
   *   `packet-too-large` for what the output buffer or the outbox could never hold
   */
  send(payload: Uint8Array, properties?: Properties): void {
    let size = payload.length;
    if (properties) {
      if (properties !== this.#properties) this.#encode(properties);
      size += this.#bagLength;
    }
    if (size > this.#largest) {
      throw new BerthError("packet-too-large", `payload and properties over ${this.#largest} bytes`);
    }
    try {
      this.#outbox.add(payload, properties && this.#bag);
    } catch (error) {
      if (asBerthError(error).code === "outbox-full") this.#wantsRoom = true;
      throw error;
    }
    this.#connection?.pump();
  }

  /**
   * Asks DPS anew; the present assignment stays until another one is stored. Messages that wait stay too, and go to
   * the hub that comes of it: for a new owner there is `forget`.
   */
  reprovision(): void {
    this.#askDps = true;
    this.#operationId = undefined;
    if (this.#state === AgentState.STOPPED || this.#state === AgentState.PROVISIONING) return;
    this.#disconnect();
    this.#proceed();
  }

  /**
   * Forgets the assignment for good (a long press, a new owner) and asks DPS anew. Messages that wait to be sent or
   * acknowledged are dropped: they are the old owner's, and the hub may be another's. One that `send` had refused
   * for lack of room gets its `onRoom` at the next connection.
   * @returns how many messages were dropped
   * @throws BerthError `store-failed`; the assignment still counts, and nothing is dropped
   */
  forget(): number {
    this.#store.forget();
    this.#assignment = undefined;
    // Whatever it holds of them in its buffer goes with it.
    this.#connection?.close();
    this.#connection = undefined;
    this.#recall();
    const dropped = this.#outbox.count;
    this.#outbox.clear();
    this.reprovision();
    return dropped;
  }

  #encode(properties: Properties): void {
    const bag = encodeProperties(properties);
    if (bag.length > LONGEST_BAG)
      throw new BerthError("packet-too-large", `properties over ${LONGEST_BAG} bytes`);
    this.#bag = bag;
    this.#bagLength = bag.length;
    // Others may have changed when they come again.
    this.#properties = Object.isFrozen(properties) ? properties : undefined;
  }

  /** Goes on, unless it was stopped meanwhile. */
  #proceed(): void {
    if (this.#state !== AgentState.STOPPED) this.#decide();
  }

  /** The one place that decides what comes next. */
  #decide(): void {
    const { network, clock } = this.#host;
    if (network && !network.isUp()) this.#wait(AgentState.WAITING_FOR_NETWORK);
    else if (clock.now() === undefined) this.#wait(AgentState.WAITING_FOR_CLOCK);
    else if (this.#askDps || !this.#assignment) this.#provision();
    else this.#connect(this.#assignment);
  }

  #wait(state: AgentState): void {
    const now = this.#host.clock.ticks();
    if (this.#state !== state) {
      this.#waitingSince = now;
      if (!this.#enter(state)) return;
    } else if (now - this.#waitingSince >= REPORT_EVERY) {
      this.#waitingSince = now;
      const clock = state === AgentState.WAITING_FOR_CLOCK;
      const error = new BerthError(clock ? "clock-not-set" : "network-down");
      if (!this.#report({ phase: clock ? "clock" : "network", error, retryIn: LOOK })) return;
    }
    this.#alarm.set(LOOK, () => this.#proceed());
  }

  #provision(): void {
    if (!this.#enter(AgentState.PROVISIONING)) return;
    this.#disconnect();
    const { identity, provisioning = {} } = this.#options;
    try {
      this.#provisioner = new Provisioner(
        this.#host,
        identity,
        this.#dpsRefusesEager ? { ...provisioning, eager: false } : provisioning,
        {
          onAssigning: (operationId) => {
            this.#operationId = operationId;
          },
          onAssigned: ({ hub, deviceId, substatus, payload }) => {
            this.#provisioner = undefined;
            const { idScope, registrationId } = identity;
            const assignedAt = this.#host.clock.now() ?? 0;
            const assignment = { idScope, registrationId, hub, deviceId, assignedAt };
            this.#assigned({ assignment, substatus, payload });
          },
          onTransient: (error, retryIn) => {
            this.#report({ phase: "dps", error, retryIn });
          },
          onError: (error) => {
            // An error with a status is the server's word.
            if (this.#provisioner?.unanswered && error.status === undefined) this.#dpsRefusesEager = true;
            this.#failed("dps", error);
          },
        },
        this.#operationId,
      );
    } catch (error) {
      this.#failed("dps", asBerthError(error));
    }
  }

  #assigned(report: AssignedReport): void {
    const { assignment } = report;
    this.#assignment = assignment;
    this.#source = "dps";
    this.#askDps = false;
    this.#operationId = undefined;
    this.#attempts = this.#finals = this.#failures = 0;
    if (!this.#save(assignment) || !this.#tell(() => this.#handler.onAssigned?.(report))) return;
    // Round after round of 'DPS accepts, hub refuses' slows down. Otherwise a moment later: the transport to
    // DPS and its memory are gone before the one to the hub is opened.
    this.#backOff(this.#refusals > 1 ? this.#slowDelay(this.#refusals - 2) : 0);
  }

  /** @returns as `#tell` */
  #save(assignment: Assignment): boolean {
    try {
      this.#store.write(assignment);
      this.#unsaved = false;
      return true;
    } catch (error) {
      // The device can work with what it knows; the store is tried again at the next connection.
      this.#unsaved = true;
      return this.#report({ phase: "store", error: asBerthError(error, "store-failed"), retryIn: undefined });
    }
  }

  /** Takes back what was on its way to another hub or as another device. */
  #recall(): void {
    if (this.#inFlight.count === 0) return;
    const messages: TelemetryMessage[] = [];
    for (let i = 0; i < this.#inFlight.count; i += 1) {
      messages.push(this.#inFlight.messageAt(i) as TelemetryMessage);
    }
    this.#outbox.restore(messages);
    this.#inFlight = new InFlight(this.#options.hub?.window);
  }

  #connect(assignment: Assignment): void {
    if (!this.#enter(AgentState.CONNECTING)) return;
    this.#disconnect();
    const before = this.#inFlightFor;
    if (before?.hub !== assignment.hub || before.deviceId !== assignment.deviceId) this.#recall();
    this.#inFlightFor = assignment;
    const { onCloudToDevice } = this.#handler;
    const { hub = {} } = this.#options;
    try {
      this.#connection = new HubConnection(
        this.#host,
        this.#options.identity,
        assignment,
        this.#hubRefusingEager === assignment.hub ? { ...hub, eager: false } : hub,
        this.#outbox,
        this.#inFlight,
        {
          onConnected: (sessionPresent) => this.#connected(assignment, sessionPresent),
          onAcknowledged: (message) => {
            this.#acknowledged += 1;
            this.#handler.onAcknowledged?.(message, this.#acknowledged);
            this.#outbox.release(message);
            this.#tellRoom();
          },
          onCloudToDevice: onCloudToDevice && ((message) => onCloudToDevice.call(this.#handler, message)),
          onRenewal: () => {
            this.#connection = undefined;
            // A moment later, when the transport has gone.
            this.#backOff(0);
          },
          onError: (error) => {
            if (this.#connection?.unanswered && error.status === undefined) {
              this.#hubRefusingEager = assignment.hub;
            }
            this.#failed("hub", error);
          },
        },
      );
    } catch (error) {
      this.#failed("hub", asBerthError(error));
    }
  }

  #connected(assignment: Assignment, sessionPresent: boolean): void {
    this.#connectedAt = this.#host.clock.ticks();
    this.#failures = this.#finals = this.#refusals = 0;
    if (!this.#enter(AgentState.RUNNING)) return;
    if (this.#unsaved && !this.#save(assignment)) return;
    const { hub, deviceId } = assignment;
    this.#handler.onConnected?.({ hub, deviceId, source: this.#source, sessionPresent });
    // After `forget` no acknowledgement makes room.
    if (this.pending === 0) this.#tellRoom();
  }

  #tellRoom(): void {
    if (!this.#wantsRoom || this.#state === AgentState.STOPPED) return;
    this.#wantsRoom = false;
    this.#handler.onRoom?.();
  }

  /** An attempt or a connection has ended in an error: decides when to go on, and with what. */
  #failed(phase: "dps" | "hub", error: BerthError): void {
    const wasRunning = this.#state === AgentState.RUNNING;
    this.#disconnect();
    if (this.#state === AgentState.STOPPED) return;
    let delay: number;
    if (phase === "dps") {
      // Retriable errors keep the operation: going on with it needs no new (billed) registration.
      if (!error.retriable) this.#operationId = undefined;
      delay = error.retriable
        ? this.#delay(error.retryAfter)
        : this.#slowDelay(this.#finals, error.retryAfter);
      if (!error.retriable) this.#finals += 1;
      // After a few tries the hub that is known gets another chance.
      if (this.#assignment && (!error.retriable || this.#attempts > DPS_TRIES)) this.#askDps = false;
    } else if (refusesIdentity(error.code)) {
      this.#askDps = true;
      this.#refusals += 1;
      delay = this.#delay(error.retryAfter);
    } else {
      if (wasRunning && this.#host.clock.ticks() - this.#connectedAt >= STABLE) {
        this.#attempts = 0;
      }
      if (!wasRunning) this.#failures += 1;
      if (this.#failures >= (this.#options.maximumFailures ?? 10)) {
        this.#failures = 0;
        this.#askDps = true;
      }
      delay = error.retriable ? this.#delay(error.retryAfter) : this.#slowDelay(this.#finals);
      if (!error.retriable) this.#finals += 1;
    }
    if (this.#backOff(delay)) this.#report({ phase, error, retryIn: delay });
  }

  /** @returns as `#tell` */
  #backOff(delay: number): boolean {
    // What goes on at once is no back-off to whoever watches.
    if (delay > 0 && !this.#enter(AgentState.BACKING_OFF)) return false;
    this.#alarm.set(delay, () => this.#proceed());
    return true;
  }

  #delay(retryAfter: number | undefined): number {
    const delay = backoffDelay(
      this.#options.backoff ?? BACKOFF,
      this.#attempts,
      this.#host.random(),
      retryAfter,
    );
    this.#attempts += 1;
    return delay;
  }

  #slowDelay(attempt: number, retryAfter?: number): number {
    return backoffDelay(this.#options.slowBackoff ?? SLOW_BACKOFF, attempt, this.#host.random(), retryAfter);
  }

  /** Closes what there is, so that at most one connection stands. */
  #disconnect(): void {
    this.#alarm.cancel();
    this.#provisioner?.close();
    this.#connection?.close();
    this.#provisioner = undefined;
    this.#connection = undefined;
  }

  /** @returns as `#tell` */
  #enter(state: AgentState): boolean {
    if (this.#state === state) return true;
    this.#state = state;
    this.#moves += 1;
    return this.#tell(() => this.#handler.onState?.(state));
  }

  /** @returns as `#tell` */
  #report(report: ErrorReport): boolean {
    return this.#tell(() => this.#handler.onError?.(report));
  }

  /**
   * A handler that throws must not stop the life.
   * @returns false when the handler has moved the agent on, to stop for example: then nothing follows
   */
  #tell(call: () => void): boolean {
    const moves = this.#moves;
    try {
      call();
    } catch (error) {
      // Reported once, and only where it is not the report itself that throws; never after `stop`.
      try {
        if (this.#state !== AgentState.STOPPED) {
          this.#handler.onError?.({ phase: "hub", error: asBerthError(error), retryIn: undefined });
        }
      } catch {
        // Nobody is left to tell.
      }
    }
    return moves === this.#moves;
  }
}

/** A telemetry topic with the longest device id, before the property bag. */
const LONGEST_TOPIC = telemetryTopic("").length + 128;
const LONGEST_BAG = MAXIMUM_FIELD_LENGTH - LONGEST_TOPIC;
/** Fixed header, topic, packet identifier. */
const PACKET_OVERHEAD = 5 + 2 + LONGEST_TOPIC + 2;
