// SPDX-License-Identifier: MIT
/** What a TLS client trusts and shows, made once for all connections that have the same. */
import { constants, createHash, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { BerthError } from "../../src/error";

/**
 * Forward secrecy and AEAD only, as RFC 9325 section 4.2 has it; Azure speaks all that have AES. Level 2 of OpenSSL
 * asks for 112 bits: no RSA key below 2048 bits, no SHA-1.
 */
const CIPHERS = [
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "TLS_AES_128_GCM_SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "@SECLEVEL=2",
].join(":");

/** Whom a connection trusts, and how it proves itself. */
export interface Credentials {
  /** Trusted roots in PEM, one certificate an entry; nothing else is trusted. */
  readonly roots: readonly string[];
  /** The device's certificate in PEM, followed by its intermediates. Needs `key`. */
  readonly certificate?: string | undefined;
  /** The private key of `certificate` in PEM. */
  readonly key?: string | undefined;
}

/**
 * Contexts in use, by a digest of all that they hold, so that the map keeps no key. A context takes some 60 KB: a process
 * with many devices would have as many of them.
 */
const contexts = new Map<string, WeakRef<SecureContext>>();
const gone = new FinalizationRegistry<string>((digest) => {
  // Another one may have taken its place.
  if (contexts.get(digest)?.deref() === undefined) contexts.delete(digest);
});

/**
 * The context of `credentials`: TLS 1.2 or later, and the same for the same roots, certificate and key as long as somebody
 * holds it; never for others. It keeps no TLS session: each connection has its own.
 * @throws BerthError `invalid-argument` for no root, a root, certificate or key that cannot be used, or a certificate
 *   without its key and the other way round
 */
export function sharedContext(credentials: Credentials): SecureContext {
  const digest = digestOf(credentials);
  const known = contexts.get(digest)?.deref();
  if (known) return known;
  const context = contextOf(credentials);
  contexts.set(digest, new WeakRef(context));
  gone.register(context, digest);
  return context;
}

/** JSON keeps apart what stands in one entry and in two, and what is missing from an empty text. */
function digestOf({ roots, certificate, key }: Credentials): string {
  return createHash("sha256")
    .update(JSON.stringify([roots, certificate, key]))
    .digest("base64");
}

function contextOf({ roots, certificate, key }: Credentials): SecureContext {
  if (roots.length === 0) throw wrong("there is no root certificate to trust");
  if ((certificate === undefined) !== (key === undefined)) {
    throw wrong("a client certificate needs its private key, and the other way round");
  }
  try {
    // createSecureContext passes over a root that it cannot read.
    for (const root of roots) new X509Certificate(root);
    return createSecureContext({
      ca: [...roots],
      minVersion: "TLSv1.2",
      ciphers: CIPHERS,
      // A server that asks for a second handshake is told no (RFC 5246 section 7.4.1.1).
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(certificate === undefined ? {} : { cert: certificate, key }),
    });
  } catch (error) {
    throw wrong(`a certificate or key cannot be used: ${(error as Error).message}`);
  }
}

function wrong(about: string): BerthError {
  return new BerthError("invalid-argument", about);
}
