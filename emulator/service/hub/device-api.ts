// SPDX-License-Identifier: MIT
/**
 * Routes that a device asks for itself, by its key, its certificate, or a policy that may speak for devices.
 * Source: "Control access to IoT Hub using shared access signatures" (Azure documents).
 */
import type { Context } from "hono";
import { authenticateDevice } from "../../hub/authentication";
import type { HubEndpoint } from "../../hub/endpoint";
import type { Issuer } from "../../issuer";
import type { DeviceRecord } from "../../records";
import { parseSharedAccessSignature } from "../../shared-access-signature";
import type { Api, ServiceContext } from "../api";
import { readToken, withheld } from "../authorization";
import { chainOf } from "../client";
import { ServiceError } from "../service-error";
import { deviceOf, type HubContext } from "./hub-context";

/** A request of a device whose credentials hold. */
export interface DeviceCall {
  hub: string;
  endpoint: HubEndpoint;
  device: DeviceRecord;
  context: Context;
}

/** Adds routes below `/devices/{id}`. */
export class DeviceApi {
  readonly #api: Api;
  readonly #service: ServiceContext;
  readonly #context: HubContext;
  readonly #issuer: Issuer;

  constructor(api: Api, service: ServiceContext, context: HubContext, issuer: Issuer) {
    this.#api = api;
    this.#service = service;
    this.#context = context;
    this.#issuer = issuer;
  }

  /** @param path behind `/devices/{id}` */
  on(method: string, path: string, handler: (call: DeviceCall) => Promise<Response>): void {
    this.#api.route(method, `/devices/:id${path}`, (context, hub) => {
      const deviceId = context.req.param("id") ?? "";
      const problem = this.#refusal(context, hub, deviceId);
      if (problem !== undefined) {
        this.#service.onRefused(hub, context.req.path, problem);
        throw new ServiceError("IotHubUnauthorizedAccess", `Unauthorized: ${problem}`);
      }
      const device = deviceOf(this.#context, hub, deviceId);
      return handler({ hub, endpoint: this.#context.endpoint(hub), device, context });
    });
  }

  #refusal(context: Context, hub: string, deviceId: string): string | undefined {
    const now = this.#context.now();
    const { req } = context;
    const password = req.header("authorization") ?? "";
    const device = this.#context.devices.get(hub, deviceId);
    if (parseSharedAccessSignature(password)?.skn === undefined) {
      const credentials = { hub, deviceId, password, chain: chainOf(context) };
      const result = authenticateDevice(device, credentials, now, this.#issuer);
      return "problem" in result ? result.problem : undefined;
    }
    const grant = readToken(this.#service.policies(), password, hub, now);
    if ("problem" in grant) return grant.problem;
    if (device?.status === "disabled") return "the device is disabled";
    const aliases = [(req.header("host") ?? "").toLowerCase()];
    return withheld(grant, { host: hub, aliases, path: `/devices/${deviceId}`, rights: ["DeviceConnect"] });
  }
}
