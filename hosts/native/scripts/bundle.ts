// SPDX-License-Identifier: MIT
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";

const LINUX = fileURLToPath(new URL("../linux/", import.meta.url));

/** The device's code for berth-native as one script. @throws Error of esbuild for an ill-formed module */
export function bundleNativeDevice(): Promise<string> {
  return bundle({ entryPoints: [`${LINUX}main.ts`] });
}

/**
 * An application that imports `berth`, `berth/board`, `berth/transports` and `berth/outbox`, as one script for berth-native, with the device's code in it.
 * @param main its main module
 * @throws Error of esbuild for an ill-formed module, and for an import of anything else that is not there
 */
export function bundleNativeApp(main: string): Promise<string> {
  const contents = `import { runApp } from "./app-run"; runApp(() => import(${JSON.stringify(main)}));`;
  return bundle({
    stdin: { contents, resolveDir: LINUX },
    alias: {
      berth: `${LINUX}berth.ts`,
      "berth/board": `${LINUX}board.ts`,
      "berth/certificates": `${LINUX}certificates.ts`,
      "berth/transports": `${LINUX}../../../src/transports.ts`,
      "berth/outbox": `${LINUX}../../../src/flash-log.ts`,
    },
  });
}

async function bundle(what: BuildOptions): Promise<string> {
  const { outputFiles = [] } = await build({
    ...what,
    bundle: true,
    format: "iife",
    target: "es2022",
    write: false,
    logLevel: "silent",
    legalComments: "none",
  });
  return outputFiles[0]?.text ?? "";
}
