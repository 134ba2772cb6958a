// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** How to get what `findMbedtls` looks for. */
export const MBEDTLS_MISSING = "mbedTLS is not installed; on Debian: apt-get install libmbedtls-dev";

const ENGINE = fileURLToPath(new URL("../tls", import.meta.url));
/** Answered by its headers, and by ours that knows the differences. */
const QUESTION = `
#include "berth_tls_version.h"
berth_version MBEDTLS_VERSION_STRING
berth_number MBEDTLS_VERSION_NUMBER
#if BERTH_TLS13
berth_tls13
#endif
`;

/** An mbedTLS that the C compiler of this computer finds. */
export interface Mbedtls {
  /** "2.28.3" */
  readonly version: string;
  /** MBEDTLS_VERSION_NUMBER: 0x021c0300 */
  readonly number: number;
  /** Does the engine offer TLS 1.3 with it? */
  readonly tls13: boolean;
  readonly compilerFlags: readonly string[];
  readonly linkerFlags: readonly string[];
}

/**
 * @param prefix where it is installed; the environment's MBEDTLS, which hosts/native/Makefile reads, too, or
 *   else the system's
 * @returns undefined where there is none
 */
export function findMbedtls(prefix: string = process.env.MBEDTLS ?? ""): Mbedtls | undefined {
  const compilerFlags = prefix === "" ? [] : ["-isystem", `${prefix}/include`];
  const linkerFlags = prefix === "" ? [] : [`-L${prefix}/lib`];
  // A compiler passes over a directory that is not there, and takes the system's.
  if (prefix !== "" && !existsSync(`${prefix}/include/mbedtls/ssl.h`)) return undefined;
  const { status, stdout } = spawnSync("cc", [...compilerFlags, "-I", ENGINE, "-E", "-P", "-x", "c", "-"], {
    input: QUESTION,
    encoding: "utf8",
  });
  const version = /^berth_version "([\d.]+)"/m.exec(stdout)?.[1];
  const number = Number(/^berth_number (0x[\da-f]+)/im.exec(stdout)?.[1]);
  if (status !== 0 || version === undefined || Number.isNaN(number)) return undefined;
  return { version, number, tls13: /^berth_tls13$/m.test(stdout), compilerFlags, linkerFlags };
}
