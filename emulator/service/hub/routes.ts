// SPDX-License-Identifier: MIT
import type { Hono } from "hono";
import { Api, type ServiceContext } from "../api";
import type { HubContext } from "./hub-context";
import type { Issuer } from "../../issuer";
import { DeviceApi } from "./device-api";
import { deviceFileRoutes, type FileContext } from "./device-files";
import { deviceMessageRoutes } from "./device-messages";
import { identityRoutes } from "./identities";
import { jobRoutes } from "./jobs";
import { methodRoutes } from "./methods";
import { queryRoutes } from "./query";
import { twinRoutes } from "./twins";

/** The paths of an IoT Hub: for services, and for devices. */
export function hubRoutes(
  service: ServiceContext,
  context: HubContext,
  issuer: Issuer,
  files: FileContext,
): (app: Hono) => void {
  return (app) => {
    const api = new Api(app, "hub", service);
    queryRoutes(api, context);
    jobRoutes(api, context);
    identityRoutes(api, context);
    twinRoutes(api, context);
    methodRoutes(api, context);
    const devices = new DeviceApi(api, service, context, issuer);
    deviceMessageRoutes(devices, context.settled);
    deviceFileRoutes(devices, files);
  };
}
