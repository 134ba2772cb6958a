// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import type { EnrollmentGroup } from "../../emulator/configuration";
import { EnrollmentRegistry } from "../../emulator/enrollment-registry";
import {
  deriveDeviceKey,
  newSymmetricKey,
  parseSharedAccessSignature,
} from "../../emulator/shared-access-signature";
import { SCOPE, token } from "../helpers/emulator-client";

const groups = ["a", "b", "c", "d"].map((enrollmentGroupId): EnrollmentGroup => {
  const symmetricKey = { primaryKey: newSymmetricKey() };
  return { enrollmentGroupId, attestation: { type: "symmetricKey", symmetricKey } };
});

function tokenOf(id: string, { attestation }: EnrollmentGroup) {
  if (attestation.type !== "symmetricKey") throw new Error("no key");
  const key = deriveDeviceKey(Buffer.from(attestation.symmetricKey.primaryKey, "base64"), id);
  return parseSharedAccessSignature(token(`${SCOPE}/registrations/${id}`, key))!;
}

test("the group that a device came by before is looked at first, then that of the device before it, each once", () => {
  const registry = new EnrollmentRegistry({ enrollments: [], enrollmentGroups: groups });
  const order = (id: string) =>
    [...registry.likelyGroups(id)].map(({ enrollmentGroupId }) => enrollmentGroupId).join("");
  expect(order("dev-1")).toBe("abcd");
  expect(registry.groupOf("dev-0", tokenOf("dev-0", groups[2]!))!.group).toBe(groups[2]);
  expect(order("dev-1")).toBe("cabd");
  registry.groupBefore = (id) => (id === "dev-1" ? "D" : undefined);
  expect(order("dev-1")).toBe("dcab");
  expect(order("dev-2")).toBe("cabd");
  // What fits no longer, or is gone, is in nobody's way.
  expect(registry.groupOf("dev-1", tokenOf("dev-1", groups[1]!))!.group).toBe(groups[1]);
  expect(order("dev-2")).toBe("bacd");
  registry.removeGroup("d");
  registry.removeGroup("b");
  expect(order("dev-1")).toBe("ac");
  expect(registry.groupOf("dev-1", tokenOf("dev-1", groups[1]!))).toBeUndefined();
});
