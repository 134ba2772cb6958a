// SPDX-License-Identifier: MIT
/** Which root certificates the device trusts. */
import { asBerthError } from "../../src/error";
import type { Bytes } from "../sockets/client-certificate";
import { readCertificate } from "./certificate";

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
 * The DER of the roots that can be trusted at `now`. An expired or broken one is left out: it never stops a boot.
 * @param now milliseconds since 1970
 * @param onRoot called once for each root
 */
export function usableRoots(
  roots: readonly Root[],
  now: number,
  onRoot: (report: RootReport) => void,
): Bytes[] {
  const usable: Bytes[] = [];
  for (const { name, read } of roots) {
    const report = (state: RootState, reason?: string): void => onRoot({ name, state, reason });
    try {
      const der = read();
      const { notBefore, notAfter } = readCertificate(new Uint8Array(der));
      if (now >= notAfter) report("expired");
      else if (now <= notBefore) report("not yet valid");
      else {
        usable.push(der);
        report("trusted");
      }
    } catch (error) {
      report("unreadable", asBerthError(error).message);
    }
  }
  return usable;
}
