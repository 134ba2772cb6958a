// SPDX-License-Identifier: MIT
/** `berth hub send`, `berth hub monitor`: by AMQP, for Azure has nothing else. Options as `az iot` has them. */
import { InvalidArgumentError } from "commander";
import type { Message } from "rhea";
import { text as utf8 } from "../../hosts/node/text";
import { BerthError } from "../../src/error";
import { nameAndValue, readBytes, seconds, wholeNumber } from "../options";
import type { Document } from "../service/client";
import { amqpPlaceOf } from "../service/target";
import { DEVICE_ID, type DeviceFlags } from "./hub-device";
import { done, misnamed, oneOf, optional, type Verb, verb } from "./verb";

const DEFAULT_GROUP = "$Default";
const SHOWN = ["all", "sys", "app", "anno"] as const;
type Shown = (typeof SHOWN)[number];

interface SendFlags extends DeviceFlags {
  readonly data?: string;
  readonly dataFile?: string;
  readonly properties?: Record<string, string>;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly userId?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly ack?: string;
  readonly expiryTimeUtc?: number;
}

interface MonitorFlags {
  readonly deviceId?: string;
  readonly consumerGroup: string;
  readonly enqueuedTime?: number;
  readonly contentType?: string;
  readonly properties?: readonly Shown[];
  readonly messageCount?: number;
  readonly timeout?: number;
}

/** The table. */
export const HUB_MESSAGES: readonly Verb[] = [
  verb<SendFlags>({
    words: "hub send",
    about: "send a message to a device; it waits where the device is away",
    service: "hub",
    options: [
      DEVICE_ID,
      optional("--data <text>", "what it holds; default: nothing"),
      optional("--data-file <file>", "the bytes of this file"),
      optional("-p, --properties <name=value>", "an application property (repeatable)", nameAndValue),
      misnamed("--message <text>", "--data"),
      optional("--message-id <id>", "default: none"),
      optional("--correlation-id <id>", "default: none"),
      optional("--user-id <id>", "default: none"),
      optional("--content-type <type>", "for example application/json"),
      optional("--content-encoding <encoding>", "for example utf-8"),
      oneOf("--ack <kind>", "what the service is told of its delivery", [
        "none",
        "positive",
        "negative",
        "full",
      ]),
      optional(
        "--expiry-time-utc <milliseconds>",
        "when it is dropped, since 1970; default: after an hour",
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    ],
    run: async (_hub, flags, { target }) => {
      const { AmqpClient } = await amqpModule();
      const client = await AmqpClient.toHub(target.credentials!, amqpPlaceOf(target));
      try {
        await client.sendToDevice(flags.deviceId, messageOf(flags));
      } finally {
        client.close();
      }
      return done(`sent to ${flags.deviceId}`);
    },
  }),
  verb<MonitorFlags>({
    words: "hub monitor",
    alias: "telemetry",
    about: "print the telemetry of a hub as it comes, until interrupted",
    service: "hub",
    goesOn: true,
    options: [
      optional("-d, --device-id <id>", "only of this device"),
      optional("--consumer-group <name>", "of the Event Hubs-compatible endpoint").default(DEFAULT_GROUP),
      optional(
        "--enqueued-time <milliseconds>",
        "from this time of the hub's clock on, since 1970; default: now",
        wholeNumber(0, Number.MAX_SAFE_INTEGER),
      ),
      optional("--content-type <type>", "read bodies as this, whatever they say"),
      optional(
        "-p, --properties <kinds>",
        `with properties: ${SHOWN.join(", ")}, separated by commas`,
        shownOf,
      ),
      optional("--message-count <count>", "end after this many", wholeNumber(1, Number.MAX_SAFE_INTEGER)),
      optional("-t, --timeout <seconds>", "end when nothing has come for so long", seconds),
    ],
    run: async (_hub, flags, { output, target, signal }) => {
      const { deviceId, consumerGroup, messageCount = Number.POSITIVE_INFINITY, timeout } = flags;
      const { enqueuedTime } = flags;
      const { credentials } = target;
      const amqp = amqpPlaceOf(target);
      const { AmqpClient } = await amqpModule();
      const hub = await AmqpClient.toHub(credentials!, amqp);
      const place = await hub.eventsPlace().finally(() => hub.close());
      const events = await AmqpClient.toEvents(place, credentials!, amqp);
      let silence: NodeJS.Timeout | undefined;
      try {
        const partitions = await events.partitions(place.entity);
        await new Promise<void>((resolve, reject) => {
          let left = messageCount;
          const heard = () => {
            clearTimeout(silence);
            if (timeout !== undefined) silence = setTimeout(resolve, timeout * 1000);
          };
          signal.addEventListener("abort", () => resolve(), { once: true });
          events.ended.catch(reject);
          const take = (message: Message) => {
            const event = eventOf(message, flags);
            if (left <= 0 || (deviceId !== undefined && event.origin !== deviceId)) return;
            heard();
            const { origin, payload } = event;
            const shown = typeof payload === "string" ? payload : JSON.stringify(payload);
            output.passing({ event }, `${origin}: ${shown}${propertiesLine(event)}`, "cyan");
            if (--left <= 0) resolve();
          };
          const begun = partitions.map((partition) =>
            events.read(place.entity, consumerGroup, partition, enqueuedTime, take),
          );
          Promise.all(begun).then(() => {
            if (left <= 0) return;
            output.line("listening");
            heard();
          }, reject);
        });
      } finally {
        clearTimeout(silence);
        events.close();
      }
      return undefined;
    },
  }),
];

/** Loaded where it is needed only: every command would start later. */
const amqpModule = () => import("../service/amqp");

function messageOf(flags: SendFlags): Message {
  const { data, dataFile, properties, messageId, correlationId, userId, contentType, contentEncoding, ack } =
    flags;
  if (data !== undefined && dataFile !== undefined)
    throw new BerthError("invalid-argument", "--data and --data-file say the same thing; leave one out");
  const body = dataFile === undefined ? Buffer.from(data ?? "") : readBytes(dataFile, "--data-file");
  const { expiryTimeUtc } = flags;
  const known = {
    message_id: messageId,
    correlation_id: correlationId,
    user_id: userId,
    content_type: contentType,
    content_encoding: contentEncoding,
    absolute_expiry_time: expiryTimeUtc === undefined ? undefined : new Date(expiryTimeUtc),
  };
  return {
    ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
    application_properties: { ...properties, ...(ack !== undefined && { "iothub-ack": ack }) },
    body,
  } as Message;
}

/** An event as `az iot hub monitor-events` has it. */
interface MonitoredEvent extends Document {
  readonly origin: string;
  readonly payload: unknown;
}

function eventOf(message: Message, { contentType, properties = [] }: MonitorFlags): MonitoredEvent {
  const annotations = plain(message.message_annotations);
  const system = {
    content_type: message.content_type,
    content_encoding: message.content_encoding,
    message_id: message.message_id,
    correlation_id: message.correlation_id,
    user_id: message.user_id,
  };
  const has = (kind: Shown) => properties.includes("all") || properties.includes(kind);
  const shown = {
    ...(has("sys") && {
      system: Object.fromEntries(Object.entries(plain(system)).filter(([, value]) => value)),
    }),
    ...(has("app") && { application: plain(message.application_properties) }),
  };
  return {
    origin: String(annotations["iothub-connection-device-id"] ?? ""),
    module: String(annotations["iothub-connection-module-id"] ?? ""),
    interface: String(annotations["iothub-interface-id"] ?? ""),
    component: String(annotations["dt-subject"] ?? ""),
    ...(has("anno") && { annotations }),
    ...(Object.keys(shown).length > 0 && { properties: shown }),
    payload: payloadOf(message, contentType ?? message.content_type),
  };
}

/** JSON where the message says so, else text, else base64. */
function payloadOf({ body }: Message, contentType: string | undefined): unknown {
  const content = (body as { content?: unknown } | undefined)?.content;
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(typeof content === "string" ? content : "");
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return bytes.toString("base64");
  }
  if (!/json/i.test(contentType ?? "")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Values of AMQP in JSON. */
function plain(map: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(map ?? {}).map(([key, value]) => [key, Buffer.isBuffer(value) ? value.toString() : value]),
  );
}

function propertiesLine({ properties, annotations }: MonitoredEvent): string {
  const shown = [properties, annotations].filter((one) => one !== undefined);
  return shown.length === 0 ? "" : `  ${shown.map((one) => JSON.stringify(one)).join(" ")}`;
}

function shownOf(text: string): Shown[] {
  return text.split(",").map((word) => {
    const found = SHOWN.find((one) => one === word.trim());
    if (found === undefined) throw new InvalidArgumentError(`Give one or more of ${SHOWN.join(", ")}.`);
    return found;
  });
}
