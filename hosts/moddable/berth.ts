// SPDX-License-Identifier: MIT
/**
 * `berth` on the Moddable SDK, with `manifest.json`: the same class as on Node.js. What the device is by itself
 * (identity, network, clock, roots) comes from flash, `mc/config` and the image.
 */
import { Device as BaseDevice, type DeviceOptions } from "../../src/device";
import { devicePartsOf, type ModdableOptions } from "./device-host";
import { sources } from "./sources";

export type * from "../../src/application-types";
export * from "../../src/azure/hub/plug-and-play";
export { BerthError } from "../../src/error";
export type { ModdableIdentity, ModdableOptions } from "./device-host";
export { log } from "./sources";

export interface ModdableDeviceOptions extends DeviceOptions<Device>, ModdableOptions {}

export class Device extends BaseDevice {
  /**
   * Starts the device's life a moment later.
   * @throws BerthError `invalid-argument` naming the option, or the key in flash, that is missing or wrong; nothing has
   *   started then. What nothing catches restarts a chip
   */
  constructor(options: ModdableDeviceOptions = {}) {
    const parts = devicePartsOf(options, sources());
    super(parts.host, parts.identity, parts.options as DeviceOptions<never>);
    parts.bind(this);
  }
}

export default Device;
