// SPDX-License-Identifier: MIT
/** Errors and dates as DPS and IoT Hub write them. Source: bodies that were recorded; "Understand and resolve Azure IoT Hub errors". */
import { randomUUID } from "node:crypto";

/** A date as Azure writes it: seven fractional digits. @param now milliseconds since 1970 */
export function azureDate(now: number): string {
  return `${new Date(now).toISOString().slice(0, -1)}0000Z`;
}

/** The body of an error. @param errorCode the status times 1000 plus a detail. @param now milliseconds since 1970 */
export function errorBody(errorCode: number, message: string, now: number) {
  return { errorCode, trackingId: randomUUID(), message, timestampUtc: azureDate(now) };
}
