// SPDX-License-Identifier: MIT
/**
 * What Node and a device inside XS say to each other. One message is four bytes of length, big-endian, a header of
 * that length in JSON, and bytes. Both sides are ours, so a header is taken as what it says it is.
 */
import type { AgentOptions, AssignedReport, ConnectedReport, ErrorReport } from "../../src/agent/agent";
import type { Properties } from "../../src/azure/properties";
import { BerthError, ERRORS, type ErrorCode, type ErrorDetails } from "../../src/error";
import type { Assignment } from "../../src/storage/record";

/** A BerthError on its way. */
export interface WireError {
  readonly code: ErrorCode;
  readonly about: string;
  readonly details: ErrorDetails;
}

/** What Node sends, with the time: inside one delivery it stands still. */
export type Delivery = { readonly now: number | undefined; readonly ticks: number } & (
  | { readonly type: "create"; readonly options: AgentOptions; readonly features: Features }
  | { readonly type: "start" | "stop" | "reprovision" | "forget" }
  /** The payload is the bytes. */
  | { readonly type: "send"; readonly properties: Properties | undefined }
  | { readonly type: "timer"; readonly timer: number }
  | { readonly type: "readable" | "writable"; readonly transport: number; readonly count: number }
  | { readonly type: "failed"; readonly transport: number; readonly error: WireError }
);

/** What the host of the device has, and what its owner wants to hear. */
export interface Features {
  readonly signer: boolean;
  readonly network: boolean;
  readonly cloudToDevice: boolean;
}

/** How the device is, told after each delivery. */
export interface DeviceStatus {
  readonly pending: number;
  readonly assignment?: Assignment | undefined;
  readonly error?: WireError;
}

/** What XS asks of Node; it waits for the answer. */
export type Call =
  | { readonly call: "sign" | "random" | "network" }
  | { readonly call: "read" | "delete"; readonly key: string }
  /** The value is the bytes. */
  | { readonly call: "write"; readonly key: string }
  | { readonly call: "set"; readonly timer: number; readonly delay: number }
  | { readonly call: "clear"; readonly timer: number }
  | { readonly call: "open"; readonly transport: number; readonly host: string; readonly port: number }
  | { readonly call: "receive"; readonly transport: number; readonly count: number }
  /** What to send is the bytes. */
  | { readonly call: "transmit"; readonly transport: number }
  | { readonly call: "close"; readonly transport: number }
  | { readonly call: "state"; readonly state: number }
  | { readonly call: "assigned"; readonly report: AssignedReport }
  | { readonly call: "connected"; readonly report: ConnectedReport }
  /** The payload is the bytes. */
  | { readonly call: "acknowledged"; readonly bag: string; readonly count: number }
  /** The payload is the bytes. */
  | {
      readonly call: "cloudToDevice";
      readonly properties: [string, string | null][];
      readonly offset: number;
      readonly byteLength: number;
    }
  | { readonly call: "room" }
  | {
      readonly call: "error";
      readonly phase: ErrorReport["phase"];
      readonly error: WireError;
      readonly retryIn: number | undefined;
    };

/** The answer to a call; a value is the bytes, or a number. */
export interface Answer {
  readonly error?: WireError;
  /** The key has no value. */
  readonly missing?: boolean;
  readonly number?: number;
}

/** A message taken apart; `bytes` is a view. */
export interface Message<Header> {
  readonly header: Header;
  readonly bytes: Uint8Array;
}

const HEAD = 4;
const NO_BYTES = Object.freeze(new Uint8Array(0));

export function encodeMessage(header: object, bytes: Uint8Array = NO_BYTES): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const message = new Uint8Array(HEAD + json.length + bytes.length);
  new DataView(message.buffer).setUint32(0, json.length);
  message.set(json, HEAD);
  message.set(bytes, HEAD + json.length);
  return message;
}

export function decodeMessage<Header>(message: Uint8Array): Message<Header> {
  const length = new DataView(message.buffer, message.byteOffset).getUint32(0);
  const json = new TextDecoder().decode(message.subarray(HEAD, HEAD + length));
  return { header: JSON.parse(json) as Header, bytes: message.subarray(HEAD + length) };
}

/** @param error a BerthError, or what is left of one after JSON */
export function encodeError(error: Pick<BerthError, "code" | "message"> & Partial<BerthError>): WireError {
  const { code, message, retryAfter, status, errorCode, trackingId } = error;
  // The message is the meaning of the code, or that and what it is about in brackets, or only what it is about.
  const { meaning } = ERRORS[code];
  const about = message.startsWith(meaning) ? message.slice(meaning.length + 2, -1) : message;
  return {
    code,
    about,
    details: {
      ...(retryAfter !== undefined && { retryAfter }),
      ...(status !== undefined && { status }),
      ...(errorCode !== undefined && { errorCode }),
      ...(trackingId !== undefined && { trackingId }),
    },
  };
}

export function decodeError({ code, about, details }: WireError): BerthError {
  return new BerthError(code, about, details);
}
