// SPDX-License-Identifier: MIT
/**
 * A feature of IoT Hub as a value: telemetry, cloud-to-device messages, direct methods, the device twin.
 *
 * A device has a list of them. Its connection to the hub subscribes to their filters, hands each its share of what comes
 * in, and sends what waits in their queues, in the order of the list. A feature outlives connections; it knows nothing
 * of MQTT's packets, nor of when the device connects.
 */
import type { BerthError } from "../../error";
import type { Clock, TextCodec, Timers } from "../../host";
import type { OutboundMessage } from "../../mqtt/in-flight";
import type { QoS } from "../../mqtt/packets";
import type { InboundPublish } from "../../mqtt/reader";

/** What a feature sends. */
export interface HubMessage extends OutboundMessage {
  /** 1: sent again on the next connection until PUBACK. 0 for an answer that is worth nothing there. */
  readonly QoS: QoS;
  /** QoS 1: PUBACK has come. */
  acknowledged?(): void;
  /** QoS 1: it was on its way to a hub, or as a device, that is another one now. The newest is told first. */
  recalled?(): void;
}

/** What a feature may ask of the device that has it. */
export interface HubFeatureHost {
  readonly text: TextCodec;
  readonly clock: Pick<Clock, "ticks">;
  readonly timers: Timers;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Bytes of the largest message, topic included, that the output buffer holds. */
  readonly largest: number;
  /** Something waits in a queue: sent at once where a connection has room. */
  wake(): void;
  /** Tells the application. `handler-failed` is its own. Nothing is told while the device is stopped. */
  report(error: BerthError): void;
}

/** The methods are called by the device and its connection only, which guard them. */
export interface HubFeature {
  /** Called once, before all others but `filters`. @throws BerthError `invalid-argument` when it belongs to a device already */
  attach(host: HubFeatureHost): void;
  /** Topic filters to subscribe to; none for a feature that only sends. IoT Hub takes 5 a device. */
  filters(deviceId: string): readonly string[];
  /** CONNACK has come without a session: the hub knows of no connection before, and its identity of this name may be a new one. */
  newSession?(): void;
  /** CONNACK has come, and SUBACK for a feature with filters. Once a connection. */
  opened?(deviceId: string): void;
  /** The connection ends by plan in a moment: what was begun may end, nothing new is to begin. */
  closing?(): void;
  /** Something that was begun has not ended: a planned end waits for it, 10 s at most. */
  readonly busy?: boolean;
  /** The connection has ended, opened or not: what was sent and not answered is lost, or waits again. Once a connection. */
  closed?(): void;
  /** The connections to come are to another hub, or as another device: what is known of the hub is worth nothing there. */
  moved?(): void;
  /** The hub to come may be another owner's: drops all that waits for it. @returns how many messages */
  forget?(): number;
  /**
   * An exception is reported, and the message counts as taken.
   * @returns false when `publish` is another feature's
   * @throws BerthError `handler-failed` where it is the application's
   */
  take(publish: InboundPublish, deviceId: string): boolean;
  /** Asked when `take` has thrown. @returns true to end the connection without PUBACK: the hub delivers it once more */
  fetchesAgain?(publish: InboundPublish): boolean;
  /** @returns true for a message that `take` takes in fragments where it is over `maximumPacketSize` */
  takesFragments?(topic: string, deviceId: string): boolean;
  /**
   * A message was read past, for it was over `maximumPacketSize`.
   * @param error that is reported
   * @returns false when `topic` is another feature's
   */
  tooLarge?(topic: string, error: BerthError, deviceId: string): boolean;
  /** The message to be sent next, the same until `sent`; undefined when none waits. */
  first(deviceId: string): HubMessage | undefined;
  /** The message that `first` returned is on its way; or it was dropped and reported, for it can never be sent. */
  sent(): void;
}
