// SPDX-License-Identifier: MIT
/** What became of a cloud-to-device message, told to services that asked for it. Source: "Message feedback" (Azure documents). */
import { parsePropertyBag } from "../property-bag";
import type { DeviceRecord, QueuedMessage } from "../records";

/** How a message left its queue. */
export type Outcome = "Success" | "Expired" | "DeliveryCountExceeded" | "Rejected" | "Purged";

/** A record of feedback, in Azure's field names. */
export interface FeedbackRecord {
  originalMessageId: string;
  description: string;
  statusCode: Outcome;
  deviceId: string;
  deviceGenerationId: string;
  /** When it came to this. */
  enqueuedTimeUtc: string;
}

/** An uploaded file, in Azure's field names. */
export interface FileNotification {
  deviceId: string;
  blobUri: string;
  blobName: string;
  lastUpdatedTime: string;
  blobSizeInBytes: number;
  enqueuedTimeUtc: string;
}

/** The feedback that the sender of a message has asked for. @param now milliseconds since 1970 */
export function feedbackOn(
  { deviceId, generationId = "1" }: DeviceRecord,
  message: QueuedMessage,
  outcome: Outcome,
  now: number,
): FeedbackRecord | undefined {
  if (!asksForFeedback(message, outcome)) return undefined;
  return {
    originalMessageId: parsePropertyBag(message.bag).get("$.mid") ?? "",
    description: outcome,
    statusCode: outcome,
    deviceId,
    deviceGenerationId: generationId,
    enqueuedTimeUtc: new Date(now).toISOString(),
  };
}

/** Whether a message asks to be told of an outcome. */
export function asksForFeedback({ bag }: QueuedMessage, outcome: Outcome): boolean {
  if (!bag.includes("iothub-ack")) return false;
  const ack = parsePropertyBag(bag).get("iothub-ack");
  return ack === "full" || ack === (outcome === "Success" ? "positive" : "negative");
}
