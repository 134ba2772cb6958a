// SPDX-License-Identifier: MIT
/** Every verb that asks a service. A new one is an entry in one of these tables, and its test. */
import { DPS } from "./dps";
import { EMULATOR_CONTROL } from "./emulator-control";
import { HUB_DEVICE } from "./hub-device";
import { HUB_MESSAGES } from "./hub-messages";
import { HUB_TWIN } from "./hub-twin";
import type { Groups, Verb } from "./verb";

/** What the words are about that have verbs below them. */
export const GROUPS: Groups = Object.freeze({
  "hub device": "identities of devices",
  "hub twin": "device twins",
  "hub method": "direct methods",
  dps: "enrollments and registrations of a DPS, the emulator's or Azure's",
  "dps enrollment": "enrollments of single devices",
  "dps group": "enrollment groups",
  "dps registration": "what DPS has assigned",
  fault: "what an emulator is to do wrong",
  clock: "the time that an emulator goes by",
  certificate: "the certificate that an emulator shows",
});

/** The table. */
export const VERBS: readonly Verb[] = [
  ...HUB_DEVICE,
  ...HUB_TWIN,
  ...HUB_MESSAGES,
  ...DPS,
  ...EMULATOR_CONTROL,
];
