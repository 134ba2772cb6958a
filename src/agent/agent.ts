// SPDX-License-Identifier: MIT
/**
 * The device's life: network, clock, assignment, hub, telemetry, and every way back.
 *
 * Rules (docs of Azure: "Manage device reconnections", "Best practices for large-scale deployments"):
 * - The stored assignment comes first; DPS only when there is none for this identity, when asked, when the hub
 *   refuses the identity (CONNACK 2, 4, 5), or after 10 failed connections in a row (40 with CONNACK 3: over its quota).
 * - The old assignment stays until the new one is stored and read back.
 * - Hub and DPS have a time each before which they are not tried (`Retry`): while DPS is waited for, the hub that is
 *   known is tried, so that neither service can strand the device alone.
 * - Where DPS names the hub that is known, nothing is written and each further round is slower: registrations are billed.
 * - What only a person can mend (wrong key, disabled enrollment) is tried again slowly and reported.
 * - What slows down outlasts a restart.
 */

import { Alarm } from "../alarm";
import type { DpsAssignment } from "../azure/dps";
import type { Properties } from "../azure/properties";
import { asBerthError, type BerthError, type ErrorCode } from "../error";
import type { Host } from "../host";
import type { Assignment } from "../storage/assignment";
import { ClockSuspicion } from "./clock-suspicion";
import { Connections } from "./connections";
import { Contest } from "./contest";
import { Credentials } from "./credentials";
import { OUTPUT_SIZE } from "./hub-connection";
import { HubFeatures, hubFeatureHost } from "./hub-features";
import { checkIdentity } from "./identity";
import { KnownHub } from "./known-hub";
import { type AgentOptions, checkOptions } from "./options";
import { Outbox } from "./outbox";
import { type Lack, Prerequisites } from "./prerequisites";
import { ASSIGNMENT_TIMEOUT, type ProvisioningOptions } from "./provisioner";
import { refusesAssignment } from "./refusal";
import { type AgentHandler, Reports } from "./reports";
import { isThrottle, Retry, Road } from "./retry";
import { RetryStore } from "./retry-store";
import { Standing } from "./standing";
import { AgentState } from "./state";
import { Telemetry } from "./telemetry";
import { Wish } from "./wish";

export type { AgentOptions } from "./options";
export type {
  AcknowledgedTelemetry,
  AgentHandler,
  AssignedReport,
  ConnectedReport,
  ErrorReport,
} from "./reports";
export { AgentState } from "./state";

/** How often network and clock are looked at while they are not there. */
const LOOK = 500;
/** How long DPS may take for an assignment while a hub that is known may be back already. */
const NEEDED_TIME = 45_000;
/** A wait for DPS of this length is written down, one for its quota from the second on: they come often. */
const WORTH_WRITING = 60_000;
const QUOTA_WORTH_WRITING = 360_000;

export class Agent {
  readonly #host: Host;
  readonly #options: AgentOptions;
  readonly #reports: Reports;
  readonly #known: KnownHub;
  readonly #telemetry: Telemetry;
  readonly #features: HubFeatures;
  readonly #connections: Connections;
  readonly #credentials: Credentials;
  readonly #retry: Retry;
  readonly #retryStore: RetryStore;
  readonly #standing: Standing;
  readonly #suspicion: ClockSuspicion;
  readonly #prerequisites: Prerequisites;
  readonly #wish = new Wish();
  readonly #contest = new Contest();
  readonly #alarm: Alarm;
  #state: AgentState = AgentState.STOPPED;
  /** Ticks at which the back-off ends. */
  #until = 0;
  /** The hub's last word was that it does not know the device. */
  #isRefused = false;

  /** @throws BerthError `invalid-argument` for a wrong identity or option */
  constructor(host: Host, handler: AgentHandler, options: AgentOptions) {
    const { identity, features = [], credentials = [], provisioning, hub, outbox } = options;
    checkIdentity(identity, host);
    checkOptions(options);
    this.#host = host;
    this.#options = options;
    this.#reports = new Reports(handler);
    this.#known = new KnownHub(host.store, host.text, identity);
    const assignmentTimeout = provisioning?.assignmentTimeout ?? ASSIGNMENT_TIMEOUT;
    this.#retry = new Retry({ ...options, assignmentTimeout });
    this.#retryStore = new RetryStore(host, identity, this.#retry, options.attended ?? false);
    this.#standing = new Standing(this.#retry, this.#retryStore);
    this.#suspicion = new ClockSuspicion(host.clock);
    this.#prerequisites = new Prerequisites(host, this.#reports);
    this.#alarm = new Alarm(host.timers, (error) => this.#failed("hub", error));
    const featureHost = hubFeatureHost(
      host,
      hub?.outputSize ?? OUTPUT_SIZE,
      () => this.#connections.hub?.pump(),
      (error) => this.#reports.problem(error),
    );
    this.#telemetry = new Telemetry(
      featureHost,
      (owner) =>
        outbox?.log?.(owner, outbox, host, identity, (error) => this.#reports.stored(error)) ??
        new Outbox(owner, outbox),
      handler,
      this.#reports,
    );
    this.#credentials = new Credentials(credentials, host, identity, {
      report: (error) => this.#reports.problem(error),
      tell: (report) => this.#reports.credential(report),
      reconnect: () => this.#connections.hub?.renew(),
      register: () => this.reprovision(),
    });
    this.#features = new HubFeatures(
      [...features, ...this.#credentials.features, this.#telemetry],
      identity.registrationId,
      hub?.window,
    );
    this.#connections = new Connections(this.#credentials, this.#features, options.transports?.(host));
    this.#features.attach(featureHost);
  }

  get state(): AgentState {
    return this.#state;
  }

  /** The assignment in use: stored, or new from DPS. */
  get assignment(): Assignment | undefined {
    return this.#known.assignment;
  }

  /**
   * Ticks of the last answer of a server, or of the end of the wait that it led to: a device is stuck that has come to
   * nothing for long after it. Before any answer: of `start`, and its spread.
   */
  get heardAt(): number {
    return this.#connections.heardAt;
  }

  /** What the attempt or the connection of now waits for: the code of the error that it would end in. */
  get awaited(): ErrorCode | undefined {
    return (this.#connections.provisioner ?? this.#connections.hub)?.awaited;
  }

  /** Telemetry messages that wait to be sent or acknowledged. */
  get pending(): number {
    return this.#telemetry.pending;
  }

  /** Starts the life from the stored assignment. Does nothing when started. */
  start(): void {
    if (this.#state !== AgentState.STOPPED) return;
    this.#telemetry.start();
    this.#wish.clear();
    this.#known.read();
    this.#credentials.start();
    const now = this.#host.clock.ticks();
    const delay = Math.floor(this.#host.random() * (this.#options.startSpread ?? 0));
    this.#retry.hubNow(now);
    this.#suspicion.clear();
    this.#connections.begin(now + delay);
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
    this.#connections.hub?.pump();
  }

  /**
   * Asks DPS anew, or as soon as DPS wants to be asked; the present assignment stays until another one is stored, and
   * its hub in use until then. After some failures the request is dropped where a hub is known. Messages that wait
   * stay, and go to the hub that comes of it: for a new owner there is `forget`.
   */
  reprovision(): void {
    this.#wish.request();
    this.#retry.anew();
    if (this.#state === AgentState.STOPPED || this.#state === AgentState.PROVISIONING) return;
    const { road } = this.#retry.next(this.#known.isKnown, true, this.#host.clock.ticks());
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
    this.#known.forget();
    this.#credentials.forget();
    this.#contest.clear();
    // Whatever it holds of them in its buffer goes with it.
    this.#connections.closeHub();
    const dropped = this.#features.forget();
    this.#retry.forget();
    this.#retryStore.forget();
    this.reprovision();
    return dropped;
  }

  /** Goes on, unless it was stopped meanwhile. */
  #proceed(): void {
    if (this.#state !== AgentState.STOPPED) this.#decide();
  }

  /** The one place that decides what comes next. */
  #decide(): void {
    const { lack } = this.#prerequisites;
    if (lack) {
      this.#wait(lack);
      return;
    }
    this.#retryStore.restore();
    const now = this.#host.clock.ticks();
    const { assignment } = this.#known;
    if (assignment && this.#credentials.needsDps) this.#wish.need();
    const { road, at } = this.#retry.next(this.#known.isKnown, this.#wish.isThere, now);
    if (at > now) {
      // Without a hub it is what an answer of DPS has led to, perhaps in another run.
      if (!assignment) this.#connections.expect(at);
      this.#backOff(at - now);
    } else if (road === Road.DPS) this.#provision();
    else if (assignment) this.#connect(assignment);
  }

  #wait(lack: Lack): void {
    if (this.#state !== lack) {
      this.#contest.clear();
      this.#prerequisites.begin();
      if (!this.#enter(lack)) return;
    } else if (!this.#prerequisites.remind(lack, LOOK)) return;
    this.#alarm.set(LOOK, () => this.#proceed());
  }

  #provision(): void {
    if (!this.#enter(AgentState.PROVISIONING)) return;
    const { clock, random } = this.#host;
    try {
      this.#connections.toDps(
        this.#provisioning(),
        {
          onRegister: () => this.#retry.registering(),
          delay: (error, retryAfter) =>
            this.#retry.registrationDelay(random(), isThrottle(error, retryAfter), retryAfter),
          onAssigning: (operationId) => this.#retry.assigning(operationId, clock.ticks()),
          onAssigned: (assignment) => this.#assigned(assignment),
          onTransient: (error, retryIn) => void this.#reports.error("dps", error, retryIn),
          onError: (error) => this.#failed("dps", error),
        },
        this.#retry.resume(clock.ticks()),
        this.#credentials.request(),
      );
    } catch (error) {
      this.#failed("dps", asBerthError(error));
    }
  }

  #provisioning(): ProvisioningOptions {
    const { provisioning = {} } = this.#options;
    const { assignmentTimeout = ASSIGNMENT_TIMEOUT } = provisioning;
    // A hub that refuses the device will go on so until DPS, which is over its quota, has had its turn: that is waited for
    // on one connection.
    const queues = this.#isRefused && this.#retry.isThrottled;
    const needed = this.#known.isKnown && this.#wish.isNeed && !queues;
    return {
      ...provisioning,
      assignmentTimeout: needed ? Math.min(assignmentTimeout, NEEDED_TIME) : assignmentTimeout,
    };
  }

  #assigned({ hub, deviceId, substatus, payload, issued }: DpsAssignment): void {
    this.#disconnect();
    this.#credentials.issued(issued);
    const { clock, random } = this.#host;
    const same = this.#known.named(hub, deviceId, clock.now() ?? 0);
    this.#retry.assigned(same, this.#wish.isNeed, clock.ticks(), random());
    this.#wish.clear();
    if (this.#retryStore.exists || this.#isSlow) this.#retryStore.save();
    if (!this.#keep()) return;
    const assignment = this.#known.assignment as Assignment;
    if (!this.#reports.assigned({ assignment, substatus, payload })) return;
    // A moment later: the transport to DPS and its memory are gone before the one to the hub is opened.
    this.#backOff(this.#retry.next(true, false, clock.ticks()).at - clock.ticks());
  }

  /** @returns as `Reports.error` */
  #keep(): boolean {
    try {
      this.#known.keep();
      return true;
    } catch (error) {
      // The device can work with what it knows; the store is tried again at the next connection.
      return this.#reports.error("store", asBerthError(error, "store-failed"), undefined);
    }
  }

  #connect(assignment: Assignment): void {
    if (!this.#enter(AgentState.CONNECTING)) return;
    try {
      this.#connections.toHub(assignment, this.#options.hub ?? {}, {
        onConnected: (sessionPresent) => this.#connected(assignment, sessionPresent),
        onProblem: (error) => this.#reports.problem(error),
        onRenewal: () => {
          this.#retry.hubNow(this.#host.clock.ticks());
          this.#leave();
        },
        onError: (error) => this.#failed("hub", error),
      });
    } catch (error) {
      this.#failed("hub", asBerthError(error));
    }
  }

  #connected({ hub, deviceId }: Assignment, sessionPresent: boolean): void {
    const transport = this.#connections.accepted();
    this.#standing.begin(this.#host.clock.ticks());
    this.#suspicion.clear();
    if (!this.#enter(AgentState.RUNNING)) return;
    this.#credentials.connected();
    this.#watch();
    if (!this.#keep()) return;
    const { source } = this.#known;
    this.#reports.connected({ hub, deviceId, source, sessionPresent, ...(transport && { transport }) });
  }

  /** While it runs: what a connection that stands is worth, and a request for DPS that waits for its time. */
  #watch(): void {
    const now = this.#host.clock.ticks();
    if (this.#standing.look(now, this.#wish.isRequest)) {
      this.#wish.stood();
      this.#credentials.stood();
    }
    let next = this.#standing.nextLook;
    if (this.#wish.isRequest) {
      next = Math.min(next, Math.max(this.#standing.stableAt, this.#retry.dpsAt));
    }
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
  #failed(phase: "dps" | "hub", met: BerthError): void {
    const wasRunning = this.#state === AgentState.RUNNING;
    const { clock } = this.#host;
    const random = this.#host.random();
    const now = clock.ticks();
    const error =
      phase === "hub"
        ? this.#contest.judge(this.#credentials.failed(met), wasRunning ? this.#standing.age(now) : undefined)
        : met;
    const { registered = false, notBefore = now } = this.#connections.provisioner ?? {};
    const { answered } = this.#connections;
    this.#disconnect();
    if (this.#state === AgentState.STOPPED) return;
    const known = this.#known.isKnown;
    // Few writes: not for each attempt at a server that is down.
    let worthWriting = false;
    if (phase === "dps") {
      this.#retry.dpsFailed(error, { registered, known }, notBefore, now, random);
      this.#wish.failed(error, known);
      const told = notBefore - now;
      const slow = isThrottle(error, told) && told <= WORTH_WRITING ? QUOTA_WORTH_WRITING : WORTH_WRITING;
      worthWriting = this.#retry.dpsAt - now >= slow && (known || registered);
    } else {
      const refused = refusesAssignment(error.code);
      this.#isRefused = refused;
      this.#retry.hubFailed(error, refused, wasRunning, now, random);
      if ((refused || this.#retry.hubIsGone) && this.#wish.need()) this.#retry.dpsSoon(now, random);
      worthWriting = !error.retriable && !refused;
    }
    this.#suspicion.heed(error);
    const delay = this.#retry.next(known, this.#wish.isThere, now).at - now;
    if (answered) this.#connections.expect(now + delay);
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
    const left = Math.max(0, this.#until - clock.ticks());
    this.#alarm.set(this.#suspicion.nap(left), () => {
      const now = clock.ticks();
      const wasTheClock = this.#suspicion.takeConfirmed();
      if (wasTheClock) {
        this.#retry.hubNow(now);
        this.#retry.dpsNow();
      }
      if (now < this.#until && !wasTheClock) this.#sleep();
      else this.#proceed();
    });
  }

  /** DPS is waited for so long that it is worth a write. */
  get #isSlow(): boolean {
    return this.#retry.dpsAt - this.#host.clock.ticks() >= WORTH_WRITING;
  }

  #disconnect(): void {
    this.#alarm.cancel();
    this.#connections.close();
  }

  /** @returns as `Reports.state` */
  #enter(state: AgentState): boolean {
    if (this.#state === state) return true;
    this.#state = state;
    return this.#reports.state(state);
  }
}
