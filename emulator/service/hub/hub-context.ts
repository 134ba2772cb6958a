// SPDX-License-Identifier: MIT
import type { DeviceRegistry } from "../../hub/device-registry";
import type { HubEndpoint } from "../../hub/endpoint";
import type { DeviceRecord } from "../../records";
import { ServiceError } from "../service-error";
import type { Activity } from "./activity";

/** What the routes of a hub work with. */
export interface HubContext {
  devices: DeviceRegistry;
  endpoint(hub: string): HubEndpoint;
  activity: Activity;
  /** Settles when every change is on disk; a device that is changed in place is named by `devices.touched` before. */
  settled(): Promise<void>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back at `time`, milliseconds since 1970; what it returns cancels that. */
  at(callback: () => void, time: number): () => void;
  /** A failure of the emulator's own. */
  onProblem(error: Error): void;
}

/** A device. @throws ServiceError DeviceNotFound */
export function deviceOf({ devices }: HubContext, hub: string, deviceId: string): DeviceRecord {
  const device = devices.get(hub, deviceId);
  if (!device) throw new ServiceError("DeviceNotFound", `${hub} has no such device`);
  return device;
}
