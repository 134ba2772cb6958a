// SPDX-License-Identifier: MIT
/**
 * Direct methods: the service calls, the device answers with a status and JSON.
 * Source: "Understand and invoke direct methods from IoT Hub", "Communicate with an IoT hub using the MQTT protocol".
 */
import { BerthError, handlerFailed, inRange, invalidArgument } from "../../error";
import { NO_BYTES } from "../../mqtt/packets";
import type { InboundPublish } from "../../mqtt/reader";
import { parseJson } from "../json";
import { percentDecode, percentEncode } from "../percent";
import { queryValue } from "../response-topic";
import type { HubFeature, HubFeatureHost, HubMessage } from "./feature";

const FILTERS = Object.freeze(["$iothub/methods/POST/#"]);
const PREFIX = "$iothub/methods/POST/";

/** A call that the service waits for. */
export interface MethodCall {
  /** For a command of a component `component*command` (IoT Plug and Play). */
  readonly name: string;
  /** What the service sent, read as JSON; undefined for nothing. */
  readonly payload: unknown;
  /**
   * Answers, now or later.
   * @param status HTTP-like; whole, of the application's choice
   * @param payload anything that JSON.stringify takes; undefined for nothing
   * @returns false when nobody waits any more: answered before, the connection has ended, or the caller's time is over
   * @throws BerthError `invalid-argument` for a status that is no whole number or a payload that is no JSON;
   *   `packet-too-large` for an answer over the output buffer or 128 KB. The call still waits then.
   */
  answer(status: number, payload?: unknown): boolean;
}

/** An answer. */
export interface MethodAnswer {
  readonly status: number;
  readonly payload?: unknown;
}

/**
 * Answers by what it returns, or by a promise of it; one that returns nothing answers later by `call.answer`.
 * What it throws, or a promise that rejects, is answered by status 500 and reported as the application's.
 */
export type MethodHandler = (
  payload: unknown,
  call: MethodCall,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without `return` is one that answers later
) => MethodAnswer | PromiseLike<MethodAnswer> | undefined | void;

/** Handlers by the name of the method. */
export type MethodHandlers = { readonly [name: string]: MethodHandler };

export interface DirectMethodsOptions {
  /** Calls that may wait for their answer at a time; one more is answered by 429. Default 8. */
  readonly maximumCalls?: number;
  /** A call is forgotten after this many milliseconds. Default 300,000, the longest that IoT Hub lets a caller wait. */
  readonly callTimeout?: number;
}

/** Statuses of answers that the application did not give. */
export const MethodStatus = Object.freeze({
  /** The payload is no JSON. */
  BAD_REQUEST: 400,
  /** The payload is larger than the device takes. */
  TOO_LARGE: 413,
  /** More calls than `maximumCalls` wait. */
  TOO_MANY: 429,
  /** The handler threw. */
  HANDLER_FAILED: 500,
  /** There is no such method. */
  NOT_IMPLEMENTED: 501,
} as const);

/** The largest answer that IoT Hub takes: 128 KB. */
const LARGEST_ANSWER = 131_072;

/** The name of the method and the request id of a topic `$iothub/methods/POST/{name}/?$rid={id}`, or undefined. */
export function parseMethodTopic(topic: string): { name: string; requestId: string } | undefined {
  if (!topic.startsWith(PREFIX)) return undefined;
  const end = topic.indexOf("/?", PREFIX.length);
  const requestId = end < 0 ? undefined : queryValue(topic.slice(end + 2), "$rid");
  if (!requestId) return undefined;
  const name = topic.slice(PREFIX.length, end);
  return { name: percentDecode(name) ?? name, requestId };
}

/** Where the answer goes. */
export function methodAnswerTopic(status: number, requestId: string): string {
  return `$iothub/methods/res/${status}/?$rid=${percentEncode(requestId)}`;
}

interface Waiting {
  readonly requestId: string;
  /** Ticks. */
  readonly since: number;
}

/** The feature, for a device's list. */
export class DirectMethods implements HubFeature {
  #attached: HubFeatureHost | undefined;
  readonly #handlers: MethodHandlers;
  readonly #maximumCalls: number;
  readonly #callTimeout: number;
  /** Calls without an answer, oldest first. Those of an earlier connection are not among them. */
  readonly #calls: Waiting[] = [];
  /** Answers that wait for room: as many as `maximumCalls`, and as many refusals. */
  readonly #answers: HubMessage[] = [];

  /** @throws BerthError `invalid-argument` for a handler that is no function or an option out of range */
  constructor(handlers: MethodHandlers, options: DirectMethodsOptions = {}) {
    for (const name of Object.keys(handlers)) {
      if (typeof handlers[name] !== "function") throw invalidArgument(`methods.${name} is no function`);
    }
    this.#handlers = handlers;
    inRange(options.maximumCalls, 1, 1_024, "directMethods.maximumCalls");
    inRange(options.callTimeout, 1, 300_000, "directMethods.callTimeout");
    this.#maximumCalls = options.maximumCalls ?? 8;
    this.#callTimeout = options.callTimeout ?? 300_000;
  }

  attach(host: HubFeatureHost): void {
    if (this.#attached) throw invalidArgument("the direct methods belong to another device");
    this.#attached = host;
  }

  filters(): readonly string[] {
    return FILTERS;
  }

  get busy(): boolean {
    return this.#calls.length + this.#answers.length > 0;
  }

  closed(): void {
    // Their callers are told by the hub that the device is gone.
    this.#calls.length = this.#answers.length = 0;
  }

  take(publish: InboundPublish): boolean {
    const topic = parseMethodTopic(publish.topic);
    if (!topic) return publish.topic.startsWith(PREFIX);
    let payload: unknown;
    try {
      const { text } = this.#host;
      payload = publish.byteLength > 0 ? parseJson(text.decode(publish.payload)) : undefined;
    } catch {
      this.#refuse(topic.requestId, MethodStatus.BAD_REQUEST);
      return true;
    }
    // Own members only: a method called `constructor` is not implemented.
    const handler = Object.hasOwn(this.#handlers, topic.name) ? this.#handlers[topic.name] : undefined;
    if (!handler) this.#refuse(topic.requestId, MethodStatus.NOT_IMPLEMENTED);
    else if (!this.#roomForCall()) this.#refuse(topic.requestId, MethodStatus.TOO_MANY);
    else this.#call(handler, topic.name, topic.requestId, payload);
    return true;
  }

  tooLarge(topic: string): boolean {
    if (!topic.startsWith(PREFIX)) return false;
    const parsed = parseMethodTopic(topic);
    if (parsed) this.#refuse(parsed.requestId, MethodStatus.TOO_LARGE);
    return true;
  }

  first(): HubMessage | undefined {
    return this.#answers[0];
  }

  sent(): void {
    this.#answers.shift();
  }

  get #host(): HubFeatureHost {
    return this.#attached as HubFeatureHost;
  }

  #call(handler: MethodHandler, name: string, requestId: string, payload: unknown): void {
    const waiting: Waiting = { requestId, since: this.#host.clock.ticks() };
    this.#calls.push(waiting);
    const call: MethodCall = {
      name,
      payload,
      answer: (status, body) => this.#answer(waiting, status, body),
    };
    const failed = (error: unknown): void => {
      const answered = this.#settle(waiting);
      if (answered) this.#queue(MethodStatus.HANDLER_FAILED, requestId, NO_BYTES);
      this.#host.report(handlerFailed(`methods.${name}`, error));
    };
    const answered = (answer: MethodAnswer): void => {
      this.#answer(waiting, answer.status, answer.payload);
    };
    try {
      const answer = handler(payload, call);
      if (!answer) return;
      if ("then" in answer) answer.then(answered).then(undefined, failed);
      else answered(answer);
    } catch (error) {
      failed(error);
    }
  }

  #answer(waiting: Waiting, status: number, payload: unknown): boolean {
    if (!this.#calls.includes(waiting)) return false;
    if (this.#host.clock.ticks() - waiting.since >= this.#callTimeout) {
      this.#settle(waiting);
      return false;
    }
    if (!Number.isInteger(status)) throw invalidArgument("a method's status is no whole number");
    const topic = methodAnswerTopic(status, waiting.requestId);
    const bytes = this.#encode(payload, topic.length);
    this.#settle(waiting);
    this.#queue(status, waiting.requestId, bytes);
    return true;
  }

  #encode(payload: unknown, topicLength: number): Uint8Array {
    if (payload === undefined) return NO_BYTES;
    let json: string | undefined;
    try {
      json = JSON.stringify(payload);
    } catch (error) {
      throw invalidArgument(`a method's payload is no JSON: ${String(error)}`);
    }
    if (json === undefined) throw invalidArgument("a method's payload is no JSON");
    const bytes = this.#host.text.encode(json);
    const largest = Math.min(LARGEST_ANSWER, this.#host.largest - topicLength);
    if (bytes.length > largest) {
      throw new BerthError("packet-too-large", `a method's answer of ${bytes.length} bytes, over ${largest}`);
    }
    return bytes;
  }

  /** @returns false when the call waited no more */
  #settle(waiting: Waiting): boolean {
    const index = this.#calls.indexOf(waiting);
    if (index < 0) return false;
    this.#calls.splice(index, 1);
    return true;
  }

  /** Forgets calls whose time is over. @returns false when as many wait, for an answer or with one for room, as may */
  #roomForCall(): boolean {
    const oldest = this.#host.clock.ticks() - this.#callTimeout;
    while (this.#calls.length > 0 && (this.#calls[0] as Waiting).since <= oldest) this.#calls.shift();
    return this.#calls.length + this.#answers.length < this.#maximumCalls;
  }

  /** An answer that is not the application's. Where too many wait for room, none: the caller's time runs out. */
  #refuse(requestId: string, status: number): void {
    if (this.#answers.length < 2 * this.#maximumCalls) this.#queue(status, requestId, NO_BYTES);
  }

  #queue(status: number, requestId: string, payload: Uint8Array): void {
    this.#answers.push({ topic: methodAnswerTopic(status, requestId), payload, QoS: 0 });
    this.#host.wake();
  }
}
