// SPDX-License-Identifier: MIT
// See the aliases in ../run-in-xs.ts.

declare module "mqtt-packet-itself" {
  const mqtt: typeof import("mqtt-packet") & { readonly writeToStream: { cacheNumbers: boolean } };
  export default mqtt;
}

declare module "fast-check-itself" {
  export * from "fast-check";
  export { default } from "fast-check";
}
