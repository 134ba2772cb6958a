// SPDX-License-Identifier: MIT
declare module "berth/natives/open-eth" {
  /** Installs the driver, the first time, and starts it and DHCP. @throws Error without the card */
  export function start(): void;
  /** Gives the address back. */
  export function stop(): void;
  export function linked(): boolean;
  /** IPv4, undefined without one. */
  export function address(): string | undefined;
}
