// SPDX-License-Identifier: MIT
/**
 * One device: the agent's life shown on the LED, kept in the diary, watched by the watchdog, and its telemetry.
 * All of the world is handed in, so that it runs in tests without the SDK.
 */
import { Diary } from "../hosts/moddable/diary";
import { Indicator, type Led, Signal } from "../hosts/moddable/indicator";
import { Watchdog } from "../hosts/moddable/watchdog";
import {
  Agent,
  type AgentHandler,
  type AgentOptions,
  AgentState,
  type AssignedReport,
  type ConnectedReport,
  type ErrorReport,
} from "../src/agent/agent";
import { ownView, staleCertificate, type Validity } from "../src/agent/refusal";
import { CloudToDevice, type CloudToDeviceMessage } from "../src/azure/hub/cloud-to-device";
import { asBerthError, BerthError } from "../src/error";
import type { Host, TimerHandle } from "../src/host";
import type { Settings } from "./settings";

/** What a device needs beside the host of the core. */
export interface FirmwareWorld {
  readonly host: Host;
  readonly settings: Settings;
  /** Why the chip restarted; undefined where nobody knows. */
  readonly restartReason: string | undefined;
  readonly led: Led | undefined;
  /** Of the device's certificate; undefined for a symmetric key. */
  readonly validity?: Validity | undefined;
  /** Figures for the telemetry, JSON. */
  readonly measure: () => object;
  /** One line for people; empty in a release build on a board. */
  readonly log: (line: string) => void;
  /** Restarts the chip. */
  readonly restart: () => void;
  /** Gets what came of an attempt to connect: the error, or undefined for a connection that stands. */
  readonly heed?: (error: BerthError | undefined) => void;
  /** Ends a simulator's run; undefined on a board, which never ends. */
  readonly finish: ((status: number) => void) | undefined;
}

const SIGNALS: Readonly<Record<AgentState, Signal>> = Object.freeze({
  [AgentState.STOPPED]: Signal.CONNECTING,
  [AgentState.WAITING_FOR_NETWORK]: Signal.NETWORK,
  [AgentState.WAITING_FOR_CLOCK]: Signal.CLOCK,
  [AgentState.PROVISIONING]: Signal.PROVISIONING,
  [AgentState.CONNECTING]: Signal.CONNECTING,
  [AgentState.RUNNING]: Signal.CONNECTED,
  [AgentState.BACKING_OFF]: Signal.CONNECTING,
});

export class FirmwareApp implements AgentHandler {
  readonly #world: FirmwareWorld;
  readonly #agent: Agent;
  readonly #diary: Diary;
  readonly #indicator: Indicator;
  readonly #watchdog: Watchdog | undefined;
  #telemetry: TimerHandle | undefined;
  #count = 0;
  #reported = false;
  /** The dates of its certificate were looked at. */
  #dated = false;

  /** @throws BerthError `invalid-argument` as `Agent` */
  constructor(world: FirmwareWorld, options: Pick<AgentOptions, "identity">) {
    const { host, settings } = world;
    this.#world = world;
    this.#diary = new Diary(host.store, host.text, host.clock);
    this.#indicator = new Indicator(world.led, host.timers);
    this.#agent = new Agent(host, this, {
      identity: options.identity,
      startSpread: settings.startSpread * 1000,
      provisioning: { host: settings.dpsHost, maximumPacketSize: settings.receiveLimit },
      hub: {
        tokenLifetime: settings.tokenLifetime * 1000,
        keepAlive: settings.keepAlive * 1000,
        maximumPacketSize: settings.receiveLimit,
      },
      features: [new CloudToDevice({ onMessage: (message) => this.#message(message) })],
    });
    if (settings.stuckAfter > 0) {
      this.#watchdog = new Watchdog({
        timers: host.timers,
        clock: host.clock,
        store: host.store,
        // A device that sends seldom hears of its hub once in `keepAlive`.
        limit: Math.max(settings.stuckAfter * 60_000, settings.keepAlive * 3000),
        lifeAt: () => this.#agent.heardAt,
        onStuck: (limit) => this.#stuck(limit),
      });
    }
  }

  /** Starts the life. */
  start(): void {
    const { restartReason } = this.#world;
    const { last } = this.#diary;
    if (restartReason !== undefined) this.#log(`restarted: ${restartReason}`);
    if (last) this.#log(`last error: ${last.phase}: ${last.code}: ${last.message}`);
    this.#agent.start();
    this.#later();
  }

  /** Ends the connection and everything that runs. */
  stop(): void {
    const { timers } = this.#world.host;
    if (this.#telemetry !== undefined) timers.clear(this.#telemetry);
    this.#telemetry = undefined;
    this.#watchdog?.close();
    this.#agent.stop();
    this.#indicator.close();
  }

  /** The button was held: forgets the assignment, drops the telemetry that waits, and asks DPS anew. */
  forget(): void {
    this.#log("forgets the assignment");
    try {
      const dropped = this.#agent.forget();
      if (dropped > 0) this.#log(`dropped ${dropped} messages that waited`);
    } catch (error) {
      this.note("store", asBerthError(error));
    }
  }

  /** An error from outside the agent: kept and shown in the log. */
  note(phase: string, error: BerthError): void {
    this.#diary.note(phase, error);
    this.#log(`error: ${phase}: ${error.code}: ${error.message}`);
  }

  onState(state: AgentState): void {
    this.#log(state);
    this.#indicator.show(SIGNALS[state]);
    // From here on the clock is set.
    if (state === AgentState.PROVISIONING || state === AgentState.CONNECTING) this.#checkDates();
  }

  onAssigned({ assignment, substatus }: AssignedReport): void {
    const about = substatus === undefined ? "" : ` (${substatus})`;
    this.#log(`assigned to ${assignment.hub} as ${assignment.deviceId}${about}`);
  }

  onConnected({ hub, deviceId, source }: ConnectedReport): void {
    this.#log(`connected to ${hub} as ${deviceId}, assignment ${source}`);
    this.#world.heed?.(undefined);
    this.#watchdog?.works();
    if (this.#reported) return;
    this.#reported = true;
    const { restartReason } = this.#world;
    this.#send({ event: "started", restartReason, lastError: this.#diary.last });
  }

  onAcknowledged(_message: unknown, count: number): void {
    const { finish, settings } = this.#world;
    if (!finish || settings.exitAfter === 0 || count < settings.exitAfter) return;
    this.#log(`${count} messages acknowledged`);
    this.stop();
    finish(0);
  }

  onError({ phase, error, retryIn }: ErrorReport): void {
    this.note(phase, error);
    const own = ownView(error.code, this.#world.host.clock.now(), this.#world.validity);
    if (own !== undefined) this.#log(own);
    if (retryIn !== undefined) this.#log(`next attempt in ${retryIn} ms`);
    // Without a next attempt the connection stands.
    if (!error.retriable && retryIn !== undefined) this.#indicator.show(Signal.ERROR);
    if (phase === "dps" || phase === "hub") this.#world.heed?.(error);
  }

  #message({ byteLength }: CloudToDeviceMessage): void {
    this.#log(`message of ${byteLength} bytes from the cloud`);
  }

  /** Once a start. */
  #checkDates(): void {
    const { host, validity } = this.#world;
    const now = host.clock.now();
    if (this.#dated || validity === undefined || now === undefined) return;
    this.#dated = true;
    const about = staleCertificate(validity, now);
    if (about !== undefined)
      this.note("identity", new BerthError("tls-expired", `the device's own is ${about}`));
  }

  #later(): void {
    const { host, settings } = this.#world;
    this.#telemetry = host.timers.set(() => {
      this.#later();
      // What was measured while there was no connection is old by the time there is one.
      if (this.#agent.state === AgentState.RUNNING) this.#sample();
    }, settings.telemetryEvery * 1000);
  }

  #sample(): void {
    this.#count += 1;
    const uptime = Math.floor(this.#world.host.clock.ticks() / 1000);
    this.#send({ event: "sample", count: this.#count, uptime, ...this.#world.measure() });
  }

  #send(value: object): void {
    try {
      this.#agent.send(this.#world.host.text.encode(JSON.stringify(value)));
    } catch (error) {
      this.note("telemetry", asBerthError(error));
    }
  }

  #stuck(limit: number): void {
    this.note(
      "watchdog",
      new BerthError("internal", `no answer of a server for ${Math.round(limit / 60_000)} minutes: restart`),
    );
    this.#diary.flush();
    // What slows it down is kept.
    this.stop();
    this.#world.restart();
  }

  #log(line: string): void {
    this.#world.log(line);
  }
}
