// SPDX-License-Identifier: MIT
/** Direct methods for services. Source: "Understand and invoke direct methods from IoT Hub", section on HTTPS. */
import * as v from "valibot";
import { MethodFailed } from "../../hub/method-failed";
import { maybe, object, text, whole } from "../../shapes";
import type { Api } from "../api";
import { MethodError, ServiceError } from "../service-error";
import { deviceOf, type HubContext } from "./hub-context";

/** Seconds, Azure's limits. */
const RESPONSE = whole(5, 300);
const CONNECT = whole(0, 300);
const USUAL_RESPONSE = 30;
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
 * @throws ServiceError, MethodError
 */
export async function invoke(context: HubContext, hub: string, deviceId: string, body: MethodBody) {
  const { methodName, connectTimeoutInSeconds = 0, timeoutInSeconds = USUAL_RESPONSE, payload } = body;
  const { responseTimeoutInSeconds = timeoutInSeconds } = body;
  deviceOf(context, hub, deviceId);
  try {
    const answer = await context
      .endpoint(hub)
      .invokeMethod(
        deviceId,
        methodName,
        payload ?? null,
        responseTimeoutInSeconds * 1000,
        connectTimeoutInSeconds * 1000,
      );
    return { status: answer.status, payload: answer.payload ?? null };
  } catch (error) {
    if (!(error instanceof MethodFailed)) throw error;
    const timeout = new Date(connectTimeoutInSeconds * 1000).toISOString().slice(11, 19);
    switch (error.errorCode) {
      case 404_103:
        throw new MethodError("DeviceNotOnline", error.message, { timeout });
      case 504_101:
        throw new MethodError("GatewayTimeout", error.message);
      case 413_001:
        throw new ServiceError("MessageTooLarge", error.message);
      default:
        throw new ServiceError("DeviceNotFound", error.message);
    }
  }
}
