// SPDX-License-Identifier: MIT
/** The watch over TLS records: one byte of the length of pieces, then what a server sends before it encrypts. */
import { TlsWatch } from "../../../hosts/moddable/crypto-sdk/tls-watch";
import { read } from "./certificate";
import { codeOf, digest, must, type Target } from "./target";

/** Longest flight that is kept, and what a record before that can add. */
const LARGEST = 16_384;
const APPLICATION_DATA = Uint8Array.of(23, 3, 3, 0, 1, 0);

export const tlsWatch: Target = {
  memory: 16_384,
  run(bytes) {
    const stream = bytes.subarray(1);
    const whole = watch([stream]);
    const piece = 1 + (bytes[0] ?? 0);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += piece) pieces.push(stream.slice(at, at + piece));
    must(watch(pieces) === whole, "what is seen depends on the pieces");
    return whole;
  },
  tokens: [
    "\x16\x03\x03\x00",
    "\x14\x03\x03\x00\x01\x01",
    "\x15\x03\x03\x00\x02\x02\x28",
    "\x0b\x00\x00",
    "\x0b\x00\x01\x00",
  ],
};

function watch(pieces: readonly Uint8Array[]): string {
  const seen = new TlsWatch();
  for (const piece of pieces) {
    const reused = piece.slice();
    seen.received(reused);
    reused.fill(0xff);
  }
  const code = codeOf(["tls-failed"], () => seen.sending(APPLICATION_DATA));
  must((code === undefined) === seen.encrypted, "data may leave though nothing is encrypted");
  const certificates = seen.certificates();
  const length = certificates.reduce((sum, { length: one }) => sum + one, 0);
  must(length <= LARGEST && certificates.length <= 8, `${certificates.length} certificates, ${length} bytes`);
  // What is kept is read next.
  const fields = certificates.map((der) => `${digest(der)} ${read(der)?.names.length}`);
  seen.forget();
  must(seen.certificates().length === 0, "kept after all was forgotten");
  return [seen.encrypted, ...fields].join("\n");
}
