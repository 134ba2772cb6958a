// SPDX-License-Identifier: MIT
/** `$cbs` and `$management`: requests on one link, answers on another. */
import type { Partition } from "../../hub/event-log";
import type { AmqpHub } from "./nodes";
import rhea, { bodyOf, idOf, type ReceivedMessage } from "./rhea";

/** An answer before it is addressed. */
export interface Answer {
  status: number;
  description: string;
  condition?: string;
  body?: unknown;
}

/** Encodes an answer to a request. */
export function encodeAnswer(
  request: ReceivedMessage,
  { status, description, condition, body }: Answer,
): Buffer {
  const code = rhea.types.wrap_int(status);
  return rhea.message.encode({
    correlation_id: request.message_id ?? undefined,
    application_properties: {
      // Of $cbs, and of $management.
      "status-code": code,
      "status-description": description,
      statusCode: code,
      statusDescription: description,
      ...(condition === undefined ? {} : { errorCondition: condition, "error-condition": condition }),
    },
    body,
  });
}

/** Answers `$cbs`. @param put takes a token; it returns why the token is refused */
export function answerClaim(request: ReceivedMessage, put: (token: string) => string | undefined): Answer {
  const { operation, type } = request.application_properties ?? {};
  if (operation !== "put-token")
    return {
      status: 501,
      description: "the operation has to be put-token",
      condition: "amqp:not-implemented",
    };
  const refused = (reason: string): Answer => ({
    status: 401,
    description: `Unauthorized: ${reason}`,
    condition: "amqp:unauthorized-access",
  });
  if (typeof type === "string" && !type.endsWith(":sastoken"))
    return refused(
      "only shared access signatures are known here, whose type is servicebus.windows.net:sastoken",
    );
  const token = typeof request.body === "string" ? request.body : bodyOf(request).toString();
  const reason = put(token);
  return reason === undefined ? { status: 200, description: "OK" } : refused(reason);
}

/** Answers `$management`. */
export function answerManagement(request: ReceivedMessage, hub: AmqpHub): Answer {
  const { operation, type, name, partition } = request.application_properties ?? {};
  if (operation !== "READ")
    return { status: 501, description: "the operation has to be READ", condition: "amqp:not-implemented" };
  const notFound = (description: string): Answer => ({
    status: 404,
    description,
    condition: "amqp:not-found",
  });
  if (String(name).toLowerCase() !== hub.entity.toLowerCase())
    return notFound(`there is no Event Hub of this name; EntityPath is ${hub.entity}`);
  const { partitions, createdAt } = hub.log;
  if (type === "com.microsoft:eventhub") {
    const body = {
      name: hub.entity,
      type,
      created_at: rhea.types.wrap_timestamp(createdAt),
      partition_count: rhea.types.wrap_int(partitions.length),
      partition_ids: rhea.types.wrap_array(
        partitions.map(({ id }) => id),
        // Of a short string.
        0xa1,
        undefined,
      ),
    };
    return { status: 200, description: "OK", body };
  }
  if (type !== "com.microsoft:partition")
    return {
      status: 400,
      description: "the type has to be com.microsoft:eventhub or com.microsoft:partition",
      condition: "com.microsoft:argument-error",
    };
  const found = partitions.find(({ id }) => id === idOf(partition));
  if (!found)
    return {
      status: 400,
      description: `the partitions are 0 to ${partitions.length - 1}`,
      condition: "com.microsoft:argument-out-of-range",
    };
  return { status: 200, description: "OK", body: { name: hub.entity, type, ...partitionBody(found) } };
}

function partitionBody({ id, first, next, last }: Partition): Record<string, unknown> {
  const { types } = rhea;
  return {
    partition: id,
    begin_sequence_number: types.wrap_long(last === undefined ? -1 : first),
    last_enqueued_sequence_number: types.wrap_long(next - 1),
    last_enqueued_offset: String(last?.offset ?? -1),
    last_enqueued_time_utc: types.wrap_timestamp(last?.message.enqueuedTime ?? 0),
    is_partition_empty: last === undefined,
  };
}
