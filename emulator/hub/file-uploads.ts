// SPDX-License-Identifier: MIT
/** Uploads that devices of a hub have begun. Source: "Upload files with IoT Hub", "IoT Hub quotas" (Azure documents). */
import { randomUUID } from "node:crypto";

/** Milliseconds that a device may take, Azure's default, and uploads at one time. */
const LIFETIME = 3_600_000;
export const MOST_UPLOADS = 10;

/** An upload. */
export interface FileUpload {
  correlationId: string;
  /** With the device id in front. */
  blobName: string;
  /** Milliseconds since 1970. */
  expiry: number;
}

/** They are in memory, and end with the emulator. */
export class FileUploads {
  readonly #now: () => number;
  /** By device id, then correlation id. */
  readonly #uploads = new Map<string, Map<string, FileUpload>>();

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Begins one; undefined when as many are under way as may. */
  begin(deviceId: string, name: string): FileUpload | undefined {
    const own = this.#uploads.get(deviceId) ?? new Map<string, FileUpload>();
    const now = this.#now();
    for (const [id, { expiry }] of own) if (expiry <= now) own.delete(id);
    if (own.size >= MOST_UPLOADS) return undefined;
    const upload = { correlationId: randomUUID(), blobName: `${deviceId}/${name}`, expiry: now + LIFETIME };
    this.#uploads.set(deviceId, own.set(upload.correlationId, upload));
    return upload;
  }

  /** Looks one up, in time or not. */
  find(deviceId: string, correlationId: string): FileUpload | undefined {
    return this.#uploads.get(deviceId)?.get(correlationId);
  }

  /** Ends one. False when it had ended. */
  end(deviceId: string, correlationId: string): boolean {
    const own = this.#uploads.get(deviceId);
    const found = own?.delete(correlationId) ?? false;
    if (own?.size === 0) this.#uploads.delete(deviceId);
    return found;
  }
}
