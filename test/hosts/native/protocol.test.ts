// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { decodeError, encodeError } from "../../../hosts/native/linux/protocol";
import { BerthError, ERRORS, type ErrorCode } from "../../../src/error";

test.each(Object.keys(ERRORS) as ErrorCode[])("%s comes back as it went, with its message", (code) => {
  for (const about of ["", "one (two)", "x"]) {
    const error = new BerthError(code, about, { retryAfter: 3, status: 5, errorCode: 7, trackingId: "t" });
    const back = decodeError(JSON.parse(JSON.stringify(encodeError(error))));
    expect(back).toBeInstanceOf(BerthError);
    expect({ ...back, message: back.message }).toEqual({ ...error, message: error.message });
  }
});
