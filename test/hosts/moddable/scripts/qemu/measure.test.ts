// SPDX-License-Identifier: MIT
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { findGdb, flashWork, readMemory } from "../../../../../hosts/moddable/scripts/qemu/measure";
import { elfOf } from "../../../../../hosts/moddable/scripts/qemu/overlay";

test("what the debugger prints of the chip's memory", () => {
  const printed = `Breakpoint 1, modTimersExecute ()
berth-memory free 207932 least 204196 stack 11248 unused 7356 task main
berth-xs chunks 16384 slots 30704 stack 12288 untouched 26608
[Inferior 1 (process 1) detached]`;
  expect(readMemory(printed)).toEqual({
    ...{ free: 207_932, least: 204_196, stack: 11_248, unused: 7_356 },
    script: { chunks: 16_384, slots: 30_704, stack: 12_288, untouched: 26_608 },
  });
  // Another task was caught, or none.
  expect(readMemory(printed.replace("task main", "task IDLE"))).toBeUndefined();
  expect(readMemory(printed.replace(/^berth-xs.*$/m, ""))).toBeUndefined();
  expect(readMemory("")).toBeUndefined();
});

test("the debugger is that of BERTH_GDB, else ESP-IDF's; a missing one is named", () => {
  expect(findGdb({ environment: {}, run: () => "" })).toEqual({
    program: "riscv32-esp-elf-gdb",
    problem: undefined,
  });
  const run = () => {
    throw new Error("ENOENT");
  };
  expect(findGdb({ environment: { BERTH_GDB: "/g" }, run }).problem).toMatch(/^no \/g, .*idf_tools\.py/);
});

test("work on flash is counted in what QEMU has traced", () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-trace-"));
  const trace = join(directory, "flash.log");
  expect(flashWork(trace)).toEqual({ bytes: 0, sectors: 0 });
  writeFileSync(
    trace,
    "m25p80_page_program [0x1] page program cmd=0x2 addr 0x9000\nm25p80_flash_erase [0x1] offset = 0xa000, len = 4096\nm25p80_select [0x1]\n",
  );
  expect(flashWork(trace)).toEqual({ bytes: 1, sectors: 1 });
  rmSync(directory, { recursive: true });
});

test("the ELF lies beside what was built", () => {
  expect(elfOf("/p/bin/build/moddable/apps/1/bin/esp32/esp32c3/release/app")).toBe(
    "/p/bin/build/moddable/apps/1/tmp/esp32/esp32c3/release/app/xsProj-esp32c3/build/xs_esp32.elf",
  );
});
