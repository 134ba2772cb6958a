// SPDX-License-Identifier: MIT
/** Chains that lead to no trusted root, or not by the rules of RFC 5280 section 6. The name is always right. */
import type { ErrorCode } from "../../src/error";
import type { HostileCase } from "../helpers/hostile-case";
import {
  CLIENT_AUTH,
  certify,
  Extension,
  type Issued,
  KeyUsageFlags,
  remade,
  rsaKeys,
  weakKeys,
  withBrokenSignature,
} from "../helpers/hostile-certificates";
import { authority, HOST, type HostilePki, leafBelow, served, without } from "../helpers/hostile-pki";
import type { HostilePlan } from "../helpers/hostile-tls-server";

type Plan = (pki: HostilePki) => HostilePlan | Promise<HostilePlan>;
type More = Pick<HostileCase, "roots" | "concerns">;

function refused(code: ErrorCode): (name: string, plan: Plan, more?: More) => HostileCase {
  return (name, plan, more = {}) => ({ name, verdict: { kind: "refused", code }, plan, ...more });
}

const expired = refused("tls-expired");
const untrusted = refused("tls-untrusted");

/** A chain through a CA with `changes` in place of the good intermediate. */
function through(changes: Parameters<typeof authority>[2]): Plan {
  return async ({ root }) => {
    const between = await authority("Berth Odd Issuer", root, changes);
    return served(await leafBelow(between), between);
  };
}

/** `plan` with bytes in place of its certificate number `index`. */
function replaced(plan: HostilePlan, index: number, der: Buffer): HostilePlan {
  return { ...plan, chain: plan.chain.with(index, der) };
}

/** A good chain but for the key of its intermediate. */
function weakIntermediate(kind: "P-192" | "DSA"): Plan {
  return async ({ root }) => {
    const keys = weakKeys(kind);
    const between = remade(await authority("Berth Weak Issuer", root), root.key, keys);
    return served(remade(await leafBelow(between), keys.privateKey), between);
  };
}

/** A good chain but for the key of the root, which is trusted. */
function weakRoot(kind: "P-192" | "DSA"): HostileCase {
  let root: Issued | undefined;
  return untrusted(
    `root with a key of ${kind}`,
    async () => {
      const keys = weakKeys(kind);
      root ??= remade(await authority("Berth Weak Root"), keys.privateKey, keys);
      return served(remade(await leafBelow(root), root.key), root);
    },
    {
      roots: () => (root === undefined ? [] : [root]),
      // mbedTLS, from 4.0 on that without P-192, says so before it connects: `invalid-argument`.
      concerns: ({ name }) =>
        !name.startsWith("mbedTLS") || (kind === "P-192" && !name.startsWith("mbedTLS 4")),
    },
  );
}

export const trustCases: readonly HostileCase[] = [
  expired("expired leaf", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { from: -20, to: -1 }), intermediate),
  ),
  expired("leaf not yet valid", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { from: 1, to: 20 }), intermediate),
  ),
  expired("expired intermediate", through({ from: -20, to: -1 })),
  expired("intermediate not yet valid", through({ from: 1, to: 20 })),
  expired("expired root", async ({ expiredRoot }) => served(await leafBelow(expiredRoot)), {
    roots: ({ expiredRoot }) => [expiredRoot],
  }),

  untrusted("self-signed", ({ attacker }) => served(attacker)),
  untrusted("self-signed leaf", async () => served(await certify({ subject: HOST, names: [HOST] }))),
  untrusted("unknown root, sent", async () => {
    const root = await authority("Unknown Root");
    return served(await leafBelow(root), root);
  }),
  untrusted("unknown root, not sent", async () => served(await leafBelow(await authority("Unknown Root")))),
  untrusted("unknown root with the name of the trusted one", async () => {
    const root = await authority("Berth Test Root");
    return served(await leafBelow(root), root);
  }),
  untrusted("intermediate missing", ({ leaf }) => served(leaf)),
  untrusted("leaf signed by another key than the issuer's", async ({ intermediate, attacker }) =>
    served(await leafBelow(intermediate, { forger: attacker }), intermediate),
  ),
  untrusted("intermediate signed by another key than the root's", async ({ root, attacker }) => {
    const forged = await authority("Berth Test Issuer", root, { forger: attacker });
    return served(await leafBelow(forged), forged);
  }),
  untrusted("broken signature of the leaf", ({ leaf, intermediate }) =>
    replaced(served(leaf, intermediate), 0, withBrokenSignature(leaf.der)),
  ),
  untrusted("broken signature of the intermediate", ({ leaf, intermediate }) =>
    replaced(served(leaf, intermediate), 1, withBrokenSignature(intermediate.der)),
  ),
  untrusted("a certificate that cannot be read", ({ leaf, intermediate }) =>
    replaced(served(leaf, intermediate), 0, Buffer.alloc(400, 0x30)),
  ),
  untrusted("a certificate cut short", ({ leaf, intermediate }) =>
    replaced(served(leaf, intermediate), 0, leaf.der.subarray(0, -40)),
  ),
  untrusted("an intermediate that cannot be read", ({ leaf, intermediate }) =>
    replaced(served(leaf, intermediate), 1, Buffer.alloc(400, 0x30)),
  ),

  // RFC 5280 section 6.1.4 (k): basicConstraints with cA true.
  untrusted("leaf used as an issuer", async ({ leaf, intermediate }) =>
    served(await leafBelow(leaf), leaf, intermediate),
  ),
  untrusted("basicConstraints missing on the intermediate", through(without("ca", "usages"))),
  untrusted("basicConstraints missing on an intermediate with keyCertSign", through(without("ca"))),
  untrusted("basicConstraints without cA on an intermediate with keyCertSign", through({ ca: false })),
  // RFC 5280 section 6.1.4 (n).
  untrusted(
    "CA without keyCertSign",
    through({ usages: KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature }),
  ),
  // RFC 5280 section 6.1.4 (l), (m).
  untrusted("path length exceeded", async ({ intermediate }) => {
    const below = await authority("Berth Second Issuer", intermediate);
    return served(await leafBelow(below), below, intermediate);
  }),
  untrusted("path length exceeded by two", async ({ root }) => {
    const first = await authority("Berth First Issuer", root, { pathLength: 1 });
    const second = await authority("Berth Second Issuer", first);
    const third = await authority("Berth Third Issuer", second);
    return served(await leafBelow(third), third, second, first);
  }),
  // RFC 5280 section 6.1.5 (f); 2.999 is the arc of examples.
  untrusted("unknown critical extension on the leaf", async ({ intermediate }) =>
    served(
      await leafBelow(intermediate, { more: [new Extension("2.999.1", true, Buffer.of(5, 0))] }),
      intermediate,
    ),
  ),
  // A CA's certificate is no server's, as webpki has it; the CA/Browser Forum forbids such in section 7.1.2.7.
  untrusted("basicConstraints with cA on the leaf", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { ca: true }), intermediate),
  ),
  // RFC 5280 section 4.2.1.12, RFC 5246 section 7.4.2.
  untrusted("leaf without serverAuth", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { extendedUsages: [CLIENT_AUTH] }), intermediate),
  ),
  untrusted("EC leaf without digitalSignature", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { usages: KeyUsageFlags.keyAgreement }), intermediate),
  ),
  untrusted("RSA leaf without digitalSignature", async ({ intermediate, rsaLeaf }) =>
    served(
      await leafBelow(intermediate, { usages: KeyUsageFlags.keyEncipherment, keys: rsaLeaf.keys }),
      intermediate,
    ),
  ),

  // RFC 9155: no SHA-1.
  untrusted("leaf signed with SHA-1 and ECDSA", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { hash: "SHA-1" }), intermediate),
  ),
  untrusted("intermediate signed with SHA-1 and ECDSA", through({ hash: "SHA-1" })),
  untrusted("leaf signed with SHA-1 and RSA", async ({ root }) => {
    const between = await authority("Berth RSA Issuer", root, { keys: await rsaKeys(2048, "SHA-1") });
    return served(await leafBelow(between, { hash: "SHA-1" }), between);
  }),
  // NIST SP 800-131A: RSA from 2048 bits.
  untrusted("leaf with an RSA key of 1024 bits", async ({ intermediate }) =>
    served(await leafBelow(intermediate, { keys: await rsaKeys(1024) }), intermediate),
  ),

  untrusted("intermediate with a key of P-192", weakIntermediate("P-192")),
  untrusted("intermediate with a key of DSA", weakIntermediate("DSA")),
  ...(["P-192", "DSA"] as const).map((kind) => weakRoot(kind)),

  // Only public certificates and a key of the attacker's own are needed (moddable-sdk.md section 8, hole 1).
  untrusted("attacker's certificate before a genuine chain", ({ attacker, leaf, intermediate }) =>
    served(attacker, leaf, intermediate),
  ),
  untrusted("attacker's RSA certificate before a genuine chain", ({ rsaAttacker, rsaLeaf, intermediate }) =>
    served(rsaAttacker, rsaLeaf, intermediate),
  ),
  untrusted("attacker's leaf that names the genuine issuer before a genuine chain", async (pki) =>
    served(await leafBelow(pki.intermediate, { forger: pki.attacker }), pki.leaf, pki.intermediate, pki.root),
  ),
  untrusted("attacker's certificate after a genuine root", async ({ attacker, root }) =>
    served(await leafBelow(attacker), root, attacker),
  ),
];
