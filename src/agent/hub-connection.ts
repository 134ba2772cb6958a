// SPDX-License-Identifier: MIT
/**
 * One connection to the assigned hub: sends what the outbox holds, hands over cloud-to-device messages, and
 * ends by plan before its token does.
 */

import { Alarm } from "../alarm";
import { cloudToDeviceFilter, hubUserName, parseCloudToDevice, telemetryTopic } from "../azure/hub";
import type { Properties } from "../azure/properties";
import type { BerthError, ErrorCode } from "../error";
import type { Host } from "../host";
import type { InFlight } from "../mqtt/in-flight";
import { type InboundPublish, type OversizePublish, oversizeError } from "../mqtt/reader";
import { Session, type SessionHandler } from "../mqtt/session";
import type { Assignment } from "../storage/record";
import { hubCredential, type Identity } from "./identity";
import type { Inbox } from "./inbox";
import { NO_BAG, type Outbox, type TelemetryMessage } from "./outbox";

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
  /** Bytes of the output buffer: the largest telemetry packet. Default 4,096. */
  readonly outputSize?: number;
  /** Largest cloud-to-device packet that is collected: topic, properties and body. Default 8,192. */
  readonly maximumPacketSize?: number;
  /**
   * A larger one: read it past ("skip", the default) or hand it over in fragments ("stream"). One whose topic with its
   * properties is larger is read past in either case. What is read past is acknowledged, and reported as
   * `packet-too-large`.
   */
  readonly oversize?: "skip" | "stream";
  /**
   * How often in a row a connection is ended without PUBACK because the application's handler of a message threw, so
   * that the hub delivers it again; then it counts as taken. Default 0, at most 100. IoT Hub itself gives a message up
   * after 10 deliveries, unless it is configured otherwise.
   */
  readonly redeliveries?: number;
  /** IoT Plug and Play model. */
  readonly modelId?: string;
  /**
   * Send SUBSCRIBE and what waits behind CONNECT, without waiting for CONNACK (MQTT 3.1.1, section 3.1.4): a round
   * trip less. Where such a connection ends without a word of the hub, those to this hub after it wait again. Default false:
   * whether Azure takes it has not been tried.
   */
  readonly eager?: boolean;
}

/** A cloud-to-device message, or a fragment of one. */
export interface CloudToDeviceMessage {
  readonly properties: Properties;
  /** A view, good only during the call. */
  readonly payload: Uint8Array;
  /** Where in the whole payload this one starts, and how long the whole is, bytes. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface HubConnectionHandler {
  onConnected(sessionPresent: boolean): void;
  onAcknowledged(message: TelemetryMessage): void;
  /** Absent: the device does not subscribe. PUBACK follows when the call returns or throws; see `redeliveries`. */
  readonly onCloudToDevice: ((message: CloudToDeviceMessage) => void) | undefined;
  /** `packet-too-large` or `handler-failed` for a message that counts as taken; the connection goes on. */
  onProblem(error: BerthError): void;
  /** The token ends soon; everything was acknowledged, or had its time; the connection is closed. */
  onRenewal(): void;
  onError(error: BerthError): void;
}

/** A planned end waits this long for acknowledgements. */
const DRAIN_TIMEOUT = 10_000;

export class HubConnection implements SessionHandler {
  readonly #host: Host;
  readonly #assignment: Assignment;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  readonly #handler: HubConnectionHandler;
  readonly #session: Session;
  /** The last property bag, and the topic that ends in it: encoded once for messages in a row that have the same. */
  #bag = NO_BAG;
  #topic: Uint8Array;
  readonly #lifetime: number | undefined;
  /** Ticks at which the token was made: its life begins then, not at CONNACK. */
  readonly #madeAt: number;
  readonly #eager: boolean;
  /** Telemetry may be sent: CONNACK has come, or with `eager` CONNECT has gone. */
  #open = false;
  #connected = false;
  #renewing = false;
  readonly #alarm: Alarm;

  /** Opens the connection. @throws BerthError `clock-not-set`, and as `Session` */
  constructor(
    host: Host,
    identity: Identity,
    assignment: Assignment,
    options: HubOptions,
    outbox: Outbox,
    inFlight: InFlight,
    inbox: Inbox,
    handler: HubConnectionHandler,
  ) {
    const { hub, deviceId } = assignment;
    const credential = hubCredential(identity, host, hub, deviceId, options.tokenLifetime ?? 3_600_000);
    this.#host = host;
    this.#assignment = assignment;
    this.#outbox = outbox;
    this.#inbox = inbox;
    this.#handler = handler;
    this.#topic = host.text.encode(telemetryTopic(deviceId));
    this.#lifetime = credential.lifetime;
    this.#madeAt = host.clock.ticks();
    this.#eager = options.eager ?? false;
    this.#alarm = new Alarm(host.timers, (error) => {
      this.close();
      handler.onError(error);
    });
    this.#session = new Session(host, this, {
      ...options,
      host: hub,
      id: deviceId,
      user: hubUserName(hub, deviceId, options.modelId),
      password: credential.password,
      // The hub keeps the subscription and what was queued for the device.
      clean: false,
      keepAlive: options.keepAlive ?? 240_000,
      inFlight,
    });
  }

  /** With `eager`: more than CONNECT has gone to the hub, and not even CONNACK has come back. */
  get unanswered(): boolean {
    return this.#eager && this.#open && !this.#connected;
  }

  /** As `Session`. */
  get heardAt(): number {
    return this.#session.heardAt;
  }

  /** As `Session`. */
  get awaited(): ErrorCode | undefined {
    return this.#session.awaited;
  }

  /** Sends from the outbox as long as there is room. */
  pump(): void {
    if (!this.#open || this.#renewing) return;
    for (let message = this.#outbox.first(); message; message = this.#outbox.first()) {
      message.topic = this.#topicOf(message.bag);
      if (this.#session.publish(message) < 0) return;
      this.#outbox.shift();
    }
  }

  /** Ends the connection; no callback follows. Idempotent. */
  close(): void {
    this.#open = false;
    this.#alarm.cancel();
    this.#session.close();
  }

  /** Subscribes; with `eager` what waits leaves at once, else after the handler has heard of the connection. */
  onOpen(): void {
    this.#open = true;
    if (this.#handler.onCloudToDevice) {
      this.#session.subscribe([cloudToDeviceFilter(this.#assignment.deviceId)]);
    }
    if (this.#eager) this.pump();
  }

  onConnected(sessionPresent: boolean): void {
    if (this.#lifetime !== undefined) {
      // At three quarters to 85 % of the life: spread, so that a fleet that booted together does not renew together.
      const life = this.#lifetime * (0.75 + 0.1 * this.#host.random());
      this.#alarm.set(Math.max(0, this.#madeAt + life - this.#host.clock.ticks()), () => this.#renew());
    }
    this.#connected = true;
    if (!this.#eager) this.onOpen();
    this.#handler.onConnected(sessionPresent);
    this.pump();
  }

  onMessage(publish: InboundPublish): void {
    const properties = parseCloudToDevice(publish.topic, this.#assignment.deviceId);
    // The hub sends nothing else to a device that subscribed to nothing else.
    if (!properties) return;
    const { payload, offset, byteLength } = publish;
    const failure = this.#inbox.hand(publish, "onCloudToDevice", () =>
      this.#handler.onCloudToDevice?.({ properties, payload, offset, byteLength }),
    );
    if (!failure) return;
    // Where the application has ended the connection there is nothing more to end.
    if (this.#open && this.#inbox.fetchesAgain(publish)) throw failure;
    this.#handler.onProblem(failure);
  }

  onOversize(publish: OversizePublish): void {
    this.#handler.onProblem(oversizeError(publish));
  }

  onAcknowledged(_id: number, message: TelemetryMessage): void {
    this.#handler.onAcknowledged(message);
    // The application may have ended this connection from inside.
    if (!this.#open) return;
    if (this.#renewing && this.#session.drained) this.#renewed();
    else this.pump();
  }

  onSubscribed(): void {
    // Telemetry does not wait for it.
  }

  onWritable(): void {
    this.pump();
  }

  onError(error: BerthError): void {
    this.#alarm.cancel();
    this.#handler.onError(error);
  }

  #renew(): void {
    this.#renewing = true;
    if (this.#session.drained) this.#renewed();
    else {
      // Half of what is left of the token at most: after its end the hub ends the connection itself.
      const left = this.#madeAt + (this.#lifetime ?? 0) - this.#host.clock.ticks();
      this.#alarm.set(Math.max(0, Math.min(DRAIN_TIMEOUT, left / 2)), () => this.#renewed());
    }
  }

  #renewed(): void {
    this.close();
    this.#handler.onRenewal();
  }

  #topicOf(bag: string): Uint8Array {
    if (bag !== this.#bag) {
      this.#topic = this.#host.text.encode(telemetryTopic(this.#assignment.deviceId) + bag);
      this.#bag = bag;
    }
    return this.#topic;
  }
}
