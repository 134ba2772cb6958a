// SPDX-License-Identifier: MIT
/**
 * One device: its life shown on the LED, kept in the diary, watched by the watchdog, and its telemetry.
 * All of the world is handed in, so that it runs in tests without the SDK.
 */
import { Diary } from "../hosts/moddable/diary";
import { Indicator, type Led, Signal } from "../hosts/moddable/indicator";
import { listOf } from "../hosts/moddable/settings";
import { Watchdog } from "../hosts/moddable/watchdog";
import { type AgentOptions, AgentState, type AssignedReport, type ConnectedReport } from "../src/agent/agent";
import { ownView, staleCertificate, type Validity } from "../src/agent/refusal";
import { BerthError } from "../src/error";
import type { Host } from "../src/host";
import { type DeviceError, TelemetryDevice, type TelemetryDeviceOptions } from "../src/telemetry-device";
import { transports } from "../src/transports";
import type { Settings } from "./settings";

/** What a device needs beside the host of the core. */
export interface FirmwareWorld {
  readonly host: Host;
  readonly settings: Settings;
  /** Why the chip restarted; undefined where nobody knows. */
  readonly restartReason: string | undefined;
  readonly led: Led | undefined;
  /** Certificates and roots of the field. */
  readonly field?: Pick<TelemetryDeviceOptions, "credentials" | "features"> | undefined;
  /** Undefined: telemetry waits in memory, and is measured only while there is a connection. */
  readonly outbox?: TelemetryDeviceOptions["outbox"] | undefined;
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

export class FirmwareApp {
  readonly #world: FirmwareWorld;
  readonly #identity: AgentOptions["identity"];
  readonly #diary: Diary;
  readonly #indicator: Indicator;
  readonly #watchdog: Watchdog | undefined;
  #device: TelemetryDevice | undefined;
  #count = 0;
  #reported = false;
  /** The dates of its certificate were looked at. */
  #dated = false;

  constructor(world: FirmwareWorld, options: Pick<AgentOptions, "identity">) {
    const { host, settings } = world;
    this.#world = world;
    this.#identity = options.identity;
    this.#diary = new Diary(host.store, host.text, host.clock);
    this.#indicator = new Indicator(world.led, host.timers);
    if (settings.stuckAfter > 0) {
      this.#watchdog = new Watchdog({
        timers: host.timers,
        clock: host.clock,
        store: host.store,
        // A device that sends seldom hears of its hub once in `keepAlive`.
        limit: Math.max(settings.stuckAfter * 60_000, settings.keepAlive * 3000),
        lifeAt: () => this.#device?.heardAt ?? 0,
        onStuck: (limit) => this.#stuck(limit),
      });
    }
  }

  /** Starts the life. @throws BerthError `invalid-argument` as `TelemetryDevice` */
  start(): void {
    const { host, restartReason, settings } = this.#world;
    const { last } = this.#diary;
    if (restartReason !== undefined) this.#log(`restarted: ${restartReason}`);
    if (last) this.#log(`last error: ${last.phase}: ${last.code}: ${last.message}`);
    const device = new TelemetryDevice(host, this.#identity, {
      startSpread: settings.startSpread * 1000,
      provisioning: { host: settings.dpsHost, maximumPacketSize: settings.receiveLimit },
      hub: {
        tokenLifetime: settings.tokenLifetime * 1000,
        keepAlive: settings.keepAlive * 1000,
        maximumPacketSize: settings.receiveLimit,
        ...(settings.gateway !== "" && { gateway: settings.gateway }),
      },
      ...this.#world.field,
      onCredential: ({ what, state }) => this.#log(`${what} ${state}`),
      ...(settings.transports !== "" && { transports: transports(...listOf(settings.transports)) }),
      ...(this.#world.outbox && { outbox: this.#world.outbox }),
      onState: (state) => this.#state(state),
      onAssigned: (report) => this.#assigned(report),
      onConnected: (report) => this.#connected(report),
      onAcknowledged: (count) => this.#acknowledged(count),
      onMessage: ({ byteLength }) => this.#log(`message of ${byteLength} bytes from the cloud`),
      onDropped: (count) => this.#log(`dropped ${count} messages that waited`),
      onError: (report) => this.#error(report),
    });
    this.#device = device;
    // What was measured while there was no connection is old by the time there is one, but for a log, which has its time.
    device.every(settings.telemetryEvery * 1000, () => {
      if (device.connected || this.#world.outbox) this.#sample();
    });
  }

  /** Ends the connection and everything that runs. */
  stop(): void {
    this.#watchdog?.close();
    this.#device?.close();
    this.#indicator.close();
    this.#log(AgentState.STOPPED);
  }

  /** The button was held: forgets the assignment, drops the telemetry that waits, and asks DPS anew. */
  forget(): void {
    this.#log("forgets the assignment");
    this.#device?.forget();
  }

  /** An error from outside the device: kept and shown in the log. */
  note(phase: string, error: BerthError): void {
    this.#diary.note(phase, error);
    this.#log(`error: ${phase}: ${error.code}: ${error.message}`);
  }

  #state(state: AgentState): void {
    this.#log(state);
    this.#indicator.show(SIGNALS[state]);
    // From here on the clock is set.
    if (state === AgentState.PROVISIONING || state === AgentState.CONNECTING) this.#checkDates();
  }

  #assigned({ assignment, substatus }: AssignedReport): void {
    const about = substatus === undefined ? "" : ` (${substatus})`;
    this.#log(`assigned to ${assignment.hub} as ${assignment.deviceId}${about}`);
  }

  #connected({ hub, deviceId, source, transport }: ConnectedReport): void {
    const over = transport === undefined ? "" : `, over ${transport}`;
    this.#log(`connected to ${hub} as ${deviceId}, assignment ${source}${over}`);
    this.#world.heed?.(undefined);
    this.#watchdog?.works();
    if (this.#reported) return;
    this.#reported = true;
    const { restartReason } = this.#world;
    this.#send({ event: "started", restartReason, lastError: this.#diary.last });
  }

  #acknowledged(count: number): void {
    const { finish, settings } = this.#world;
    if (settings.exitAfter === 0 || count < settings.exitAfter) return;
    // A board says it once, and goes on.
    if (!finish && count > settings.exitAfter) return;
    this.#log(`${count} messages acknowledged`);
    if (!finish) return;
    this.stop();
    finish(0);
  }

  #error({ where, error, retryIn }: DeviceError): void {
    this.note(where, error);
    const own = ownView(error.code, this.#world.host.clock.now(), this.#world.validity);
    if (own !== undefined) this.#log(own);
    if (retryIn !== undefined) this.#log(`next attempt in ${retryIn} ms`);
    // Without a next attempt the connection stands.
    if (!error.retriable && retryIn !== undefined) this.#indicator.show(Signal.ERROR);
    if (where === "dps" || where === "hub") this.#world.heed?.(error);
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

  #sample(): void {
    this.#count += 1;
    const uptime = Math.floor(this.#world.host.clock.ticks() / 1000);
    this.#send({ event: "sample", count: this.#count, uptime, ...this.#world.measure() });
  }

  #send(value: object): void {
    const now = this.#world.outbox && this.#world.host.clock.now();
    const options = now === undefined ? undefined : { createdAt: new Date(now) };
    if (this.#device?.send(value, options) === false) this.note("telemetry", new BerthError("outbox-full"));
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
