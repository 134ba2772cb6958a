// SPDX-License-Identifier: MIT
/** Certificates that are issued, and roots that are delivered, as TLS in C takes them. */
import type { CertificateHost, Trust } from "../../src/host";
import type { Bytes, ClientCertificate } from "../sockets/client-certificate";
import { nativeEcKeys } from "./ec-keys";
import type { EcNatives } from "./natives";
import { NativeTls, type NativeTlsOptions } from "./tls";

export interface NativeCertificatesOptions {
  readonly natives: EcNatives;
  /** What the host's own connections have; its certificate is shown where none is issued. */
  readonly tls: NativeTlsOptions;
  /** The certificate of `tls` once more: TLS overwrites the key that it is given. */
  readonly certificate: ClientCertificate | undefined;
}

/** One TLS at a time beside the host's own: that of the last connection with a certificate or roots of ours. */
export class NativeCertificates implements CertificateHost {
  readonly keys;
  readonly #options: NativeCertificatesOptions;
  #last: { readonly id: string; readonly tls: NativeTls } | undefined;

  constructor(options: NativeCertificatesOptions) {
    this.#options = options;
    this.keys = nativeEcKeys(options.natives);
  }

  roots(): readonly Uint8Array[] {
    return this.#options.tls
      .roots()
      .map((root) => (root instanceof Uint8Array ? root : new Uint8Array(root)));
  }

  transportOptions({ certificate, roots }: Trust): Readonly<Record<string, unknown>> {
    const id = `${certificate?.id}\n${roots?.id}`;
    if (this.#last?.id !== id) {
      this.#last?.tls.close();
      this.#last = undefined;
      const own = this.#options.certificate;
      const tls = new NativeTls({
        ...this.#options.tls,
        // C keeps a copy of what does not lie in flash.
        ...(roots && { roots: () => roots.read() }),
        clientCertificate: certificate?.read() ?? (own && copyOf(own)),
      });
      this.#last = { id, tls };
    }
    return { tls: this.#last.tls };
  }
}

function copyOf({ chain, key }: ClientCertificate): { chain: readonly Bytes[]; key: Bytes } {
  return { chain, key: key.slice(0) };
}
