// SPDX-License-Identifier: MIT
/** `berth` on the Linux host: the same class as on a board. Who the device is comes on standard input, see app-run.ts. */
import { Device as BaseDevice, type DeviceOptions } from "../../../src/device";
import { appSettings, printLine } from "./app-run";
import { createLinuxHost } from "./host";

export * from "../../../src/azure/hub/plug-and-play";
export { BerthError } from "../../../src/error";

export class Device extends BaseDevice {
  /** Starts the device's life a moment later. @throws BerthError `invalid-argument` naming the option that is wrong */
  constructor(options: DeviceOptions<Device> = {}) {
    const { host, identity } = appSettings();
    const linux = createLinuxHost(host, () => {});
    super(linux, identity, options as DeviceOptions<never>);
  }
}

export default Device;

/** One line for people. */
export const log = printLine;
