// SPDX-License-Identifier: MIT
/**
 * Telemetry as a message of Event Hubs.
 * Source: "Create and read IoT Hub messages" (Azure documents), and what @azure/event-hubs reads.
 */
import type { LoggedEvent, Partition } from "../../hub/event-log";
import rhea from "./rhea";

/** System properties of a topic to properties of AMQP. */
const PROPERTIES: Record<string, string> = {
  "$.mid": "message_id",
  "$.cid": "correlation_id",
  "$.to": "to",
  "$.ct": "content_type",
  "$.ce": "content_encoding",
};
/** And to annotations. */
const ANNOTATIONS: Record<string, string> = {
  "$.sub": "dt-subject",
  "$.ifid": "iothub-interface-id",
  "$.ctime": "iothub-creation-time-utc",
};

/** Encodes an event. @param withLast tells of the end of the partition, as a receiver may ask for, at `now` */
export function encodeEvent(event: LoggedEvent, withLast?: { partition: Partition; now: number }): Buffer {
  const { message, sequenceNumber, offset, authentication, generationId } = event;
  const { types } = rhea;
  const time = types.wrap_timestamp(message.enqueuedTime);
  const properties: Record<string, unknown> = {};
  const annotations: Record<string, unknown> = {
    "iothub-connection-device-id": message.deviceId,
    "iothub-connection-auth-method": JSON.stringify({
      scope: "device",
      type: authentication,
      issuer: "iothub",
      acceptingIpFilterRule: null,
    }),
    "iothub-connection-auth-generation-id": generationId,
    "iothub-enqueuedtime": time,
    "iothub-message-source": "Telemetry",
    "x-opt-sequence-number": types.wrap_long(sequenceNumber),
    "x-opt-offset": String(offset),
    "x-opt-enqueued-time": time,
    ...(message.dataSchema === undefined ? {} : { "dt-dataschema": message.dataSchema }),
  };
  // Without a prototype, so that a device's `__proto__` is one key of many.
  const application: Record<string, unknown> = Object.create(null);
  for (const [key, value] of message.properties) {
    const text = value ?? "";
    if (Object.hasOwn(PROPERTIES, key)) properties[PROPERTIES[key]!] = text;
    else if (Object.hasOwn(ANNOTATIONS, key)) annotations[ANNOTATIONS[key]!] = text;
    else if (key === "$.uid") properties.user_id = Buffer.from(text);
    else if (key === "$.exp") {
      const expiry = Date.parse(text);
      if (!Number.isNaN(expiry)) properties.absolute_expiry_time = expiry;
    } else application[key] = text;
  }
  return rhea.message.encode({
    ...properties,
    message_annotations: annotations,
    ...(Object.keys(application).length === 0 ? {} : { application_properties: application }),
    ...(withLast ? { delivery_annotations: lastOf(withLast.partition, withLast.now) } : {}),
    body: rhea.message.data_section(message.body),
  });
}

function lastOf({ last }: Partition, now: number): Record<string, unknown> {
  const { types } = rhea;
  return {
    last_enqueued_sequence_number: types.wrap_long(last?.sequenceNumber ?? -1),
    last_enqueued_offset: String(last?.offset ?? -1),
    last_enqueued_time_utc: types.wrap_timestamp(last?.message.enqueuedTime ?? 0),
    runtime_info_retrieval_time_utc: types.wrap_timestamp(now),
  };
}
