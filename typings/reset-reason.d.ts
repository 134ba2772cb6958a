// SPDX-License-Identifier: MIT
/** What the SDK's `resetReason` (ESP32) has; the SDK declares no types for it. */
declare module "resetReason" {
  /** Why the chip restarted last: the number of ESP-IDF and its name. */
  export default function getResetReason(): { readonly reason: number; readonly string: string };
}
