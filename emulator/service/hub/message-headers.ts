// SPDX-License-Identifier: MIT
/** Messages over HTTPS: their properties are headers. Source: "Device" of the IoT Hub REST reference; azure-iot-http-base. */
import { azureDate } from "../../azure-error";
import { type Properties, parsePropertyBag } from "../../property-bag";
import type { QueuedMessage } from "../../records";

/** System properties by their names in a topic, to headers. */
const HEADERS = new Map(
  Object.entries({
    "$.mid": "iothub-messageid",
    "$.cid": "iothub-correlationid",
    "$.uid": "iothub-userid",
    "$.to": "iothub-to",
    "$.exp": "iothub-expiry",
    "$.ct": "iothub-contenttype",
    "$.ce": "iothub-contentencoding",
    "$.ctime": "iothub-creation-time-utc",
    "$.ifid": "iothub-interface-id",
    "$.sub": "dt-subject",
    "iothub-ack": "iothub-ack",
  }),
);
const NAMES = new Map([...HEADERS].map(([name, header]) => [header, name]));
const APPLICATION = "iothub-app-";

/** The properties of a message whose headers, or members of a batch, these are; others are passed over. */
export function propertiesOf(headers: Iterable<readonly [string, string]>): Properties {
  const properties: Properties = new Map();
  for (const [header, value] of headers) {
    const key = header.toLowerCase();
    // A property keeps the letters that the client wrote.
    const name = key.startsWith(APPLICATION) ? header.slice(APPLICATION.length) : NAMES.get(key);
    if (name) properties.set(name, value);
  }
  return properties;
}

/** The headers of a cloud-to-device message. @param token settles it */
export function headersOf(message: QueuedMessage, token: string): Headers {
  const headers = new Headers({
    "content-type": "application/octet-stream",
    etag: `"${token}"`,
    "iothub-sequencenumber": String(message.sequence),
    "iothub-deliverycount": String(message.deliveryCount - 1),
    ...(message.enqueuedTime === undefined ? {} : { "iothub-enqueuedtime": azureDate(message.enqueuedTime) }),
  });
  for (const [name, value] of parsePropertyBag(message.bag)) {
    const header = HEADERS.get(name) ?? `${APPLICATION}${escaped(name, NO_TOKEN)}`;
    headers.set(header, escaped(value ?? "", NO_TEXT));
  }
  return headers;
}

/** What a header may not hold: RFC 9110, sections 5.1 (names) and 5.5 (values). */
const NO_TOKEN = /[^\w!#$%&'*+.^`|~-]+/gu;
const NO_TEXT = /[^ -~]+/gu;

/** Percent-encoded where it has to be. */
function escaped(text: string, pattern: RegExp): string {
  return text
    .toWellFormed()
    .replaceAll(pattern, (part) =>
      [...Buffer.from(part)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
    );
}
