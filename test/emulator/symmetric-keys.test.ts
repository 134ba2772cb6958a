// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import type { EnrollmentGroup } from "../../emulator/configuration";
import {
  deriveDeviceKey,
  newSymmetricKey,
  parseSharedAccessSignature,
} from "../../emulator/shared-access-signature";
import { GroupKeys, keysOf } from "../../emulator/symmetric-keys";
import { SCOPE, token } from "../helpers/emulator-client";

function group(enrollmentGroupId: string, secondaryKey?: string): EnrollmentGroup {
  const symmetricKey = { primaryKey: newSymmetricKey(), ...(secondaryKey ? { secondaryKey } : {}) };
  return { enrollmentGroupId, attestation: { type: "symmetricKey", symmetricKey } };
}

function keysOfGroup({ attestation }: EnrollmentGroup) {
  if (attestation.type !== "symmetricKey") throw new Error("no key");
  return attestation.symmetricKey;
}

/** A token of a member, signed with the key derived from that key of the group. */
function tokenOf(id: string, of: EnrollmentGroup, which: "primaryKey" | "secondaryKey" = "primaryKey") {
  const key = deriveDeviceKey(Buffer.from(keysOfGroup(of)[which]!, "base64"), id);
  return parseSharedAccessSignature(token(`${SCOPE}/registrations/${id}`, key))!;
}

/** The groups, and how many were looked at. */
class Watched {
  seen = 0;
  readonly #groups: EnrollmentGroup[];

  constructor(...groups: EnrollmentGroup[]) {
    this.#groups = groups;
  }

  *[Symbol.iterator]() {
    for (const one of this.#groups) {
      this.seen++;
      yield one;
    }
  }
}

test("keys are decoded once, and anew when they were changed in place", () => {
  const keys = { primaryKey: newSymmetricKey(), secondaryKey: newSymmetricKey() };
  const first = keysOf(keys);
  expect(first.map((key) => key.toString("base64"))).toEqual([keys.primaryKey, keys.secondaryKey]);
  expect(keysOf(keys)).toBe(first);
  keys.secondaryKey = newSymmetricKey();
  expect(keysOf(keys)[1]!.toString("base64")).toBe(keys.secondaryKey);
});

test("a device is searched for once, whichever key of its group it has", () => {
  const groups = [group("a"), group("b", newSymmetricKey()), group("c")];
  const watched = new Watched(...groups);
  const keys = new GroupKeys();
  const found = keys.find(watched, "dev-1", tokenOf("dev-1", groups[1]!))!;
  expect(found.group).toBe(groups[1]);
  expect(watched.seen).toBe(2);
  expect(keys.find(watched, "dev-1", tokenOf("dev-1", groups[1]!, "secondaryKey"))!.group).toBe(groups[1]);
  expect(watched.seen).toBe(2);
});

test("a device that has moved to another group is found there, and a wrong key is not", () => {
  const groups = [group("a"), group("b")];
  const keys = new GroupKeys();
  keys.find(groups, "dev-1", tokenOf("dev-1", groups[0]!));
  expect(keys.find(groups, "dev-1", tokenOf("dev-1", groups[1]!))!.group).toBe(groups[1]);
  expect(keys.find(groups, "dev-1", tokenOf("dev-2", groups[1]!))).toBeUndefined();
  expect(keys.find(groups, "dev-1", tokenOf("dev-1", group("c")))).toBeUndefined();
});

test("a key that was replaced lets nobody in, and another spelling of the id is another device", () => {
  const one = group("a");
  const keys = new GroupKeys();
  const old = tokenOf("dev-1", one);
  expect(keys.find([one], "dev-1", old)).toBeDefined();
  expect(keys.find([one], "DEV-1", old)).toBeUndefined();
  keysOfGroup(one).primaryKey = newSymmetricKey();
  expect(keys.find([one], "dev-1", old)).toBeUndefined();
  expect(keys.find([one], "dev-1", tokenOf("dev-1", one))).toBeDefined();
});

test("what is remembered is bounded: who came least recently is searched for again", () => {
  const watched = new Watched(group("a"));
  const [only] = [...watched];
  const keys = new GroupKeys(2);
  const come = (id: string) => {
    watched.seen = 0;
    keys.find(watched, id, tokenOf(id, only!));
    return watched.seen;
  };
  expect(["1", "2", "1", "3", "1", "2", "3"].map(come)).toEqual([1, 1, 0, 1, 0, 1, 1]);
});
