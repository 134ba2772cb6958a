// SPDX-License-Identifier: MIT
/** Direct methods for services. Source: "Understand and invoke direct methods from IoT Hub", section on HTTPS. */
import * as v from "valibot";
import { MethodTimeout } from "../../hub/methods";
import { maybe, object, text, whole } from "../../shapes";
import type { Api } from "../api";
import { MethodError, ServiceError } from "../service-error";
import { deviceOf, type HubContext } from "./hub-context";

/** Seconds, Azure's limits. */
const RESPONSE = whole(5, 300);
const CONNECT = whole(0, 300);
const USUAL_RESPONSE = 30;
/** Bytes of a payload in JSON. */
const LARGEST_PAYLOAD = 128 * 1024;

/** What is called. */
export const METHOD = object(
  {
    methodName: text(128),
    responseTimeoutInSeconds: maybe(RESPONSE),
    connectTimeoutInSeconds: maybe(CONNECT),
    // Of SDKs before 2018.
    timeoutInSeconds: maybe(RESPONSE),
    payload: maybe(v.unknown()),
  },
  "all",
);
export type MethodBody = v.InferOutput<typeof METHOD>;

/** Adds the routes. */
export function methodRoutes(api: Api, context: HubContext): void {
  api.on("POST", "/twins/:id/methods", "ServiceConnect", async (call) => {
    const body = await call.body(METHOD);
    return Response.json(await invoke(context, call.host, call.param("id"), body));
  });
}

/**
 * Calls a method, waiting for the device to connect if it may.
 * @throws ServiceError: no such device; it does not connect (404103) or answer (504101) in time
 */
export async function invoke(context: HubContext, hub: string, deviceId: string, body: MethodBody) {
  const { methodName, connectTimeoutInSeconds = 0, timeoutInSeconds = USUAL_RESPONSE, payload } = body;
  const { responseTimeoutInSeconds = timeoutInSeconds } = body;
  deviceOf(context, hub, deviceId);
  if (Buffer.byteLength(JSON.stringify(payload ?? null)) > LARGEST_PAYLOAD)
    throw new ServiceError("ArgumentInvalid", `the payload has more than ${LARGEST_PAYLOAD} bytes`);
  const endpoint = context.endpoint(hub);
  if (!(await endpoint.awaitMethods(deviceId, connectTimeoutInSeconds * 1000))) {
    const timeout = new Date(connectTimeoutInSeconds * 1000).toISOString().slice(11, 19);
    throw new MethodError("DeviceNotOnline", "Timed out waiting for device to connect.", { timeout });
  }
  try {
    const answer = await endpoint.invokeMethod(
      deviceId,
      methodName,
      payload ?? null,
      responseTimeoutInSeconds * 1000,
    );
    return { status: answer.status, payload: answer.payload ?? null };
  } catch (error) {
    if (error instanceof MethodTimeout)
      throw new MethodError("GatewayTimeout", "Timed out waiting for the response from device.");
    // The device went away meanwhile.
    throw new MethodError("DeviceNotOnline", "Device unavailable.");
  }
}
