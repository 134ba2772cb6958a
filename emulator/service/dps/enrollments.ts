// SPDX-License-Identifier: MIT
/**
 * `/enrollments` and `/enrollmentGroups`. What is changed here is stored, and goes before the configuration.
 * Source: REST reference of the Device Provisioning Service, 2021-10-01; npm package azure-iot-provisioning-service.
 */
import * as v from "valibot";
import type { EnrollmentGroup, IndividualEnrollment } from "../../configuration";
import { azureDate } from "../../azure-error";
import { DocumentError } from "../../json-reader";
import { choice, JSON_OBJECT, list, object } from "../../shapes";
import { type Api, type Call, pageResponse, quotedTag } from "../api";
import { checkIfMatch } from "../etag";
import { ServiceError } from "../service-error";
import type { DpsContext } from "./dps-context";
import { readEnrollment } from "./enrollment-body";
import {
  attestationDocument,
  type Entry,
  enrollmentDocument,
  enrollmentEtag,
  entryOf,
} from "./enrollment-documents";
import { QUERY_BODY } from "./query-body";

/** Enrollments of one bulk request, Azure's limit. */
const LARGEST_BULK = 10;
/** Of DPS: the enrollment is not there, or its tag another. */
export const NOT_FOUND = 404_201;
export const WRONG_ETAG = 412_201;

const BULK = object({
  mode: choice(["create", "update", "updateIfMatchETag", "updateIfMatchEtag", "delete"]),
  enrollments: v.pipe(list(JSON_OBJECT, LARGEST_BULK), v.minLength(1, "is empty")),
});

type Kind = "individual" | "group";

/** Adds the routes of one kind. */
export function enrollmentRoutes(api: Api, context: DpsContext, kind: Kind): void {
  const path = kind === "individual" ? "/enrollments" : "/enrollmentGroups";
  const store = new EnrollmentStore(context, kind);
  const answer = (entry: Entry) =>
    Response.json(store.document(entry), { headers: quotedTag(enrollmentEtag(entry)) });

  const query = async (call: Call) => {
    await call.body(QUERY_BODY);
    const { items, next } = call.page(store.keys(), (key) => key);
    return pageResponse(
      items.map((key) => store.document(store.get(key))),
      next,
      kind === "individual" ? "Enrollment" : "EnrollmentGroup",
    );
  };
  api.on("POST", `${path}/query`, "EnrollmentRead", query);
  const attestation = (call: Call) =>
    Response.json(attestationDocument(store.get(call.param("id")).value.attestation));
  api.on("POST", `${path}/:id/attestationmechanism`, "EnrollmentWrite", attestation);
  // The SDK for Node.js writes this one in lower case.
  if (kind === "group")
    api.on("POST", "/enrollmentgroups/:id/attestationmechanism", "EnrollmentWrite", attestation);
  api.on("GET", `${path}/:id`, "EnrollmentRead", (call) => answer(store.get(call.param("id"))));
  api.on("PUT", `${path}/:id`, "EnrollmentWrite", async (call) => {
    const body = await call.body(JSON_OBJECT);
    const entry = store.put(call.param("id"), body, call.header("if-match"));
    await context.state.settled();
    return answer(entry);
  });
  api.on("DELETE", `${path}/:id`, "EnrollmentWrite", async (call) => {
    store.remove(call.param("id"), call.header("if-match"));
    await context.state.settled();
    return new Response(null, { status: 204 });
  });
  if (kind === "individual") api.on("POST", path, "EnrollmentWrite", (call) => bulk(context, store, call));
}

async function bulk({ state }: DpsContext, store: EnrollmentStore, call: Call): Promise<Response> {
  const { mode, enrollments } = await call.body(BULK);
  const errors: { registrationId: string; errorCode: number; errorStatus: string }[] = [];
  for (const enrollment of enrollments) {
    const id = typeof enrollment.registrationId === "string" ? enrollment.registrationId : "";
    try {
      const etag = typeof enrollment.etag === "string" ? enrollment.etag : undefined;
      if (mode === "delete") store.remove(id, etag);
      else {
        const there = store.has(id);
        if (mode === "create" && there)
          throw new ServiceError("DeviceAlreadyExists", "an enrollment of this id is there already", 409_201);
        if (mode !== "create") store.get(id);
        store.put(id, enrollment, mode.toLowerCase() === "updateifmatchetag" ? (etag ?? "") : undefined);
      }
    } catch (error) {
      const isTheirs = error instanceof DocumentError || error instanceof RangeError;
      const told = isTheirs ? new ServiceError("ArgumentInvalid", error.message) : error;
      if (!(told instanceof ServiceError)) throw error;
      errors.push({ registrationId: id, errorCode: told.errorCode, errorStatus: told.message });
    }
  }
  await state.settled();
  return Response.json({ isSuccessful: errors.length === 0, errors });
}

/** The enrollments of one kind, as the service API reads and writes them. */
class EnrollmentStore {
  readonly #context: DpsContext;
  readonly #kind: Kind;

  constructor(context: DpsContext, kind: Kind) {
    this.#context = context;
    this.#kind = kind;
  }

  has(id: string): boolean {
    return this.#value(id) !== undefined;
  }

  /** @throws ServiceError when there is none */
  get(id: string): Entry {
    const value = this.#value(id);
    if (!value) throw new ServiceError("ResourceNotFound", "there is no enrollment of this id", NOT_FOUND);
    return entryOf(value, this.#change(id), this.#context.started);
  }

  /** Ids in lower case. */
  keys(): string[] {
    const { enrollments } = this.#context;
    return this.#kind === "individual"
      ? [...enrollments.individuals].map(({ registrationId }) => registrationId.toLowerCase())
      : [...enrollments.groups].map(({ enrollmentGroupId }) => enrollmentGroupId.toLowerCase());
  }

  document(entry: Entry): object {
    const id = "registrationId" in entry.value ? entry.value.registrationId.toLowerCase() : undefined;
    return enrollmentDocument(
      entry,
      id === undefined ? undefined : this.#context.state.registrations.get(id),
    );
  }

  /** Creates or replaces one. @throws DocumentError, RangeError, ServiceError; nothing is changed then */
  put(id: string, body: Record<string, unknown>, ifMatch: string | undefined): Entry {
    const { enrollments, state, hubs, now } = this.#context;
    const old = this.#value(id);
    if (ifMatch !== undefined) checkIfMatch(ifMatch, enrollmentEtag(this.get(id)), WRONG_ETAG);
    const value = readEnrollment(this.#kind, body, old, hubs);
    const own = "registrationId" in value ? value.registrationId : value.enrollmentGroupId;
    if (own.toLowerCase() !== id.toLowerCase())
      throw new ServiceError("ArgumentInvalid", "the id in the body is not that of the path");
    if ("registrationId" in value) enrollments.setIndividual(value);
    else enrollments.setGroup(value);
    const lastUpdatedDateTimeUtc = azureDate(now());
    const createdDateTimeUtc = old ? this.get(id).createdDateTimeUtc : lastUpdatedDateTimeUtc;
    state.enrollments.set(this.#key(id), {
      kind: this.#kind,
      key: id.toLowerCase(),
      value,
      createdDateTimeUtc,
      lastUpdatedDateTimeUtc,
    });
    return { value, createdDateTimeUtc, lastUpdatedDateTimeUtc };
  }

  /** @throws ServiceError when there is none, or its tag is another */
  remove(id: string, ifMatch: string | undefined): void {
    const { enrollments, state, now } = this.#context;
    const entry = this.get(id);
    checkIfMatch(ifMatch, enrollmentEtag(entry), WRONG_ETAG);
    if (this.#kind === "individual") enrollments.removeIndividual(id);
    else enrollments.removeGroup(id);
    state.enrollments.set(this.#key(id), {
      kind: this.#kind,
      key: id.toLowerCase(),
      createdDateTimeUtc: entry.createdDateTimeUtc,
      lastUpdatedDateTimeUtc: azureDate(now()),
    });
  }

  #value(id: string): IndividualEnrollment | EnrollmentGroup | undefined {
    const { enrollments } = this.#context;
    return this.#kind === "individual" ? enrollments.individual(id) : enrollments.group(id);
  }

  #change(id: string) {
    const change = this.#context.state.enrollments.get(this.#key(id));
    return change?.value ? change : undefined;
  }

  #key(id: string): string {
    return `${this.#kind} ${id.toLowerCase()}`;
  }
}
