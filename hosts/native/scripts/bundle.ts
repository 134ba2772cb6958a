// SPDX-License-Identifier: MIT
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** The device's code for berth-native as one script. @throws Error of esbuild for an ill-formed module */
export async function bundleNativeDevice(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../linux/main.ts", import.meta.url))],
    bundle: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "silent",
    legalComments: "none",
  });
  return outputFiles[0]?.text ?? "";
}
