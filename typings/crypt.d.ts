// SPDX-License-Identifier: MIT
/** The part of `crypt` that is used. The SDK declares it; `@moddable/typings` 5.6.0 from npm does not. */
declare module "crypt" {
  export class Digest {
    constructor(type: "SHA256");
  }
}
