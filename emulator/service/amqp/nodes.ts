// SPDX-License-Identifier: MIT
/** Which node an address of a link names. Source: the npm packages azure-iothub and @azure/event-hubs. */
import type { EventLog } from "../../hub/event-log";
import type { FeedbackRecord, FileNotification } from "../../hub/feedback";
import type { ServiceQueue } from "../../hub/service-queue";
import type { CloudToDeviceMessage } from "../../hub/cloud-to-device";

/** A hub, as AMQP serves it. */
export interface AmqpHub {
  /** Host name; that of the Event Hubs-compatible endpoint, too. */
  name: string;
  /** What Event Hubs' SDKs call the entity path. */
  entity: string;
  log: EventLog;
  feedback: ServiceQueue<FeedbackRecord>;
  fileNotifications: ServiceQueue<FileNotification>;
  hasDevice(deviceId: string): boolean;
  /** @throws MessageTooLarge, QueueFull */
  send(deviceId: string, message: CloudToDeviceMessage): Promise<void>;
}

/** The name of the Event Hub that stands for a hub's telemetry. */
export function entityOf(hub: string): string {
  return `iothub-ehub-${hub.split(".")[0]}`;
}

/** What an address names. */
export type Node =
  | { kind: "cbs" | "management" | "deviceBound" | "feedback" | "fileNotifications" | "telemetry" }
  | { kind: "events"; group: string; partition: string };

/** Reads an address, which may be a whole URL. Undefined when nothing is served there. */
export function nodeOf(address: string, { entity }: AmqpHub): Node | undefined {
  const path = pathOf(address).slice(1);
  const lower = path.toLowerCase();
  switch (lower) {
    case "$cbs":
      return { kind: "cbs" };
    case "$management":
    case `${entity.toLowerCase()}/$management`:
      return { kind: "management" };
    case "messages/devicebound":
      return { kind: "deviceBound" };
    case "messages/servicebound/feedback":
      return { kind: "feedback" };
    case "messages/servicebound/filenotifications":
      return { kind: "fileNotifications" };
  }
  if (lower === "messages/events" || lower.startsWith("messages/events/")) return { kind: "telemetry" };
  const [, name, group, partition] =
    /^([^/]{1,256})\/ConsumerGroups\/([^/]{1,256})\/Partitions\/([^/]{1,16})$/i.exec(path) ?? [];
  if (name?.toLowerCase() !== entity.toLowerCase() || group === undefined || partition === undefined)
    return undefined;
  return { kind: "events", group: group.toLowerCase(), partition };
}

/** What a token has to be for: the address without its host, from a slash on. */
export function pathOf(address: string): string {
  return `/${address.replace(/^(amqps?|sb):\/\/[^/]*/i, "").replace(/^\/+/, "")}`;
}
