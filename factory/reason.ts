// SPDX-License-Identifier: MIT
import { asBerthError, ERRORS } from "../src/error";

/** What exactly is wrong, without the meaning of the error's code in front of it. */
export function reasonOf(error: unknown): string {
  const { code, message } = asBerthError(error);
  const meaning = ERRORS[code];
  return message.startsWith(`${meaning} (`) ? message.slice(meaning.length + 2, -1) : message;
}
