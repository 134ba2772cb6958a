// SPDX-License-Identifier: MIT
import { existsSync } from "node:fs";
import { FileStore } from "../hosts/node/store";
import { text } from "../hosts/node/text";
import type { Identity } from "../src/agent/identity";
import { storedCertificates } from "../src/credentials/issued-certificate";
import { ASSIGNMENT } from "../src/storage/assignment";
import { SLOT_KEYS } from "../src/storage/assignment-store";
import { decodeRecord } from "../src/storage/record";

/** Whether `directory` keeps something for an assignment, and none of it can be read as one. Changes nothing. */
export function isDamaged(directory: string): boolean {
  if (!existsSync(directory)) return false;
  try {
    const store = new FileStore(directory);
    const slots = SLOT_KEYS.map((key) => slotOf(store, key));
    return slots.includes("damaged") && !slots.includes("whole");
  } catch {
    // No directory, for example: the device's own start says so.
    return false;
  }
}

/** Whether `directory` keeps a certificate that was issued to this device. Changes nothing. */
export function hasIssuedCertificate(
  directory: string,
  identity: Pick<Identity, "idScope" | "registrationId">,
): boolean {
  if (!existsSync(directory)) return false;
  try {
    const { active, trial } = storedCertificates({ store: new FileStore(directory), text }, identity);
    return (active ?? trial) !== undefined;
  } catch {
    // As above.
    return false;
  }
}

function slotOf(store: FileStore, key: string): "damaged" | "empty" | "whole" {
  try {
    const value = store.read(key);
    if (value === undefined) return "empty";
    return decodeRecord(ASSIGNMENT, value, text) === undefined ? "damaged" : "whole";
  } catch {
    return "damaged";
  }
}
