// SPDX-License-Identifier: MIT
/** The app of an emulated chip: the app itself, and behind it what QEMU's machine lacks (hosts/moddable/qemu/). */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, isAbsolute, join, resolve, sep } from "node:path";
import { manifestOf } from "../build";

/** The only board that QEMU's machine stands for. */
export const QEMU_PLATFORM = "esp32/esp32c3";

/**
 * Writes it into `build/`, and only what has changed: mcconfig goes by the time of files.
 * @param project directory of package.json
 * @param app its folder in the project, or an absolute path
 * @param ofApp its manifest
 * @returns the folder
 */
export function overlayOf(
  project: string,
  app: string,
  ofApp: string = manifestOf(isAbsolute(app) ? "/" : project, app),
): string {
  const overlay = join(project, "hosts", "moddable", "qemu");
  const directory = join(project, "build", "moddable", "qemu", basename(app));
  const sdkconfig = join(directory, "sdkconfig");
  mkdirSync(sdkconfig, { recursive: true });
  const manifest = { include: [ofApp, resolve(overlay, "manifest.json")] };
  // mcconfig does not see what an included manifest says now; the scripts do, by this.
  const text = `${JSON.stringify({ "//": readFileSync(ofApp, "utf8"), ...manifest }, undefined, 2)}\n`;
  const file = join(directory, "manifest.json");
  if (!existsSync(file) || readFileSync(file, "utf8") !== text) writeFileSync(file, text);
  copyFileSync(join(overlay, "sdkconfig", "sdkconfig.defaults"), join(sdkconfig, "sdkconfig.defaults"));
  return directory;
}

/** The linked program, with names and lines for debuggers. @param output what mcconfig says that it has built into */
export function elfOf(output: string): string {
  const [bin, tmp] = [`${sep}bin${sep}`, `${sep}tmp${sep}`];
  const at = output.lastIndexOf(bin);
  const temporary = `${output.slice(0, at)}${tmp}${output.slice(at + bin.length)}`;
  return join(temporary, "xsProj-esp32c3", "build", "xs_esp32.elf");
}
