// SPDX-License-Identifier: MIT
/**
 * The cloud-to-device queue of a device: durable, at least once, in order.
 * Source: "Send cloud-to-device messages from an IoT hub" (Azure documents): 50 messages, one hour, ten deliveries.
 */
import { azureDate } from "../azure-error";
import type { Connection } from "../mqtt/broker";
import { formatPropertyBag } from "../property-bag";
import type { DeviceRecord, QueuedMessage } from "../records";
import type { Outcome } from "./feedback";
import { deviceBoundFilters } from "./topics";

/** The largest body, and the largest of the properties as a topic has them, in bytes. */
const LARGEST_BODY = 64 * 1024;
const LARGEST_BAG = 60_000;
/** Milliseconds that a message waits when its sender does not say. */
const DEFAULT_LIFETIME = 3_600_000;
/** After so many deliveries without PUBACK a message is dropped. */
const MAXIMUM_DELIVERIES = 10;

/** What a service may say about a message beside its own properties, in the names of Microsoft's SDKs. */
export interface SystemProperties {
  messageId?: string;
  correlationId?: string;
  userId?: string;
  /** `/devices/{id}/messages/devicebound` when absent. */
  to?: string;
  contentType?: string;
  contentEncoding?: string;
  ack?: "none" | "positive" | "negative" | "full";
}

/** A message for a device. */
export interface CloudToDeviceMessage {
  body: Buffer | string;
  /** Application properties, and system properties by their names in a topic (`$.mid`); null for a key without a value. */
  properties?: Record<string, string | null>;
  system?: SystemProperties;
  /** Milliseconds until it is dropped, which the device is told as `$.exp`; one hour, and nothing told, when absent. */
  lifetime?: number;
}

/** A message is too large. */
export class MessageTooLarge extends RangeError {}

/** As many messages wait as may. */
export class QueueFull extends RangeError {}

/** Told of a message that has left the queue. */
export type OnSettled = (message: QueuedMessage, outcome: Outcome) => void;

/** Whether somebody has a message now, and may still settle it. */
export type UnderWay = (message: QueuedMessage) => boolean;

/** Puts a message behind the others. @throws MessageTooLarge, QueueFull */
export function enqueue(
  device: DeviceRecord,
  message: CloudToDeviceMessage,
  sequence: number,
  now: number,
  maximumQueue: number,
  underWay: UnderWay,
  onSettled: OnSettled,
): QueuedMessage {
  const body = Buffer.from(message.body);
  if (body.length > LARGEST_BODY)
    throw new MessageTooLarge(
      `a cloud-to-device body of ${body.length} bytes; at most ${LARGEST_BODY} are allowed`,
    );
  const expiry = now + (message.lifetime ?? DEFAULT_LIFETIME);
  const bag = formatPropertyBag(propertiesOf(device, message, expiry));
  if (bag.length > LARGEST_BAG)
    throw new MessageTooLarge(
      `properties of ${bag.length} bytes, percent-encoded; at most ${LARGEST_BAG} are allowed`,
    );
  dropExpired(device, now, underWay, onSettled);
  if (device.queue.length >= maximumQueue) {
    throw new QueueFull(
      `${maximumQueue} messages wait for ${device.deviceId} already; let it connect and take them`,
    );
  }
  const queued: QueuedMessage = {
    sequence,
    bag,
    bodyBase64: body.toString("base64"),
    expiry,
    enqueuedTime: now,
    deliveryCount: 0,
  };
  device.queue.push(queued);
  return queued;
}

/**
 * In the order of the topics that hubs were seen to send. Over MQTT a hub sends neither sequence number nor enqueued time
 * nor delivery count, and no `$.exp` for a lifetime of its own.
 */
function propertiesOf(
  { deviceId }: DeviceRecord,
  { system = {}, properties = {}, lifetime }: CloudToDeviceMessage,
  expiry: number,
): Map<string, string | null> {
  const known: [string, string | undefined][] = [
    ["$.mid", system.messageId],
    ["$.exp", lifetime === undefined ? undefined : azureDate(expiry)],
    ["$.to", system.to ?? `/devices/${deviceId}/messages/devicebound`],
    ["$.cid", system.correlationId],
    ["$.uid", system.userId],
    ["$.ct", system.contentType],
    ["$.ce", system.contentEncoding],
    ["iothub-ack", system.ack],
  ];
  const given = known.flatMap(([key, value]): [string, string][] =>
    value === undefined ? [] : [[key, value]],
  );
  return new Map<string, string | null>([...given, ...Object.entries(properties)]);
}

/**
 * At CONNECT: a new session forgets what the former one had under way; a resumed one keeps its packet identifiers.
 * @returns whether the queue has changed
 */
export function beginSession(device: DeviceRecord, connection: Connection): boolean {
  const isNew = connection.clean || !connection.sessionPresent;
  const underWay = device.queue.filter(({ packetId }) => packetId !== undefined);
  if (isNew) for (const message of underWay) delete message.packetId;
  else connection.outbox.reserve(underWay.map(({ packetId }) => packetId!));
  return isNew && underWay.length > 0;
}

/**
 * Sends what this connection has not been sent.
 * @param locked what has been handed out another way
 * @param onSettled called after a message has left the queue
 * @returns whether the queue has changed
 */
export function deliver(
  device: DeviceRecord,
  connection: Connection,
  delivered: Set<number>,
  now: number,
  locked: UnderWay,
  onSettled: OnSettled,
): boolean {
  const granted = deviceBoundFilters(device.deviceId).flatMap((filter) => connection.granted(filter) ?? []);
  if (granted.length === 0 || device.queue.length === 0) return false;
  const qos = granted.includes(1) ? 1 : 0;
  dropExpired(device, now, (message) => delivered.has(message.sequence) || locked(message), onSettled);
  for (const message of [...device.queue]) {
    if (delivered.has(message.sequence) || locked(message)) continue;
    const packetId = connection.outbox.send(
      {
        topic: `devices/${device.deviceId}/messages/devicebound/${message.bag}`,
        payload: Buffer.from(message.bodyBase64, "base64"),
        qos,
        ...(message.packetId === undefined ? {} : { packetId: message.packetId, dup: true }),
      },
      () => {
        device.queue = device.queue.filter(({ sequence }) => sequence !== message.sequence);
        onSettled(message, "Success");
      },
    );
    // The connection has ended.
    if (packetId === undefined) return true;
    delivered.add(message.sequence);
    message.deliveryCount++;
    if (qos === 1) message.packetId = packetId;
  }
  return true;
}

/** Takes out what has run out of time, or of deliveries with the last one over. */
export function dropExpired(
  device: DeviceRecord,
  now: number,
  underWay: UnderWay,
  onSettled: OnSettled,
): void {
  const spent = (message: QueuedMessage) => message.deliveryCount >= MAXIMUM_DELIVERIES && !underWay(message);
  const gone = device.queue.filter((message) => message.expiry <= now || spent(message));
  if (gone.length === 0) return;
  device.queue = device.queue.filter((message) => !gone.includes(message));
  for (const message of gone) onSettled(message, spent(message) ? "DeliveryCountExceeded" : "Expired");
}
