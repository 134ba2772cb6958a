// SPDX-License-Identifier: MIT
/** rhea, with what its types leave out and the bounds here need. */
import rhea, { type Delivery, type Receiver, type Sender, type Session } from "rhea";

export default rhea;

/** An error that ends a link, a session or a connection, or comes with a refused delivery. */
export interface AmqpError {
  condition: string;
  description: string;
  info?: Record<string, unknown>;
}

/** A message as it was decoded; what a client sends may be of any type. */
export interface ReceivedMessage {
  message_id?: unknown;
  user_id?: unknown;
  to?: unknown;
  reply_to?: unknown;
  correlation_id?: unknown;
  content_type?: unknown;
  content_encoding?: unknown;
  absolute_expiry_time?: unknown;
  ttl?: unknown;
  application_properties?: Record<string, unknown>;
  body?: unknown;
}

/** A frame on a session, as rhea has read it. */
export interface Frame {
  performative: Record<string, unknown>;
  payload?: Buffer;
}

/** A session, which rhea hands its frames by these methods. */
export interface GuardedSession extends Session {
  on_transfer(frame: Frame): void;
  on_disposition(frame: Frame): void;
  on_flow(frame: Frame): void;
  remote: { handles: Record<string, GuardedReceiver | undefined> };
  outgoing: { next_pending_delivery: number };
}

export interface GuardedReceiver extends Receiver {
  credit: number;
  /** The delivery whose end has not come. */
  _incomplete?: { frames: (Buffer | undefined)[] };
}

/** Of the sending side; rhea counts down `credit` when a delivery goes out, not when it is given. */
export interface CountedSender extends Sender {
  credit: number;
  _draining: boolean;
}

/** The answer to an attach, which has not been sent while its event is handled. */
export interface Answer {
  local: { attach: Record<string, unknown> };
}

/** The bytes of a message's data sections, or of a string that it has in their place. */
export function bodyOf({ body }: ReceivedMessage): Buffer {
  const content =
    typeof body === "object" && body !== null && "content" in body
      ? (body as { content: unknown }).content
      : body;
  const parts = Array.isArray(content) ? content : [content];
  return Buffer.concat(
    parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(typeof part === "string" ? part : ""))),
  );
}

/** An identifier of a message, which may be text, a number or a UUID. */
export function idOf(value: unknown): string | undefined {
  if (Buffer.isBuffer(value)) return value.length === 16 ? rhea.uuid_to_string(value) : value.toString();
  return value === undefined || value === null ? undefined : String(value);
}

/** Settles a delivery that came to us: taken, or refused. */
export function settle(delivery: Delivery, error?: AmqpError): void {
  if (error === undefined) delivery.accept();
  // rhea's types know fewer fields of an error.
  else delivery.reject(error as Parameters<Delivery["reject"]>[0]);
}

/** Ends a delivery of ours that was not settled in time. */
export function takeBack(delivery: Delivery): void {
  const { released } = rhea.message as unknown as { released(): { described(): unknown } };
  delivery.update(true, released().described());
}
