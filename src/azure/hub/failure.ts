// SPDX-License-Identifier: MIT
/** An answer of IoT Hub with a status of 300 or more, as an error. Source: "Understand and resolve Azure IoT Hub errors". */
import { answerText, BerthError } from "../../error";
import type { JsonObject } from "../json";
import type { ResponseTopic } from "../response-topic";

/** @param about what was asked for @returns `hub-throttled`, `hub-server-error` or `hub-refused` */
export function hubFailure(response: ResponseTopic, body: JsonObject | undefined, about: string): BerthError {
  const { status, retryAfter } = response;
  const code = status === 429 ? "hub-throttled" : status >= 500 ? "hub-server-error" : "hub-refused";
  const errorCode = typeof body?.errorCode === "number" ? body.errorCode : undefined;
  const words = typeof body?.message === "string" ? body.message : undefined;
  return new BerthError(code, answerText([about, `status ${status}`], errorCode, words), {
    status,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(errorCode !== undefined && { errorCode }),
  });
}
