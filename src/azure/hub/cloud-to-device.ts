// SPDX-License-Identifier: MIT
/**
 * Cloud-to-device messages: the hub keeps them for the device until PUBACK.
 * Source: "Communicate with your IoT hub using the MQTT protocol", "Send cloud-to-device messages".
 *
 * A message whose handler throws counts as taken, or is fetched again a bounded number of times. A hub delivers one
 * without PUBACK again on the next connection, up to its own limit (10 at first), and the telemetry of each of those
 * connections with it: so the default is to take it. The count outlives connections.
 */
import { handlerFailed, invalidArgument } from "../../error";
import type { InboundPublish } from "../../mqtt/reader";
import { decodeProperties, type Properties } from "../properties";
import type { HubFeature } from "./feature";

/** A cloud-to-device message, or a fragment of one. */
export interface CloudToDeviceMessage {
  readonly properties: Properties;
  /** A view, good only during the call. */
  readonly payload: Uint8Array;
  /** Where in the whole payload this one starts, and how long the whole is, bytes. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface CloudToDeviceOptions {
  /** A message counts as taken when it returns or throws; `redeliveries` fetches it again. */
  readonly onMessage: (message: CloudToDeviceMessage) => void;
  /**
   * How often in a row a connection is ended without PUBACK because `onMessage` threw, so that the hub delivers the
   * message again; then it counts as taken. Default 0, at most 100. IoT Hub itself gives a message up after 10
   * deliveries, unless it is configured otherwise.
   */
  readonly redeliveries?: number | undefined;
  /**
   * A message over `hub.maximumPacketSize`: read it past ("skip", the default) or hand it over in fragments ("stream").
   * One whose topic with its properties is larger is read past in either case. What is read past is acknowledged, and
   * reported as `packet-too-large`.
   */
  readonly oversize?: "skip" | "stream" | undefined;
}

/** The filter for cloud-to-device messages. */
export function cloudToDeviceFilter(deviceId: string): string {
  return `${cloudToDevicePrefix(deviceId)}#`;
}

/** The properties of a cloud-to-device topic, or undefined when the topic is another's. */
export function parseCloudToDevice(topic: string, deviceId: string): Properties | undefined {
  const prefix = cloudToDevicePrefix(deviceId);
  return topic.startsWith(prefix) ? decodeProperties(topic.slice(prefix.length)) : undefined;
}

function cloudToDevicePrefix(deviceId: string): string {
  return `devices/${deviceId}/messages/devicebound/`;
}

/** The feature, for a device's list. */
export class CloudToDevice implements HubFeature {
  readonly #onMessage: (message: CloudToDeviceMessage) => void;
  readonly #redeliveries: number;
  readonly #streams: boolean;
  #attached = false;
  /** The handler has thrown for a fragment: the rest of that message is not handed over. */
  #failing = false;
  /** Deliveries in a row of which no message that failed has come through. */
  #failures = 0;
  /** The message that failed last. */
  #failed = "";

  /** @throws BerthError `invalid-argument` without a handler, or for an option out of range */
  constructor({ onMessage, redeliveries = 0, oversize = "skip" }: CloudToDeviceOptions) {
    if (typeof onMessage !== "function") throw invalidArgument("onMessage is no function");
    if (!(Number.isInteger(redeliveries) && redeliveries >= 0 && redeliveries <= 100)) {
      throw invalidArgument("redeliveries is not 0 to 100");
    }
    if (oversize !== "skip" && oversize !== "stream") throw invalidArgument("oversize is not skip or stream");
    this.#onMessage = onMessage;
    this.#redeliveries = redeliveries;
    this.#streams = oversize === "stream";
  }

  attach(): void {
    if (this.#attached) throw invalidArgument("the cloud-to-device messages belong to another device");
    this.#attached = true;
  }

  filters(deviceId: string): readonly string[] {
    return [cloudToDeviceFilter(deviceId)];
  }

  takesFragments(topic: string, deviceId: string): boolean {
    return this.#streams && topic.startsWith(cloudToDevicePrefix(deviceId));
  }

  /** @throws BerthError `handler-failed` */
  take(publish: InboundPublish, deviceId: string): boolean {
    const properties = parseCloudToDevice(publish.topic, deviceId);
    if (!properties) return false;
    const { payload, offset, byteLength } = publish;
    if (offset === 0) this.#failing = false;
    else if (this.#failing) return true;
    try {
      // Not as a method of this object.
      const onMessage = this.#onMessage;
      onMessage({ properties, payload, offset, byteLength });
    } catch (error) {
      this.#failing = true;
      throw handlerFailed("onMessage", error);
    }
    const complete = offset + payload.length === byteLength;
    if (complete && this.#failures > 0 && this.#failed === nameOf(publish)) this.#failures = 0;
    return true;
  }

  fetchesAgain(publish: InboundPublish): boolean {
    // A hub sends one without QoS never again.
    const again = publish.QoS > 0 && this.#failures < this.#redeliveries;
    this.#failures = again ? this.#failures + 1 : 0;
    this.#failed = nameOf(publish);
    return again;
  }

  first(): undefined {
    // It sends nothing.
  }

  sent(): void {
    // As above.
  }
}

/** The packet identifier is another on each connection; the topic has the message id, if it has one. */
function nameOf({ topic, byteLength }: InboundPublish): string {
  return `${byteLength} ${topic}`;
}
