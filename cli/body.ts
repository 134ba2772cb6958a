// SPDX-License-Identifier: MIT
import { text } from "../hosts/node/text";

/** A message's body in the JSON form of an event: as text where it is UTF-8, else in base64. */
export function bodyFields(body: Uint8Array): { readonly payload: string } | { readonly base64: string } {
  try {
    return { payload: text.decode(body) };
  } catch {
    return { base64: Buffer.from(body).toString("base64") };
  }
}
