// SPDX-License-Identifier: MIT
/** What the SDK's `rng` has; the SDK declares no types for it. */
declare module "rng" {
  const RNG: {
    /** `count` random bytes; on ESP32 from the hardware. */
    readonly get: (count: number) => ArrayBuffer;
  };
  export default RNG;
}
