// SPDX-License-Identifier: MIT
/**
 * The module `berth/transports`: other ways to the same servers, for networks that let 8883 not through. An image that does
 * not import it carries none of it.
 *
 * The first of the order is the one that is wanted. After a failure to reach a server by one, the next one is tried; the
 * one by which a server answers is kept, over a restart too, for each start behind a closed port would cost a time-out
 * else. What is kept is one word under one key: where it is torn or lost the device begins with the first one, once.
 * From time to time a connection that is made anyway begins with the first one again.
 */
import type { Identity } from "./agent/identity";
import type { MakeWays, Way, Ways } from "./agent/ways";
import { isDigits } from "./characters";
import { type ErrorCode, invalidArgument } from "./error";
import type { Host, TransportBinding } from "./host";
import { WebSocketTransport } from "./mqtt/websocket";
import { decodeRecord, encodeRecord, type RecordCodec, RecordKind } from "./storage/record";

/** Short enough for NVS. */
export const TRANSPORT_KEY = "transport";

/** The server was not reached, or whoever stands between. A refusal of the device is none: no other way leads past it. */
const UNREACHED: readonly ErrorCode[] = Object.freeze([
  "connect-failed",
  "connect-timeout",
  "connection-lost",
  "connack-timeout",
  "malformed-packet",
  "protocol-violation",
  "tls-failed",
  "tls-untrusted",
  "tls-name-mismatch",
  "websocket-refused",
  "websocket-malformed",
  "proxy-refused",
]);

/** A way by which a server has answered is left after so many failures in a row; another one after the first. */
const PATIENCE = 2;
/** The first one is tried again after so long, and after twice as long each time that it fails. Milliseconds. */
const FIRST_RETURN = 3_600_000;
const LAST_RETURN = 86_400_000;
/** How long such a try may take. */
const RETURN_TIMEOUT = 10_000;

const WEBSOCKET_PATH = "/$iothub/websocket";
/** Else the server asks for a client certificate. */
const WITHOUT_CERTIFICATE = "?iothub-no-client-cert=true";

/** How an entry of the order makes connections. */
interface Entry {
  readonly name: string;
  readonly isWebSocket: boolean;
  /** Undefined: that of the options. */
  readonly port: number | undefined;
}

/**
 * An order of transports, for the option `transports` of a device.
 * @param order the one that is wanted first: `tcp`, MQTT over TLS at the port of `hub` and `provisioning`, or `tcp:PORT`;
 *   `websocket`, MQTT over WebSocket at 443, or `websocket:PORT`
 * @throws BerthError `invalid-argument` for an entry that is none of these, or comes twice
 */
export function transports(...order: readonly string[]): MakeWays {
  const entries = order.map(entryOf);
  if (entries.length === 0)
    throw invalidArgument('transports: none is given; give "tcp", "websocket" or both');
  return (host) => new Order(entries, host);
}

function entryOf(name: string, at: number, all: readonly string[]): Entry {
  const [kind, digits, ...rest] = name.split(":");
  const isKind = (kind === "tcp" || kind === "websocket") && rest.length === 0;
  const port = digits === undefined ? undefined : isDigits(digits, 5) ? Number(digits) : 0;
  if (!isKind || port === 0 || (port ?? 1) > 65_535) {
    throw invalidArgument(
      `transports: "${name}" is no transport; give tcp, tcp:PORT, websocket or websocket:PORT`,
    );
  }
  if (all.indexOf(name) !== at) throw invalidArgument(`transports: ${name} is there twice; leave one out`);
  const isWebSocket = kind === "websocket";
  return { name, isWebSocket, port: port ?? (isWebSocket ? 443 : undefined) };
}

class Order implements Ways {
  readonly #host: Host;
  readonly #entries: readonly Entry[];
  /** The one in use. */
  #at = 0;
  /** The one by which a server has answered; undefined before. */
  #proven: number | undefined;
  #failures = 0;
  /** What is in the store; undefined before it was looked at. */
  #kept: string | undefined;
  /** The connection of now is a try of the first one. */
  #returning = false;
  #returnAt = 0;
  #returnAfter = FIRST_RETURN;

  constructor(entries: readonly Entry[], host: Host) {
    this.#host = host;
    this.#entries = entries;
  }

  next(host: Host, identity: Identity): Way {
    this.#restore();
    this.#returning = this.#at > 0 && this.#host.clock.ticks() >= this.#returnAt;
    const { name, port, isWebSocket } = this.#entries[this.#returning ? 0 : this.#at] as Entry;
    const transport = isWebSocket ? webSocket(host, identity) : host.transport;
    return { name, port, transport, ...(this.#returning && { connectTimeout: RETURN_TIMEOUT }) };
  }

  worked(): void {
    if (this.#returning) this.#at = 0;
    this.#returning = false;
    this.#failures = 0;
    if (this.#at === 0) this.#returnAfter = FIRST_RETURN;
    else if (this.#proven !== this.#at) this.#returnLater();
    this.#proven = this.#at;
    this.#keep();
  }

  failed(code: ErrorCode): void {
    if (this.#returning) {
      this.#returning = false;
      this.#returnAfter = Math.min(2 * this.#returnAfter, LAST_RETURN);
      this.#returnLater();
      return;
    }
    if (!UNREACHED.includes(code)) return;
    this.#failures += 1;
    if (this.#at === this.#proven && this.#failures < PATIENCE) return;
    this.#failures = 0;
    this.#at = (this.#at + 1) % this.#entries.length;
    // The first one has its turn in the order.
    this.#returnLater();
  }

  #returnLater(): void {
    this.#returnAt = this.#host.clock.ticks() + this.#returnAfter;
  }

  /** What an earlier run has kept; what cannot be read, or is no name of the order, counts for nothing. */
  #restore(): void {
    if (this.#kept !== undefined) return;
    this.#kept = "";
    const { store, text } = this.#host;
    try {
      const value = store.read(TRANSPORT_KEY);
      // Something is there, which is to be set aside when the first one works.
      if (value) this.#kept = decodeRecord(NAME, value, text)?.value ?? "?";
    } catch {
      // Nothing is known of another run.
    }
    const at = this.#entries.findIndex(({ name }) => name === this.#kept);
    if (at <= 0) return;
    this.#at = this.#proven = at;
    this.#returnLater();
  }

  /** The first one needs no record. */
  #keep(): void {
    const { store, text } = this.#host;
    const name = this.#at === 0 ? "" : (this.#entries[this.#at] as Entry).name;
    if (name === this.#kept) return;
    try {
      if (name === "") store.delete(TRANSPORT_KEY);
      else store.write(TRANSPORT_KEY, encodeRecord(NAME, { sequence: 1, value: name }, text));
      this.#kept = name;
    } catch {
      // The next restart begins with another one. Tried again at the next connection.
    }
  }
}

function webSocket({ transport, text, random }: Host, { attestation }: Identity): TransportBinding {
  const path = attestation === "x509" ? WEBSOCKET_PATH : WEBSOCKET_PATH + WITHOUT_CERTIFICATE;
  return { io: WebSocketTransport, inner: transport, text, random, path };
}

/** The body is the name, in UTF-8. */
const NAME: RecordCodec<string> = Object.freeze({
  kind: RecordKind.TRANSPORT,
  encode: (name, text) => text.encode(name),
  decode: (body, text) => text.decode(body),
} satisfies RecordCodec<string>);
