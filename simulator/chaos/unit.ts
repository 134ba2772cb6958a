// SPDX-License-Identifier: MIT
/**
 * One device in its world: the code of `src/` with power, clock, flash and a network that fail, the services that it
 * meets, an application on it, and the checks of what must hold at each step.
 */
import type { Device } from "../../src/device";
import type { ErrorCode } from "../../src/error";
import type { Host } from "../../src/host";
import { AssignmentStore } from "../../src/storage/assignment-store";
import { Account, type AccountEvents, type QueuedMessage, type Step } from "../cloud/account";
import { DPS_NAME, DpsRecord } from "../cloud/dps";
import { HubRecord } from "../cloud/hub";
import { Network, type Server } from "../network";
import { Random } from "../random";
import { hmacSigner, nodeText } from "../virtual-host";
import { START, type VirtualTime } from "../virtual-time";
import { Application, type Surroundings } from "./application";
import { Flash } from "./flash";
import { Ledger } from "./ledger";
import { Rate } from "./rates";
import type * as subject from "./subject";
import { Trace } from "./trace";
import { Traits } from "./traits";

export const ID_SCOPE = "0ne00000000";
export const HUBS = Object.freeze([
  "hub-a.azure-devices.net",
  "hub-b.azure-devices.net",
  "hub-c.azure-devices.net",
]);

/** The code under test: the project's, or a mutant's. */
export type Subject = typeof subject;

/** Within this time after the last fault a device is back, milliseconds: what DPS or a person was asked too often for. */
export const LONGEST_RETURN = 65 * 60_000;
/** The same where the device had met nothing but a network or hub that was down since it was last connected. */
export const SHORT_RETURN = 10 * 60_000;
/** Timers of the device that wait at a time. */
const MOST_TIMERS = 40;
/** Work that does not let time pass is a loop. */
const MOST_AT_ONCE = 5_000;
/** Methods that are called, with the status of their answer. */
const METHOD_STATUS: Readonly<Record<string, number>> = Object.freeze({
  echo: 200,
  later: 200,
  never: 0,
  broken: 500,
  absent: 501,
});
const METHODS = Object.freeze(Object.keys(METHOD_STATUS));
const YEAR = 365 * 86_400_000;

/** Counts of a run, over all devices. */
export interface Tally {
  boots: number;
  powerCuts: number;
  connections: number;
  registrations: number;
  polls: number;
  methods: number;
  c2d: number;
  twins: number;
  writes: number;
  /** Longest time from the last fault to the hub, milliseconds. */
  longestReturn: number;
  returns: number;
}

export interface UnitOptions {
  readonly seed: number;
  readonly index: number;
  readonly time: VirtualTime;
  readonly subject: Subject;
  readonly tally: Tally;
  /** A rule is broken. */
  readonly onViolation: (unit: Unit, rule: string, what: string) => void;
}

/** What lives until power goes. */
interface Boot {
  alive: boolean;
  readonly device: Device;
  readonly application: Application;
  /** Its timers that wait. */
  timers: number;
}

/** A fault that waits for its step. */
interface Armed {
  readonly step: Step;
  readonly until: number;
  readonly apply: () => void;
}

export class Unit implements Surroundings {
  readonly index: number;
  readonly trace = new Trace();
  readonly ledger = new Ledger();
  readonly flash: Flash;
  readonly account: Account;
  readonly network: Network;
  readonly hubs: readonly HubRecord[];
  readonly dps: DpsRecord;
  readonly traits: Traits;
  readonly random: Random;
  readonly conditions = {
    latency: 30,
    jitter: 40,
    shredded: false,
    down: false,
    refusal: (host: string): ErrorCode | undefined => this.#refusal(host),
  };
  readonly tally: Tally;
  /** The clock, and by how much it is wrong. */
  skew = 0;
  clockIsSet = true;
  /** There is a way out, as the platform says. */
  isUp = true;
  readonly #options: UnitOptions;
  readonly #time: VirtualTime;
  readonly #armed: Armed[] = [];
  readonly #hubRate = new Rate(45, 600_000, 15);
  readonly #dpsRate = new Rate(20, 600_000, 8);
  readonly #registrationRate = new Rate(24, 600_000, 6);
  #boot: Boot | undefined;
  #boots = 0;
  #bootedAt = 0;
  #depth = 0;
  #atOnce = 0;
  #atOnceTick = -1;
  /** Hubs that DPS has named since the device last forgot; the one that flash must hold. */
  #named = new Set<string>();
  #kept: string | undefined;
  #candidate: string | undefined;
  /** What DPS has answered last, whether or not the device has heard it. */
  #answered: string | undefined;
  /** The store has refused what was assigned; since the last connection, and since it was last kept. */
  #storeFailed = false;
  #behind = false;
  /** Ticks since which a number of messages is not accounted for. */
  #unreportedSince = -1;
  /** Since it was last connected it has met more than a network or a hub that is down. */
  #slowed = true;
  /** Ticks since which no fault has been left, while it is not connected; -1 when it is. */
  #calmSince = -1;
  #isCalm = false;
  #calmBegan = Number.POSITIVE_INFINITY;
  /** What services have sent, numbered; calls that are under way, by their id at the hub. */
  #services = 0;
  /** Messages that were handed over to an application. */
  readonly seen = new Set<number>();
  readonly #calls = new Map<string, { readonly name: string; readonly isCalm: boolean }>();
  over = false;

  constructor(options: UnitOptions) {
    const { seed, index, time, subject } = options;
    this.#options = options;
    this.#time = time;
    this.index = index;
    this.tally = options.tally;
    this.random = new Random(seed, index, 1);
    this.traits = new Traits(new Random(seed, index, 2));
    this.flash = new Flash(new Random(seed, index, 3));
    const registrationId = `chaos-${index}`;
    const key = this.traits.x509 ? undefined : Buffer.from(`the key of device ${index}, 32 bytes`.padEnd(32));
    const events = this.#events();
    this.account = new Account(
      { time, random: new Random(seed, index, 4), events, idScope: ID_SCOPE, registrationId, key },
      this.random.pick(HUBS),
      this.traits.otherDeviceId ? `Device-${index}` : registrationId,
    );
    this.dps = new DpsRecord(this.account);
    this.hubs = HUBS.map((host) => new HubRecord(this.account, host));
    const servers = new Map<string, Server>([[DPS_NAME, (link) => this.dps.accept(link)]]);
    for (const hub of this.hubs) servers.set(hub.host, (link) => hub.accept(link));
    this.network = new Network({
      time,
      servers,
      random: new Random(seed, index, 5),
      conditions: this.conditions,
      error: (code, about) => new subject.BerthError(code, about),
      enter: (call) => this.enter(call),
      onFault: (what) => this.violate("the transport's contract", what),
      onEvent: (what, about) => this.#network(what, about),
    });
  }

  get device(): Device | undefined {
    return this.#boot?.device;
  }

  get application(): Application | undefined {
    return this.#boot?.application;
  }

  get now(): number {
    return this.#time.ticks();
  }

  /** Calls `work` in so many milliseconds, whatever becomes of the device. */
  later(delay: number, work: () => void): void {
    this.#time.set(() => {
      if (!this.over) work();
    }, Math.ceil(delay));
  }

  /** Calls into the device: whatever the platform calls. */
  enter(call: () => void): void {
    if (this.over) return;
    this.#depth += 1;
    try {
      call();
    } catch (error) {
      this.violate("nothing escapes from a callback", String(error instanceof Error ? error.stack : error));
    }
    this.#depth -= 1;
    if (this.#depth === 0) this.#check();
  }

  violate(rule: string, what: string): void {
    if (this.over) return;
    this.over = true;
    this.trace.add(this.now, "VIOLATION", `${rule}: ${what}`);
    if (this.#boot) this.#boot.alive = false;
    this.#options.onViolation(this, rule, what);
  }

  /** Power comes. */
  boot(): void {
    if (this.#boot || this.over) return;
    this.tally.boots += 1;
    this.#boots += 1;
    this.#bootedAt = this.now;
    this.#excuse();
    this.dps.excuse();
    this.#slowed = true;
    this.trace.add(this.now, "boot", "");
    if (!this.traits.hasBatteryClock) {
      this.clockIsSet = false;
      this.later(this.random.spread(100, 30_000), () => this.#setClock());
    }
    const boot: { alive: boolean; timers: number; device?: Device; application: Application } = {
      alive: true,
      timers: 0,
      application: new Application(this),
    };
    const host = this.#host(boot);
    const identity = {
      idScope: ID_SCOPE,
      registrationId: this.account.options.registrationId,
      attestation: this.traits.x509 ? ("x509" as const) : ("symmetricKey" as const),
    };
    this.enter(() => {
      boot.device = new this.#options.subject.Device(host, identity, {
        ...this.traits.options,
        ...boot.application.callbacks(() => boot.alive),
      });
      this.#boot = boot as Boot;
      boot.application.start(boot.device);
    });
  }

  /** Power goes. @param silently servers do not learn of it */
  cutPower(silently: boolean): void {
    if (!this.#boot) return;
    this.tally.powerCuts += 1;
    this.trace.add(this.now, "power cut", silently ? "silent" : "");
    this.#end(() => this.network.drop(silently));
  }

  /** The application ends the device, as it should. */
  close(): void {
    const boot = this.#boot;
    if (!boot) return;
    this.trace.add(this.now, "close", "");
    this.enter(() => boot.application.close(boot.device));
    // Power went in the middle of it.
    if (!boot.alive) return;
    if (this.network.links.size > 0) this.violate("close releases everything", "a connection is left");
    if (boot.timers > 0) this.violate("close releases everything", `${boot.timers} timers are left`);
    this.#end(() => this.network.drop(false));
  }

  /** `apply` happens when the services next see `step`, or not at all. */
  arm(step: Step, until: number, apply: () => void): void {
    this.#armed.push({ step, until, apply });
  }

  /** No fault is left. */
  calm(): void {
    this.#armed.length = 0;
    this.account.calm();
    Object.assign(this.conditions, { latency: 30, jitter: 40, shredded: false, down: false });
    this.network.cutUp = this.network.cutDown = Number.POSITIVE_INFINITY;
    for (const link of this.network.links) {
      link.stalledUntil = this.now;
      link.cutUp = link.cutDown = Number.POSITIVE_INFINITY;
    }
    this.flash.calm();
    this.isUp = true;
    this.skew = 0;
    this.#setClock();
    this.boot();
    this.#isCalm = true;
    this.#calmBegan = this.now;
    if (!this.isHome) this.#desire(this.random);
    this.#calmSince = this.isHome ? -1 : this.now;
  }

  /** Faults come again. */
  storm(): void {
    this.#isCalm = false;
    this.#calmBegan = Number.POSITIVE_INFINITY;
    this.#calmSince = -1;
  }

  /** The clock is wrong by so many milliseconds from now on. */
  setClock(skew: number): void {
    this.skew = skew;
    this.#excuse();
    this.#slowed = true;
  }

  /** Something was done that lets the device ask sooner than its rules say. */
  excused(): void {
    this.#excuse();
    this.#slowed = true;
  }

  /** Connected to the hub where it belongs, by both sides' word. */
  get isHome(): boolean {
    const { assigned } = this.account;
    const hub = this.hubs.find(({ host }) => host === assigned);
    return (this.device?.connected ?? false) && hub?.current !== undefined && hub.place !== undefined;
  }

  /** The hub where the device is, as the services see it: one that it has left may not know so yet. */
  get home(): HubRecord | undefined {
    return this.hubs.find(({ host, current }) => host === this.account.assigned && current !== undefined);
  }

  /** It is calm, and has been for long enough. */
  checkReturn(tries = 12): void {
    if (this.isHome) return;
    // A token may be renewed just now.
    if (tries > 0) this.later(5_000, () => this.checkReturn(tries - 1));
    else {
      const { state, assignment } = this.device ?? {};
      this.violate(
        "back within the bound",
        `${LONGEST_RETURN / 60_000} minutes of calm: ${state}, ${assignment?.hub}`,
      );
    }
  }

  /** It has been calm for long, and nothing new was sent for a while. */
  checkRest(tries = 12): void {
    const { application, device } = this;
    const place = this.home?.place;
    if (!application || !device || !place || !this.isHome) {
      // A token may be renewed just now.
      if (tries > 0) this.later(5_000, () => this.checkRest(tries - 1));
      else this.violate("back within the bound", "lost while it was calm");
      return;
    }
    if (device.pending > 0) this.violate("nothing is held for ever", `${device.pending} messages wait`);
    if (this.ledger.owed > 0) this.violate("nothing is lost", `${this.ledger.owed} messages are at no hub`);
    const { twin, queue } = place;
    const desired = JSON.stringify(sorted(application.desired));
    if (desired !== JSON.stringify(sorted(twin.desired))) {
      this.violate(
        "the twin converges",
        `desired: the device has ${desired}, the hub ${JSON.stringify(sorted(twin.desired))}`,
      );
    }
    for (const [name, value] of Object.entries(application.reported)) {
      if (twin.reported[name] !== value) {
        this.violate(
          "the twin converges",
          `reported: ${name} is ${value}, the hub has ${twin.reported[name]}`,
        );
      }
    }
    if (queue.length > 0) this.violate("messages come through", `${queue.length} wait at the hub`);
    this.#assertStored();
  }

  /** Nothing new is begun. */
  quiet(isQuiet: boolean): void {
    if (this.application) this.application.isQuiet = isQuiet;
  }

  /** A service calls, writes or wishes something. */
  serve(random: Random): void {
    const { home } = this;
    // What is read or wished now would mend what went wrong before.
    switch (random.below(this.#isCalm ? 2 : 4)) {
      case 0: {
        const name = random.pick(METHODS);
        const id = home?.call(name, JSON.stringify({ n: this.#services }));
        // Without power, or behind a connection that is dead without a word, nobody answers.
        const reaches = this.isHome && [...this.network.links].every(({ lost }) => !lost);
        if (id !== undefined) this.#calls.set(id, { name, isCalm: this.#isCalm && reaches });
        break;
      }
      case 1:
        this.#services += 1;
        home?.place?.queue.push({ number: this.#services, deliveries: 0 });
        home?.current?.deliver();
        break;
      case 2: {
        this.#desire(random);
        break;
      }
      default:
        this.application?.readTwin();
    }
  }

  /** A change of desired properties, whether or not the device is there. */
  #desire(random: Random): void {
    this.#services += 1;
    const hub = this.hubs.find(({ host }) => host === this.account.assigned);
    hub?.desire({ [`d${random.below(4)}`]: random.chance(0.2) ? null : this.#services });
  }

  /** The device has forgotten its assignment. */
  forgot(): void {
    this.#named.clear();
    this.#kept = this.#candidate = undefined;
    this.#storeFailed = this.#behind = this.flash.isDamaged = false;
  }

  assigned(hub: string): void {
    this.#named.add(hub);
    if (!this.#storeFailed) this.#candidate = hub;
    this.#time.set(() => this.#settle(), 0);
  }

  connected(): void {
    if (!this.#storeFailed) {
      this.#candidate = this.device?.assignment?.hub;
      this.#settle();
      this.#behind = false;
    }
    this.#storeFailed = this.#slowed = false;
    if (this.#calmSince < 0) return;
    const took = this.now - this.#calmSince;
    this.#calmSince = -1;
    this.tally.returns += 1;
    this.tally.longestReturn = Math.max(this.tally.longestReturn, took);
  }

  failed(phase: string, error: { readonly code: string; readonly retriable: boolean }): void {
    this.trace.add(this.now, "error", `${phase}: ${error.code}`);
    if (phase === "store") this.#storeFailed = this.#behind = true;
    if (phase === "dps" || !error.retriable) this.#slowed = true;
    // The identity may have been made anew, with a new twin.
    if (phase === "hub" && !error.retriable) this.application?.reportAllAgain();
  }

  /** What was assigned is kept by now. */
  #settle(): void {
    if (this.#candidate !== undefined) this.#kept = this.#candidate;
    this.#candidate = undefined;
  }

  #end(release: () => void): void {
    const boot = this.#boot as Boot;
    const held = boot.device.pending;
    boot.alive = false;
    release();
    this.#boot = undefined;
    this.#unreportedSince = -1;
    const wrong = this.ledger.end(held + Math.max(0, this.ledger.open - held));
    if (wrong) this.violate("nothing is lost", wrong);
    this.#assertStored();
    this.#candidate = undefined;
    // What is left is what the next life finds.
    this.#kept = this.#stored;
    this.#storeFailed = this.#behind = this.flash.wasTorn = false;
    this.tally.writes = this.tally.writes + this.flash.writes;
    this.flash.writes = 0;
  }

  /** Whatever has happened, flash holds what DPS has named, and nothing else. */
  #assertStored(): void {
    const stored = this.#stored;
    const expected = [this.#kept];
    if (this.#candidate !== undefined) expected.push(this.#candidate);
    if (this.flash.wasTorn) expected.push(this.#answered);
    if (this.flash.isDamaged || this.#behind) expected.push(undefined, ...this.#named);
    if (!expected.includes(stored)) {
      this.violate("the assignment is readable", `flash has ${stored}, not ${expected.join(" or ")}`);
    }
  }

  /** The hub that flash holds, whatever cannot be read just now. */
  get #stored(): string | undefined {
    const { values } = this.flash;
    const reader = { read: (key: string) => values.get(key), write: () => {}, delete: () => {} };
    return new AssignmentStore(reader, nodeText).read()?.hub;
  }

  #setClock(): void {
    if (this.clockIsSet && this.skew === 0) return;
    this.clockIsSet = true;
    this.#excuse();
  }

  #excuse(): void {
    for (const rate of [this.#hubRate, this.#dpsRate, this.#registrationRate]) rate.excuse(this.now);
  }

  #host(boot: { alive: boolean; timers: number }): Host {
    const alive = (): boolean => boot.alive && !this.over;
    const random = new Random(this.#options.seed, this.index, 6, this.#boots);
    const { key } = this.account.options;
    return {
      text: nodeText,
      clock: {
        now: () => (this.clockIsSet ? START + this.now + this.skew : undefined),
        ticks: () => this.now - this.#bootedAt + 1_000,
      },
      timers: {
        set: (callback, delay) => {
          if (!(delay >= 0 && delay <= 2_147_483_647))
            this.violate("timers are sound", `a delay of ${delay}`);
          boot.timers += 1;
          if (boot.timers > MOST_TIMERS) this.violate("memory is bounded", `${boot.timers} timers wait`);
          this.#assertTimePasses();
          const timer = {
            done: false,
            handle: this.#time.set(() => {
              timer.done = true;
              if (!boot.alive) return;
              boot.timers -= 1;
              this.enter(callback);
              // As platforms do it.
            }, Math.ceil(delay)),
          };
          return timer;
        },
        clear: (handle) => {
          const timer = handle as { done: boolean; readonly handle: unknown } | undefined;
          if (!timer || timer.done) return;
          timer.done = true;
          boot.timers -= 1;
          this.#time.clear(timer.handle);
        },
      },
      store: this.flash.store(alive, () => {
        boot.alive = false;
        this.#time.set(() => {
          this.cutPower(this.random.chance(0.5));
          this.later(this.random.spread(500, 60_000), () => this.boot());
        }, 0);
      }),
      transport: this.network.binding(alive),
      random: () => random.next(),
      ...(key && { signer: hmacSigner(key.toString("base64")) }),
      network: { isUp: () => this.isUp },
    };
  }

  #assertTimePasses(): void {
    if (this.now !== this.#atOnceTick) {
      this.#atOnceTick = this.now;
      this.#atOnce = 0;
    }
    this.#atOnce += 1;
    if (this.#atOnce > MOST_AT_ONCE) this.violate("time passes", `${MOST_AT_ONCE} timers in one millisecond`);
  }

  /** What must hold whenever the device is at rest. */
  #check(): void {
    const boot = this.#boot;
    if (!boot?.alive || !boot.device) return;
    const { pending } = boot.device;
    const { capacity, window } = this.traits;
    if (pending > capacity + window) this.violate("memory is bounded", `${pending} messages are held`);
    const unreported = this.ledger.open - pending;
    if (unreported === 0) this.#unreportedSince = -1;
    else if (unreported < 0) this.violate("nothing is lost", `${-unreported} messages too many are held`);
    else if (this.#unreportedSince < 0) this.#unreportedSince = this.now;
    else if (this.now - this.#unreportedSince > 1_000 && boot.device.connected) {
      this.violate(
        "nothing is lost",
        `${unreported} messages are neither held, acknowledged nor reported as dropped`,
      );
    }
    if (this.#calmSince >= 0 && !this.#slowed && this.now - this.#calmSince > SHORT_RETURN) {
      this.violate("back within the bound", `${SHORT_RETURN / 60_000} minutes of calm: ${boot.device.state}`);
    }
  }

  #events(): AccountEvents {
    return {
      step: (step, about) => this.#step(step, about),
      fault: (what) => this.violate("the rules of the services", what),
      telemetry: (hub, payload) => {
        const [life = 0, number = 0] = payload.toString("latin1", 0, 32).split(" ").map(Number);
        const wrong = this.ledger.receive(life, number, hub);
        if (wrong) this.violate("order is kept", wrong);
      },
      delivered: (message: QueuedMessage) => {
        this.tally.c2d += 1;
        if (!this.seen.has(message.number)) {
          this.violate(
            "messages come through",
            `message ${message.number} was acknowledged, not handed over`,
          );
        }
      },
      methodEnded: (requestId, status, why) => this.#methodEnded(requestId, status, why),
    };
  }

  #methodEnded(requestId: string, status: number | undefined, why: "answered" | "closed" | "timeout"): void {
    const call = this.#calls.get(requestId);
    this.#calls.delete(requestId);
    if (!call) return;
    const expected = METHOD_STATUS[call.name];
    if (why === "answered" && expected !== status && status !== 429) {
      this.violate("each call is answered once", `${call.name} was answered by ${status}`);
    }
    if (why === "timeout" && call.isCalm && this.#isCalm && call.name !== "never" && call.name !== "later") {
      this.violate("each call is answered once", `${call.name} was not answered`);
    }
  }

  #step(step: Step, about: string): void {
    if (this.over) return;
    this.trace.add(this.now, step, about);
    const { tally, now } = this;
    if (step === "register") {
      tally.registrations += 1;
      if (!this.#registrationRate.take(now)) this.violate("requests keep to the quotas", "registrations");
    } else if (step === "poll") tally.polls += 1;
    else if (step === "twin-get" || step === "reported") tally.twins += 1;
    else if (step === "method-answer") tally.methods += 1;
    else if (step === "assigned") this.#answered = about;
    else if (step === "token-end" && this.#calmBegan < Number(about)) {
      this.violate("a token is renewed in time", "the hub has ended a connection of the calm");
    }
    if (this.#armed.length === 0) return;
    for (let i = this.#armed.length - 1; i >= 0; i -= 1) {
      const { step: wanted, until, apply } = this.#armed[i] as Armed;
      if (wanted !== step && until > now) continue;
      this.#armed.splice(i, 1);
      if (wanted === step) this.later(this.random.below(150), apply);
    }
  }

  #network(what: string, about: string): void {
    this.trace.add(this.now, what, about);
    if (what !== "connect") return;
    this.tally.connections += 1;
    if (about !== DPS_NAME && !HUBS.includes(about))
      this.violate("the assignment is readable", `connects to ${about}`);
    const rate = about === DPS_NAME ? this.#dpsRate : this.#hubRate;
    if (!rate.take(this.now)) this.violate("requests keep to the quotas", `connections to ${about}`);
  }

  #refusal(host: string): ErrorCode | undefined {
    const { account } = this;
    const isDps = host === DPS_NAME;
    if (account.trouble(isDps ? "dps-gone" : "hub-gone") !== undefined) return "dns-failed";
    if (account.trouble("refused") !== undefined) return "connect-failed";
    if (account.trouble("untrusted") !== undefined) return "tls-untrusted";
    // A certificate is good for a while.
    return Math.abs(this.skew) > YEAR ? "tls-expired" : undefined;
  }
}

function sorted(properties: object): object {
  return Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
}
