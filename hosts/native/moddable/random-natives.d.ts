// SPDX-License-Identifier: MIT
declare module "berth/natives/random" {
  import type { FillRandom } from "../natives";

  export const fillRandom: FillRandom;
}
