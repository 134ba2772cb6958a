// SPDX-License-Identifier: MIT
import type { EnrollmentRegistry } from "../../enrollment-registry";
import type { StateStore } from "../../state";

/** What the routes of DPS work with. */
export interface DpsContext {
  enrollments: EnrollmentRegistry;
  state: StateStore;
  /** Host names of the linked hubs. */
  hubs: readonly string[];
  /** Milliseconds since 1970: when the emulator started. */
  started: number;
  /** Milliseconds since 1970. */
  now(): number;
}
