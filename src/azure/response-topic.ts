// SPDX-License-Identifier: MIT
/**
 * The topic of an answer, as DPS and IoT Hub have it: `{prefix}{status}/?$rid={id}&retry-after={s}&$version={n}`.
 * Sources: "Communicate with DPS using the MQTT protocol", "Communicate with an IoT hub using the MQTT protocol".
 */
import { isDigits, lowerCase } from "../characters";
import { percentDecode } from "./percent";

/** What the topic of an answer says. */
export interface ResponseTopic {
  /** HTTP-like status, 100 to 599. */
  readonly status: number;
  readonly requestId: string;
  /** Seconds, whole, up to one day; undefined when the server did not say. */
  readonly retryAfter: number | undefined;
  /** Of a twin; undefined when the server did not say. */
  readonly version?: number | undefined;
}

/** A longer `retry-after` is taken as this, so that a wrong answer cannot silence a device for ever: one day. */
const LONGEST_RETRY_AFTER = 86_400;

/** The parts of `topic`, or undefined when it is no answer under `prefix`. Names are compared without regard to case. */
export function parseResponseTopic(topic: string, prefix: string): ResponseTopic | undefined {
  if (!topic.startsWith(prefix)) return undefined;
  const slash = topic.indexOf("/", prefix.length);
  if (slash < 0 || topic[slash + 1] !== "?") return undefined;
  const status = wholeNumber(topic.slice(prefix.length, slash));
  if (status === undefined || status < 100 || status > 599) return undefined;
  const query = topic.slice(slash + 2);
  const requestId = queryValue(query, "$rid");
  if (requestId === undefined) return undefined;
  // Both `retry-after` and `Retry-After` stand in Microsoft's own tests.
  const retryAfter = wholeNumber(queryValue(query, "retry-after"));
  return {
    status,
    requestId,
    retryAfter: retryAfter === undefined ? undefined : Math.min(retryAfter, LONGEST_RETRY_AFTER),
    version: wholeNumber(queryValue(query, "$version")),
  };
}

/** The value of `name` in `a=b&c=d`, decoded; the last one counts. */
export function queryValue(query: string, name: string): string | undefined {
  let value: string | undefined;
  for (const part of query.split("&")) {
    const equals = part.indexOf("=");
    if (equals < 0 || lowerCase(percentDecode(part.slice(0, equals)) ?? "") !== name) continue;
    value = percentDecode(part.slice(equals + 1)) ?? "";
  }
  return value;
}

/** The number that `text` writes in decimal digits and nothing else. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && isDigits(text) ? Number(text) : undefined;
}
