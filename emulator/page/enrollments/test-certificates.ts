// SPDX-License-Identifier: MIT
/** Certificates for trying things out, made by the emulator; their keys are in this tab's memory and in no other place. */
import { signal } from "@preact/signals";
import { ask } from "../link/api";

/** In PEM. */
export interface Pair {
  certificatePem: string;
  privateKeyPem: string;
}

/** Roots of groups that were made in this tab, by group id in lower case. */
export const roots = signal<ReadonlyMap<string, Pair>>(new Map());

/** A root for a group. @throws ApiError */
export async function makeRoot(group: string): Promise<Pair> {
  const made = await make({ kind: "root", commonName: `Test root of ${group}` });
  roots.value = new Map([...roots.value, [group.toLowerCase(), made]]);
  return made;
}

/** A device's certificate, signed by `issuer` or by itself. @throws ApiError */
export async function makeDevice(commonName: string, issuer?: Pair): Promise<Pair> {
  const made = await make({ kind: "device", commonName, ...(issuer ? { issuer } : {}) });
  // A device sends its chain.
  return issuer ? { ...made, certificatePem: made.certificatePem + issuer.certificatePem } : made;
}

function make(body: object): Promise<Pair> {
  return ask("localhost", "POST", "/test-certificates", { keyType: "ec-p256", ...body });
}
