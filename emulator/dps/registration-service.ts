// SPDX-License-Identifier: MIT
/** Registers devices: the state machine behind register and poll. Source: "Runtime registration" of the DPS Device API. */
import { randomBytes, randomUUID } from "node:crypto";
import { azureDate } from "../azure-error";
import type { CustomAllocation, CustomAllocationResponse, EnrollmentBase, LinkedHub } from "../configuration";
import type { DeviceRegistry } from "../hub/device-registry";
import { type Issuer, RequestRefused } from "../issuer";
import type { JsonObject } from "../json-reader";
import { isModelId } from "../names";
import type { DpsBehaviour } from "../options";
import type { RegistrationRecord } from "../records";
import type { StateStore } from "../state";
import { AllocationError, allocate } from "./allocation";
import type { DpsIdentity } from "./identity";
import {
  assignedResponse,
  assigningResponse,
  certificateRecord,
  type DpsResponse,
  dpsError,
  errorResponse,
  registrationState,
  unassignedResponse,
} from "./bodies";
import { decideReprovisioning } from "./reprovisioning";
import { Throttle } from "./throttle";

/** What the service works with. */
export interface RegistrationServiceOptions {
  hubs: readonly LinkedHub[];
  devices: DeviceRegistry;
  state: StateStore;
  behaviour: DpsBehaviour;
  now(): number;
  customAllocation?: CustomAllocation;
  baseDirectory: string;
  issuer: Issuer;
  onAssigned(record: RegistrationRecord, identity: DpsIdentity): void;
}

interface Operation {
  operationId: string;
  identity: DpsIdentity;
  pollsLeft: number;
  payload: JsonObject | undefined;
  /** A request for a certificate, as it came. */
  csr: unknown;
  result?: Promise<DpsResponse>;
}

/** All registrations of one DPS instance. */
export class RegistrationService {
  readonly #options: RegistrationServiceOptions;
  readonly #registerThrottle: Throttle;
  readonly #pollThrottle: Throttle;
  /** The latest operation of a device, by registration id in lower case; an older one is forgotten. */
  readonly #operations = new Map<string, Operation>();

  constructor(options: RegistrationServiceOptions) {
    this.#options = options;
    this.#registerThrottle = new Throttle(options.behaviour.registrationsPerMinute ?? 1000, 60_000);
    this.#pollThrottle = new Throttle(options.behaviour.pollsPer10Seconds ?? 5, 10_000);
  }

  /**
   * Starts a registration.
   * @param payload the device's own data for a custom allocation
   * @param csr a request for a certificate, unread; undefined for none
   */
  async register(
    identity: DpsIdentity,
    payload: JsonObject | undefined,
    csr?: unknown,
  ): Promise<DpsResponse> {
    const wait = this.#registerThrottle.take("", this.#options.now());
    if (wait > 0) return this.#throttled(wait);
    const operation: Operation = {
      // As Azure's look: a version, sixteen hexadecimal digits, a UUID.
      operationId: `5.${randomBytes(8).toString("hex")}.${randomUUID()}`,
      identity,
      pollsLeft: this.#options.behaviour.pollsBeforeResult ?? 0,
      payload,
      csr,
    };
    this.#operations.set(identity.registrationId.toLowerCase(), operation);
    return this.#options.behaviour.immediate ? this.#resultOf(operation) : this.#assigning(operation);
  }

  /** Asks for the result of an operation of this device. */
  async poll(identity: DpsIdentity, operationId: string): Promise<DpsResponse> {
    const now = this.#options.now();
    const key = identity.registrationId.toLowerCase();
    const wait = this.#pollThrottle.take(key, now);
    if (wait > 0) return this.#throttled(wait);
    const operation = this.#operations.get(key);
    if (operation?.operationId !== operationId) {
      return errorResponse(dpsError(404, 404000, "No such operation; register again."), now);
    }
    if (operation.pollsLeft-- > 0) return this.#assigning(operation);
    return this.#resultOf(operation);
  }

  /** What is known of a device, without a new registration. */
  lookUp(identity: DpsIdentity): DpsResponse {
    const record = this.#options.state.registrations.get(identity.registrationId.toLowerCase());
    return record
      ? { status: 200, body: registrationState(record, identity) }
      : errorResponse(dpsError(404, 404000, "Not registered; register first."), this.#options.now());
  }

  #assigning(operation: Operation): DpsResponse {
    return assigningResponse(operation.operationId, this.#options.behaviour.retryAfter ?? 3);
  }

  #throttled(seconds: number): DpsResponse {
    return errorResponse(
      dpsError(429, 429001, "Operation is throttled; try again later.", seconds),
      this.#options.now(),
    );
  }

  #resultOf(operation: Operation): Promise<DpsResponse> {
    operation.result ??= this.#finish(operation).catch((error: Error) => {
      // A failure of the emulator's own is not the operation's result: the next poll tries again.
      delete operation.result;
      throw error;
    });
    return operation.result;
  }

  async #finish({ operationId, identity, payload, csr }: Operation): Promise<DpsResponse> {
    const { registrationId, enrollment } = identity;
    if (enrollment.value.provisioningStatus === "disabled") {
      return unassignedResponse(operationId, registrationId, { status: "disabled" }, this.#options.now());
    }
    try {
      const chain =
        csr === undefined ? undefined : await this.#options.issuer.issue("dps", csr, registrationId);
      const record = await this.#assign(identity, payload, chain !== undefined);
      // An answer that a crash could take back would let device and service disagree.
      await this.#options.state.settled();
      this.#options.onAssigned(record, identity);
      return assignedResponse(
        operationId,
        record,
        identity,
        this.#options.behaviour.connectionProfile,
        chain,
      );
    } catch (error) {
      if (error instanceof RequestRefused)
        return errorResponse(dpsError(400, 400040, error.message), this.#options.now());
      if (!(error instanceof AllocationError)) throw error;
      const outcome = { status: "failed" as const, errorCode: error.code, errorMessage: error.message };
      return unassignedResponse(operationId, registrationId, outcome, this.#options.now());
    }
  }

  async #assign(
    identity: DpsIdentity,
    payload: JsonObject | undefined,
    issued: boolean,
  ): Promise<RegistrationRecord> {
    const { state, devices } = this.#options;
    const { registrationId, enrollment } = identity;
    const key = registrationId.toLowerCase();
    const deviceId = (enrollment.kind === "individual" && enrollment.value.deviceId) || registrationId;
    const stored = state.registrations.get(key);
    // An assignment to a hub that is gone, or that lost the device, counts as none.
    const current = stored && devices.get(stored.assignedHub, stored.deviceId) ? stored : undefined;
    const decision = decideReprovisioning(current, enrollment.value.reprovisionPolicy);
    const chosen: CustomAllocationResponse = decision.keepHub
      ? { iotHubHostName: current!.assignedHub }
      : await this.#allocate(identity, payload, current?.assignedHub);
    const wasIssued =
      current && devices.get(current.assignedHub, current.deviceId)?.authentication.type === "issued";
    const device = devices.provision({
      hub: chosen.iotHubHostName,
      deviceId,
      proof: identity.proof,
      initialTwin: chosen.initialTwin ?? enrollment.value.initialTwin,
      previous: current && { hub: current.assignedHub, deviceId: current.deviceId },
      data: decision.data,
    });
    // A device that comes again without a request has its certificate still.
    if (issued || (wasIssued && isIssuing(enrollment.value)))
      device.authentication = { type: "issued", commonName: registrationId };
    const now = azureDate(this.#options.now());
    const x509 = certificateRecord(identity);
    const modelId = payload?.modelId;
    const returned = decision.keepHub ? current?.payload : chosen.payload;
    const record: RegistrationRecord = {
      registrationId: stored?.registrationId ?? registrationId,
      assignedHub: chosen.iotHubHostName,
      deviceId,
      substatus: decision.substatus,
      createdDateTimeUtc: stored?.createdDateTimeUtc ?? now,
      lastUpdatedDateTimeUtc: now,
      etag: randomBytes(16).toString("base64"),
      ...(returned === undefined ? {} : { payload: returned }),
      ...(enrollment.kind === "group" ? { enrollmentGroupId: enrollment.value.enrollmentGroupId } : {}),
      ...(x509 === undefined ? {} : { x509 }),
      ...(isModelId(modelId) ? { modelId } : {}),
    };
    state.registrations.set(key, record);
    return record;
  }

  #allocate(identity: DpsIdentity, payload: JsonObject | undefined, currentHub: string | undefined) {
    const { hubs, devices, customAllocation, baseDirectory } = this.#options;
    return allocate(identity, {
      hubs,
      loadOf: (hub) => devices.count(hub),
      baseDirectory,
      ...(currentHub === undefined ? {} : { currentHub }),
      ...(payload === undefined ? {} : { payload }),
      ...(customAllocation === undefined ? {} : { customAllocation }),
    });
  }
}

/** The enrollment names who issues certificates to its devices. */
export function isIssuing({
  clientCertificateIssuancePolicy,
  credentialPolicyName,
}: EnrollmentBase): boolean {
  return clientCertificateIssuancePolicy !== undefined || credentialPolicyName !== undefined;
}
