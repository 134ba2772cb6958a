// SPDX-License-Identifier: MIT
/**
 * Every case, in the order in which they are read best. Names are unique. A further TLS is a HostileClient of
 * test/helpers/hostile-client.ts and a test file that gives each case and that client to `runHostileCase`.
 */
import type { HostileCase } from "../helpers/hostile-case";
import { cipherChangeCases } from "./cipher-change-cases";
import { clearTextCases } from "./clear-text-cases";
import { brokenConstraintCases, keptConstraintCases } from "./constraint-cases";
import { goodCases } from "./good-cases";
import { handshakeCases } from "./handshake-cases";
import { helloCases } from "./hello-cases";
import { keyExchangeCases } from "./key-exchange-cases";
import { nameCases } from "./name-cases";
import { recordCases } from "./record-cases";
import { trustCases } from "./trust-cases";

export { runHostileCase } from "../helpers/hostile-case";

/** Refused for what the certificates say, by a handshake that is right. */
export const chainCases: readonly HostileCase[] = [...nameCases, ...trustCases, ...brokenConstraintCases];

export const hostileCases: readonly HostileCase[] = [
  ...goodCases,
  ...keptConstraintCases,
  ...chainCases,
  ...keyExchangeCases,
  ...helloCases,
  ...handshakeCases,
  ...cipherChangeCases,
  ...clearTextCases,
  ...recordCases,
];
