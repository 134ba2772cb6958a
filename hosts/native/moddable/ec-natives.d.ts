// SPDX-License-Identifier: MIT
declare module "berth/natives/ec" {
  import type { EcNatives } from "../natives";

  export const ecGenerate: EcNatives["ecGenerate"];
  export const ecSign: EcNatives["ecSign"];
  export const ecVerify: EcNatives["ecVerify"];
}
