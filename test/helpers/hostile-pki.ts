// SPDX-License-Identifier: MIT
/** The good certificates that the hostile chains are made from, and the attacker's. */
import {
  CA_USAGES,
  certify,
  Extension,
  type Issued,
  LEAF_USAGES,
  type Profile,
  rsaKeys,
  SERVER_AUTH,
} from "./hostile-certificates";
import type { HostilePlan } from "./hostile-tls-server";

/** The name that clients ask for. */
export const HOST = "hub.berth.example";

export interface HostilePki {
  /** The one root that clients trust, unless a case says otherwise. */
  readonly root: Issued;
  /** One whose time is over. */
  readonly expiredRoot: Issued;
  /** One that permits the names of another domain only. */
  readonly boundRoot: Issued;
  /** Below `root`; no CA may follow. */
  readonly intermediate: Issued;
  /** For HOST, below `intermediate`. */
  readonly leaf: Issued;
  /** The same with an RSA key. */
  readonly rsaLeaf: Issued;
  /** A root that nobody trusts, for HOST at the same time: what an attacker can make. */
  readonly attacker: Issued;
  /** The same with an RSA key. */
  readonly rsaAttacker: Issued;
}

/** nameConstraints { permittedSubtrees [0] { { dNSName [2] "other.example" } } }, RFC 5280 section 4.2.1.10. */
const OTHER_DOMAIN = new Extension(
  "2.5.29.30",
  false,
  Buffer.concat([Buffer.from("3013a011300f820d", "hex"), Buffer.from("other.example")]),
);

let made: Promise<HostilePki> | undefined;

/** Made once a process. */
export function hostilePki(): Promise<HostilePki> {
  made ??= make();
  return made;
}

async function make(): Promise<HostilePki> {
  const [ownKeys, foreignKeys] = await Promise.all([rsaKeys(), rsaKeys()]);
  const root = await authority("Berth Test Root");
  const intermediate = await authority("Berth Test Issuer", root, { pathLength: 0 });
  const attacker: Profile = { subject: HOST, ca: true, names: [HOST] };
  return {
    root,
    expiredRoot: await authority("Berth Old Root", undefined, { from: -20, to: -1 }),
    boundRoot: await authority("Berth Bound Root", undefined, { more: [OTHER_DOMAIN] }),
    intermediate,
    leaf: await leafBelow(intermediate),
    rsaLeaf: await leafBelow(intermediate, { keys: ownKeys }),
    attacker: await certify(attacker),
    rsaAttacker: await certify({ ...attacker, keys: foreignKeys }),
  };
}

/** A good CA but for `changes`; a root without `issuer`. */
export function authority(subject: string, issuer?: Issued, changes: Partial<Profile> = {}): Promise<Issued> {
  return certify({
    subject,
    ...(issuer === undefined ? {} : { issuer }),
    ca: true,
    usages: CA_USAGES,
    ...changes,
  });
}

/** A good leaf for HOST but for `changes`. */
export function leafBelow(issuer: Issued, changes: Partial<Profile> = {}): Promise<Issued> {
  return certify({
    subject: HOST,
    issuer,
    ca: false,
    usages: LEAF_USAGES,
    extendedUsages: [SERVER_AUTH],
    names: [HOST],
    ...changes,
  });
}

/** `profile` without its `keys`: what a certificate lacks. */
export function without(...keys: readonly (keyof Profile)[]): Partial<Profile> {
  return Object.fromEntries(keys.map((key) => [key, undefined]));
}

/** An honest server with these certificates, its own first. */
export function served(own: Issued, ...others: readonly Issued[]): HostilePlan {
  return { chain: [own, ...others].map(({ der }) => der), key: own.key };
}
