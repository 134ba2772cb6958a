// SPDX-License-Identifier: MIT
/** `/registrations`: what DPS has assigned. Source: REST reference of the Device Provisioning Service, 2021-10-01. */
import type { RegistrationRecord } from "../../records";
import { type Api, pageResponse, quotedTag } from "../api";
import { checkIfMatch } from "../etag";
import { ServiceError } from "../service-error";
import type { DpsContext } from "./dps-context";
import { registrationDocument } from "./enrollment-documents";
import { NOT_FOUND, WRONG_ETAG } from "./enrollments";
import { QUERY_BODY } from "./query-body";

/** Adds the routes. */
export function registrationRoutes(api: Api, { state, enrollments }: DpsContext): void {
  const recordOf = (id: string): RegistrationRecord => {
    const record = state.registrations.get(id.toLowerCase());
    if (!record) throw new ServiceError("ResourceNotFound", "there is no registration of this id", NOT_FOUND);
    return record;
  };
  api.on("POST", "/registrations/:group/query", "RegistrationStatusRead", async (call) => {
    await call.body(QUERY_BODY);
    const group = call.param("group").toLowerCase();
    if (!enrollments.group(group))
      throw new ServiceError("ResourceNotFound", "there is no enrollment group of this id", NOT_FOUND);
    const records = [...state.registrations.values()].filter(
      ({ enrollmentGroupId }) => enrollmentGroupId?.toLowerCase() === group,
    );
    const { items, next } = call.page(records, ({ registrationId }) => registrationId.toLowerCase());
    return pageResponse(items.map(registrationDocument), next, "DeviceRegistration");
  });
  api.on("GET", "/registrations/:id", "RegistrationStatusRead", (call) => {
    const record = recordOf(call.param("id"));
    return Response.json(registrationDocument(record), { headers: quotedTag(record.etag) });
  });
  api.on("DELETE", "/registrations/:id", "RegistrationStatusWrite", async (call) => {
    const record = recordOf(call.param("id"));
    checkIfMatch(call.header("if-match"), record.etag, WRONG_ETAG);
    state.registrations.delete(record.registrationId.toLowerCase());
    await state.settled();
    return new Response(null, { status: 204 });
  });
}
