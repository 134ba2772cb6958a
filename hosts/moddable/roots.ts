// SPDX-License-Identifier: MIT
/** Which root certificates the device trusts. */
import { asBerthError } from "../../src/error";
import type { Bytes } from "../sockets/client-certificate";
import { readValidity } from "../../src/x509/certificate";

/** A root: its name for the log, and its DER. */
export interface Root {
  readonly name: string;
  /** @throws when the image does not hold it */
  read(): Bytes;
}

export type RootState = "trusted" | "expired" | "not yet valid" | "unreadable";

/** What has become of a root. */
export interface RootReport {
  readonly name: string;
  readonly state: RootState;
  /** Why it is unreadable. */
  readonly reason: string | undefined;
}

/**
 * The DER of the roots that can be read, and a report on each: an expired or broken one never stops a boot.
 *
 * The date decides on the report only. A list is made once, and a clock that was wrong then, by one false answer of a
 * time server, must not cost a root until the next restart. Whether a root is in date is for TLS to judge, at each
 * connection.
 * @param now milliseconds since 1970
 * @param onRoot called once for each root
 */
export function readableRoots(
  roots: readonly Root[],
  now: number,
  onRoot: (report: RootReport) => void,
): Bytes[] {
  const readable: Bytes[] = [];
  for (const { name, read } of roots) {
    const report = (state: RootState, reason?: string): void => onRoot({ name, state, reason });
    try {
      const der = read();
      const { notBefore, notAfter } = readValidity(new Uint8Array(der));
      readable.push(der);
      report(now >= notAfter ? "expired" : now <= notBefore ? "not yet valid" : "trusted");
    } catch (error) {
      report("unreadable", asBerthError(error).message);
    }
  }
  return readable;
}
