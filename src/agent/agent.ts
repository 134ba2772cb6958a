// SPDX-License-Identifier: MIT
/**
 * The device's life: network, clock, assignment, hub, telemetry, and every way back.
 *
 * Rules (docs of Azure: "Manage device reconnections", "Best practices for large-scale deployments"):
 * - The stored assignment comes first; DPS only when there is none for this identity, when asked, when the hub
 *   refuses the identity (CONNACK 2, 4, 5), or after 10 failed connections in a row.
 * - The old assignment stays until the new one is stored and read back.
 * - Hub and DPS have a time each before which they are not tried (`Retry`): while DPS is waited for, the hub that is
 *   known is tried, so that neither service can strand the device alone.
 * - Where DPS names the hub that is known, nothing is written and each further round is slower: registrations are billed.
 * - What only a person can mend (wrong key, disabled enrollment) is tried again slowly and reported.
 * - What slows down outlasts a restart.
 */

import { Alarm } from "../alarm";
import type { HubFeature, HubFeatureHost } from "../azure/hub/feature";
import { isDeviceId, isHostName } from "../azure/identifiers";
import type { Properties } from "../azure/properties";
import type { BackoffPolicy } from "../backoff";
import { asBerthError, BerthError, type ErrorCode, inRange } from "../error";
import type { Host } from "../host";
import { checkSessionOptions, LONGEST_TIMER } from "../mqtt/session";
import { AssignmentStore } from "../storage/assignment-store";
import type { Assignment } from "../storage/record";
import { HubConnection, type HubOptions, OUTPUT_SIZE } from "./hub-connection";
import { HubFeatures, isSame } from "./hub-features";
import { checkIdentity, type Identity } from "./identity";
import type { OutboxOptions } from "./outbox";
import { ASSIGNMENT_TIMEOUT, Provisioner, type ProvisioningOptions } from "./provisioner";
import { refusesIdentity } from "./refusal";
import { type AgentHandler, type AssignedReport, Reports } from "./reports";
import { Retry, Road } from "./retry";
import { RetryStore } from "./retry-store";
import { AgentState } from "./state";
import { Telemetry } from "./telemetry";

export type {
  AcknowledgedTelemetry,
  AgentHandler,
  AssignedReport,
  ConnectedReport,
  ErrorReport,
} from "./reports";
export { AgentState } from "./state";

/** Durations are milliseconds. */
export interface AgentOptions {
  readonly identity: Identity;
  readonly provisioning?: ProvisioningOptions;
  readonly hub?: HubOptions;
  readonly outbox?: OutboxOptions;
  /** What the device does at its hub beside telemetry; each belongs to this device alone. What waits in them leaves first. */
  readonly features?: readonly HubFeature[];
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

/** How often network and clock are looked at while they are not there. */
const LOOK = 500;
/** A missing clock or network is reported this often. */
const REPORT_EVERY = 60_000;
/** A connection that stood this long counts as a success: back-off starts anew. */
const STABLE = 30_000;
/** One that stood this long shows that what only a person can mend is mended. */
const MENDED = 3_600_000;
/** Attempts at DPS that `reprovision` is worth while the hub that is known works. */
const REQUEST_TRIES = 4;
/** How long DPS may take for an assignment while a hub that is known may be back already. */
const NEEDED_TIME = 45_000;
/** A wait for DPS of this length is written down. */
const WORTH_WRITING = 60_000;
/** How often the clock is looked at while it may be what was wrong, and by how much it must have been. */
const CLOCK_LOOK = 5_000;
const CLOCK_JUMP = 30_000;

/** Whether, and why, DPS is to be asked though a hub is known. */
const Wish = Object.freeze({
  NONE: 0,
  /** The hub does not take the device. */
  NEED: 1,
  /** `reprovision` was called. */
  REQUEST: 2,
} as const);

type Wish = (typeof Wish)[keyof typeof Wish];

/** A clock that is wrong looks like this. */
function mayBeTheClock(error: BerthError): boolean {
  return error.code === "tls-expired" || error.code === "dps-unauthorized" || refusesIdentity(error.code);
}

/** Only another assignment can help: the hub does not know the device, or this platform cannot use the hub's name. */
function assignmentRefused({ code }: BerthError): boolean {
  return refusesIdentity(code) || code === "invalid-argument";
}

export class Agent {
  readonly #host: Host;
  readonly #options: AgentOptions;
  readonly #reports: Reports;
  readonly #store: AssignmentStore;
  readonly #telemetry: Telemetry;
  readonly #features: HubFeatures;
  readonly #alarm: Alarm;
  #state: AgentState = AgentState.STOPPED;
  #assignment: Assignment | undefined;
  #source: "dps" | "stored" = "stored";
  /** The store has failed to take the assignment. */
  #unsaved = false;
  readonly #retry: Retry;
  readonly #retryStore: RetryStore;
  #wish: Wish = Wish.NONE;
  /** Attempts at DPS since `reprovision`. */
  #requestTries = 0;
  /** An eager connection to DPS has ended without a word of it. */
  #dpsRefusesEager = false;
  /** The hub of which the last eager connection ended so. */
  #hubRefusingEager: string | undefined;
  #provisioner: Provisioner | undefined;
  #connection: HubConnection | undefined;
  #connectedAt = 0;
  #isStable = false;
  #heardAt = 0;
  /** Ticks at which the back-off ends. */
  #until = 0;
  /** By how much the clock was ahead of the ticks when an error came that a wrong clock explains. */
  #clockThen: number | undefined;
  #waitingSince = 0;

  /** @throws BerthError `invalid-argument` for a wrong identity or option */
  constructor(host: Host, handler: AgentHandler, options: AgentOptions) {
    checkIdentity(options.identity, host);
    checkOptions(options);
    this.#host = host;
    this.#reports = new Reports(handler);
    this.#options = options;
    this.#store = new AssignmentStore(host.store, host.text);
    const assignmentTimeout = options.provisioning?.assignmentTimeout ?? ASSIGNMENT_TIMEOUT;
    this.#retry = new Retry({ ...options, assignmentTimeout });
    this.#retryStore = new RetryStore(host, options.identity, this.#retry, options.attended ?? false);
    this.#alarm = new Alarm(host.timers, (error) => this.#failed("hub", error));
    const { features = [], hub = {} } = options;
    const featureHost = this.#featureHost();
    this.#telemetry = new Telemetry(featureHost, options.outbox, handler, this.#reports);
    this.#features = new HubFeatures(
      [...features, this.#telemetry],
      options.identity.registrationId,
      hub.window,
    );
    this.#features.attach(featureHost);
  }

  get state(): AgentState {
    return this.#state;
  }

  /** The assignment in use: stored, or new from DPS. */
  get assignment(): Assignment | undefined {
    return this.#assignment;
  }

  /**
   * Ticks of the last answer of a server, or of the end of the wait that it led to: a device is stuck that has come to
   * nothing for long after it. Before any answer: of `start`, and its spread.
   */
  get heardAt(): number {
    return Math.max(this.#heardAt, this.#answeredAt);
  }

  /** What the attempt or the connection of now waits for: the code of the error that it would end in. */
  get awaited(): ErrorCode | undefined {
    return (this.#provisioner ?? this.#connection)?.awaited;
  }

  /** Telemetry messages that wait to be sent or acknowledged. */
  get pending(): number {
    return this.#telemetry.pending;
  }

  /** Starts the life from the stored assignment. Does nothing when started. */
  start(): void {
    if (this.#state !== AgentState.STOPPED) return;
    this.#telemetry.start();
    this.#wish = Wish.NONE;
    this.#source = "stored";
    const { identity, startSpread = 0 } = this.#options;
    const stored = this.#store.read();
    const ours =
      stored?.idScope === identity.idScope &&
      stored.registrationId === identity.registrationId &&
      // An earlier version may have stored what nobody can connect to.
      isHostName(stored.hub) &&
      isDeviceId(stored.deviceId);
    this.#assignment = ours ? stored : undefined;
    const now = this.#host.clock.ticks();
    const delay = Math.floor(this.#host.random() * startSpread);
    this.#retry.hubNow(now);
    this.#clockThen = undefined;
    this.#heardAt = now + delay;
    if (delay > 0) this.#backOff(delay);
    else this.#decide();
  }

  /**
   * Ends the connection with DISCONNECT. Messages that wait are kept and sent after the next `start`. What slows the
   * device down is written to the store. Idempotent.
   */
  stop(): void {
    if (this.#state !== AgentState.STOPPED) this.#retryStore.save();
    this.#disconnect();
    this.#telemetry.stop();
    this.#enter(AgentState.STOPPED);
  }

  /**
   * Queues telemetry, sent with QoS 1, at least once.
   * @param payload must not change until it is acknowledged
   * @param properties a frozen object that is the same from message to message is encoded once, when it comes first:
   *   getters in it are not asked again
   * @throws BerthError `outbox-full`: nothing was queued, `onRoom` tells when to try again, never with
   *   `outbox.whenFull` "drop-oldest"; `invalid-argument`;
   *   `packet-too-large` for what the output buffer or the outbox could never hold
   */
  send(payload: Uint8Array, properties?: Properties): void {
    this.#telemetry.send(payload, properties);
    this.#connection?.pump();
  }

  /**
   * Asks DPS anew, or as soon as DPS wants to be asked; the present assignment stays until another one is stored, and
   * its hub in use until then. After some failures the request is dropped where a hub is known. Messages that wait
   * stay, and go to the hub that comes of it: for a new owner there is `forget`.
   */
  reprovision(): void {
    this.#wish = Wish.REQUEST;
    this.#requestTries = 0;
    this.#retry.anew();
    if (this.#state === AgentState.STOPPED || this.#state === AgentState.PROVISIONING) return;
    const { road } = this.#retry.next(this.#assignment !== undefined, true, this.#host.clock.ticks());
    if (this.#state === AgentState.RUNNING && road === Road.HUB) this.#watch();
    else this.#leave();
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
    const dropped = this.#features.forget();
    this.#retry.forget();
    this.#retryStore.forget();
    this.reprovision();
    return dropped;
  }

  #featureHost(): HubFeatureHost {
    const { text, clock, timers, random } = this.#host;
    // Fixed header, length of the topic, packet identifier.
    const largest = (this.#options.hub?.outputSize ?? OUTPUT_SIZE) - 5 - 2 - 2;
    return {
      text,
      clock,
      timers,
      random,
      largest,
      wake: () => this.#connection?.pump(),
      report: (error) => this.#reports.problem(error),
    };
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
    else {
      this.#retryStore.restore();
      const now = clock.ticks();
      const known = this.#assignment !== undefined;
      const { road, at } = this.#retry.next(known, this.#wish !== Wish.NONE, now);
      if (at > now) {
        // Without a hub it is what an answer of DPS has led to, perhaps in another run.
        if (!known) this.#heardAt = Math.max(this.#heardAt, at);
        this.#backOff(at - now);
      } else if (road === Road.DPS) this.#provision();
      else if (this.#assignment) this.#connect(this.#assignment);
    }
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
      if (!this.#reports.error(clock ? "clock" : "network", error, LOOK)) return;
    }
    this.#alarm.set(LOOK, () => this.#proceed());
  }

  #provision(): void {
    if (!this.#enter(AgentState.PROVISIONING)) return;
    this.#disconnect();
    const host = this.#host;
    const { identity } = this.#options;
    try {
      this.#provisioner = new Provisioner(
        host,
        identity,
        this.#provisioning(),
        {
          onRegister: () => this.#retry.registering(),
          delay: (retryAfter) => this.#retry.registrationDelay(host.random(), retryAfter),
          onAssigning: (operationId) => this.#retry.assigning(operationId, host.clock.ticks()),
          onAssigned: ({ hub, deviceId, substatus, payload }) => {
            this.#disconnect();
            const { idScope, registrationId } = identity;
            const assignedAt = host.clock.now() ?? 0;
            const assignment = { idScope, registrationId, hub, deviceId, assignedAt };
            this.#assigned({ assignment, substatus, payload });
          },
          onTransient: (error, retryIn) => {
            this.#reports.error("dps", error, retryIn);
          },
          onError: (error) => {
            // An error with a status is the server's word.
            if (this.#provisioner?.unanswered && error.status === undefined) this.#dpsRefusesEager = true;
            this.#failed("dps", error);
          },
        },
        this.#retry.resume(host.clock.ticks()),
      );
    } catch (error) {
      this.#failed("dps", asBerthError(error));
    }
  }

  #provisioning(): ProvisioningOptions {
    const { provisioning = {} } = this.#options;
    const { eager = false, assignmentTimeout = ASSIGNMENT_TIMEOUT } = provisioning;
    const needed = this.#assignment && this.#wish === Wish.NEED;
    return {
      ...provisioning,
      eager: eager && !this.#dpsRefusesEager,
      assignmentTimeout: needed ? Math.min(assignmentTimeout, NEEDED_TIME) : assignmentTimeout,
    };
  }

  #assigned(report: AssignedReport): void {
    const { assignment } = report;
    const { clock } = this.#host;
    const same = isSame(this.#assignment, assignment);
    this.#retry.assigned(same, this.#wish === Wish.NEED, clock.ticks(), this.#host.random());
    this.#source = "dps";
    this.#wish = Wish.NONE;
    if (!same) this.#assignment = assignment;
    if (this.#retryStore.exists || this.#isSlow) this.#retryStore.save();
    if ((!same || this.#unsaved) && !this.#save(assignment)) return;
    if (!this.#reports.assigned(report)) return;
    // A moment later: the transport to DPS and its memory are gone before the one to the hub is opened.
    this.#backOff(this.#retry.next(true, false, clock.ticks()).at - clock.ticks());
  }

  /** @returns as `Reports.error` */
  #save(assignment: Assignment): boolean {
    try {
      this.#store.write(assignment);
      this.#unsaved = false;
      return true;
    } catch (error) {
      // The device can work with what it knows; the store is tried again at the next connection.
      this.#unsaved = true;
      return this.#reports.error("store", asBerthError(error, "store-failed"), undefined);
    }
  }

  #connect(assignment: Assignment): void {
    if (!this.#enter(AgentState.CONNECTING)) return;
    this.#disconnect();
    this.#features.address(assignment);
    const { hub = {} } = this.#options;
    try {
      this.#connection = new HubConnection(
        this.#host,
        this.#options.identity,
        assignment,
        this.#hubRefusingEager === assignment.hub ? { ...hub, eager: false } : hub,
        this.#features,
        {
          onConnected: (sessionPresent) => this.#connected(assignment, sessionPresent),
          onProblem: (error) => this.#reports.problem(error),
          onRenewal: () => {
            this.#retry.hubNow(this.#host.clock.ticks());
            this.#leave();
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
    this.#isStable = false;
    this.#clockThen = undefined;
    if (!this.#enter(AgentState.RUNNING)) return;
    this.#watch();
    if (this.#unsaved && !this.#save(assignment)) return;
    const { hub, deviceId } = assignment;
    const report = { hub, deviceId, source: this.#source, sessionPresent };
    this.#reports.connected(report);
  }

  /** While it runs: what a connection that stands is worth, and a request for DPS that waits for its time. */
  #watch(): void {
    const now = this.#host.clock.ticks();
    const stableAt = this.#connectedAt + STABLE;
    const mendedAt = this.#connectedAt + MENDED;
    if (now >= stableAt && !this.#isStable) {
      this.#isStable = true;
      this.#retry.stood();
      if (this.#wish === Wish.NEED) this.#wish = Wish.NONE;
      if (this.#retryStore.exists) this.#retryStore.save();
    }
    if (now >= mendedAt && this.#retry.finals > 0) {
      this.#retry.mended();
      if (this.#retryStore.exists) this.#retryStore.save();
    }
    let next = this.#isStable ? Number.POSITIVE_INFINITY : stableAt;
    if (this.#retry.finals > 0) next = Math.min(next, mendedAt);
    if (this.#wish === Wish.REQUEST) next = Math.min(next, Math.max(stableAt, this.#retry.dpsAt));
    if (next <= now) this.#leave();
    else if (next < Number.POSITIVE_INFINITY) this.#alarm.set(next - now, () => this.#watch());
  }

  /** Ends what there is. What comes next opens a moment later: two transports have no room beside each other. */
  #leave(): void {
    this.#disconnect();
    this.#reports.moved();
    this.#backOff(0);
  }

  /** An attempt or a connection has ended in an error: decides when to go on, and with what. */
  #failed(phase: "dps" | "hub", error: BerthError): void {
    const wasRunning = this.#state === AgentState.RUNNING;
    const { clock } = this.#host;
    const random = this.#host.random();
    const now = clock.ticks();
    const { registered = false, notBefore = now } = this.#provisioner ?? {};
    const answered = this.#answeredAt >= 0;
    this.#disconnect();
    if (this.#state === AgentState.STOPPED) return;
    const known = this.#assignment !== undefined;
    // Few writes: not for each attempt at a server that is down.
    let worthWriting = false;
    if (phase === "dps") {
      this.#retry.dpsFailed(error, { registered, known }, notBefore, now, random);
      this.#requestTries += 1;
      const dropped = !error.retriable || this.#requestTries >= REQUEST_TRIES;
      if (known && this.#wish === Wish.REQUEST && dropped) this.#wish = Wish.NONE;
      worthWriting = this.#isSlow && (known || registered);
    } else {
      const refused = assignmentRefused(error);
      this.#retry.hubFailed(error, refused, wasRunning, now, random);
      if ((refused || this.#retry.hubIsGone) && this.#wish === Wish.NONE) {
        this.#wish = Wish.NEED;
        this.#retry.dpsSoon(now, random);
      }
      worthWriting = !error.retriable && !refused;
    }
    const wall = clock.now();
    if (mayBeTheClock(error) && wall !== undefined) this.#clockThen ??= wall - now;
    const delay = this.#retry.next(known, this.#wish !== Wish.NONE, now).at - now;
    if (answered) this.#heardAt = Math.max(this.#heardAt, now + delay);
    if (worthWriting) this.#retryStore.save();
    if (this.#backOff(delay)) this.#reports.error(phase, error, delay);
  }

  /** @returns as `Reports.error` */
  #backOff(delay: number): boolean {
    // What goes on at once is no back-off to whoever watches.
    if (delay > 0 && !this.#enter(AgentState.BACKING_OFF)) return false;
    this.#until = this.#host.clock.ticks() + delay;
    this.#sleep();
    return true;
  }

  /** Until the back-off ends, or the clock is set that may have been to blame. */
  #sleep(): void {
    const { clock } = this.#host;
    const then = this.#clockThen;
    const left = Math.max(0, this.#until - clock.ticks());
    this.#alarm.set(then === undefined ? left : Math.min(left, CLOCK_LOOK), () => {
      const wall = clock.now();
      const now = clock.ticks();
      if (then !== undefined && wall !== undefined && Math.abs(wall - now - then) >= CLOCK_JUMP) {
        this.#clockThen = undefined;
        this.#retry.hubNow(now);
        this.#retry.dpsNow();
        this.#proceed();
      } else if (now < this.#until) this.#sleep();
      else this.#proceed();
    });
  }

  /** DPS is waited for so long that it is worth a write. */
  get #isSlow(): boolean {
    return this.#retry.dpsAt - this.#host.clock.ticks() >= WORTH_WRITING;
  }

  /** Ticks of the last answer on the connection there is; -1 before any. */
  get #answeredAt(): number {
    return Math.max(this.#provisioner?.heardAt ?? -1, this.#connection?.heardAt ?? -1);
  }

  /** Closes what there is, so that at most one connection stands. */
  #disconnect(): void {
    this.#heardAt = this.heardAt;
    this.#alarm.cancel();
    this.#provisioner?.close();
    this.#connection?.close();
    this.#provisioner = undefined;
    this.#connection = undefined;
  }

  /** @returns as `Reports.state` */
  #enter(state: AgentState): boolean {
    if (this.#state === state) return true;
    this.#state = state;
    return this.#reports.state(state);
  }
}

/** What would else be found only after a (billed) registration. @throws BerthError `invalid-argument` */
function checkOptions({ provisioning = {}, hub = {}, ...options }: AgentOptions): void {
  checkSessionOptions(provisioning, "provisioning.");
  inRange(provisioning.assignmentTimeout, 1, LONGEST_TIMER, "provisioning.assignmentTimeout");
  checkSessionOptions(hub, "hub.");
  inRange(hub.tokenLifetime, 60_000, LONGEST_TIMER, "hub.tokenLifetime");
  inRange(options.startSpread, 0, LONGEST_TIMER, "startSpread");
  inRange(options.maximumFailures, 1, LONGEST_TIMER, "maximumFailures");
  for (const name of ["backoff", "slowBackoff"] as const) {
    inRange(options[name]?.base, 1, LONGEST_TIMER, `${name}.base`);
    inRange(options[name]?.cap, 1, LONGEST_TIMER, `${name}.cap`);
  }
}
