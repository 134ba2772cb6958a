// SPDX-License-Identifier: MIT
/** What Azure has no API for: health, live events, faults, connections. Described by `openapi.ts`. */
import type { Context, Hono } from "hono";
import { RULE } from "../../fault-reader";
import type { FaultInjector } from "../../faults";
import { DocumentError } from "../../json-reader";
import { constantTimeEqual } from "../../shared-access-signature";
import { readBody } from "../api";
import { hubErrorResponse, ServiceError } from "../service-error";
import type { EventStreams } from "./event-stream";
import { openApi } from "./openapi";

/** What the routes work with. */
export interface ControlContext {
  /** Must come as `Authorization: Bearer …` with everything but `/health`; undefined where only this computer asks. */
  token: string | undefined;
  health(): object;
  rootPem(): string;
  events: EventStreams;
  faults: FaultInjector;
  /** False when the device has no connection. @throws Error when there is no such endpoint */
  disconnect(endpoint: string, id: string): boolean;
  /** Milliseconds since 1970. */
  now(): number;
}

type Handler = (context: Context) => Response | Promise<Response>;

/** Adds the routes. */
export function controlRoutes(control: ControlContext): (app: Hono) => void {
  return (app) => {
    const open = (method: string, path: string, handler: Handler) =>
      app.on(method, path, async (context) => {
        try {
          return await handler(context);
        } catch (error) {
          const told =
            error instanceof DocumentError ? new ServiceError("ArgumentInvalid", error.message) : error;
          if (told instanceof ServiceError) return hubErrorResponse(told, control.now());
          throw error;
        }
      });
    const on = (method: string, path: string, handler: Handler) =>
      open(method, path, (context) => {
        if (!isAllowed(control.token, context.req.header("authorization")))
          throw new ServiceError(
            "IotHubUnauthorizedAccess",
            "send Authorization: Bearer and the control token",
          );
        return handler(context);
      });

    open("GET", "/health", () => Response.json(control.health()));
    on("GET", "/openapi.json", () => Response.json(openApi()));
    on(
      "GET",
      "/root.pem",
      () => new Response(control.rootPem(), { headers: { "content-type": "application/x-pem-file" } }),
    );
    on("GET", "/events", ({ req }) => {
      const stream = control.events.open(req.header("accept") ?? "");
      if (!stream) throw new ServiceError("Forbidden", "too many listen already; end one");
      return stream;
    });
    on("GET", "/faults", () => Response.json(control.faults.list()));
    on("POST", "/faults", async (context) => {
      const id = control.faults.arm(await readBody(context, RULE));
      return Response.json({ id }, { status: 201 });
    });
    on("DELETE", "/faults", () => {
      control.faults.clear();
      return new Response(null, { status: 204 });
    });
    on("DELETE", "/faults/:id", ({ req }) => {
      if (!control.faults.disarm(Number(req.param("id"))))
        throw new ServiceError("ResourceNotFound", "there is no rule of this id");
      return new Response(null, { status: 204 });
    });
    on("DELETE", "/connections/:hub/:device", ({ req }) => {
      if (!control.disconnect(req.param("hub") ?? "", req.param("device") ?? ""))
        throw new ServiceError("DeviceNotFound", "this device has no connection to such a hub");
      return new Response(null, { status: 204 });
    });
  };
}

function isAllowed(token: string | undefined, header: string | undefined): boolean {
  return token === undefined || constantTimeEqual(`Bearer ${token}`, header ?? "");
}
