// SPDX-License-Identifier: MIT
import type { Store, TextCodec } from "../host";
import { ASSIGNMENT, type Assignment } from "./assignment";
import { RecordStore, type SlotKeys } from "./record-store";

/** The keys of the slots, short enough for NVS. */
export const SLOT_KEYS: SlotKeys = Object.freeze(["assignment0", "assignment1", "assignment2"] as const);

/** Keeps the assignment through power cuts. */
export class AssignmentStore extends RecordStore<Assignment> {
  constructor(store: Store, text: TextCodec) {
    super(store, text, ASSIGNMENT, SLOT_KEYS);
  }
}
