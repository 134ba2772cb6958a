// SPDX-License-Identifier: MIT

/** What a hub answers to a service that asks for something it cannot have. Source: "Understand and resolve Azure IoT Hub errors". */
export class ServiceError extends Error {
  /** Of HTTP. */
  readonly status: number;
  readonly errorCode: number;

  /** @param errorCode Azure's: the status times 1000 plus a detail */
  constructor(errorCode: number, message: string) {
    super(message);
    this.name = "ServiceError";
    this.status = Math.floor(errorCode / 1000);
    this.errorCode = errorCode;
  }
}
