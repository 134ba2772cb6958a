// SPDX-License-Identifier: MIT
/**
 * `berth` on the Moddable SDK, with `manifest_telemetry.json`: a device that sends telemetry and hears messages from the
 * cloud. Direct methods, twin and Plug and Play are not in its image.
 */
import { TelemetryDevice, type TelemetryDeviceOptions } from "../../src/telemetry-device";
import { devicePartsOf, type ModdableOptions } from "./device-host";
import { sources } from "./sources";

export type { AssignedReport, ConnectedReport } from "../../src/agent/agent";
export type { CloudToDeviceMessage } from "../../src/azure/hub/cloud-to-device";
export type { Properties } from "../../src/azure/properties";
export { BerthError, type ErrorCode } from "../../src/error";
export type { DeviceError, MessageOptions, SendOptions } from "../../src/telemetry-device";
export type { ModdableIdentity, ModdableOptions } from "./device-host";
export { log } from "./sources";

export interface ModdableDeviceOptions extends TelemetryDeviceOptions<Device>, ModdableOptions {}

export class Device extends TelemetryDevice {
  /** As the class of `manifest.json`. @throws BerthError as that */
  constructor(options: ModdableDeviceOptions = {}) {
    const parts = devicePartsOf(options, sources());
    super(parts.host, parts.identity, parts.options as TelemetryDeviceOptions<never>);
    parts.bind(this);
  }
}

export default Device;
