// SPDX-License-Identifier: MIT
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How to get what `hasMbedtls` looks for. */
export const MBEDTLS_MISSING = "mbedTLS is not installed; on Debian: apt-get install libmbedtls-dev";

/** Does the C compiler of this computer find the headers of mbedTLS? */
export function hasMbedtls() {
  const directory = mkdtempSync(join(tmpdir(), "berth-"));
  try {
    const source = join(directory, "try.c");
    writeFileSync(source, "#include <mbedtls/ssl.h>\n");
    return spawnSync("cc", ["-fsyntax-only", source]).status === 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
