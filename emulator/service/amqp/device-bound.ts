// SPDX-License-Identifier: MIT
/** `/messages/devicebound`: a service sends messages to devices. Source: "Send cloud-to-device messages" (Azure documents). */
import type { Delivery } from "rhea";
import {
  type CloudToDeviceMessage,
  MessageTooLarge,
  QueueFull,
  type SystemProperties,
} from "../../hub/cloud-to-device";
import type { AmqpHub } from "./nodes";
import { type AmqpError, bodyOf, idOf, type ReceivedMessage, settle } from "./rhea";

const ACKS = ["none", "positive", "negative", "full"] as const;

/** Takes a message, and settles it. @param onProblem told of a failure of the emulator's own */
export async function takeForDevice(
  hub: AmqpHub,
  message: ReceivedMessage,
  delivery: Delivery,
  now: number,
  onProblem: (error: Error) => void,
): Promise<void> {
  const read = readMessage(hub, message, now);
  if ("condition" in read) return settle(delivery, read);
  try {
    await hub.send(read.deviceId, read.message);
    settle(delivery);
  } catch (error) {
    settle(delivery, errorOf(error as Error, onProblem));
  }
}

function errorOf(error: Error, onProblem: (error: Error) => void): AmqpError {
  if (error instanceof QueueFull)
    return { condition: "amqp:resource-limit-exceeded", description: error.message };
  if (error instanceof MessageTooLarge)
    return { condition: "amqp:link:message-size-exceeded", description: error.message };
  onProblem(error);
  return { condition: "amqp:internal-error", description: "the emulator's log has more" };
}

function readMessage(
  hub: AmqpHub,
  message: ReceivedMessage,
  now: number,
): { deviceId: string; message: CloudToDeviceMessage } | AmqpError {
  const [, encoded = ""] =
    /^\/devices\/([^/]{1,512})\/messages\/devicebound$/i.exec(idOf(message.to) ?? "") ?? [];
  const deviceId = decoded(encoded);
  if (!deviceId)
    return {
      condition: "com.microsoft:argument-error",
      description: "the property to has to be /devices/{id}/messages/devicebound, the id percent-encoded",
    };
  if (!hub.hasDevice(deviceId))
    return {
      condition: "amqp:not-found",
      description: `${hub.name} has no device of the id in the property to`,
    };
  const properties: [string, string | null][] = [];
  let ack: SystemProperties["ack"];
  for (const [key, value] of Object.entries(message.application_properties ?? {})) {
    if (key.toLowerCase() !== "iothub-ack") properties.push([key, idOf(value) ?? null]);
    else {
      ack = ACKS.find((one) => one === value);
      if (ack === undefined)
        return {
          condition: "com.microsoft:argument-error",
          description: `iothub-ack has to be one of ${ACKS.join(", ")}`,
        };
    }
  }
  const expiry = message.absolute_expiry_time;
  const lifetime =
    expiry instanceof Date && expiry.getTime() > 0
      ? expiry.getTime() - now
      : typeof message.ttl === "number" && message.ttl > 0
        ? message.ttl
        : undefined;
  const given = {
    messageId: idOf(message.message_id),
    correlationId: idOf(message.correlation_id),
    userId: idOf(message.user_id),
    to: `/devices/${encoded}/messages/devicebound`,
    contentType: idOf(message.content_type),
    contentEncoding: idOf(message.content_encoding),
    ack,
  };
  const system = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as SystemProperties;
  return {
    deviceId,
    message: {
      body: bodyOf(message),
      properties: Object.fromEntries(properties),
      system,
      ...(lifetime === undefined ? {} : { lifetime }),
    },
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
