// SPDX-License-Identifier: MIT
/**
 * One attempt to get an assignment from DPS: connect, subscribe, register, poll until the end.
 *
 * It ends in exactly one call of `onAssigned` or `onError`. Answers 429 and 5xx are waited out on the same
 * connection where the wait is short, for a TLS handshake costs a device and DPS more than a wait; anything else that
 * fails is for the agent to judge.
 */

import { Alarm } from "../alarm";
import {
  DPS_CERTIFICATE_API_VERSION,
  DPS_HOST,
  DPS_RESPONSE_FILTER,
  type DpsAnswer,
  type DpsAssignment,
  dpsUserName,
  interpretDpsResponse,
  operationStatusTopic,
  parseDpsTopic,
  registerBody,
  registerTopic,
} from "../azure/dps";
import type { JsonObject } from "../azure/json";
import type { ResponseTopic } from "../azure/response-topic";
import { backoffDelay } from "../backoff";
import { BerthError, type ErrorCode } from "../error";
import type { Host } from "../host";
import type { OutboundMessage } from "../mqtt/in-flight";
import { NO_BYTES } from "../mqtt/packets";
import { type InboundPublish, type OversizePublish, oversizeError } from "../mqtt/reader";
import { Session, type SessionHandler } from "../mqtt/session";
import { dpsCredential, type Identity } from "./identity";

/** Durations are milliseconds. */
export interface ProvisioningOptions {
  /** Default `global.azure-devices-provisioning.net`. */
  readonly host?: string;
  /** Default 8883. */
  readonly port?: number;
  /** Handed to the function of a custom allocation policy. */
  readonly payload?: JsonObject;
  /** For each answer of DPS. Default 30,000. */
  readonly answerTimeout?: number;
  /** From the first request to the assignment. Default 600,000. */
  readonly assignmentTimeout?: number;
  /** Default 60,000. */
  readonly keepAlive?: number;
  /** Name resolution, TCP and TLS. Default 30,000. */
  readonly connectTimeout?: number;
  /**
   * Largest answer of DPS, bytes. Default 8,192. A larger one is read past: one with an error status counts as that
   * error, any other as `packet-too-large`.
   */
  readonly maximumPacketSize?: number;
  /**
   * Send SUBSCRIBE and the request behind CONNECT without waiting (MQTT 3.1.1, section 3.1.4): two round trips
   * less. Where such an attempt ends without a word of DPS, those after it wait again: DPS may have refused it, or
   * answered before it knew of the subscription. Default false: whether Azure takes it has not been tried.
   */
  readonly eager?: boolean;
}

export interface ProvisionerHandler {
  /** DPS works on it. @param operationId lets a later attempt go on without another (billed) registration */
  onAssigning(operationId: string): void;
  /** A (billed) registration goes out. */
  onRegister(): void;
  /** DPS has refused a registration for now. @returns milliseconds until the next @param retryAfter seconds, as DPS told */
  delay(error: BerthError, retryAfter: number | undefined): number;
  onAssigned(assignment: DpsAssignment): void;
  /**
   * DPS answered 429 or 5xx, or knows an operation of earlier no longer: the same attempt goes on.
   * @param delay milliseconds until the next request; undefined for one that comes at once
   */
  onTransient(error: BerthError, delay: number | undefined): void;
  onError(error: BerthError): void;
}

/** DPS allows 5 polls in 10 s a device ("DPS quotas"): never faster than this, milliseconds. */
const FASTEST_POLL = 2_000;
const POLL_JITTER = 1_000;
/** What DPS tells to wait longer than this is waited without a connection, seconds. */
const LONGEST_WAIT_CONNECTED = 60;
/** Between polls that DPS answers with 429 or 5xx. */
const POLL_BACKOFF = Object.freeze({ base: 2_000, cap: 30_000 });
const TOKEN_LIFETIME = 3_600_000;
/** From the first request to the assignment, unless told otherwise. */
export const ASSIGNMENT_TIMEOUT = 600_000;
/** CONNECT with the longest ids has some 1,100 bytes, a poll as many as its operation id and 90. */
const OUTPUT_SIZE = 2_048;

export class Provisioner implements SessionHandler {
  readonly #host: Host;
  readonly #options: ProvisioningOptions;
  readonly #registrationId: string;
  readonly #handler: ProvisionerHandler;
  readonly #session: Session;
  /** Of the registration. */
  readonly #body: Uint8Array;
  #operationId: string | undefined;
  /** Of the request that waits for its answer; empty while none does. */
  #requestId = "";
  #requests: number;
  /** Polls in a row that DPS has answered with 429 or 5xx. */
  #transients = 0;
  /** Of the last answer, when that was 429 or 5xx. */
  #transient: ErrorCode | undefined;
  /** CONNECT has gone. */
  #open = false;
  /** DPS has answered a request. */
  #answered = false;
  #registered = false;
  #notBefore = Number.NEGATIVE_INFINITY;
  #deadline = 0;
  /** Either for the next request or for an answer. */
  readonly #alarm: Alarm;

  /**
   * Starts the attempt.
   * @param operationId of an earlier attempt, to go on polling; DPS not knowing it leads to a registration
   * @param csr as `registerBody`
   * @throws BerthError `clock-not-set`, and as `Session`
   */
  constructor(
    host: Host,
    identity: Identity,
    options: ProvisioningOptions,
    handler: ProvisionerHandler,
    operationId?: string,
    csr?: string,
  ) {
    this.#host = host;
    this.#options = options;
    this.#registrationId = identity.registrationId;
    this.#handler = handler;
    this.#operationId = operationId;
    this.#alarm = new Alarm(host.timers, (error) => {
      this.close();
      handler.onError(error);
    });
    this.#requests = Math.floor(host.random() * 0x7fffffff);
    this.#body = host.text.encode(registerBody(identity.registrationId, options.payload, csr));
    this.#session = new Session(host, this, {
      ...options,
      host: options.host ?? DPS_HOST,
      id: identity.registrationId,
      user: dpsUserName(
        identity.idScope,
        identity.registrationId,
        csr === undefined ? undefined : DPS_CERTIFICATE_API_VERSION,
      ),
      password: dpsCredential(identity, host, TOKEN_LIFETIME).password,
      clean: true,
      outputSize: OUTPUT_SIZE + this.#body.length,
    });
  }

  /** With `eager`: more than CONNECT has gone to DPS, and no request was answered. */
  get unanswered(): boolean {
    return this.#options.eager === true && this.#open && !this.#answered;
  }

  /** A registration has gone out. */
  get registered(): boolean {
    return this.#registered;
  }

  /** Ticks before which DPS does not want to be asked again, whatever ends the attempt. */
  get notBefore(): number {
    return this.#notBefore;
  }

  /** As `Session`. */
  get heardAt(): number {
    return this.#session.heardAt;
  }

  /** As `Session`; where that waits for nothing, DPS itself is waited for. */
  get awaited(): ErrorCode {
    return this.#session.awaited ?? this.#transient ?? "dps-timeout";
  }

  /** Gives up; no callback follows. Idempotent. */
  close(): void {
    this.#alarm.cancel();
    this.#session.close();
  }

  onOpen(): void {
    this.#open = true;
    this.#deadline = this.#host.clock.ticks() + (this.#options.assignmentTimeout ?? ASSIGNMENT_TIMEOUT);
    this.#session.subscribe([DPS_RESPONSE_FILTER]);
    if (this.#options.eager) this.#request();
  }

  onConnected(): void {
    if (!this.#options.eager) this.onOpen();
  }

  onSubscribed(): void {
    // Answers are not retained: without `eager` no request goes out before SUBACK.
    if (!this.#options.eager) this.#request();
  }

  onMessage(publish: InboundPublish): void {
    const topic = parseDpsTopic(publish.topic);
    if (topic && this.#isAwaited(topic)) this.#judge(topic, this.#answer(topic, publish.payload));
  }

  onOversize(publish: OversizePublish): void {
    const topic = parseDpsTopic(publish.topic);
    if (topic && this.#isAwaited(topic)) {
      // An error says enough without its body.
      const error: DpsAnswer = { kind: "error", error: oversizeError(publish) };
      this.#judge(topic, topic.status < 300 ? error : interpretDpsResponse(topic, "", this.#registrationId));
    } else if (!publish.topicIsWhole) {
      // Whose answer it is stands behind what was read.
      throw oversizeError(publish);
    }
  }

  onAcknowledged(): void {
    // The answer counts, not PUBACK.
  }

  onWritable(): void {
    // One request at a time always fits.
  }

  onError(error: BerthError): void {
    this.#alarm.cancel();
    this.#handler.onError(error);
  }

  /** False for an answer to an earlier request: the deadline goes on. */
  #isAwaited({ requestId }: ResponseTopic): boolean {
    if (this.#requestId === "" || requestId !== this.#requestId) return false;
    this.#requestId = "";
    this.#answered = true;
    this.#alarm.cancel();
    return true;
  }

  /** Registers, or asks how the operation goes. */
  #request(): void {
    this.#requests += 1;
    this.#requestId = this.#requests.toString(16);
    const operationId = this.#operationId;
    let message: OutboundMessage;
    if (operationId === undefined) {
      message = { topic: registerTopic(this.#requestId), payload: this.#body };
      this.#registered = true;
      this.#handler.onRegister();
    } else message = { topic: operationStatusTopic(this.#requestId, operationId), payload: NO_BYTES };
    if (this.#session.publish(message) < 0) {
      throw new BerthError("publish-timeout", "DPS has acknowledged none of the last requests");
    }
    this.#alarm.set(this.#options.answerTimeout ?? 30_000, () => {
      throw new BerthError("dps-timeout", "no answer");
    });
  }

  #answer(topic: ResponseTopic, payload: Uint8Array): DpsAnswer {
    let body: string;
    try {
      body = this.#host.text.decode(payload);
    } catch {
      return { kind: "error", error: new BerthError("dps-malformed", "the body is not UTF-8") };
    }
    return interpretDpsResponse(topic, body, this.#registrationId);
  }

  #judge(topic: ResponseTopic, answer: DpsAnswer): void {
    const { retryAfter } = topic;
    if (retryAfter !== undefined) this.#notBefore = this.#host.clock.ticks() + retryAfter * 1000;
    if (answer.kind === "assigned") {
      this.close();
      this.#handler.onAssigned(answer.assignment);
      return;
    }
    if (answer.kind === "assigning") {
      const wait = Math.max(FASTEST_POLL, (retryAfter ?? 0) * 1000);
      this.#operationId = answer.operationId;
      this.#transients = 0;
      this.#transient = undefined;
      this.#handler.onAssigning(answer.operationId);
      if (!this.#requestAfter(wait + this.#host.random() * POLL_JITTER)) {
        throw new BerthError("dps-timeout", "the assignment is not finished", { retryAfter });
      }
      return;
    }
    const { error } = answer;
    const resumed = this.#operationId !== undefined && !this.#registered;
    if (resumed && topic.status >= 400 && !error.retriable) {
      // The operation of an earlier attempt is no longer known: a new registration.
      this.#operationId = undefined;
      if (!this.#requestAfter(FASTEST_POLL + this.#host.random() * POLL_JITTER)) throw error;
      const about = `a registration of earlier, with ${error.code}; the device registers anew`;
      this.#handler.onTransient(new BerthError("dps-refused", about, error), undefined);
      return;
    }
    const transient = error.code === "dps-throttled" || error.code === "dps-server-error";
    if (!transient || (retryAfter ?? 0) > LONGEST_WAIT_CONNECTED) throw error;
    let delay: number;
    if (this.#operationId === undefined) delay = this.#handler.delay(error, retryAfter);
    else {
      delay = backoffDelay(POLL_BACKOFF, this.#transients, this.#host.random(), retryAfter);
      this.#transients += 1;
    }
    const wait = Math.max(FASTEST_POLL, delay);
    if (!this.#requestAfter(wait)) throw error;
    this.#transient = error.code;
    this.#handler.onTransient(error, wait);
  }

  /** @returns false when that is after the deadline */
  #requestAfter(delay: number): boolean {
    if (this.#host.clock.ticks() + delay >= this.#deadline) return false;
    this.#alarm.set(delay, () => this.#request());
    return true;
  }
}
