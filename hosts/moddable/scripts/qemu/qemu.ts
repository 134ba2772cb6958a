// SPDX-License-Identifier: MIT
/** QEMU with an ESP32-C3: Espressif's, for the machine is not in the upstream one. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { spawnChild } from "../children";
import type { Surroundings } from "../sdk";

const PROGRAM = "qemu-system-riscv32";
const MACHINE = "esp32c3";
/** This computer, seen from the network that QEMU gives the chip; DNS is at .3. */
export const HOST_ADDRESS = "10.0.2.2";
const HOW =
  "with ESP-IDF: `python $IDF_PATH/tools/idf_tools.py install qemu-riscv32`, then open a new shell and run its export script; or name another in BERTH_QEMU";

/**
 * Looks for a QEMU that has the chip: `BERTH_QEMU`, else what PATH has.
 * @returns the program, or what is missing and how to get it
 */
export function findQemu({ environment, run }: Pick<Surroundings, "environment" | "run">): {
  program: string | undefined;
  problem: string | undefined;
} {
  const given = environment.BERTH_QEMU;
  const program = given || PROGRAM;
  const none = (problem: string) => ({ program: undefined, problem: `${problem}; get it ${HOW}` });
  let machines: string;
  try {
    machines = run(program, ["-machine", "help"]);
  } catch {
    return none(given ? `BERTH_QEMU is "${given}", which does not run` : `there is no ${PROGRAM} in PATH`);
  }
  return new RegExp(`^${MACHINE}\\s`, "m").test(machines)
    ? { program, problem: undefined }
    : none(`${program} has no machine ${MACHINE}, only Espressif's has`);
}

export interface QemuFiles {
  /** The whole flash; the chip writes to it. */
  readonly flash: string;
  /** Its eFuses. */
  readonly efuses: string;
}

export interface QemuOptions extends QemuFiles {
  /** Arguments beside ours. */
  readonly more?: readonly string[];
}

/** The arguments of QEMU: the serial port is its standard output, and its network can reach this computer. */
export function qemuArguments({ flash, efuses, more = [] }: QemuOptions): string[] {
  return [
    ...["-machine", MACHINE, "-display", "none", "-monitor", "none", "-serial", "stdio"],
    ...["-drive", `file=${escaped(flash)},if=mtd,format=raw`],
    ...["-drive", `file=${escaped(efuses)},if=none,format=raw,id=efuse`],
    ...["-global", "driver=nvram.esp32c3.efuse,property=drive,value=efuse"],
    ...(more.includes("-nic") ? [] : ["-nic", "user,model=open_eth"]),
    ...more,
  ];
}

/** A comma ends a value of QEMU's. */
function escaped(path: string): string {
  return path.replaceAll(",", ",,");
}

/** A chip that runs. */
export class Chip {
  /** Exit status, or undefined after a signal. */
  readonly ended: Promise<number | undefined>;
  readonly #child: ChildProcess;

  /** @param onLine a line of the serial port, without what a terminal does not show */
  constructor(program: string, options: QemuOptions, onLine: (line: string) => void) {
    // At the end of its standard input QEMU closes the serial port, output included.
    this.#child = spawnChild(program, qemuArguments(options), { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.#child.stdout as Readable }).on("line", (line) => onLine(printable(line)));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (status) => resolve(status ?? undefined));
    });
  }

  /** Takes the power away, between two instructions: what was written to flash stays, as on a board. */
  async cut(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

/** Bytes that were no text, and what moves a cursor, shown as they can be. */
export function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return line.replace(/\u001b\[[\d;]*[A-Za-z]|[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "");
}
