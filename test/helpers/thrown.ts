// SPDX-License-Identifier: MIT
import { BerthError, type ErrorCode } from "../../src/error";

/** The code of the BerthError that `work` throws, "none" when it throws nothing; anything else passes through. */
export function thrownCode(work: () => unknown): ErrorCode | "none" {
  try {
    work();
  } catch (error) {
    if (error instanceof BerthError) return error.code;
    throw error;
  }
  return "none";
}
