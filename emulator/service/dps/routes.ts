// SPDX-License-Identifier: MIT
import type { Hono } from "hono";
import { Api, type ServiceContext } from "../api";
import type { DpsContext } from "./dps-context";
import { enrollmentRoutes } from "./enrollments";
import { registrationRoutes } from "./registrations";

/** The paths of DPS for services. */
export function dpsRoutes(service: ServiceContext, context: DpsContext): (app: Hono) => void {
  return (app) => {
    const api = new Api(app, "dps", service);
    enrollmentRoutes(api, context, "individual");
    enrollmentRoutes(api, context, "group");
    registrationRoutes(api, context);
  };
}
