// SPDX-License-Identifier: MIT
import type { Bytes } from "../../sockets/client-certificate";
import { readCertificate } from "../certificate";

/**
 * Makes roots known to the SDK's TLS, which has one list of them for all connections, judges no root by its date and
 * forgets none. So a root is registered, once, at the first connection at which it is in date.
 * @param roots readable certificates, DER; asked for at the first connection
 * @param register adds a root to the list of the SDK
 * @returns what is to be called before each connection, with the time in milliseconds since 1970
 */
export function trustInDate(
  roots: () => readonly Bytes[],
  register: (der: Bytes) => void,
): (now: number) => void {
  let waiting: readonly Bytes[] | undefined;
  return (now) => {
    waiting = (waiting ?? roots()).filter((der) => {
      const { notBefore, notAfter } = readCertificate(new Uint8Array(der));
      if (now <= notBefore || now >= notAfter) return true;
      register(der);
      return false;
    });
  };
}
