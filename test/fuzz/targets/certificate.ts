// SPDX-License-Identifier: MIT
/** The reader of certificates: DER. */
import { type CertificateFields, coversHost, readCertificate } from "../../../hosts/moddable/certificate";
import { withFittingLengths } from "./der";
import { codeOf, digest, must, type Target } from "./target";

export const certificate: Target = {
  memory: 0,
  run(bytes, text) {
    const fields = read(bytes);
    if (!fields) return "no certificate";
    const { notBefore, notAfter, names, addresses } = fields;
    must(Number.isSafeInteger(notBefore) && Number.isSafeInteger(notAfter), "no time");
    must(names.length + addresses.length <= 100, `${names.length} names, ${addresses.length} addresses`);
    for (const name of names) {
      must(name === name.toLowerCase() && name.length <= 253, "a name that no host can have");
      must(coversHost(fields, name), "its own name is not covered");
    }
    for (const address of addresses) must(/^\d{1,3}(\.\d{1,3}){3}$/.test(address), `address ${address}`);
    // A name with a wildcard must never stand for an address, or for more than a label.
    must(
      !names.includes("*.example.net") || !coversHost(fields, "a.b.example.net") || names.length > 1,
      "wildcard",
    );
    return `${notBefore} ${notAfter} ${digest(text.encode(JSON.stringify([names, addresses])))}`;
  },
  repair: withFittingLengths,
  tokens: [
    "\x06\x03\x55\x1d\x11",
    "\x17\x0d260101000000Z",
    "\x18\x0f20260101000000Z",
    "\x82\x0b*.localhost",
    "\x87\x04\x7f\0\0\x01",
    "\xa3\x03\x30\x01",
    "\x30\x80",
    "\x30\x84\x7f\xff\xff\xff",
  ],
};

export function read(bytes: Uint8Array): CertificateFields | undefined {
  let fields: CertificateFields | undefined;
  codeOf(["invalid-argument"], () => {
    fields = readCertificate(bytes);
  });
  return fields;
}
