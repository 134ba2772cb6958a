// SPDX-License-Identifier: MIT
declare module "berth/natives/hmac" {
  import type { EfuseHmacClass, HmacClass } from "../natives";

  export const EfuseHmac: EfuseHmacClass;
  export const Hmac: HmacClass;
}
