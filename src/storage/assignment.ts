// SPDX-License-Identifier: MIT
/**
 * The body of an assignment's record: when (8 bytes, milliseconds since 1970 as a big-endian double), then id scope,
 * registration id, hub, device id, each as a byte of length and UTF-8.
 */
import { invalidArgument } from "../error";
import type { TextCodec } from "../host";
import { type RecordCodec, RecordKind } from "./record";

/** For whom DPS assigned what, and when. */
export interface Assignment {
  readonly idScope: string;
  readonly registrationId: string;
  readonly hub: string;
  readonly deviceId: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly assignedAt: number;
}

const WHEN = 8;

/** Refuses a field over 255 bytes. */
export const ASSIGNMENT: RecordCodec<Assignment> = Object.freeze({
  kind: RecordKind.ASSIGNMENT,
  encode({ idScope, registrationId, hub, deviceId, assignedAt }: Assignment, text: TextCodec): Uint8Array {
    const fields = [idScope, registrationId, hub, deviceId].map((field) => text.encode(field));
    let size = WHEN;
    for (const { length } of fields) {
      if (length > 255) throw invalidArgument("a field of an assignment over 255 bytes");
      size += 1 + length;
    }
    const body = new Uint8Array(size);
    new DataView(body.buffer).setFloat64(0, assignedAt);
    let at = WHEN;
    for (const bytes of fields) {
      body[at] = bytes.length;
      body.set(bytes, at + 1);
      at += 1 + bytes.length;
    }
    return body;
  },
  decode(body: Uint8Array, text: TextCodec): Assignment | undefined {
    if (body.length < WHEN) return undefined;
    const fields: string[] = [];
    for (let at = WHEN; at < body.length; ) {
      const next = at + 1 + (body[at] as number);
      if (next > body.length) return undefined;
      fields.push(text.decode(body.subarray(at + 1, next)));
      at = next;
    }
    if (fields.length !== 4) return undefined;
    const [idScope, registrationId, hub, deviceId] = fields as [string, string, string, string];
    const assignedAt = new DataView(body.buffer, body.byteOffset).getFloat64(0);
    return { idScope, registrationId, hub, deviceId, assignedAt };
  },
});
