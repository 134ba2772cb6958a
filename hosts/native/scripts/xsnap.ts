// SPDX-License-Identifier: MIT
/**
 * The C sources of XS, in npm's `@agoric/xsnap`. A package that uses Berth does not install it: 80 packages come with it,
 * and a script that compiles what nobody may need. Its tarball alone is fetched when XS is built for the first time.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What is fetched. A test compares it with package-lock.json. */
export const XSNAP = Object.freeze({
  name: "@agoric/xsnap",
  version: "0.15.0",
  integrity:
    "sha512-ZBm4DZxbtfacxMHVVdJjZi0Y8zOxN77vpu1WwI5RWfPkaRh0aHkz/dVdTGKXalDNzWfz183lljKxlxl3/h0n+A==",
});

/**
 * The directory of the package where it is installed for `module`, Berth's own or the application's.
 * @returns undefined where it is not
 */
export function installedXsnap(module: string): string | undefined {
  try {
    return dirname(createRequire(module).resolve(`${XSNAP.name}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Fetches the package with npm, which knows the registry, and unpacks it.
 * @param directory that exists, and gets it as a directory of its own, once
 * @param notice gets a line when it is fetched
 * @param environment of npm
 * @throws Error that says what to do
 */
export async function fetchXsnap(
  directory: string,
  notice: (line: string) => void,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const place = join(directory, `xsnap-${XSNAP.version}`);
  if (existsSync(place)) return place;
  const whole = `${XSNAP.name}@${XSNAP.version}`;
  notice(`fetching the sources of XS, once (npm pack ${whole}, 1 MB)`);
  const aside = mkdtempSync(join(directory, "xsnap-"));
  try {
    await run("npm", ["pack", "--silent", "--pack-destination", aside, whole], {
      cwd: aside,
      env: environment,
    });
    const tarball = join(aside, `agoric-xsnap-${XSNAP.version}.tgz`);
    const hash = createHash("sha512").update(readFileSync(tarball)).digest("base64");
    if (`sha512-${hash}` !== XSNAP.integrity)
      throw new Error("the registry has another package of that version");
    await run("tar", ["-xzf", tarball, "-C", aside]);
    renameSync(join(aside, "package"), place);
    return place;
  } catch (error) {
    const lines = (error as { readonly stderr?: string }).stderr?.trim() || (error as Error).message;
    throw new Error(
      `${whole} cannot be fetched: ${lines.split("\n")[0]}; or run \`npm i ${whole} --ignore-scripts\``,
    );
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}
