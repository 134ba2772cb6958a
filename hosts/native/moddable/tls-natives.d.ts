// SPDX-License-Identifier: MIT
declare module "berth/natives/tls" {
  import type { TlsContextClass, TlsEngineClass } from "../natives";

  export const TlsContext: TlsContextClass;
  export const TlsEngine: TlsEngineClass;
}
