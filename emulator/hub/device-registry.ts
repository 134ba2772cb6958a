// SPDX-License-Identifier: MIT
/** The device identities of every hub, and what DPS does to them. */

import { randomInt } from "node:crypto";
import { thumbprintsOf } from "../certificates";
import type { InitialTwin } from "../configuration";
import type { Proof } from "../dps/identity";
import { DEVICE_ID_RULE, isDeviceId } from "../names";
import { type DeviceAuthentication, type DeviceRecord, newTwin } from "../records";
import type { StateStore } from "../state";

/** What DPS asks a hub to do. */
export interface ProvisionRequest {
  hub: string;
  deviceId: string;
  proof: Proof;
  initialTwin: InitialTwin | undefined;
  /** Where the device was until now. */
  previous: { hub: string; deviceId: string } | undefined;
  data: "keep" | "migrate" | "reset";
}

/** Reads and changes identities; who is connected is told by `onRemoved`. */
export class DeviceRegistry {
  readonly #state: StateStore;
  /** Called when an identity leaves a hub, so that its connection can be dropped. */
  onRemoved: (hub: string, deviceId: string, reason: string) => void = () => {};

  constructor(state: StateStore) {
    this.#state = state;
  }

  get(hub: string, deviceId: string): DeviceRecord | undefined {
    return this.#state.hubs.get(hub)?.get(deviceId);
  }

  /** The devices of a hub. */
  all(hub: string): Iterable<DeviceRecord> {
    return this.#state.hubs.get(hub)?.values() ?? [];
  }

  /** Number of devices in a hub. */
  count(hub: string): number {
    return this.#state.hubs.get(hub)?.size ?? 0;
  }

  /** A device has been changed in place, and is to be stored. */
  touched(hub: string, device: DeviceRecord): void {
    this.#state.touched(hub, device);
  }

  /** Creates or updates an identity; one in another place is moved. */
  provision(request: ProvisionRequest): DeviceRecord {
    const { hub, deviceId, previous, data } = request;
    const old = previous && this.get(previous.hub, previous.deviceId);
    const moved = previous !== undefined && (previous.hub !== hub || previous.deviceId !== deviceId);
    const source = data === "reset" ? undefined : (old ?? this.get(hub, deviceId));
    const record: DeviceRecord = {
      deviceId,
      status: source?.status ?? "enabled",
      authentication: authenticationOf(request.proof),
      twin:
        source?.twin ??
        newTwin({ tags: request.initialTwin?.tags, desired: request.initialTwin?.properties?.desired }),
      // A packet identifier belongs to a session of the old hub.
      queue: (source?.queue ?? []).map(({ packetId, ...message }) =>
        moved || packetId === undefined ? message : { ...message, packetId },
      ),
      ...(source?.session && !moved ? { session: source.session } : {}),
      ...(source?.modelId === undefined ? {} : { modelId: source.modelId }),
      generationId: (moved ? undefined : source?.generationId) ?? newGenerationId(),
    };
    if (moved) this.remove(previous.hub, previous.deviceId, "the device was moved to another hub");
    this.#state.devicesOf(hub).set(deviceId, record);
    return record;
  }

  /**
   * Creates a device in a hub without DPS, as an operator would; replaces one of the same id.
   * @throws RangeError when a hub would refuse the id
   */
  create(hub: string, deviceId: string, authentication: DeviceAuthentication): DeviceRecord {
    if (!isDeviceId(deviceId)) throw new RangeError(`deviceId ${DEVICE_ID_RULE}`);
    const record: DeviceRecord = {
      deviceId,
      status: "enabled",
      authentication,
      twin: newTwin(),
      queue: [],
      generationId: newGenerationId(),
    };
    this.#state.devicesOf(hub).set(deviceId, record);
    return record;
  }

  /** Deletes an identity; false when there is none. */
  remove(hub: string, deviceId: string, reason = "the device was deleted"): boolean {
    if (!this.#state.hubs.get(hub)?.delete(deviceId)) return false;
    this.onRemoved(hub, deviceId, reason);
    return true;
  }

  /** Enables or disables an identity; false when there is none. */
  setStatus(hub: string, deviceId: string, status: "enabled" | "disabled"): boolean {
    const device = this.get(hub, deviceId);
    if (!device) return false;
    device.status = status;
    this.touched(hub, device);
    if (status === "disabled") this.onRemoved(hub, deviceId, "the device was disabled");
    return true;
  }
}

function authenticationOf(proof: Proof): DeviceAuthentication {
  return proof.type === "symmetricKey"
    ? { type: "symmetricKey", symmetricKey: { ...proof.symmetricKey } }
    : { type: "x509", sha256Thumbprint: thumbprintsOf(proof.certificate.raw).sha256Thumbprint };
}

/** As Azure's look: 18 digits. */
function newGenerationId(): string {
  return `63${randomInt(2 ** 40)
    .toString()
    .padStart(16, "0")}`;
}
