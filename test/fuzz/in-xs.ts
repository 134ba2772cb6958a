// SPDX-License-Identifier: MIT
/** The same targets inside XS: a message has a target and inputs in hexadecimal digits, the answer what came of each. */
import type { Ask } from "../../hosts/xs/inside/globals";
import { nativeText } from "../../hosts/xs/inside/text";
import { deviceTargets } from "./targets";

export interface ReplayRequest {
  readonly target: string;
  readonly inputs: readonly string[];
}

/** What the target returned, or why a rule is broken. */
export type ReplayResult = { readonly outcome: string } | { readonly error: string };

export default function main(_call: Ask): (message: Uint8Array) => Uint8Array {
  const text = nativeText();
  return (message) => {
    const { target, inputs } = JSON.parse(new TextDecoder().decode(message)) as ReplayRequest;
    const results = inputs.map((digits): ReplayResult => {
      try {
        return { outcome: deviceTargets[target]?.run(bytesOf(digits), text) ?? "" };
      } catch (error) {
        return { error: String(error) };
      }
    });
    return new TextEncoder().encode(JSON.stringify(results));
  };
}

function bytesOf(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}
