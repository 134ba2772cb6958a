// SPDX-License-Identifier: MIT
/** Trusted certificates for another name: RFC 9525 section 6, RFC 6125 section 6.4. */
import type { HostileCase } from "../helpers/hostile-case";
import type { Profile } from "../helpers/hostile-certificates";
import { HOST, leafBelow, served, without } from "../helpers/hostile-pki";

function mismatch(name: string, leaf: Partial<Profile>, host?: string): HostileCase {
  return {
    name,
    verdict: { kind: "refused", code: "tls-name-mismatch" },
    ...(host === undefined ? {} : { host }),
    plan: async ({ intermediate }) => served(await leafBelow(intermediate, leaf), intermediate),
  };
}

const ADDRESS = "127.0.0.1";

export const nameCases: readonly HostileCase[] = [
  mismatch("another name", { names: ["other.berth.example"] }),
  mismatch("the name's parent", { names: ["berth.example"] }),
  mismatch("a longer name with the same end", { names: [`not-${HOST}`] }),
  mismatch("a longer name with the same start", { names: [`${HOST}.attacker.test`] }),
  // A comparison of C strings stops at the zero.
  mismatch("a zero byte within the name", { names: [`${HOST}\0.attacker.test`] }),
  mismatch("an empty name", { names: [""] }),
  mismatch("wildcard for two labels", { names: ["*.example"] }),
  mismatch("wildcard for two labels of a longer name", { names: ["*.berth.example"] }, `eu.${HOST}`),
  mismatch("wildcard for no label", { names: [`*.${HOST}`] }),
  mismatch("wildcard alone", { names: ["*"] }),
  mismatch("two wildcards", { names: ["*.*.example"] }),
  // RFC 9525 section 6.3: only as the complete left-most label.
  mismatch("partial wildcard at the end of the label", { names: ["h*.berth.example"] }),
  mismatch("partial wildcard at the start of the label", { names: ["*b.berth.example"] }),
  mismatch("partial wildcard within the label", { names: ["h*b.berth.example"] }),
  mismatch("wildcard in the second label", { names: ["hub.*.example"] }),
  mismatch("wildcard in the last label", { names: ["hub.berth.*"] }),
  // RFC 9525 section 2: the common name is no identity.
  mismatch("name only in the common name", without("names")),
  mismatch("name in the common name, another in subjectAltName", { names: ["other.berth.example"] }),
  mismatch("name in the common name, only mail in subjectAltName", {
    ...without("names"),
    mail: [`admin@${HOST}`],
  }),
  mismatch("only an address", { ...without("names"), addresses: [ADDRESS] }),
  mismatch("address as a dNSName", { names: [ADDRESS] }, ADDRESS),
  mismatch("address only in the common name", { ...without("names"), subject: ADDRESS }, ADDRESS),
  mismatch("another address", { addresses: ["127.0.0.2"] }, ADDRESS),
  mismatch("wildcard for an address", { names: ["*.0.0.1", "127.0.0.*"] }, ADDRESS),
  // RFC 9525 section 6.5: an iPAddress name is bytes; its text is no address.
  mismatch("address for a name", { ...without("names"), addresses: ["104.117.98.46"] }),
];
