// SPDX-License-Identifier: MIT
/** TLS and HMAC in C, on mbedTLS: of every board, and of the Linux simulator. See ../cryptography.ts. */

import TCP from "embedded:io/socket/tcp";
import { EfuseHmac, Hmac } from "berth/natives/hmac";
import { TlsContext, TlsEngine } from "berth/natives/tls";
import { EfuseSigner, NativeSigner } from "../../native/signer";
import { NativeTls } from "../../native/tls";
import { NativeTransport } from "../../native/transport";
import type { TcpClass } from "../../sockets/tcp";
import type { Cryptography } from "../cryptography";

export const cryptography: Cryptography = Object.freeze({
  TLS: "mbedTLS",

  bindTransport: ({ roots, clientCertificate, ...rest }) => ({
    io: NativeTransport,
    tls: new NativeTls({ natives: { TlsContext, TlsEngine }, roots, clientCertificate }),
    TCP: { io: TCP as unknown as TcpClass },
    ...rest,
  }),

  createSigner: (symmetricKey) => new NativeSigner(symmetricKey, { io: Hmac }),

  createEfuseSigner: (block) => new EfuseSigner(block, { io: EfuseHmac }),
} satisfies Cryptography);
