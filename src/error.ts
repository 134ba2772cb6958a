// SPDX-License-Identifier: MIT
/** The one error class of the core, and the table of its codes. */
import { isPrintable, replaced } from "./characters";

/**
 * Every code with its meaning. `docs/errors.md` is checked against this table.
 * Sources: MQTT 3.1.1 table 3.1 (CONNACK), section 3.9.3 (SUBACK); DPS "error codes and messages".
 */
export const ERRORS = Object.freeze({
  "invalid-argument": "an option or argument is wrong; correct it",
  internal: "a part of the platform threw",
  "handler-failed": "a handler of the application threw; mend it",
  closed: "the object was closed before this call; make a new one",

  "network-down": "there is no network; the device waits for it",
  "clock-not-set": "the clock is not set; TLS and SAS need it: check NTP",
  "dns-failed": "the server's name could not be resolved; check the name and the network's DNS",
  "connect-failed": "no TCP connection; check address, port and firewall",
  "connect-timeout": "TCP and TLS were not up in time; the server or the network stalls",
  "connection-lost": "the connection ended; if that goes on, look for a second device with this id",
  "id-contested":
    "the hub soon ends each connection; is another device connected by this id? Give each its own",
  "tls-untrusted": "the server's certificate chain leads to no trusted root; check the roots",
  "tls-expired": "a certificate is expired or not yet valid; check it and the device's clock",
  "tls-name-mismatch": "the server's certificate is for another name; check the endpoint",
  "tls-client-certificate": "the server refused the client certificate in the TLS handshake",
  "tls-failed": "the TLS handshake failed; check that address and port are the server's",
  "websocket-refused":
    "the server opened no WebSocket; check the port (443), and who answers: a proxy or a firewall may",
  "websocket-malformed": "the server sent what no WebSocket may (RFC 6455)",
  "proxy-authentication":
    "the proxy takes no connection without a user name and password that it knows; check the option proxy",
  "proxy-refused": "the proxy opened no connection to the server; ask whoever runs it",
  "proxy-malformed": "who answers is no HTTP proxy; check the option proxy",

  "connack-timeout": "the server did not answer CONNECT in time",
  "connack-protocol-version": "CONNACK 1: the server does not speak MQTT 3.1.1",
  "connack-identifier-rejected": "CONNACK 2: the client identifier is refused",
  "connack-server-unavailable": "CONNACK 3: the server is unavailable, try later",
  "connack-bad-credentials": "CONNACK 4: bad user name or password; check id scope and key",
  "connack-not-authorized":
    "CONNACK 5: not authorized; check id scope, registration id, key or certificate, and that the enrollment is there and enabled",
  "subscribe-timeout": "the server did not answer SUBSCRIBE in time",
  "subscribe-refused": "SUBACK 0x80: the server refuses the topic filter",
  "publish-timeout": "the server did not acknowledge a QoS 1 message in time",
  "keep-alive-timeout": "no answer to PINGREQ in time; the connection is dead",
  "malformed-packet": "the server sent bytes that are no MQTT 3.1.1",
  "protocol-violation": "the server sent a packet that MQTT 3.1.1 forbids here",
  "packet-too-large": "the packet is larger than configured; raise the limit or send less",

  "dps-timeout": "DPS did not answer or did not finish the assignment in time",
  "dps-throttled": "DPS answered 429: too many requests; wait as told",
  "dps-server-error": "DPS answered 5xx; wait and try again",
  "dps-unauthorized": "DPS answered 401 or 403: check id scope, registration id, key or certificate",
  "dps-not-found": "DPS answered 404: no such DPS instance or enrollment",
  "dps-refused": "DPS refused the request; correct what it says",
  "dps-failed": "DPS reports the assignment failed; see errorCode and the enrollment",
  "dps-disabled": "the enrollment is disabled; enable it in DPS",
  "dps-unknown-profile": "DPS assigned a hub of a kind this device does not speak",
  "dps-device-id":
    "DPS assigned a device id that cannot be used over MQTT; give the device another one at DPS",
  "dps-malformed": "the answer of DPS could not be understood",

  "hub-timeout": "the hub did not answer a request in time",
  "hub-throttled": "the hub answered 429: too many requests; send less",
  "hub-server-error": "the hub answered 5xx; wait and try again",
  "hub-refused": "the hub refused the request; correct what it says",
  "hub-malformed": "the answer of the hub could not be understood",

  "certificate-unusable": "the certificate that was issued cannot be used",
  "roots-refused": "the roots that were delivered are not taken",
  "root-expires": "a trusted root ends soon; deliver roots that stay",

  "out-of-memory": "there is not enough memory for it now",
  "outbox-full": "too many messages wait for the hub; send less or later",
  "outbox-damaged": "part of the outbox cannot be read and is left out",
  "outbox-unwritten": "the outbox takes nothing more; messages wait in memory",
  "outbox-worn": "the outbox has had its erases of the day; send less, or give it more sectors",
  "store-failed": "the assignment could not be kept; check flash or disk",
} as const);

/** A stable name of what went wrong. */
export type ErrorCode = keyof typeof ERRORS;

/** With these another try is worth nothing while nobody changes anything. */
const LASTING: readonly ErrorCode[] = Object.freeze([
  "invalid-argument",
  "closed",
  "id-contested",
  "proxy-authentication",
  "connack-protocol-version",
  "connack-identifier-rejected",
  "connack-bad-credentials",
  "connack-not-authorized",
  "subscribe-refused",
  "packet-too-large",
  "dps-unauthorized",
  "dps-not-found",
  "dps-refused",
  "dps-failed",
  "dps-disabled",
  "dps-unknown-profile",
  "dps-device-id",
  "hub-refused",
  "roots-refused",
  "root-expires",
]);

/** What may go with an error. */
export interface ErrorDetails {
  /** Seconds to wait at least, as the server told. */
  readonly retryAfter?: number | undefined;
  /** CONNACK return code, DPS topic status, or another number that the server gave. */
  readonly status?: number | undefined;
  /** `errorCode` of a DPS error body. */
  readonly errorCode?: number | undefined;
  /** `trackingId` of a DPS error body: what Microsoft's support asks for. */
  readonly trackingId?: string | undefined;
}

/** An error of the core: `code` is stable, the message is for people. */
export class BerthError extends Error {
  readonly code: ErrorCode;
  readonly retryAfter: number | undefined;
  readonly status: number | undefined;
  readonly errorCode: number | undefined;
  readonly trackingId: string | undefined;

  /**
   * @param about what exactly, added to the meaning of the code; never a key or token. Of `invalid-argument` it is the
   *   whole message: it names the argument and says what to do.
   */
  constructor(code: ErrorCode, about = "", details?: ErrorDetails) {
    super(messageOf(code, about));
    this.code = code;
    this.retryAfter = details?.retryAfter;
    this.status = details?.status;
    this.errorCode = details?.errorCode;
    this.trackingId = details?.trackingId;
  }

  /** Worth another try with nothing changed. */
  get retriable(): boolean {
    return !LASTING.includes(this.code);
  }

  override get name(): string {
    return "BerthError";
  }
}

function messageOf(code: ErrorCode, about: string): string {
  const meaning = ERRORS[code];
  if (about === "") return meaning;
  return code === "invalid-argument" ? about : `${meaning} (${about})`;
}

/** `error` as a BerthError: itself, or wrapped under `code`. Never throws, whatever was thrown. */
export function asBerthError(error: unknown, code: ErrorCode = "internal"): BerthError {
  if (error instanceof BerthError) return error;
  return new BerthError(code, textOf(error));
}

function textOf(thrown: unknown): string {
  try {
    if (thrown !== undefined) return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    // Something that cannot even be turned into text was thrown.
  }
  return "";
}

/** `handler-failed`: `thrown` came out of the application's `handler`. */
export function handlerFailed(handler: string, thrown: unknown): BerthError {
  return new BerthError("handler-failed", `${handler}: ${textOf(thrown)}`);
}

/**
 * For what platforms call: `call`, whose errors become a `handler-failed` for `onError`.
 * @param handler its name for the message
 * @param onError what it throws is lost: there is nobody else to tell
 */
export function guarded(handler: string, call: () => void, onError: (error: BerthError) => void): () => void {
  return () => {
    try {
      call();
    } catch (thrown) {
      try {
        onError(handlerFailed(handler, thrown));
      } catch {
        // See above.
      }
    }
  };
}

/** Text of a server for a message: bounded, and without control characters. */
export function shown(text: string): string {
  let result = text.slice(0, 200);
  for (let i = 0; i < result.length; i += 1) {
    if (!isPrintable(result.charAt(i))) result = replaced(result, i, "?");
  }
  return result;
}

/**
 * What a server says of an error, for a message: `status 429, errorCode 429000: its own words`.
 * @param parts what is known beside its code and its words
 */
export function answerText(
  parts: readonly string[],
  errorCode: number | undefined,
  words: string | undefined,
): string {
  const known = (errorCode === undefined ? parts : [...parts, `errorCode ${errorCode}`]).join(", ");
  // The full stop would stand in the middle of ours.
  const own = words?.endsWith(".") ? words.slice(0, -1) : words;
  if (!own) return known;
  return known === "" ? shown(own) : `${known}: ${shown(own)}`;
}

/** `invalid-argument`, the error of all that the caller can mend. @param about what is wrong */
export function invalidArgument(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}

/** @throws BerthError `invalid-argument` naming an option that is there and no number from `low` to `high` */
export function inRange(value: number | undefined, low: number, high: number, name: string): void {
  // A text compares as a number and would be added as a text.
  if (value !== undefined && !(typeof value === "number" && value >= low && value <= high)) {
    throw invalidArgument(`${name} is not ${low} to ${high}`);
  }
}
