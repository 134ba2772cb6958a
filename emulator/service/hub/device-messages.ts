// SPDX-License-Identifier: MIT
/**
 * Telemetry and cloud-to-device messages over HTTPS.
 * Source: "Device" of the IoT Hub REST reference; what azure-iot-device-http sends.
 */
import * as v from "valibot";
import { LARGEST_TELEMETRY } from "../../hub/endpoint";
import { ANY_TEXT, FLAG, list, maybe, object } from "../../shapes";
import { readBody, readBytes } from "../api";
import { rawHeaders } from "../client";
import { ServiceError } from "../service-error";
import type { DeviceApi } from "./device-api";
import { headersOf, propertiesOf } from "./message-headers";

/** What the body of a batch is called. */
const BATCH_TYPE = "application/vnd.microsoft.iothub.json";
/** Messages of a batch, Azure's limit. */
const LARGEST_BATCH = 500;
const BATCH = list(
  object(
    {
      body: ANY_TEXT,
      // As the SDK for C says it of text.
      base64Encoded: maybe(FLAG),
      properties: maybe(v.record(v.string(), ANY_TEXT, "must be an object of strings")),
    },
    "all",
  ),
  LARGEST_BATCH,
);

/** Of an HTTP request it is known that it arrived, as of QoS 1. */
const SENT = { qos: 1, dup: false };
/** Azure's documents and its SDKs write it in two ways. */
const DEVICE_BOUND = "/messages/:bound{device[bB]ound}";

/** Adds the routes. @param settled settles when every change is on disk */
export function deviceMessageRoutes(api: DeviceApi, settled: () => Promise<void>): void {
  api.on("POST", "/messages/events", async ({ endpoint, device, context }) => {
    const take = (headers: Iterable<readonly [string, string]>, body: Buffer) =>
      endpoint.takeTelemetry(device.deviceId, propertiesOf(headers), body, SENT);
    if (context.req.header("content-type")?.toLowerCase().startsWith(BATCH_TYPE)) {
      const batch = await readBody(context, BATCH, LARGEST_TELEMETRY);
      const bodies = batch.map(({ body, base64Encoded = true }) =>
        base64Encoded ? decoded(body) : Buffer.from(body),
      );
      for (const [at, { properties = {} }] of batch.entries()) take(Object.entries(properties), bodies[at]!);
    } else take(pairs(rawHeaders(context)), await readBytes(context, LARGEST_TELEMETRY));
    return noContent();
  });
  api.on("GET", DEVICE_BOUND, async ({ endpoint, device }) => {
    const received = endpoint.receive(device);
    if (!received) return noContent();
    const { message, token } = received;
    return new Response(Buffer.from(message.bodyBase64, "base64"), { headers: headersOf(message, token) });
  });
  const settle = (method: string, path: string, how: (query: boolean) => "complete" | "reject" | "abandon") =>
    api.on(method, `${DEVICE_BOUND}/:token${path}`, async ({ endpoint, device, context: { req } }) => {
      const done = endpoint.settle(device, req.param("token") ?? "", how(req.query("reject") !== undefined));
      if (!done)
        throw new ServiceError(
          "DeviceMessageLockLost",
          "the message was settled before, is gone, or its lock of a minute is over; it comes again if it still waits",
        );
      await settled();
      return noContent();
    });
  settle("DELETE", "", (isRejected) => (isRejected ? "reject" : "complete"));
  settle("POST", "/abandon", () => "abandon");
}

function noContent(): Response {
  return new Response(null, { status: 204 });
}

function decoded(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0)
    throw new ServiceError(
      "ArgumentInvalid",
      'a body of a batch has to be base64; text needs "base64Encoded": false',
    );
  return Buffer.from(text, "base64");
}

function* pairs(flat: readonly string[]): Iterable<[string, string]> {
  for (let at = 0; at + 1 < flat.length; at += 2) yield [flat[at]!, flat[at + 1]!];
}
