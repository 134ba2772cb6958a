// SPDX-License-Identifier: MIT
/** What the agent tells the application, and what becomes of a handler that throws: it must not stop the life. */
import type { JsonObject } from "../azure/json";
import { type BerthError, handlerFailed } from "../error";
import type { Assignment } from "../storage/assignment";
import type { CredentialReport } from "./credential";
import { AgentState } from "./state";

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
  /** Which of `transports`; undefined without that option. */
  readonly transport?: string;
}

/** Telemetry that the hub has. */
export interface AcknowledgedTelemetry {
  readonly payload: Uint8Array;
  /** The property bag, encoded; empty without properties. */
  readonly bag: string;
}

/** What went wrong, and when the device tries again. */
export interface ErrorReport {
  /** What the device was about; `application` where one of the application's own handlers threw. */
  readonly phase: "network" | "clock" | "dps" | "hub" | "store" | "application";
  readonly error: BerthError;
  /**
   * Milliseconds until the next attempt, or with `AgentState.PROVISIONING` until the next request on the same connection;
   * undefined when life goes on without one.
   */
  readonly retryIn: number | undefined;
}

/** What the agent reports. An exception in one of these is reported as `handler-failed`, and life goes on. */
export interface AgentHandler {
  onState?(state: AgentState): void;
  onAssigned?(report: AssignedReport): void;
  onConnected?(report: ConnectedReport): void;
  /**
   * @param message good only during the call: the object is used again, its payload is yours
   * @param count of acknowledged messages since `start`
   */
  onAcknowledged?(message: AcknowledgedTelemetry, count: number): void;
  /** `send` has room again for the message that it refused with `outbox-full`. */
  onRoom?(): void;
  /** With `outbox.whenFull` "drop-oldest". @param count of messages that were dropped since the last call */
  onDropped?(count: number): void;
  /** Of `credentials`. */
  onCredential?(report: CredentialReport): void;
  onError?(report: ErrorReport): void;
}

export class Reports {
  readonly #handler: AgentHandler;
  /** How often the agent has gone on to something else: tells whether a handler has moved it. */
  #moves = 0;
  #stopped = true;

  constructor(handler: AgentHandler) {
    this.#handler = handler;
  }

  /** The agent goes on to something else. */
  moved(): void {
    this.#moves += 1;
  }

  /** @returns as `#tell` */
  state(state: AgentState): boolean {
    this.#stopped = state === AgentState.STOPPED;
    this.#moves += 1;
    return this.#tell("onState", () => this.#handler.onState?.(state));
  }

  /** @returns as `#tell` */
  assigned(report: AssignedReport): boolean {
    return this.#tell("onAssigned", () => this.#handler.onAssigned?.(report));
  }

  /** @returns as `#tell` */
  connected(report: ConnectedReport): boolean {
    return this.#tell("onConnected", () => this.#handler.onConnected?.(report));
  }

  /** @returns as `#tell` */
  error(phase: ErrorReport["phase"], error: BerthError, retryIn: number | undefined): boolean {
    return this.#tell("onError", () => this.#handler.onError?.(reportOf(phase, error, retryIn)));
  }

  /** An error that changes nothing about what comes next. Nobody is told while the agent is stopped. */
  problem(error: BerthError): void {
    if (!this.#stopped) this.error("hub", error, undefined);
  }

  /** As `problem`, of what is kept. */
  stored(error: BerthError): void {
    if (!this.#stopped) this.error("store", error, undefined);
  }

  credential(report: CredentialReport): void {
    if (!this.#stopped) this.#tell("onCredential", () => this.#handler.onCredential?.(report));
  }

  room(): void {
    this.#tell("onRoom", () => this.#handler.onRoom?.());
  }

  /** @returns false when nobody was told, for the agent is stopped */
  dropped(count: number): boolean {
    if (this.#stopped) return false;
    this.#tell("onDropped", () => this.#handler.onDropped?.(count));
    return true;
  }

  /** @returns false when the handler has moved the agent on, to stop for example: then nothing follows */
  #tell(handler: string, call: () => void): boolean {
    const moves = this.#moves;
    try {
      call();
    } catch (error) {
      this.blame(handler, error);
    }
    return moves === this.#moves;
  }

  /** Reports that the application threw; never after `stop`. */
  blame(handler: string, thrown: unknown): void {
    try {
      if (!this.#stopped)
        this.#handler.onError?.(reportOf("application", handlerFailed(handler, thrown), undefined));
    } catch {
      // Nobody is left to tell.
    }
  }
}

/** `handler-failed` is the application's fault, whatever it was met in. */
function reportOf(phase: ErrorReport["phase"], error: BerthError, retryIn: number | undefined): ErrorReport {
  return {
    phase: error.code === "handler-failed" ? "application" : phase,
    error,
    retryIn: retryIn && Math.ceil(retryIn),
  };
}
