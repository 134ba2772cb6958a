// SPDX-License-Identifier: MIT
/** One life of a device on this computer: until so many messages are acknowledged, an error ends it, or time is up. */

import { X509Certificate } from "node:crypto";
import { clock } from "../hosts/node/clock";
import {
  type AgentOptions,
  AgentState,
  type AssignedReport,
  type ConnectedReport,
  type ErrorReport,
} from "../src/agent/agent";
import type { Identity } from "../src/agent/identity";
import { ownView, refusesIdentity, type Validity } from "../src/agent/refusal";
import type { CredentialReport } from "../src/agent/credential";
import type { CloudToDeviceMessage } from "../src/azure/hub/cloud-to-device";
import type { MethodAnswer, MethodHandlers } from "../src/azure/hub/direct-methods";
import { type Properties, SystemProperty } from "../src/azure/properties";
import { asBerthError, BerthError, type ErrorCode } from "../src/error";
import { bodyFields } from "./body";
import type { DeviceEngine, EngineDevice, EngineHandler, EngineHost } from "./device-engine";
import type { CliEvent } from "./output";
import { errorEvent } from "./output";
import type { Timeline } from "./timeline";

/** What the device is to do. */
export interface DeviceRunOptions {
  readonly engine: DeviceEngine;
  readonly device: EngineHost;
  /** Gets all packets. */
  readonly timeline?: Timeline | undefined;
  readonly identity: Identity;
  /** Host name of DPS. */
  readonly endpoint: string;
  readonly port: number;
  readonly hubPort: number;
  /** Messages to send; 0 asks for the connection only. */
  readonly telemetry: number;
  /** What messages hold, in turn; a count and the uptime where there is none. */
  readonly messages?: readonly string[];
  /** Application properties of each message. */
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** How direct methods are answered. */
  readonly methods?: Readonly<Record<string, MethodAnswer>> | undefined;
  /** Milliseconds between messages; 0 sends as fast as the device's outbox takes them. */
  readonly interval: number;
  /** Milliseconds until the run gives up. */
  readonly timeout: number;
  /** Go on after the last message until `signal`. */
  readonly stay?: boolean;
  /** Custom payload of the registration. */
  readonly payload?: Record<string, unknown> | undefined;
  /** Milliseconds that a SAS token of the hub is good; the core's default when undefined. */
  readonly tokenLifetime?: number | undefined;
  /** Sends what may follow CONNECT before CONNACK, to DPS and to hubs. */
  readonly eager: boolean;
  /** See `HubOptions`. */
  readonly gateway?: string | undefined;
  readonly secondName?: boolean;
  /** Bytes of the largest packet that the device holds; the core's default when undefined. */
  readonly receiveLimit?: number | undefined;
  /** Ends the run from outside. */
  readonly signal?: AbortSignal;
  /** Called for everything that happens; `line` is for people. */
  readonly onEvent: (event: CliEvent, line: string) => void;
}

/** How a run ended. */
export interface DeviceRunResult {
  readonly acknowledged: number;
  /** Where the last connection's assignment came from. */
  readonly source: "dps" | "stored" | undefined;
  readonly hub: string | undefined;
  readonly deviceId: string | undefined;
  /** Why it did not do what was asked; undefined when it did, or was ended by `signal`. */
  readonly error: BerthError | undefined;
}

/** What an error is about, for people. */
const PLACES: Readonly<Record<ErrorReport["phase"], string>> = Object.freeze({
  network: "network",
  clock: "clock",
  dps: "DPS",
  hub: "hub",
  store: "store",
  application: "application",
});

/** What a step that never ends counts as, when the run gives up in it without an error and the agent does not know. */
const STALLED: Readonly<Partial<Record<AgentState, ErrorCode>>> = Object.freeze({
  [AgentState.WAITING_FOR_NETWORK]: "network-down",
  [AgentState.WAITING_FOR_CLOCK]: "clock-not-set",
  [AgentState.PROVISIONING]: "dps-timeout",
  [AgentState.CONNECTING]: "connect-timeout",
  [AgentState.RUNNING]: "publish-timeout",
});

const TOLD_BEFORE = new BerthError("dps-throttled", "it told an earlier run to wait");

const STALLED_PHASES: Readonly<Partial<Record<AgentState, ErrorReport["phase"]>>> = Object.freeze({
  [AgentState.WAITING_FOR_NETWORK]: "network",
  [AgentState.WAITING_FOR_CLOCK]: "clock",
  [AgentState.PROVISIONING]: "dps",
  [AgentState.CONNECTING]: "hub",
  [AgentState.RUNNING]: "hub",
});

const MESSAGE_PROPERTIES: Properties = Object.freeze({
  [SystemProperty.CONTENT_TYPE]: "application/json",
  [SystemProperty.CONTENT_ENCODING]: "utf-8",
});

/** What to give to the command, behind an error's text. */
function optionFor({ code }: BerthError): string {
  if (code.startsWith("proxy-")) return "; --proxy says which one";
  return code === "packet-too-large" ? "; --receive-limit takes more" : "";
}

/** Runs a device; the promise never rejects. */
export function runDevice(options: DeviceRunOptions): Promise<DeviceRunResult> {
  return new Promise((resolve) => new DeviceRun(options, resolve).start());
}

class DeviceRun {
  readonly #options: DeviceRunOptions;
  readonly #resolve: (result: DeviceRunResult) => void;
  readonly #properties: Properties;
  readonly #started = clock.ticks();
  /** Rejects when the device cannot start. */
  #agent: Promise<EngineDevice> | undefined;
  /** Ends the start; undefined when that is over. */
  #starting: AbortController | undefined;
  #state: AgentState = AgentState.STOPPED;
  #deadline: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #queued = 0;
  /** Messages of earlier runs. */
  #kept = 0;
  #sending = false;
  /** Some messages may be in memory alone. */
  #outboxFails = false;
  /** The outbox has room again since the last message was offered. */
  #room = false;
  #acknowledged = 0;
  #connected: ConnectedReport | undefined;
  /** DPS has assigned a hub in this run, and no connection to it has stood yet. */
  #assignedUntried = false;
  #lastRetriable: (Pick<ErrorReport, "phase" | "error"> & { readonly goesOn: boolean }) | undefined;
  #done = false;
  #error: BerthError | undefined;

  constructor(options: DeviceRunOptions, resolve: (result: DeviceRunResult) => void) {
    this.#options = options;
    this.#resolve = resolve;
    // What people type is no JSON by itself.
    const system = options.messages?.length ? {} : MESSAGE_PROPERTIES;
    this.#properties = Object.freeze({ ...system, ...options.properties });
  }

  start(): void {
    const { engine, device, timeline, signal, timeout } = this.#options;
    signal?.addEventListener("abort", () => this.#end(), { once: true });
    if (signal?.aborted) {
      this.#end();
      return;
    }
    this.#deadline = setTimeout(() => this.#timeUp(), timeout);
    const starting = new AbortController();
    this.#starting = starting;
    this.#agent = engine.start(
      device,
      this.#agentOptions(),
      this.#handler(),
      timeline,
      starting.signal,
      this.#methods(),
    );
    this.#agent.then(
      (agent) => {
        this.#starting = undefined;
        // Nobody waits for it any more.
        if (starting.signal.aborted) void agent.stop();
        const { pid } = agent;
        if (pid !== undefined) this.#tell({ event: "process", pid });
        this.#send();
      },
      (error: unknown) => {
        this.#starting = undefined;
        this.#fail(asBerthError(error));
      },
    );
  }

  #agentOptions(): AgentOptions {
    const { identity, endpoint, port, hubPort, payload, tokenLifetime, eager, receiveLimit } = this.#options;
    const { gateway, secondName = false } = this.#options;
    const limit = receiveLimit === undefined ? {} : { maximumPacketSize: receiveLimit };
    return {
      identity,
      attended: true,
      provisioning: {
        host: endpoint,
        port,
        eager,
        ...limit,
        ...(payload === undefined ? {} : { payload: payload as never }),
      },
      hub: {
        port: hubPort,
        eager,
        ...limit,
        ...(tokenLifetime === undefined ? {} : { tokenLifetime }),
        ...(gateway === undefined ? {} : { gateway }),
        ...(secondName && { secondName }),
      },
    };
  }

  #handler(): EngineHandler {
    return {
      onState: (state) => {
        // A run that waits before it has tried anything does so for what DPS told an earlier one.
        const told = state === AgentState.BACKING_OFF && this.#state === AgentState.STOPPED;
        if (told) this.#lastRetriable = { phase: "dps", error: TOLD_BEFORE, goesOn: false };
        this.#state = state;
        this.#tell(
          { event: "state", state: state },
          told ? "waits until DPS may be asked again, as it told an earlier run" : "",
        );
      },
      onAssigned: (report) => this.#assigned(report),
      onConnected: (report) => this.#connectedTo(report),
      onKept: (count) => {
        this.#kept = count;
        this.#tell({ event: "kept", count }, `${count} messages of earlier runs wait`);
      },
      onAcknowledged: () => this.#acknowledgedOne(),
      onMessage: (message) => this.#message(message),
      onCredential: (report) => this.#tell({ event: "credential", ...report }, credentialLine(report)),
      onRoom: () => {
        this.#room = true;
        this.#send();
      },
      onError: ({ phase, error, retryIn }) => this.#failed(phase, error, retryIn),
      onSecure: (version, suite, resumed) =>
        this.#tell(
          { event: "secure", version, suite, resumed },
          `${version}, ${suite}${resumed ? ", session resumed" : ""}`,
        ),
      onLine: (line) => this.#options.onEvent({ event: "warning", message: line }, line),
      onEnded: (error) => this.#ended(error),
    };
  }

  #methods(): MethodHandlers | undefined {
    const { methods } = this.#options;
    if (!methods) return undefined;
    return Object.fromEntries(
      Object.entries(methods).map(([name, answer]) => [
        name,
        (payload: unknown) => {
          const { status } = answer;
          this.#tell(
            { event: "method", name, payload, status },
            `method ${name} called with ${JSON.stringify(payload) ?? "nothing"}, answered ${status}`,
          );
          return answer;
        },
      ]),
    );
  }

  #assigned({ assignment: { hub, deviceId }, substatus, payload }: AssignedReport): void {
    this.#assignedUntried = true;
    this.#lastRetriable = undefined;
    const how = substatus === undefined ? "" : ` (${substatus})`;
    this.#tell(
      { event: "assigned", hub, deviceId, substatus, payload },
      `assigned to ${hub} as ${deviceId}${how}`,
    );
  }

  #connectedTo(report: ConnectedReport): void {
    this.#connected = report;
    this.#assignedUntried = false;
    this.#lastRetriable = undefined;
    const { hub, deviceId, source, sessionPresent, transport } = report;
    const how = transport === undefined ? "" : `, over ${transport}`;
    const from = source === "dps" ? "the assignment of DPS" : "the stored assignment, without DPS";
    this.#tell(
      { event: "connected", hub, deviceId, source, sessionPresent, ...(transport && { transport }) },
      `connected to ${hub} by ${from}${how}`,
    );
    this.#endIfDone();
  }

  #acknowledgedOne(): void {
    this.#acknowledged += 1;
    this.#lastRetriable = undefined;
    const count = this.#acknowledged;
    this.#tell({ event: "acknowledged", count }, `telemetry ${count} acknowledged`);
    this.#endIfDone();
  }

  /** A fragment of a large message is told as it comes. */
  #message({ properties, payload, offset, byteLength }: CloudToDeviceMessage): void {
    const whole = payload.length === byteLength;
    const body = bodyFields(payload);
    const place = whole ? {} : { offset, byteLength };
    this.#tell(
      { event: "message", ...body, properties, ...place },
      `message from the cloud: ${"payload" in body ? body.payload : `${payload.length} bytes`}`,
    );
  }

  #failed(phase: ErrorReport["phase"], error: BerthError, retryIn: number | undefined): void {
    if (this.#done) return;
    if (error.code === "outbox-unwritten" || error.code === "outbox-worn") this.#outboxFails = true;
    // A hub that refuses an assignment of earlier says that the device has moved: the agent asks DPS, as it should.
    // `invalid-argument` is a hub whose name is of no use here.
    const moved =
      phase === "hub" &&
      !this.#assignedUntried &&
      (refusesIdentity(error.code) || error.code === "invalid-argument");
    const ends = !error.retriable && retryIn !== undefined;
    if (ends && !moved) {
      this.#fail(error, { phase });
      return;
    }
    if (retryIn !== undefined) {
      this.#lastRetriable = { phase, error, goesOn: this.#state === AgentState.PROVISIONING };
    }
    const next = retryIn === undefined ? optionFor(error) : `; again in ${(retryIn / 1000).toFixed(1)} s`;
    const own = this.#ownView(error);
    this.#tell(
      errorEvent(error, { phase, retryIn, own, final: false }),
      `${PLACES[phase]}: ${error.message} [${error.code}]${own === undefined ? "" : `; ${own}`}${next}`,
    );
  }

  /** What the device itself knows about a refusal. */
  #ownView({ code }: BerthError): string | undefined {
    const { certificate } = this.#options.device;
    const parsed = certificate === undefined ? undefined : new X509Certificate(certificate);
    return ownView(code, clock.now(), parsed && validityOf(parsed));
  }

  async #timeUp(): Promise<void> {
    if (this.#options.stay && this.#sentAll()) return;
    const state = this.#state;
    const about = `gave up after ${this.#options.timeout / 1000} s`;
    if (this.#starting) {
      this.#fail(new BerthError("internal", `${this.#options.engine.title} has not started`), { about });
      return;
    }
    const last = this.#lastRetriable;
    const awaited = await (await this.#agent?.catch(() => undefined))?.awaited();
    // An answer that DPS has got over in the same attempt is not what hinders it now.
    const isOver = last?.goesOn && awaited !== undefined && awaited !== last.error.code;
    const stalled = {
      phase: STALLED_PHASES[state],
      error: new BerthError(awaited ?? STALLED[state] ?? "connect-timeout", `still ${state}`),
    };
    const { phase, error } = last === undefined || isOver ? stalled : last;
    this.#fail(error, { ...(phase && { phase }), about });
  }

  #sentAll(): boolean {
    return this.#connected !== undefined && this.#acknowledged >= this.#options.telemetry + this.#kept;
  }

  #endIfDone(): void {
    if (this.#sentAll() && !this.#options.stay) this.#end();
  }

  /** Offers messages one after the other, until the outbox is full or an interval begins. */
  async #send(): Promise<void> {
    const { telemetry, interval } = this.#options;
    const agent = await this.#agent?.catch(() => undefined);
    if (!agent || this.#sending) return;
    this.#sending = true;
    while (!this.#done && this.#queued < telemetry && this.#pause === undefined) {
      const sequence = this.#queued + 1;
      this.#room = false;
      try {
        await agent.send(this.#bodyOf(sequence), this.#properties);
      } catch (error) {
        const known = asBerthError(error);
        if (known.code !== "outbox-full") this.#fail(known);
        // Room that came meanwhile; else `onRoom` comes back here.
        else if (this.#room) continue;
        break;
      }
      this.#queued = sequence;
      if (interval > 0) {
        this.#pause = setTimeout(() => {
          this.#pause = undefined;
          this.#send();
        }, interval);
      }
    }
    this.#sending = false;
  }

  #bodyOf(sequence: number): string {
    const { messages = [] } = this.#options;
    const uptime = Math.round(clock.ticks() - this.#started);
    return messages[(sequence - 1) % messages.length] ?? JSON.stringify({ sequence, uptime });
  }

  /** The device's process has ended by itself, or did not end in order when it was stopped. */
  #ended(error: BerthError): void {
    if (!this.#done) this.#fail(error);
    else if (this.#error === undefined) {
      this.#error = error;
      this.#options.onEvent(errorEvent(error, { final: true }), `${error.message} [${error.code}]`);
    }
  }

  #fail(error: BerthError, more: { phase?: ErrorReport["phase"]; about?: string } = {}): void {
    if (this.#done) return;
    const about = more.about === undefined ? optionFor(error) : `; ${more.about}`;
    const where = more.phase === undefined ? "" : `${PLACES[more.phase]}: `;
    const own = this.#ownView(error);
    this.#tell(
      errorEvent(error, { ...more, own, final: true }),
      `${where}${error.message} [${error.code}]${own === undefined ? "" : `; ${own}`}${about}`,
    );
    this.#error = error;
    this.#end();
  }

  /** What the next run has to send, of what this one was given. */
  #tellWaiting(): void {
    const { outboxFile } = this.#options.device;
    const count = this.#queued + this.#kept - this.#acknowledged;
    if (outboxFile === undefined || count <= 0 || this.#outboxFails) return;
    this.#tell(
      { event: "waiting", count, outbox: outboxFile },
      `${count} ${count === 1 ? "message waits" : "messages wait"} in ${outboxFile}: a run with this --outbox sends ${count === 1 ? "it" : "them"}`,
    );
  }

  #end(): void {
    if (this.#done) return;
    this.#tellWaiting();
    this.#done = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#pause);
    // Not from inside one of the agent's own calls.
    setImmediate(async () => {
      if (this.#starting) this.#starting.abort();
      else await (await this.#agent?.catch(() => undefined))?.stop();
      this.#resolve({
        acknowledged: this.#acknowledged,
        source: this.#connected?.source,
        hub: this.#connected?.hub,
        deviceId: this.#connected?.deviceId,
        error: this.#error,
      });
    });
  }

  #tell(event: CliEvent, line = ""): void {
    if (!this.#done) this.#options.onEvent(event, line);
  }
}

/** Of a certificate. */
export function validityOf({ validFrom, validTo }: X509Certificate): Validity {
  return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
}

/** For people. */
function credentialLine({ what, state, notAfter, counter }: CredentialReport): string {
  const whose = what === "roots" ? `roots with counter ${counter}` : "certificate";
  const until = notAfter === undefined ? "" : `, good until ${new Date(notAfter).toISOString()}`;
  const how = {
    asked: "asked for",
    stored: "stored, on trial from the next connection on",
    "in-use": "in use",
    "given-up": "given up: no connection with it",
  }[state];
  return `${whose} ${how}${until}`;
}
