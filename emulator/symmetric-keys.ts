// SPDX-License-Identifier: MIT
/** The keys of symmetric-key enrollments as bytes, decoded once; those of a group's devices, derived once. */
import type { EnrollmentGroup, SymmetricKeys } from "./configuration";
import {
  decodeKey,
  deriveDeviceKey,
  isSignedBy,
  type SharedAccessSignature,
} from "./shared-access-signature";

interface Decoded {
  readonly of: SymmetricKeys;
  readonly bytes: readonly Buffer[];
}

const decoded = new WeakMap<SymmetricKeys, Decoded>();

/** The bytes of a pair of keys, the primary one first. */
export function keysOf(keys: SymmetricKeys): readonly Buffer[] {
  const known = decoded.get(keys);
  if (known && areSame(known.of, keys)) return known.bytes;
  const bytes = [keys.primaryKey, keys.secondaryKey].flatMap((key) =>
    key === undefined ? [] : [decodeKey(key)!],
  );
  decoded.set(keys, { of: { ...keys }, bytes });
  return bytes;
}

/** True when one of the pair signed the token. */
export function haveSigned(keys: SymmetricKeys, token: SharedAccessSignature): boolean {
  return keysOf(keys).some((key) => isSignedBy(token, key));
}

/** The group that lets a device in, and the keys derived for it. */
export interface GroupMembership {
  group: EnrollmentGroup;
  symmetricKey: SymmetricKeys;
}

/** Finds the group whose key was derived for a device. Who has come before is not searched for again. */
export class GroupKeys {
  /** By registration id; who came least recently is first. */
  readonly #known = new Map<string, GroupMembership & { of: SymmetricKeys }>();
  readonly #maximum: number;

  /** @param maximum devices that are remembered, at about half a kilobyte each */
  constructor(maximum = 10_000) {
    this.#maximum = maximum;
  }

  /** Forgets everything: the groups have changed. */
  clear(): void {
    this.#known.clear();
  }

  /** The first of `groups` whose key, derived for this very spelling of the id, signed the token. */
  find(
    groups: Iterable<EnrollmentGroup>,
    registrationId: string,
    token: SharedAccessSignature,
  ): GroupMembership | undefined {
    const known = this.#known.get(registrationId);
    if (known && areSame(known.of, keysOfGroup(known.group)) && haveSigned(known.symmetricKey, token)) {
      this.#remember(registrationId, known);
      return known;
    }
    for (const group of groups) {
      const keys = keysOfGroup(group);
      if (!keys) continue;
      const symmetricKey = derive(keys, registrationId);
      if (!haveSigned(symmetricKey, token)) continue;
      const found = { group, symmetricKey, of: { ...keys } };
      this.#remember(registrationId, found);
      return found;
    }
    return undefined;
  }

  #remember(registrationId: string, membership: GroupMembership & { of: SymmetricKeys }): void {
    this.#known.delete(registrationId);
    this.#known.set(registrationId, membership);
    if (this.#known.size <= this.#maximum) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }
}

function keysOfGroup({ attestation }: EnrollmentGroup): SymmetricKeys | undefined {
  return attestation.type === "symmetricKey" ? attestation.symmetricKey : undefined;
}

function derive(group: SymmetricKeys, registrationId: string): SymmetricKeys {
  const [primaryKey, secondaryKey] = keysOf(group).map((key) => deriveDeviceKey(key, registrationId));
  return { primaryKey: primaryKey!, ...(secondaryKey === undefined ? {} : { secondaryKey }) };
}

function areSame(one: SymmetricKeys, other: SymmetricKeys | undefined): boolean {
  return one.primaryKey === other?.primaryKey && one.secondaryKey === other.secondaryKey;
}
