// SPDX-License-Identifier: MIT
/** Entity tags: made from what they stand for, so that no change can forget to renew one. */
import { createHash } from "node:crypto";
import { ServiceError } from "./service-error";

/** The tag of a value that JSON can hold: base64 of 8 bytes, as Azure's look. */
export function etagOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest().toString("base64", 0, 8);
}

/** @param header `If-Match`, quoted or not; absent and `*` fit any. @throws ServiceError PreconditionFailed */
export function checkIfMatch(header: string | undefined, etag: string, errorCode?: number): void {
  if (header === undefined) return;
  const wanted = header.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");
  if (wanted !== "*" && wanted !== etag)
    throw new ServiceError("PreconditionFailed", "Precondition failed: Invalid ETag", errorCode);
}
