// SPDX-License-Identifier: MIT
/** What the SDK's `hmac` has; the SDK declares no types for it. `sign` and `verify` are left out: they cannot work. */
declare module "hmac" {
  import type { Digest } from "crypt";

  export default class HMAC {
    /** @param key any length; not kept */
    constructor(digest: Digest, key: ArrayBuffer | Uint8Array);
    /** The HMAC of the items, one after the other. */
    process(...items: (string | ArrayBuffer | Uint8Array)[]): ArrayBuffer;
  }
}
