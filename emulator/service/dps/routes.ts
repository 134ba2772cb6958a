// SPDX-License-Identifier: MIT
import type { Hono } from "hono";
import { Api, type ServiceContext } from "../api";
import type { DpsContext } from "./dps-context";
import { type DpsDevices, deviceRegistrationRoutes } from "./device-registrations";
import { enrollmentRoutes } from "./enrollments";
import { registrationRoutes } from "./registrations";

/** The paths of DPS: for services, and for devices. */
export function dpsRoutes(
  service: ServiceContext,
  context: DpsContext,
  devices: DpsDevices,
): (app: Hono) => void {
  return (app) => {
    const api = new Api(app, "dps", service);
    enrollmentRoutes(api, context, "individual");
    enrollmentRoutes(api, context, "group");
    registrationRoutes(api, context);
    // Behind the others: what they begin with could be an ID scope.
    deviceRegistrationRoutes(api, devices);
  };
}
