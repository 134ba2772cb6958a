// SPDX-License-Identifier: MIT
/** Where the code of a device runs. `berth` asks all of them for the same. */
import type { CredentialSettings } from "../hosts/native/linux/protocol";
import type { NodeHostOptions } from "../hosts/node/host";
import type {
  AgentOptions,
  AgentState,
  AssignedReport,
  ConnectedReport,
  ErrorReport,
} from "../src/agent/agent";
import type { CredentialReport } from "../src/agent/credential";
import type { CloudToDeviceMessage } from "../src/azure/hub/cloud-to-device";
import type { MethodHandlers } from "../src/azure/hub/direct-methods";
import type { Properties } from "../src/azure/properties";
import type { BerthError, ErrorCode } from "../src/error";
import type { Timeline } from "./timeline";

export const ENGINE_NAMES = ["node", "native"] as const;

/**
 * `node`: this process. `native`: berth-native, XS with sockets, TLS and HMAC in C, as on a board.
 */
export type EngineName = (typeof ENGINE_NAMES)[number];

/** What a device is and where it finds its servers. */
export interface EngineHost extends NodeHostOptions {
  readonly credentials?: CredentialSettings | undefined;
  /** Of `transports(...)`; undefined for TCP alone. */
  readonly transports?: readonly string[] | undefined;
}

/** What a device reports; see `AgentHandler` and `CloudToDevice` for what these mean. */
export interface EngineHandler {
  onState(state: AgentState): void;
  onAssigned(report: AssignedReport): void;
  onConnected(report: ConnectedReport): void;
  onAcknowledged(): void;
  /** So many messages of earlier runs wait in the outbox. */
  onKept?(count: number): void;
  onMessage(message: CloudToDeviceMessage): void;
  onCredential(report: CredentialReport): void;
  onRoom(): void;
  onError(report: ErrorReport): void;
  /** TLS is up. Told by an engine whose TLS is not Node's. */
  onSecure(version: string, suite: string, resumed: boolean): void;
  /** The engine printed something that it should not have to: an unhandled exception for example. */
  onLine(line: string): void;
  /** The device's process has ended unasked, or when asked not in order; nothing more comes. */
  onEnded(error: BerthError): void;
}

/** A device that has started. */
export interface EngineDevice {
  /** Of the process that it runs in; undefined where that is this one. */
  readonly pid: number | undefined;
  /**
   * Queues telemetry. Not to be waited for inside a call of the handler.
   * @throws BerthError as `Agent.send`; `closed` or `internal` when the device's process has ended
   */
  send(payload: string, properties: Properties): Promise<void>;
  /** As `Agent.awaited`; undefined too where the device's process does not answer. */
  awaited(): Promise<ErrorCode | undefined>;
  /** Disconnects, and ends the process. Never rejects. Idempotent. */
  stop(): Promise<void>;
}

export interface DeviceEngine {
  readonly name: EngineName;
  /** For people: the engine and its version. */
  readonly title: string;
  /**
   * Starts a device. The handler may be called before the promise resolves.
   * @param timeline gets all packets
   * @param methods direct methods that it answers; an engine with a process of its own takes none
   * @param signal ends a start that is not over, and the process with it: the promise rejects, `onEnded` is not called
   * @throws BerthError `invalid-argument` for what the engine cannot take, before anything has started; `store-failed`;
   *   `internal` when its process does not start
   */
  start(
    device: EngineHost,
    options: AgentOptions,
    handler: EngineHandler,
    timeline?: Timeline,
    signal?: AbortSignal,
    methods?: MethodHandlers,
  ): Promise<EngineDevice>;
}
