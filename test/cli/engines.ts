// SPDX-License-Identifier: MIT
/** The engines that `berth` has, each with the test that is skipped, visibly, where it cannot be built; in CI that fails. */
import { test } from "@jest/globals";
import type { EngineName } from "../../cli/device-engine";
import { withNative } from "../helpers/native";

export interface EngineUnderTest {
  readonly name: EngineName;
  readonly test: typeof test;
  /** For the process that uses it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Native code runs under sanitizers: what they find, leaks included, ends a device in an error. */
export const ENGINES: readonly EngineUnderTest[] = [
  { name: "node", test, environment: {} },
  { name: "native", test: withNative as typeof test, environment: { BERTH_SANITIZE: "1" } },
];

/** Those with a process for each device. */
export const PROCESS_ENGINES = ENGINES.filter(({ name }) => name !== "node");
