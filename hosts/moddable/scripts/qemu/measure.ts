// SPDX-License-Identifier: MIT
/** `npm run sim:qemu -- --measure MINUTES`: what the image takes, what the chip has left of memory, how often flash is written. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Surroundings } from "../sdk";
import { ChipCloud } from "./chip-cloud";
import { imageParts } from "./image-parts";
import { live, untilAcknowledged } from "./life";
import { type SimulationOptions, writeChip } from "./simulate";

/** Milliseconds. */
const MINUTE = 60_000;
const LONGEST_LOOK = 60_000;
/** Minutes. */
const LOOK_EVERY = 10;
/** Parts of the image below that are not named. */
const SMALL = 10_000;

export interface MeasureOptions extends Omit<SimulationOptions, "cuts" | "seed" | "drop" | "identity"> {
  readonly minutes: number;
  readonly gdb: string;
  /** With names and lines. */
  readonly elf: string;
}

/** The debugger of the chip: `BERTH_GDB`, else that of ESP-IDF. */
export function findGdb({ environment, run }: Pick<Surroundings, "environment" | "run">): {
  program: string;
  problem: string | undefined;
} {
  const program = environment.BERTH_GDB || "riscv32-esp-elf-gdb";
  try {
    run(program, ["--version"]);
    return { program, problem: undefined };
  } catch {
    const problem = `no ${program}, which --measure asks the chip by: it comes with ESP-IDF (\`idf_tools.py install riscv32-esp-elf-gdb\`); or name another in BERTH_GDB`;
    return { program, problem };
  }
}

/** Bytes. */
export interface Memory {
  readonly free: number;
  /** Since the start. */
  readonly least: number;
  readonly stack: number;
  readonly unused: number;
  readonly script: ScriptMemory;
}

/** Of XS, bytes: what it has taken of `static` for good, and what of it nothing has touched yet. */
export interface ScriptMemory {
  readonly chunks: number;
  readonly slots: number;
  readonly stack: number;
  readonly untouched: number;
}

/** @param printed by heap.gdb */
export function readMemory(printed: string): Memory | undefined {
  const [, free, least, stack, unused] =
    /^berth-memory free (\d+) least (\d+) stack (\d+) unused (\d+) task main$/m.exec(printed) ?? [];
  const [, chunks, slots, own, untouched] =
    /^berth-xs chunks (\d+) slots (\d+) stack (\d+) untouched (\d+)$/m.exec(printed) ?? [];
  if (unused === undefined || untouched === undefined) return undefined;
  const script = {
    chunks: Number(chunks),
    slots: Number(slots),
    stack: Number(own),
    untouched: Number(untouched),
  };
  return { free: Number(free), least: Number(least), stack: Number(stack), unused: Number(unused), script };
}

/** @returns 0 when the chip was connected all the time */
export async function measureChip(options: MeasureOptions): Promise<number> {
  const { output, directory, minutes, print, elf, gdb, program } = options;
  tellImage(output, print);
  const cloud = await ChipCloud.start({ print: () => {} });
  const own = { ...cloud.settings, startSpread: "0", telemetryEvery: "1", ...options.settings };
  const files = writeChip(options, cloud.identity, own);
  const socket = join(directory, "gdb.sock");
  const trace = join(directory, "flash.log");
  rmSync(trace, { force: true });
  const more = [
    ...["-gdb", `unix:${socket},server=on,wait=off`, "-D", trace],
    ...["-trace", "m25p80_page_program", "-trace", "m25p80_flash_erase"],
  ];
  const look = (what: string) =>
    memoryOf(gdb, socket, elf).then((memory) => {
      print(memory === undefined ? `${what}: the debugger got no answer` : `${what}: ${textOf(memory)}`);
    });
  let looking = Promise.resolve();
  const lookLater = (what: string) => {
    looking = looking.then(() => look(what));
  };
  let lost = 0;
  let before = flashWork(trace);
  let timer: NodeJS.Timeout | undefined;
  try {
    const end = await live(
      {
        ...files,
        program,
        more,
        timeout: (minutes + 2) * MINUTE,
        onLine: (line) => {
          if (line === "berth: network up") lookLater("network up");
          if (/^berth: (error|restarted): /.test(line)) print(line);
          if (/^berth: error: (hub|dps): /.test(line)) lost += 1;
        },
      },
      (done) => {
        untilAcknowledged(
          cloud,
          1,
        )(() => {
          if (timer !== undefined) return;
          before = flashWork(trace);
          print(
            `flash until the first message was acknowledged: ${before.bytes} bytes programmed, ${before.sectors} sectors erased`,
          );
          let minute = 0;
          lookLater("connected");
          timer = setInterval(() => {
            minute += 1;
            const last = minute >= minutes;
            // The debugger stops the chip's clock, so that it is asked seldom.
            if (last || minute % LOOK_EVERY === 0)
              lookLater(`minute ${minute}, ${cloud.acknowledged} messages`);
            if (last) looking.then(done, done);
          }, MINUTE);
        });
      },
    );
    const { bytes, sectors } = flashWork(trace);
    print(
      `flash in ${minutes} minutes after it: ${bytes - before.bytes} bytes programmed, ${sectors - before.sectors} sectors erased`,
    );
    print(`${cloud.acknowledged} messages acknowledged; ${lost} failures of a connection`);
    return end === "done" && lost === 0 ? 0 : 1;
  } finally {
    clearInterval(timer);
    await looking;
    await cloud.stop();
  }
}

function tellImage(output: string, print: (row: string) => void): void {
  print(`image: ${readFileSync(join(output, "xs_esp32.bin")).length} bytes`);
  const map = join(output, "xs_esp32.map");
  if (!existsSync(map)) return;
  const parts = imageParts(readFileSync(map, "utf8"));
  const named = parts.filter(({ image }) => image >= SMALL);
  const sum = (of: typeof parts, what: "image" | "ram") => of.reduce((all, part) => all + part[what], 0);
  for (const { name, image } of named) print(`  ${name.padEnd(20)}${String(image).padStart(9)}`);
  print(`  ${"others".padEnd(20)}${String(sum(parts, "image") - sum(named, "image")).padStart(9)}`);
  print(`RAM taken before the app starts: ${sum(parts, "ram")} bytes`);
}

function memoryOf(gdb: string, socket: string, elf: string): Promise<Memory | undefined> {
  const script = fileURLToPath(new URL("heap.gdb", import.meta.url));
  const parameters = ["-q", "-batch", "-ex", `target remote ${socket}`, "-x", script, elf];
  return new Promise((resolve) => {
    execFile(gdb, parameters, { timeout: LONGEST_LOOK }, (_, printed) => resolve(readMemory(printed)));
  });
}

function textOf({ free, least, stack, unused, script }: Memory): string {
  const { chunks, slots, stack: own, untouched } = script;
  const xs = `XS holds ${chunks} bytes for chunks, ${slots} for slots and ${own} of stack, ${untouched} are untouched`;
  return `${free} bytes of the heap of C are free, ${least} were at the least; ${xs}; its task has used ${stack - unused} of ${stack} bytes of C's stack`;
}

/** What was done to flash, as QEMU has traced it: bytes programmed and sectors erased. */
export function flashWork(trace: string): { bytes: number; sectors: number } {
  const text = existsSync(trace) ? readFileSync(trace, "utf8") : "";
  const count = (event: RegExp) => text.match(event)?.length ?? 0;
  return { bytes: count(/m25p80_page_program/g), sectors: count(/m25p80_flash_erase/g) };
}
