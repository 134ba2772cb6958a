// SPDX-License-Identifier: MIT
/**
 * ECMA-419 TLS, as far as it is used. The SDK declares it in a file that mcconfig does not find for this specifier,
 * and without the option `TCP`.
 */
declare module "embedded:io/socket/tcp/tls" {
  export default class TLSSocket {
    constructor(options: never);
    read(target: Uint8Array): number | undefined;
    write(bytes: Uint8Array): number;
    close(): void;
  }
}
