// SPDX-License-Identifier: MIT
/**
 * What berth-native and the program that started it say to each other, one JSON object a line: the first line of
 * standard input is a `Settings`, each further one a `Command`; each line of standard output is a `NativeEvent`.
 */
import type { CredentialReport } from "../../../src/agent/credential";
import type { AgentOptions, AgentState, ConnectedReport, ErrorReport } from "../../../src/agent/agent";
import type { JsonObject } from "../../../src/azure/json";
import type { Properties } from "../../../src/azure/properties";
import { BerthError, ERRORS, type ErrorCode } from "../../../src/error";
import type { Assignment } from "../../../src/storage/assignment";
import type { LinuxHostOptions } from "./host";

/** The first line. The end of the input stops the device and ends the program. */
export type Settings = { readonly host: LinuxHostOptions } & (
  | {
      readonly run: "agent";
      /** What JSON can carry of them. */
      readonly agent: Omit<AgentOptions, "features" | "transports" | "credentials">;
      /** Of `transports(...)`; undefined for TCP alone. */
      readonly transports?: readonly string[] | undefined;
      readonly credentials?: CredentialSettings;
      /** Tell what passes inside TLS: `opened`, `sent` and `received`. Default false. */
      readonly trace?: boolean;
    }
  /** One connection, without MQTT: to try a server. */
  | { readonly run: "connection"; readonly server: string; readonly port: number }
);

/** What a device shows and trusts beside what its host has. */
export interface CredentialSettings {
  /** Has a certificate issued. */
  readonly issue: boolean;
  /** Who may sign roots, base64; absent: nobody. */
  readonly rootsKey?: string | undefined;
}

/** Each further line. */
export type Command =
  | { readonly command: "start" | "stop" | "reprovision" | "forget" | "exit" }
  /** Answered by `awaited`. */
  | { readonly command: "tellAwaited" }
  /** Telemetry for an agent, bytes for a connection. With an `id` it is answered by `accepted` or `refused`. */
  | {
      readonly command: "send";
      readonly payload: string;
      readonly properties?: Properties;
      readonly id?: number;
    };

/** A BerthError in JSON; what is undefined is missing. */
export interface NativeError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly status?: number | undefined;
  readonly retryAfter?: number | undefined;
  readonly errorCode?: number | undefined;
  readonly trackingId?: string | undefined;
}

export function encodeError(error: BerthError): NativeError {
  const { code, message, status, retryAfter, errorCode, trackingId } = error;
  return { code, message, status, retryAfter, errorCode, trackingId };
}

export function decodeError({ code, message, ...details }: NativeError): BerthError {
  // The message is the meaning of the code, or that and what it is about in brackets, or only what it is about.
  const meaning = ERRORS[code];
  const about = message.startsWith(meaning) ? message.slice(meaning.length + 2, -1) : message;
  return new BerthError(code, about, details);
}

/** What has happened. Bytes are in base64. */
export type NativeEvent =
  /** The settings are good. */
  | { readonly event: "ready" }
  /** Messages of earlier runs wait in the outbox. */
  | { readonly event: "kept"; readonly count: number }
  /** The settings, or the command with this `id`, are not; without settings the program ends. */
  | ({ readonly event: "refused"; readonly id?: number | undefined } & NativeError)
  | { readonly event: "accepted"; readonly id: number }
  /** TLS is up, with this version and suite. */
  | {
      readonly event: "secure";
      readonly version: string;
      readonly suite: string;
      readonly resumed: boolean;
    }
  | { readonly event: "stopped" }
  /** `Agent.awaited`. */
  | { readonly event: "awaited"; readonly code: ErrorCode | undefined }
  // Of an agent, see `AgentHandler`.
  | { readonly event: "state"; readonly state: AgentState }
  | ({
      readonly event: "assigned";
      readonly substatus: string | undefined;
      readonly payload: JsonObject | undefined;
    } & Assignment)
  | ({ readonly event: "connected" } & ConnectedReport)
  | { readonly event: "acknowledged"; readonly count: number }
  | {
      readonly event: "message";
      readonly payload: string;
      readonly properties: Properties;
      readonly offset: number;
      readonly byteLength: number;
    }
  | ({ readonly event: "credential" } & CredentialReport)
  | { readonly event: "room" }
  | ({
      readonly event: "error";
      readonly phase: ErrorReport["phase"];
      readonly retryIn: number | undefined;
    } & NativeError)
  // With `trace`. The signature of a SAS token is overwritten before it leaves the program.
  | { readonly event: "opened"; readonly connection: number; readonly peer: string }
  | { readonly event: "sent" | "received"; readonly connection: number; readonly bytes: string }
  // Of a connection without MQTT.
  | { readonly event: "writable"; readonly room: number }
  | { readonly event: "data"; readonly text: string }
  | ({ readonly event: "failed" } & NativeError);

/** Prints an event. */
export type Emit = (event: NativeEvent) => void;
