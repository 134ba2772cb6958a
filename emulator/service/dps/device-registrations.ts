// SPDX-License-Identifier: MIT
/** The device API of DPS over HTTPS. Source: "Runtime registration" of its REST reference; azure-iot-provisioning-device-http. */
import type { Context } from "hono";
import { type DpsResponse, dpsError, errorResponse, isDpsError } from "../../dps/bodies";
import type { DpsDoor } from "../../dps/door";
import type { RegistrationService } from "../../dps/registration-service";
import { type DpsCaller, type DpsReply, type DpsRequests, LARGEST_MESSAGE } from "../../dps/requests";
import { isRegistrationId } from "../../names";
import { type Api, readBytes } from "../api";
import { chainOf, cut } from "../client";

/** What the routes of devices work with. */
export interface DpsDevices {
  door: DpsDoor;
  requests: DpsRequests;
  service: RegistrationService;
  /** Calls back after `delay` milliseconds. */
  schedule(callback: () => void, delay: number): void;
  onRefused(host: string, path: string, reason: string): void;
  /** Milliseconds since 1970. */
  now(): number;
}

/** Adds the routes. */
export function deviceRegistrationRoutes(api: Api, devices: DpsDevices): void {
  const { requests, service, now } = devices;
  const admit = (context: Context, host: string): DpsCaller | DpsResponse => {
    const caller = callerOf(devices, context);
    if (!("status" in caller)) return caller;
    devices.onRefused(host, context.req.path, caller.message);
    return errorResponse(caller, now());
  };
  api.route("PUT", "/:scope/registrations/:id/register", async (context, host) => {
    const who = admit(context, host);
    if ("status" in who) return responseOf(who);
    const payload = await readBytes(context, LARGEST_MESSAGE);
    return answer(devices, context, await requests.register(who, contextOf(who), payload));
  });
  api.route("GET", "/:scope/registrations/:id/operations/:operation", async (context, host) => {
    const who = admit(context, host);
    if ("status" in who) return responseOf(who);
    const operation = context.req.param("operation");
    return answer(devices, context, await requests.poll(who, contextOf(who), operation, Buffer.alloc(0)));
  });
  api.route("POST", "/:scope/registrations/:id", async (context, host) => {
    const who = admit(context, host);
    if ("status" in who) return responseOf(who);
    if (!isDpsError(who.caller)) return responseOf(service.lookUp(who.caller));
    devices.onRefused(host, context.req.path, who.caller.message);
    return responseOf(errorResponse(who.caller, now()));
  });
}

const contextOf = ({ registrationId }: DpsCaller) => ({ id: registrationId, endpoint: "dps" });

/** Who asks, or why nobody of that name can. */
function callerOf({ door }: DpsDevices, context: Context) {
  const { req } = context;
  const registrationId = req.param("id") ?? "";
  if (!isRegistrationId(registrationId))
    return dpsError(400, 400000, "The path holds no valid registration id.");
  const idScope = req.param("scope") ?? "";
  const user = { kind: "dps", idScope, registrationId, apiVersion: req.query("api-version") ?? "" } as const;
  const wrong = door.problemOf(user);
  if (wrong?.field === "scope") return dpsError(404, 404000, `The path names ${wrong.problem}.`);
  if (wrong) return dpsError(400, 400001, `${wrong.problem}.`);
  return door.admit(user, req.header("authorization") ?? "", chainOf(context));
}

/** Sends an answer, or does in its place what a fault says. */
async function answer(
  { requests, schedule }: DpsDevices,
  context: Context,
  reply: DpsReply,
): Promise<Response> {
  const { rule, response } = reply;
  if (rule?.action === "delay") await new Promise<void>((resolve) => schedule(resolve, rule.delayMs ?? 0));
  // HTTP has no RST of its own: the connection ends, and nothing was said.
  if (rule?.action === "close" || rule?.action === "reset") cut(context);
  if (rule?.action === "close" || rule?.action === "reset" || rule?.action === "drop")
    return new Promise<never>(() => {});
  requests.sending(reply);
  return responseOf(response, requests.endsBehind(reply) ? { connection: "close" } : {});
}

function responseOf({ status, retryAfter, body }: DpsResponse, more: Record<string, string> = {}): Response {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const code = typeof body === "object" && body !== null && "errorCode" in body ? body.errorCode : undefined;
  return new Response(text, {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      ...(retryAfter ? { "retry-after": String(retryAfter) } : {}),
      ...(code === undefined ? {} : { "x-ms-error-code": String(code) }),
      ...more,
    },
  });
}
