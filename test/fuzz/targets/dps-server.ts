// SPDX-License-Identifier: MIT
/** The other side of DPS, as an input has it. */
import type { TextCodec } from "../../../src/host";
import { packetBytes } from "./packets";
import type { Input } from "./target";

const STATUSES = [200, 202, 400, 401, 404, 429, 500, 503] as const;
/** Seconds; empty: none is sent. */
const WAITS = ["", "0", "1", "3", "30", "61", "90000", "99999999999999999999"] as const;

/** A PUBLISH of the device with QoS 1. */
export interface Published {
  readonly topic: string;
  /** Its packet identifier, as it came. */
  readonly id: readonly [number, number];
  readonly payload: Uint8Array;
}

/** @param body of a PUBLISH packet with QoS 1 */
export function published(body: Uint8Array, text: TextCodec): Published {
  const end = 2 + (((body[0] as number) << 8) | (body[1] as number));
  return {
    topic: text.decode(body.subarray(2, end)),
    id: [body[end] as number, body[end + 1] as number],
    payload: body.subarray(end + 2),
  };
}

/** A PUBLISH of a server with QoS 0. */
export function publishPacket(topic: string, payload: Uint8Array, text: TextCodec): Uint8Array {
  const name = text.encode(topic);
  const body = new Uint8Array(2 + name.length + payload.length);
  body.set([name.length >> 8, name.length & 255]);
  body.set(name, 2);
  body.set(payload, 2 + name.length);
  return packetBytes(0x30, body);
}

/**
 * The answer to a request that the input has next: a byte of the status, one of the retry-after and other oddities,
 * one of the length of the body, the body.
 */
export function scriptedAnswer(request: string, input: Input, text: TextCodec): Uint8Array {
  const status = input.pick(STATUSES);
  const odd = input.byte();
  const body = input.take(input.byte() * (odd & 16 ? 8 : 1));
  return answer(status, odd & 8 ? "other" : requestIdOf(request), WAITS[odd & 7] as string, body, text);
}

/** @param wait seconds of retry-after; empty: none */
export function answer(
  status: number,
  requestId: string,
  wait: string,
  body: Uint8Array,
  text: TextCodec,
): Uint8Array {
  const after = wait && `&retry-after=${wait}`;
  return publishPacket(`$dps/registrations/res/${status}/?$rid=${requestId}${after}`, body, text);
}

export function requestIdOf(topic: string): string {
  return /\$rid=([^&]*)/.exec(topic)?.[1] ?? "";
}
