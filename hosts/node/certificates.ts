// SPDX-License-Identifier: MIT
import { createPrivateKey, X509Certificate } from "node:crypto";
import { BerthError } from "../../src/error";
import type { CertificateHost, Trust } from "../../src/host";
import { ecKeys } from "./ec-keys";
import type { Credentials } from "./secure-context";

/**
 * Certificates that are issued, and roots that are delivered, as TLS of Node takes them.
 * @param roots of the host, PEM
 */
export function nodeCertificates(roots: readonly string[]): CertificateHost {
  return {
    keys: ecKeys,
    roots: () => roots.map((root) => new X509Certificate(root).raw),
    transportOptions: (trust) => optionsOf(trust),
  };
}

/** Connections with the same ones share a context by themselves: nothing is kept here. */
function optionsOf({ certificate, roots }: Trust): Partial<Credentials> {
  try {
    const shown = certificate?.read();
    return {
      ...(shown && {
        certificate: shown.chain.map(pemOf).join(""),
        key: createPrivateKey({ key: Buffer.from(shown.key), format: "der", type: "pkcs8" })
          .export({ type: "pkcs8", format: "pem" })
          .toString(),
      }),
      ...(roots && { roots: roots.read().map(pemOf) }),
    };
  } catch (error) {
    throw new BerthError(
      "invalid-argument",
      `a certificate or key cannot be used: ${(error as Error).message}`,
    );
  }
}

function pemOf(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}
