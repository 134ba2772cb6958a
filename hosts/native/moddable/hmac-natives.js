// SPDX-License-Identifier: MIT
// Hmac and EfuseHmac for the SDK's compiler, in its own syntax for natives; natives.ts says what they do.

export class Hmac @ "xs_berth_hmac_destructor" {
  constructor(key) @ "xs_berth_hmac";
  sign(message, code) @ "xs_berth_hmac_sign";
  close() @ "xs_berth_hmac_close";
}

export class EfuseHmac @ "xs_berth_efuse_hmac_destructor" {
  constructor(block) @ "xs_berth_efuse_hmac";
  sign(message, code) @ "xs_berth_efuse_hmac_sign";
}
