// SPDX-License-Identifier: MIT
import type { Hono } from "hono";
import { Api, type ServiceContext } from "../api";
import type { HubContext } from "./hub-context";
import { identityRoutes } from "./identities";
import { jobRoutes } from "./jobs";
import { methodRoutes } from "./methods";
import { queryRoutes } from "./query";
import { twinRoutes } from "./twins";

/** The paths of an IoT Hub. */
export function hubRoutes(service: ServiceContext, context: HubContext): (app: Hono) => void {
  return (app) => {
    const api = new Api(app, "hub", service);
    queryRoutes(api, context);
    jobRoutes(api, context);
    identityRoutes(api, context);
    twinRoutes(api, context);
    methodRoutes(api, context);
  };
}
