// SPDX-License-Identifier: MIT
/**
 * A device that sends telemetry and hears messages from the cloud: what every device has, and all that one has whose
 * image carries no direct methods and no twin. `device.ts` adds those.
 *
 * Shapes follow ECMA-419: `onX` callbacks whose `this` is the device, none from inside a method, none after `close`.
 * What may be called at any time does not throw for the state of the network: it returns false, or reports by `onError`.
 */
import {
  Agent,
  type AgentHandler,
  type AgentOptions,
  AgentState,
  type AssignedReport,
  type ConnectedReport,
  type ErrorReport,
} from "./agent/agent";
import type { CredentialReport } from "./agent/credential";
import type { Identity } from "./agent/identity";
import {
  CloudToDevice,
  type CloudToDeviceMessage,
  type CloudToDeviceOptions,
} from "./azure/hub/cloud-to-device";
import type { HubFeature } from "./azure/hub/feature";
import { utf8Length } from "./azure/percent";
import { type Properties, SystemProperty } from "./azure/properties";
import { asBerthError, BerthError, handlerFailed, inRange, invalidArgument } from "./error";
import type { Host, TimerHandle } from "./host";

/** What went wrong. */
export interface DeviceError {
  /** In what; `application` is the application's own code. */
  readonly where: ErrorReport["phase"];
  readonly error: BerthError;
  /** Milliseconds until the device tries again; undefined when life goes on without that. */
  readonly retryIn: number | undefined;
}

/** What an application hears. A callback that throws is reported by `onError`, and life goes on. */
export interface DeviceCallbacks<Self> {
  /** Where the device is in its life, in words. */
  onState?(this: Self, state: AgentState): void;
  /** DPS has named a hub. */
  onAssigned?(this: Self, report: AssignedReport): void;
  /** The hub has accepted the device. */
  onConnected?(this: Self, report: ConnectedReport): void;
  /** The connection to the hub has ended, by plan or not. */
  onDisconnected?(this: Self): void;
  /**
   * A message from the cloud. Without it the device does not subscribe to any.
   * @param message good only during the call
   */
  onMessage?(this: Self, message: CloudToDeviceMessage): void;
  /** The hub has a message of `send`. @param count of them since the start */
  onAcknowledged?(this: Self, count: number): void;
  /** `send` has returned false, and has room again. */
  onRoom?(this: Self): void;
  /** Messages that waited were dropped: the oldest for newer ones, or all by `forget`. @param count how many */
  onDropped?(this: Self, count: number): void;
  /** A certificate that is issued, or roots that are delivered, have come a step further. */
  onCredential?(this: Self, report: CredentialReport): void;
  onError?(this: Self, report: DeviceError): void;
}

/** For messages from the cloud whose handler throws, or which are too large. */
export type MessageOptions = Omit<CloudToDeviceOptions, "onMessage">;

/** Options of every platform; all can be left out. Durations are milliseconds. */
export interface TelemetryDeviceOptions<Self = TelemetryDevice>
  extends DeviceCallbacks<Self>,
    Omit<AgentOptions, "identity" | "features" | "attended"> {
  /** What becomes of messages from the cloud that cannot be taken. */
  readonly messages?: MessageOptions;
  /** Of IoT Plug and Play, `dtmi:...`: told to DPS and to the hub. */
  readonly modelId?: string;
  /** Features of the hub beside those that the device has. */
  readonly features?: readonly HubFeature[];
}

/** What goes with a message. */
export interface SendOptions {
  /** Of the application; null is a name that stands alone. */
  readonly properties?: Properties;
  /** Default `application/json` for what is sent as JSON, else none. */
  readonly contentType?: string;
  /** Default `utf-8` for JSON and text, none for bytes. */
  readonly contentEncoding?: string;
  /** The component of the model that the telemetry is of. */
  readonly component?: string;
  /** When it was measured. Without it the hub's time counts. */
  readonly createdAt?: Date;
  readonly messageId?: string;
  readonly correlationId?: string;
}

/** Frozen, so that they are encoded once. */
const JSON_PROPERTIES: Properties = Object.freeze({
  [SystemProperty.CONTENT_TYPE]: "application/json",
  [SystemProperty.CONTENT_ENCODING]: "utf-8",
});
const TEXT_PROPERTIES: Properties = Object.freeze({ [SystemProperty.CONTENT_ENCODING]: "utf-8" });

export class TelemetryDevice {
  readonly #host: Host;
  readonly #agent: Agent;
  readonly #callbacks: DeviceCallbacks<this>;
  /** What ends each `every`, and what was to happen a moment later. */
  #ends: readonly (() => void)[] = [];
  #closed = false;
  #connected = false;

  /**
   * Starts the device's life a moment later.
   * @throws BerthError `invalid-argument` naming the option that is wrong; nothing has started then
   */
  constructor(host: Host, identity: Identity, options: TelemetryDeviceOptions<never> = {}) {
    const { messages = {}, modelId, features, ...rest } = options;
    this.#host = host;
    this.#callbacks = callbacksOf<this>(options as DeviceCallbacks<this>);
    const { onMessage } = this.#callbacks;
    const inbox = onMessage
      ? [
          new CloudToDevice({
            ...messages,
            onMessage: (message) => this.#tell(() => onMessage.call(this, message)),
          }),
        ]
      : [];
    this.#agent = new Agent(host, this.#handler(), {
      ...agentOptions(rest),
      identity,
      hub: { ...rest.hub, ...(modelId !== undefined && { modelId }) },
      provisioning: {
        ...rest.provisioning,
        ...(modelId !== undefined && { payload: { ...rest.provisioning?.payload, modelId } }),
      },
      features: [...inbox, ...listOf(features)],
    });
    this.#later(() => this.#begin());
  }

  /** Where the device is in its life, in words. */
  get state(): AgentState {
    return this.#agent.state;
  }

  /** The hub has accepted the device, and the connection stands. */
  get connected(): boolean {
    return this.#agent.state === AgentState.RUNNING;
  }

  /** Where DPS has put the device; undefined while nobody knows. */
  get assignment(): Agent["assignment"] {
    return this.#agent.assignment;
  }

  /**
   * When a server last answered, in ticks of the platform's clock; while a wait is announced, its end. A device that hears
   * nothing for long after it is stuck: for a watchdog.
   */
  get heardAt(): number {
    return this.#agent.heardAt;
  }

  /** Messages of `send` that the hub does not have yet. */
  get pending(): number {
    return this.#agent.pending;
  }

  /**
   * Sends telemetry, at least once: now, or when there is a connection.
   * @param value bytes as they are, text in UTF-8, anything else as JSON. Bytes must not change until the hub has them
   * @returns false when it was not queued: no room (`onRoom` tells when there is), or too large, which `onError` tells
   * @throws BerthError `invalid-argument` for what is no JSON or no text, and for a wrong option; `closed`
   */
  send(value: unknown, options?: SendOptions): boolean {
    this.#assertOpen();
    const isBytes = value instanceof Uint8Array;
    const payload = isBytes
      ? value
      : this.#host.text.encode(typeof value === "string" ? textOf(value) : jsonOf(value));
    const properties = propertiesOf(
      isBytes ? undefined : typeof value === "string" ? TEXT_PROPERTIES : JSON_PROPERTIES,
      options,
    );
    try {
      this.#agent.send(payload, properties);
      return true;
    } catch (error) {
      const known = asBerthError(error);
      if (known.code === "invalid-argument") throw known;
      if (known.code !== "outbox-full")
        this.#report({ where: "application", error: known, retryIn: undefined });
      return false;
    }
  }

  /**
   * Calls `work` again and again until the device is closed. What it throws is reported by `onError`: from a timer of the
   * platform it would restart a chip.
   * @param interval milliseconds from the end of one call to the next, 1 to 2,147,483,647
   * @returns ends it; may be called twice
   * @throws BerthError `invalid-argument`, `closed`
   */
  every(interval: number, work: (this: this) => void): () => void {
    this.#assertOpen();
    inRange(interval, 1, 2_147_483_647, "every: the interval");
    const { timers } = this.#host;
    let timer: TimerHandle;
    const end = (): void => {
      timers.clear(timer);
      this.#ended(end);
    };
    const next = (): void => {
      timer = timers.set(() => {
        this.#guard("every", () => work.call(this));
        if (this.#ends.includes(end)) next();
      }, interval);
    };
    this.#ends = [...this.#ends, end];
    next();
    return end;
  }

  /** Asks DPS anew where the device belongs; what it knows stays until there is an answer. @throws BerthError `closed` */
  reprovision(): void {
    this.#assertOpen();
    this.#agent.reprovision();
  }

  /**
   * Forgets the assignment for good (a new owner), drops the telemetry that waits, and asks DPS anew.
   * @returns false when the store refuses, which `onError` tells: everything stays as it was
   * @throws BerthError `closed`
   */
  forget(): boolean {
    this.#assertOpen();
    try {
      const dropped = this.#agent.forget();
      if (dropped > 0) {
        this.#later(() => this.#guard("onDropped", () => this.#callbacks.onDropped?.call(this, dropped)));
      }
      return true;
    } catch (error) {
      this.#report({ where: "store", error: asBerthError(error, "store-failed"), retryIn: undefined });
      return false;
    }
  }

  /** Disconnects and ends everything. No callback follows. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of this.#ends) end();
    this.#agent.stop();
    this.#host.end?.();
  }

  /** For a class that adds to it. @throws BerthError `closed` */
  protected assertOpen(): void {
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#closed) throw new BerthError("closed", "the device");
  }

  #begin(): void {
    if (this.#closed) return;
    try {
      if (this.#host.begin) this.#host.begin((error) => this.#start(error));
      else this.#start();
    } catch (error) {
      this.#start(error);
    }
  }

  /** @param error of the platform: the device does not start */
  #start(error?: unknown): void {
    // Closed while the platform was asked: nothing of it is needed.
    if (this.#closed) this.#host.end?.();
    else if (error !== undefined) {
      this.#report({ where: "store", error: asBerthError(error, "store-failed"), retryIn: undefined });
    } else this.#agent.start();
  }

  #handler(): AgentHandler {
    const callbacks = this.#callbacks;
    return {
      onState: (state) => {
        if (this.#connected && state !== AgentState.RUNNING) {
          this.#connected = false;
          this.#tell(() => callbacks.onDisconnected?.call(this));
        }
        this.#tell(() => callbacks.onState?.call(this, state));
      },
      onAssigned: (report) => this.#tell(() => callbacks.onAssigned?.call(this, report)),
      onConnected: (report) => {
        this.#connected = true;
        this.#tell(() => callbacks.onConnected?.call(this, report));
      },
      onAcknowledged: (_message, count) => {
        if (!this.#closed) callbacks.onAcknowledged?.call(this, count);
      },
      onRoom: () => this.#tell(() => callbacks.onRoom?.call(this)),
      onDropped: (count) => this.#tell(() => callbacks.onDropped?.call(this, count)),
      onCredential: (report) => this.#tell(() => callbacks.onCredential?.call(this, report)),
      onError: ({ phase, error, retryIn }) =>
        this.#tell(() => callbacks.onError?.call(this, { where: phase, error, retryIn })),
    };
  }

  /** Calls the application; what it throws is the agent's to report. */
  #tell(call: () => void): void {
    if (!this.#closed) call();
  }

  /** Calls the application from a timer. */
  #guard(what: string, call: () => void): void {
    try {
      this.#tell(call);
    } catch (error) {
      this.#report({ where: "application", error: handlerFailed(what, error), retryIn: undefined });
    }
  }

  /** No callback comes from inside a method. @param call does not throw */
  #later(call: () => void): void {
    const { timers } = this.#host;
    const timer = timers.set(() => {
      this.#ended(end);
      call();
    }, 0);
    const end = (): void => timers.clear(timer);
    this.#ends = [...this.#ends, end];
  }

  #ended(end: () => void): void {
    this.#ends = this.#ends.filter((other) => other !== end);
  }

  #report(report: DeviceError): void {
    this.#later(() => {
      try {
        this.#tell(() => this.#callbacks.onError?.call(this, report));
      } catch {
        // There is nobody else to tell.
      }
    });
  }
}

/** What an application has given. @throws BerthError `invalid-argument` */
export function listOf<One>(list: readonly One[] = [], option = "features"): readonly One[] {
  if (!Array.isArray(list)) throw invalidArgument(`${option} is no array`);
  return list;
}

/** The callbacks alone: the options may hold keys, and may change later. */
function callbacksOf<Self>(options: DeviceCallbacks<Self>): DeviceCallbacks<Self> {
  const { onState, onAssigned, onConnected, onDisconnected, onMessage } = options;
  const { onAcknowledged, onRoom, onDropped, onCredential, onError } = options;
  const all = {
    onState,
    onAssigned,
    onConnected,
    onDisconnected,
    onMessage,
    onAcknowledged,
    onRoom,
    onDropped,
    onCredential,
    onError,
  };
  for (const name of Object.keys(all) as (keyof typeof all)[]) {
    if (all[name] !== undefined && typeof all[name] !== "function")
      throw invalidArgument(`${name} is no function`);
  }
  return all as DeviceCallbacks<Self>;
}

/** What stays of the options for the agent. */
function agentOptions<Options extends TelemetryDeviceOptions<never>>(
  options: Options,
): Omit<AgentOptions, "identity"> {
  const { provisioning, hub, outbox, credentials, transports, startSpread } = options;
  const { maximumFailures, backoff, slowBackoff } = options;
  return {
    ...(credentials && { credentials }),
    ...(provisioning && { provisioning }),
    ...(hub && { hub }),
    ...(outbox && { outbox }),
    ...(transports !== undefined && { transports }),
    ...(startSpread !== undefined && { startSpread }),
    ...(maximumFailures !== undefined && { maximumFailures }),
    ...(backoff && { backoff }),
    ...(slowBackoff && { slowBackoff }),
  };
}

/** @throws BerthError `invalid-argument` */
function jsonOf(value: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw invalidArgument(`send: the value is no JSON: ${asBerthError(error, "invalid-argument").message}`);
  }
  if (json === undefined)
    throw invalidArgument(`send: ${typeof value} is no JSON; send an object, text or bytes`);
  return json;
}

/** @throws BerthError `invalid-argument`: what cannot be written in UTF-8 would arrive as something else */
function textOf(text: string): string {
  try {
    utf8Length(text);
  } catch {
    throw invalidArgument("send: the text holds half of a surrogate pair, which UTF-8 cannot carry");
  }
  return text;
}

/** @param own what the kind of payload has by itself */
function propertiesOf(own: Properties | undefined, options: SendOptions | undefined): Properties | undefined {
  if (!options) return own;
  const { properties, contentType, contentEncoding, component, createdAt, messageId, correlationId } =
    options;
  const only = !contentType && !contentEncoding && !component && !createdAt && !messageId && !correlationId;
  // As they are, so that frozen ones are encoded once.
  if (only && !own) return properties;
  const all: Record<string, string | null> = { ...own, ...properties };
  const system = [
    [SystemProperty.CONTENT_TYPE, contentType],
    [SystemProperty.CONTENT_ENCODING, contentEncoding],
    [SystemProperty.COMPONENT, component],
    [SystemProperty.CREATION_TIME, createdAt && timeOf(createdAt)],
    [SystemProperty.MESSAGE_ID, messageId],
    [SystemProperty.CORRELATION_ID, correlationId],
  ] as const;
  for (const [name, value] of system) if (value !== undefined) all[name] = value;
  return all;
}

/** @throws BerthError `invalid-argument` */
function timeOf(date: Date): string {
  if (Number.isNaN(date.getTime())) throw invalidArgument("send: createdAt is no time");
  return date.toISOString();
}
