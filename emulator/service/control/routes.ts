// SPDX-License-Identifier: MIT
/** What Azure has no API for: health, live events, faults, connections, clock, certificates. Described by `openapi.ts`. */
import type { Context, Hono } from "hono";
import { createDeviceCertificate, createRootCertificate } from "../../certificates";
import { RULE } from "../../fault-reader";
import type { FaultInjector } from "../../faults";
import type { CloudToDeviceMessage } from "../../hub/cloud-to-device";
import { DocumentError } from "../../json-reader";
import type { ServedCertificate } from "../../served-certificate";
import type { SettableClock } from "../../settable-clock";
import { constantTimeEqual } from "../../shared-access-signature";
import { isSession, readBody } from "../api";
import { hubErrorResponse, ServiceError } from "../service-error";
import { CERTIFICATE, JUMP, MESSAGE, SKEW, TEST_CERTIFICATE } from "./bodies";
import type { EventStreams } from "./event-stream";
import { openApi } from "./openapi";

/** What the routes work with. */
export interface ControlContext {
  /** Must come as `Authorization: Bearer …` with everything but `/health`; undefined where only this computer asks. */
  token: string | undefined;
  health(): object;
  certificates: ServedCertificate;
  clock: SettableClock;
  events: EventStreams;
  faults: FaultInjector;
  deviceExists(hub: string, deviceId: string): boolean;
  /** Queues a message; its sequence number. @throws RangeError when it is too large, or the queue full */
  send(hub: string, deviceId: string, message: CloudToDeviceMessage): Promise<number>;
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
            error instanceof DocumentError || error instanceof RangeError
              ? new ServiceError("ArgumentInvalid", error.message)
              : error;
          if (told instanceof ServiceError) return hubErrorResponse(told, control.now());
          throw error;
        }
      });
    const on = (method: string, path: string, handler: Handler) =>
      open(method, path, (context) => {
        if (!isSession(context) && !isAllowed(control.token, context.req.header("authorization")))
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
      () =>
        new Response(control.certificates.rootPem, { headers: { "content-type": "application/x-pem-file" } }),
    );
    on("GET", "/events", ({ req }) => {
      const { types, device, after = req.header("last-event-id") } = req.query();
      const stream = control.events.open({ accept: req.header("accept") ?? "", types, device, after });
      if (!stream) throw new ServiceError("Forbidden", "too many listen already; end one");
      return stream;
    });
    on("GET", "/faults", () => Response.json(control.faults.list()));
    on("POST", "/faults", async (context) => {
      const id = control.faults.arm(await readBody(context, RULE));
      const { rule } = control.faults.list().find((one) => one.id === id)!;
      return Response.json({ id, rule }, { status: 201 });
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
    on("GET", "/clock", () => Response.json(clockOf(control)));
    on("PUT", "/clock", async (context) => {
      control.clock.set((await readBody(context, SKEW)).skewMs);
      return Response.json(clockOf(control));
    });
    on("POST", "/clock/jump", async (context) => {
      control.clock.jump((await readBody(context, JUMP)).byMs);
      return Response.json(clockOf(control));
    });
    on("DELETE", "/clock", () => {
      control.clock.set(0);
      return new Response(null, { status: 204 });
    });
    on("GET", "/certificates", () => Response.json(control.certificates.describe()));
    on("PUT", "/certificates/server", async (context) => {
      await control.certificates.serve((await readBody(context, CERTIFICATE)).kind);
      return Response.json(control.certificates.describe());
    });
    on("POST", "/certificates/root", async () => {
      await control.certificates.swapRoot();
      return Response.json(control.certificates.describe(), { status: 201 });
    });
    on("DELETE", "/certificates", async () => {
      await control.certificates.reset();
      return new Response(null, { status: 204 });
    });
    on("POST", "/test-certificates", async (context) => {
      const { kind, issuer, ...wanted } = await readBody(context, TEST_CERTIFICATE);
      if (kind === "root" && issuer)
        throw new ServiceError("ArgumentInvalid", "a root has no issuer; leave it out");
      const making =
        kind === "root" ? createRootCertificate(wanted) : createDeviceCertificate(wanted, issuer);
      const made = await making.catch(() => {
        throw new ServiceError(
          "ArgumentInvalid",
          "issuer: certificatePem and privateKeyPem are no pair in PEM",
        );
      });
      return Response.json(made, { status: 201 });
    });
    on("POST", "/messages/:hub/:device", async (context) => {
      const { hub = "", device = "" } = context.req.param();
      const { body, bodyBase64, properties, lifetimeMs, ...system } = await readBody(context, MESSAGE);
      if ((body === undefined) === (bodyBase64 === undefined))
        throw new ServiceError("ArgumentInvalid", "give body or bodyBase64, one of them");
      if (!control.deviceExists(hub, device))
        throw new ServiceError("DeviceNotFound", `${hub} has no such device`);
      const sequence = await control.send(hub, device, {
        body: body ?? Buffer.from(bodyBase64!, "base64"),
        ...(properties && { properties }),
        ...(lifetimeMs !== undefined && { lifetime: lifetimeMs }),
        system,
      });
      return Response.json({ sequence }, { status: 201 });
    });
    on("DELETE", "/connections/:hub/:device", ({ req }) => {
      if (!control.disconnect(req.param("hub") ?? "", req.param("device") ?? ""))
        throw new ServiceError("DeviceNotFound", "this device has no connection to such a hub");
      return new Response(null, { status: 204 });
    });
  };
}

function clockOf({ clock, now }: ControlContext) {
  return { time: new Date(now()).toISOString(), skewMs: clock.skew };
}

function isAllowed(token: string | undefined, header: string | undefined): boolean {
  return token === undefined || constantTimeEqual(`Bearer ${token}`, header ?? "");
}
