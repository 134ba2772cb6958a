// SPDX-License-Identifier: MIT
/** What is used of the SDK's `embedded:storage/flash` (ESP32); @moddable/typings does not have it. */
declare module "embedded:storage/flash" {
  interface Partition {
    eraseBlock(sector: number): void;
    read(target: Uint8Array, at: number): number;
    write(bytes: Uint8Array, at: number): void;
    status(): { readonly blocks: number; readonly blockLength: number };
  }
  const flash: {
    /** @throws Error without a data partition of that name */
    open(options: { readonly path: string; readonly mode: "r" | "r+" }): Partition;
  };
  export default flash;
}
