// SPDX-License-Identifier: MIT

/** Why a direct method came to nothing, as a hub tells the service that called it. Source: "Understand and resolve Azure IoT Hub errors". */
export class MethodFailed extends Error {
  /** Of HTTP. */
  readonly status: number;
  readonly errorCode: number;

  /** @param errorCode Azure's: the status times 1000 plus a detail */
  constructor(errorCode: number, message: string) {
    super(message);
    this.name = "MethodFailed";
    this.status = Math.floor(errorCode / 1000);
    this.errorCode = errorCode;
  }
}
