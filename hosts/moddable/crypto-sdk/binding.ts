// SPDX-License-Identifier: MIT
/**
 * TLS and HMAC of the SDK, in JavaScript: of simulators without mbedTLS. See ../cryptography.ts. This TLS accepts certificate
 * chains that it must refuse and key exchanges that nobody signed (SECURITY.md), so it protects nothing against
 * someone on the network and talks to its own computer only. A board has no way to it: its manifest leaves it out.
 */

import TCP from "embedded:io/socket/tcp";
import TLSSocket from "embedded:io/socket/tcp/tls";
import { Digest } from "crypt";
import HMAC from "hmac";
import CertificateManager from "ssl/cert";
import { BerthError } from "../../../src/error";
import type { TcpClass } from "../../sockets/tcp";
import type { Cryptography } from "../cryptography";
import { refusalOf } from "./loopback";
import { HmacSigner } from "./signer";
import { SdkTransport, type TlsSocketClass } from "./transport";
import { trustInDate } from "./trust";

export const cryptography: Cryptography = Object.freeze({
  TLS: "the SDK's JavaScript TLS, for 127.0.0.1 only",

  bindTransport({ roots, ...rest }) {
    const trust = trustInDate(roots, (der) => CertificateManager.register(der));
    return {
      io: SdkTransport,
      TLS: { io: TLSSocket as unknown as TlsSocketClass },
      TCP: { io: TCP as unknown as TcpClass },
      trust,
      refuse: refusalOf,
      ...rest,
    };
  },

  createSigner: (symmetricKey) => new HmacSigner(symmetricKey, (key) => new HMAC(new Digest("SHA256"), key)),

  createEfuseSigner() {
    throw new BerthError("invalid-argument", "a simulator has no eFuse; give it a symmetricKey");
  },
} satisfies Cryptography);
