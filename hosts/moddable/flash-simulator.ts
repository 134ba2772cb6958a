// SPDX-License-Identifier: MIT
/** Flash for the outbox in the simulators, which have none: a sector each in `preference`. */
import type { FlashRegion } from "../../src/host";
import { loadPreferences } from "berth/hosts/moddable/host";
import { PreferenceRegion } from "berth/hosts/moddable/preference-region";

export function openRegion(): FlashRegion {
  return new PreferenceRegion(loadPreferences());
}
