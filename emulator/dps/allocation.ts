// SPDX-License-Identifier: MIT
/** Which hub a device is given. Source: "How to manage allocation policies" (Azure documents). */
import { createHash } from "node:crypto";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { CustomAllocation, CustomAllocationResponse, LinkedHub } from "../configuration";
import { INITIAL_TWIN } from "../configuration-reader";
import { type JsonObject, parseJson, readJson } from "../json-reader";
import { JSON_OBJECT, maybe, object, text } from "../shapes";
import type { DpsIdentity } from "./identity";

/** The error code of an allocation by a custom function that came to nothing. */
const CUSTOM_FAILED = 400207;

/** What an allocation looks at beside the identity. */
export interface AllocationContext {
  hubs: readonly LinkedHub[];
  /** How many devices a hub has. */
  loadOf(hub: string): number;
  /** The hub of the current assignment. */
  currentHub?: string;
  /** The device's own payload. */
  payload?: JsonObject;
  /** Used by the policy `custom` when the enrollment names no module. */
  customAllocation?: CustomAllocation;
  /** Where relative paths of custom modules start. */
  baseDirectory: string;
}

/** No hub can be given; `code` goes into `registrationState.errorCode`. */
export class AllocationError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = "AllocationError";
    this.code = code;
  }
}

/** Chooses the hub. @throws AllocationError when there is none, or when the custom function fails or misbehaves */
export async function allocate(
  identity: DpsIdentity,
  context: AllocationContext,
): Promise<CustomAllocationResponse> {
  const { value } = identity.enrollment;
  const candidates = context.hubs.filter((hub) => !value.iotHubs?.length || value.iotHubs.includes(hub.name));
  if (candidates.length === 0) throw new AllocationError(400208, "No IoT hub is linked for this enrollment.");
  switch (value.allocationPolicy ?? "hashed") {
    case "static":
      return { iotHubHostName: value.iotHubHostName ?? candidates[0]!.name };
    case "geoLatency":
      return { iotHubHostName: lowestLoad(candidates, context.loadOf) };
    case "custom":
      return custom(identity, candidates, context);
    default:
      return { iotHubHostName: hashed(candidates, identity.registrationId.toLowerCase()) };
  }
}

/** Everything runs on this machine, so the nearest hub is taken to be the least busy one. */
function lowestLoad(hubs: readonly LinkedHub[], loadOf: (hub: string) => number): string {
  return hubs.reduce((best, hub) => (loadOf(hub.name) < loadOf(best.name) ? hub : best)).name;
}

/** Weighted rendezvous hashing: even by weight, and a hub that goes moves only its own devices. */
function hashed(hubs: readonly LinkedHub[], registrationId: string): string {
  let best = hubs[0]!;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const hub of hubs) {
    const digest = createHash("sha256").update(`${hub.name}\n${registrationId}`).digest();
    const uniform = (digest.readUIntBE(0, 6) + 1) / (2 ** 48 + 1);
    const score = (hub.allocationWeight ?? 1) / -Math.log(uniform);
    if (score > bestScore) {
      best = hub;
      bestScore = score;
    }
  }
  return best.name;
}

async function custom(
  identity: DpsIdentity,
  hubs: readonly LinkedHub[],
  context: AllocationContext,
): Promise<CustomAllocationResponse> {
  const { enrollment, registrationId } = identity;
  const allocation = await customFunction(identity, context);
  let response: CustomAllocationResponse;
  try {
    const answer = await allocation({
      ...(enrollment.kind === "group"
        ? { enrollmentGroup: enrollment.value }
        : { individualEnrollment: enrollment.value }),
      deviceRuntimeContext: {
        registrationId,
        ...(context.currentHub === undefined ? {} : { currentIotHubHostName: context.currentHub }),
        ...(context.payload === undefined ? {} : { payload: context.payload }),
      },
      linkedHubs: hubs.map((hub) => hub.name),
    });
    response = readResponse(answer);
  } catch (error) {
    throw new AllocationError(
      CUSTOM_FAILED,
      `The custom allocation function failed: ${(error as Error).message}`,
    );
  }
  if (!hubs.some((hub) => hub.name === response.iotHubHostName)) {
    throw new AllocationError(
      400208,
      "The custom allocation function named no linked hub in iotHubHostName.",
    );
  }
  return response;
}

/** The body of the webhook's response. */
const RESPONSE = object(
  { iotHubHostName: maybe(text(253)), initialTwin: maybe(INITIAL_TWIN), payload: maybe(JSON_OBJECT) },
  "all",
);

/** The answer as JSON, which is what Azure's webhook sends. @throws Error when it cannot be used */
function readResponse(answer: CustomAllocationResponse): CustomAllocationResponse {
  const document = parseJson(JSON.stringify(answer) ?? "null", "its answer");
  return { iotHubHostName: "", ...readJson(RESPONSE, document, "its answer") };
}

async function customFunction(identity: DpsIdentity, context: AllocationContext): Promise<CustomAllocation> {
  const path = identity.enrollment.value.customAllocationDefinition?.module;
  if (path === undefined) {
    if (context.customAllocation) return context.customAllocation;
    throw new AllocationError(CUSTOM_FAILED, "The allocation policy is custom, but no function was given.");
  }
  const file = isAbsolute(path) ? path : resolve(context.baseDirectory, path);
  try {
    const loaded: { default?: unknown } = await import(pathToFileURL(file).href);
    if (typeof loaded.default !== "function") throw new Error("its default export is not a function");
    return loaded.default as CustomAllocation;
  } catch (error) {
    throw new AllocationError(
      CUSTOM_FAILED,
      `The custom allocation module ${path} does not load: ${(error as Error).message}`,
    );
  }
}
