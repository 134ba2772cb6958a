// SPDX-License-Identifier: MIT
/** Telemetry in flash on the SDK; loaded by name where manifest_outbox.json is in the app. */
import { openRegion } from "berth/flash";
import type { MakeMessageQueue } from "../../src/agent/outbox";
import { flashLog as coreFlashLog, type FlashLogOptions } from "../../src/flash-log";

export { type FlashLogOptions, type FlashWear, flashWear } from "../../src/flash-log";

/** For the option `outbox.log`; its region is the partition `outbox`. @throws BerthError `invalid-argument` */
export function flashLog(options: FlashLogOptions = {}): MakeMessageQueue {
  return coreFlashLog({ region: openRegion, ...options });
}
