// SPDX-License-Identifier: MIT
import type { Credential } from "../agent/credential";
import { IssuedCertificate } from "./issued-certificate";
import { SignedRoots } from "./signed-roots";

/**
 * The credentials of a device whose settings say which.
 * @param rootsKey who may sign roots, in base64; empty or absent: nobody
 * @throws BerthError `invalid-argument` for a key that is none
 */
export function credentialsOf({
  issue = false,
  rootsKey,
}: {
  readonly issue?: boolean;
  readonly rootsKey?: string | undefined;
} = {}): Credential[] {
  return [
    ...(issue ? [new IssuedCertificate()] : []),
    ...(rootsKey ? [new SignedRoots({ publicKey: rootsKey })] : []),
  ];
}
