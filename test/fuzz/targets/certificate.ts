// SPDX-License-Identifier: MIT
/** The reader of certificates: DER. */
import { readValidity, type Validity } from "../../../src/x509/certificate";
import { withFittingLengths } from "./der";
import { codeOf, must, type Target } from "./target";

export const certificate: Target = {
  memory: 0,
  run(bytes) {
    const validity = read(bytes);
    if (!validity) return "no certificate";
    const { notBefore, notAfter } = validity;
    must(Number.isSafeInteger(notBefore) && Number.isSafeInteger(notAfter), "no time");
    return `${notBefore} ${notAfter}`;
  },
  repair: withFittingLengths,
  tokens: [
    "\x17\x0d260101000000Z",
    "\x18\x0f20260101000000Z",
    "\xa0\x03\x02\x01\x02",
    "\x30\x80",
    "\x30\x84\x7f\xff\xff\xff",
  ],
};

export function read(bytes: Uint8Array): Validity | undefined {
  let validity: Validity | undefined;
  codeOf(["invalid-argument"], () => {
    validity = readValidity(bytes);
  });
  return validity;
}
