// SPDX-License-Identifier: MIT
/**
 * One connection to the assigned hub: subscribes for the features, hands over what comes in, sends what waits in their
 * queues, and ends by plan before its token does.
 *
 * A message that cannot be taken, for it is too large or a handler throws, is acknowledged and reported once, whatever
 * its feature: it would come back on every connection. So is one dropped that can never be sent.
 */

import { Alarm } from "../alarm";
import type { HubFeature, HubMessage } from "../azure/hub/feature";
import { hubUserName, secondName } from "../azure/hub/user-name";
import { asBerthError, BerthError, type ErrorCode } from "../error";
import type { Host } from "../host";
import { type InboundPublish, type OversizePublish, oversizeError } from "../mqtt/reader";
import { Session, type SessionHandler } from "../mqtt/session";
import type { Assignment } from "../storage/assignment";
import type { HubFeatures } from "./hub-features";
import { hubCredential, type Identity } from "./identity";

/** Durations are milliseconds. */
export interface HubOptions {
  /** Default 8883. */
  readonly port?: number;
  /** Default 240,000; IoT Hub allows 1,177,000 at most. */
  readonly keepAlive?: number;
  /** Name resolution, TCP and TLS. Default 30,000. */
  readonly connectTimeout?: number;
  /** For each answer of the hub. Default 30,000. */
  readonly answerTimeout?: number;
  /** How long a SAS token is good. Default 3,600,000; 60,000 to 2,147,483,647. */
  readonly tokenLifetime?: number;
  /** How many messages wait for PUBACK at a time. Default 8. */
  readonly window?: number;
  /** Bytes of the output buffer: the largest packet to be sent. Default 4,096. */
  readonly outputSize?: number;
  /**
   * Largest packet that is collected: topic, properties and body. Default 8,192. A larger one is read past,
   * acknowledged and reported as `packet-too-large`, unless its feature takes it in fragments.
   */
  readonly maximumPacketSize?: number;
  /**
   * Host name of an IoT Edge gateway (`GatewayHostName`): it is what is connected to, and what the server's certificate must
   * carry. User name and token keep the hub's name.
   */
  readonly gateway?: string;
  /**
   * Connect to the hub's second name, `{hub}.device.azure-devices.net`, which has TLS 1.3 (in preview in 2026): for a
   * platform whose TLS has it, as Node.js. Default false.
   */
  readonly secondName?: boolean;
  /** IoT Plug and Play model. */
  readonly modelId?: string;
  /**
   * Send SUBSCRIBE and what waits behind CONNECT, without waiting for CONNACK (MQTT 3.1.1, section 3.1.4): a round
   * trip less. Where such a connection ends without a word of the hub, those to this hub after it wait again. Default false:
   * whether Azure takes it has not been tried.
   */
  readonly eager?: boolean;
}

/** Bytes of the output buffer without an option. */
export const OUTPUT_SIZE = 4_096;

export interface HubConnectionHandler {
  onConnected(sessionPresent: boolean): void;
  /** What changes nothing: the connection goes on. */
  onProblem(error: BerthError): void;
  /** The token ends soon, or `renew` was called; everything was acknowledged, or had its time; the connection is closed. */
  onRenewal(): void;
  onError(error: BerthError): void;
}

/** A planned end waits this long for acknowledgements and for what features have begun. */
const DRAIN_TIMEOUT = 10_000;

export class HubConnection implements SessionHandler<HubMessage> {
  readonly #host: Host;
  readonly #deviceId: string;
  readonly #features: readonly HubFeature[];
  readonly #handler: HubConnectionHandler;
  readonly #session: Session<HubMessage>;
  readonly #lifetime: number | undefined;
  /** Ticks at which the token was made: its life begins then, not at CONNACK. */
  readonly #madeAt: number;
  readonly #eager: boolean;
  /** What waits may be sent: CONNACK has come, or with `eager` CONNECT has gone. */
  #open = false;
  #begun = false;
  /** There was no room for something. */
  #waits = false;
  #connected = false;
  #ended = false;
  /** Ticks at which a planned end waits no longer; undefined before one. */
  #drainedBy: number | undefined;
  readonly #alarm: Alarm;

  /** Opens the connection. @throws BerthError `clock-not-set`, and as `Session` */
  constructor(
    host: Host,
    identity: Identity,
    assignment: Assignment,
    options: HubOptions,
    features: HubFeatures,
    handler: HubConnectionHandler,
  ) {
    const { hub, deviceId } = assignment;
    const credential = hubCredential(identity, host, hub, deviceId, options.tokenLifetime ?? 3_600_000);
    this.#host = host;
    this.#deviceId = deviceId;
    this.#features = features.list;
    this.#handler = handler;
    this.#lifetime = credential.lifetime;
    this.#madeAt = host.clock.ticks();
    this.#eager = options.eager ?? false;
    this.#alarm = new Alarm(host.timers, (error) => {
      this.close();
      handler.onError(error);
    });
    this.#session = new Session(host, this, {
      ...options,
      outputSize: options.outputSize ?? OUTPUT_SIZE,
      oversize: (topic) => this.#features.some((feature) => feature.takesFragments?.(topic, deviceId)),
      host: options.gateway ?? (options.secondName ? secondName(hub) : hub),
      id: deviceId,
      user: hubUserName(hub, deviceId, options.modelId),
      password: credential.password,
      // The hub keeps the subscription and what was queued for the device.
      clean: false,
      keepAlive: options.keepAlive ?? 240_000,
      inFlight: features.inFlight,
    });
  }

  /** With `eager`: more than CONNECT has gone to the hub, and not even CONNACK has come back. */
  get unanswered(): boolean {
    return this.#eager && this.#begun && !this.#connected;
  }

  /** As `Session`. */
  get heardAt(): number {
    return this.#session.heardAt;
  }

  /** As `Session`. */
  get awaited(): ErrorCode | undefined {
    return this.#session.awaited;
  }

  /** Sends what waits, in the order of the features, as long as there is room. */
  pump(): void {
    if (!this.#open) return;
    const features = this.#features;
    const session = this.#session;
    const deviceId = this.#deviceId;
    let waits = false;
    for (let i = 0; i < features.length; i += 1) {
      const feature = features[i] as HubFeature;
      let message = feature.first(deviceId);
      while (message) {
        try {
          if (session.publish(message, message.QoS) < 0) {
            waits = true;
            break;
          }
        } catch (error) {
          this.#unsent(error);
        }
        feature.sent();
        message = feature.first(deviceId);
      }
    }
    this.#waits = waits;
    if (this.#drainedBy !== undefined && this.#drained) this.#alarm.set(0, () => this.#drain());
  }

  /** Ends the connection; no callback follows. Idempotent. */
  close(): void {
    this.#session.close();
    this.#end();
  }

  /** Subscribes; with `eager` what waits leaves at once, else after the handler has heard of the connection. */
  onOpen(): void {
    this.#open = this.#begun = true;
    const filters = this.#features.flatMap((feature) => feature.filters(this.#deviceId));
    if (filters.length > 0) this.#session.subscribe(filters);
    if (this.#eager) this.pump();
  }

  onConnected(sessionPresent: boolean): void {
    if (this.#lifetime !== undefined) {
      // At three quarters to 85 % of the life: spread, so that a fleet that booted together does not renew together.
      const life = this.#lifetime * (0.75 + 0.1 * this.#host.random());
      this.#alarm.set(Math.max(0, this.#madeAt + life - this.#host.clock.ticks()), () => this.renew());
    }
    this.#connected = true;
    if (!sessionPresent) for (const feature of this.#features) feature.newSession?.();
    if (!this.#eager) this.onOpen();
    this.#handler.onConnected(sessionPresent);
    this.#opened(false);
  }

  onSubscribed(): void {
    this.#opened(true);
  }

  onMessage(publish: InboundPublish): void {
    for (const feature of this.#features) {
      try {
        if (feature.take(publish, this.#deviceId)) break;
      } catch (error) {
        const failure = asBerthError(error);
        // Where the application has ended the connection there is nothing more to end.
        if (this.#open && feature.fetchesAgain?.(publish)) throw failure;
        this.#handler.onProblem(failure);
        break;
      }
    }
    // An exchange may have come to its end.
    if (this.#drainedBy !== undefined) this.pump();
  }

  onOversize(publish: OversizePublish): void {
    const error = oversizeError(publish);
    this.#handler.onProblem(error);
    for (const feature of this.#features) {
      if (!this.#open) return;
      try {
        if (feature.tooLarge?.(publish.topic, error, this.#deviceId)) return;
      } catch (thrown) {
        this.#handler.onProblem(asBerthError(thrown));
      }
    }
  }

  onAcknowledged(_id: number, message: HubMessage): void {
    message.acknowledged?.();
    if (this.#waits || this.#drainedBy !== undefined) this.pump();
  }

  onWritable(): void {
    this.pump();
  }

  onError(error: BerthError): void {
    this.#end();
    this.#handler.onError(error);
  }

  /** Told a moment later: no callback comes from inside a method that an application calls. */
  #unsent(error: unknown): void {
    if (!isUnsendable(error)) throw error;
    this.#host.timers.set(() => this.#handler.onProblem(error), 0);
  }

  /** CONNACK has come, or SUBACK. */
  #opened(subscribed: boolean): void {
    for (const feature of this.#features) {
      if (!this.#open) return;
      if (feature.filters(this.#deviceId).length > 0 === subscribed) feature.opened?.(this.#deviceId);
    }
    this.pump();
  }

  #end(): void {
    this.#open = false;
    this.#alarm.cancel();
    if (this.#ended) return;
    this.#ended = true;
    for (const feature of this.#features) {
      try {
        feature.closed?.();
      } catch (error) {
        this.#handler.onProblem(asBerthError(error));
      }
    }
  }

  /** Nothing is on its way, and nothing is to come of what was begun. */
  get #drained(): boolean {
    return this.#session.drained && !this.#features.some((feature) => feature.busy);
  }

  /** Ends the connection by plan. Nothing while it is not up, or when that has begun. */
  renew(): void {
    if (!this.#connected || this.#ended || this.#drainedBy !== undefined) return;
    // Half of what is left of the token at most: after its end the hub ends the connection itself.
    const now = this.#host.clock.ticks();
    const left = this.#madeAt + (this.#lifetime ?? Number.POSITIVE_INFINITY) - now;
    this.#drainedBy = now + Math.max(0, Math.min(DRAIN_TIMEOUT, left / 2));
    for (const feature of this.#features) feature.closing?.();
    this.#drain();
  }

  #drain(): void {
    const left = (this.#drainedBy ?? 0) - this.#host.clock.ticks();
    if (left > 0 && !this.#drained) this.#alarm.set(left, () => this.#drain());
    else {
      this.close();
      this.#handler.onRenewal();
    }
  }
}

/** It would be refused on every connection. */
function isUnsendable(error: unknown): error is BerthError {
  const code = error instanceof BerthError ? error.code : undefined;
  return code === "packet-too-large" || code === "invalid-argument";
}
