// SPDX-License-Identifier: MIT
/** Emulators for clients that know no other port than 8883. */
import type { Emulator } from "../../emulator/emulator";
import type { EmulatorOptions } from "../../emulator/options";
import { startEmulator } from "./emulator-client";

const PORT = 8883;

/**
 * Any address in 127/8 is this machine on Linux, so that two runs do not meet; elsewhere only 127.0.0.1 is.
 * @throws Error when the port is taken everywhere
 */
export async function startOn8883(
  options: Partial<EmulatorOptions> = {},
): Promise<{ emulator: Emulator; address: string }> {
  const own = `127.${83 + (process.pid % 100)}.${(process.pid >> 8) % 256}.${1 + (process.pid % 250)}`;
  const problems: string[] = [];
  for (const address of process.platform === "linux" ? [own, "127.0.0.1"] : ["127.0.0.1"]) {
    try {
      return { emulator: await startEmulator({ ...options, port: PORT, host: address }), address };
    } catch (error) {
      problems.push(`${address}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    `port ${PORT} is not free, and Microsoft's SDKs know no other; stop what holds it. ${problems.join("; ")}`,
  );
}
