// SPDX-License-Identifier: MIT
/**
 * A feature of IoT Hub as a value: telemetry, cloud-to-device messages, direct methods, the device twin.
 *
 * A connection to the hub has a list of them. It subscribes to their filters, hands each its share of what comes in,
 * and sends what waits in their queues, in the order of the list. A feature outlives connections; it knows nothing of
 * MQTT's packets, nor of when the device connects.
 */
import type { BerthError } from "../../error";
import type { Clock, TextCodec, Timers } from "../../host";
import type { OutboundMessage } from "../../mqtt/in-flight";
import type { QoS } from "../../mqtt/packets";
import type { InboundPublish } from "../../mqtt/reader";

/** What a feature sends. */
export interface HubMessage extends OutboundMessage {
  /** QoS 0 for an answer that is worth nothing on the next connection. */
  readonly QoS: QoS;
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
  /** Tells the application. @param application the application's own code threw it */
  report(error: BerthError, application: boolean): void;
}

/** The methods are called by the device and its connection only, which guard them: an exception ends the connection. */
export interface HubFeature {
  /** Called once, before all others. @throws BerthError `invalid-argument` when it belongs to a device already */
  attach(host: HubFeatureHost): void;
  /** Topic filters to subscribe to; none for a feature that only sends. IoT Hub takes 5 a device. */
  filters(deviceId: string): readonly string[];
  /** SUBACK has come, or CONNACK where nothing is subscribed to. */
  opened?(deviceId: string): void;
  /** The connection has ended: what was sent and not answered is lost, or waits again. */
  closed?(): void;
  /** @returns false when `publish` is another feature's */
  take(publish: InboundPublish, deviceId: string): boolean;
  /**
   * A message that the reader could not hold was read past.
   * @returns false when `topic` is another feature's
   */
  tooLarge?(topic: string, deviceId: string): boolean;
  /** The message to be sent next, the same until `sent`; undefined when none waits. */
  first(deviceId: string): HubMessage | undefined;
  /** The message that `first` returned is on its way. */
  sent(): void;
  /** PUBACK for a message of this feature. */
  acknowledged?(message: HubMessage): void;
}
