// SPDX-License-Identifier: MIT

/** A service was asked and did not do it: exit status 1. `code` is Azure's `ErrorCode`, or the system's, as `ECONNREFUSED`. */
export class ServiceFailure extends Error {
  readonly code: string;
  readonly retriable: boolean;
  /** Of HTTP. */
  readonly status: number | undefined;
  /** Azure's number, as 404001. */
  readonly errorCode: number | undefined;

  constructor(
    code: string,
    message: string,
    more: { retriable?: boolean; status?: number | undefined; errorCode?: number | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.retriable = more.retriable ?? false;
    this.status = more.status;
    this.errorCode = more.errorCode;
  }
}
