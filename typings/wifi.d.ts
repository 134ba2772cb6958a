// SPDX-License-Identifier: MIT
/** ECMA-419 Wi-Fi. The SDK declares it; `@moddable/typings` 5.6.0 from npm does not. */
declare module "embedded:network/interface/wifi" {
  export default class WiFi {
    constructor(options: { onChanged?: (property: "connection" | "address") => void });
    connect(options: { SSID: string; password?: string }): void;
    disconnect(): void;
    close(): void;
    /** 200 off, 300 connecting, 400 associated, 500 has an address. */
    readonly connection: number;
    readonly address: string | undefined;
  }
}
