// SPDX-License-Identifier: MIT
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { numbersFrom } from "../../../../../hosts/moddable/scripts/qemu/cuts";
import { live } from "../../../../../hosts/moddable/scripts/qemu/life";
import { findQemu, printable, qemuArguments } from "../../../../../hosts/moddable/scripts/qemu/qemu";

const MACHINES = "Supported machines are:\nesp32c3              Espressif ESP32C3 machine\nvirt   RISC-V\n";

test("QEMU is that of BERTH_QEMU, else of PATH, and has the chip", () => {
  expect(findQemu({ environment: {}, run: () => MACHINES })).toEqual({
    program: "qemu-system-riscv32",
    problem: undefined,
  });
  expect(findQemu({ environment: { BERTH_QEMU: "/q" }, run: () => MACHINES }).program).toBe("/q");
  const missing = () => {
    throw new Error("ENOENT");
  };
  expect(findQemu({ environment: {}, run: missing }).problem).toMatch(
    /there is no qemu-system-riscv32 in PATH; get it .*idf_tools\.py install qemu-riscv32/,
  );
  expect(findQemu({ environment: { BERTH_QEMU: "/q" }, run: missing }).problem).toMatch(
    /BERTH_QEMU is "\/q"/,
  );
  expect(findQemu({ environment: {}, run: () => "virt  RISC-V" })).toMatchObject({
    program: undefined,
    problem: expect.stringMatching(/has no machine esp32c3, only Espressif's has/),
  });
});

test("paths with commas stay one value, and a network of one's own replaces ours", () => {
  const all = qemuArguments({ flash: "/a,b/f", efuses: "/e" });
  expect(all).toContain("file=/a,,b/f,if=mtd,format=raw");
  expect(all).toContain("user,model=open_eth");
  expect(qemuArguments({ flash: "/f", efuses: "/e", more: ["-nic", "none"] }).join(" ")).not.toMatch(
    /open_eth/,
  );
});

test("what a terminal does with a line is taken out", () => {
  expect(printable("\u001b[0;32mI (24) boot\u001b[0m\u0000\u0007")).toBe("I (24) boot");
});

test("a seed gives the same numbers, another one others", () => {
  const three = (seed: number) => {
    const next = numbersFrom(seed);
    return [next(), next(), next()];
  };
  expect(three(7)).toEqual(three(7));
  expect(three(7)).not.toEqual(three(8));
  for (const number of three(7)) {
    expect(number).toBeGreaterThanOrEqual(0);
    expect(number).toBeLessThan(1);
  }
});

/** Stands for QEMU: a program that prints and waits. */
function program(directory: string, script: string) {
  const file = join(directory, "chip");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

test("a life ends when it is done, with its time, and with QEMU", async () => {
  const directory = mkdtempSync(join(tmpdir(), "berth-life-"));
  const files = { flash: "/f", efuses: "/e" };
  const waits = program(directory, "echo hello\nexec sleep 1000");
  let done = () => {};
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    done();
  };
  const begin = (end: () => void) => {
    done = end;
  };
  expect(await live({ ...files, program: waits, timeout: 0, onLine }, begin)).toBe("done");
  expect(lines).toEqual(["hello"]);
  expect(await live({ ...files, program: waits, timeout: 1, onLine: () => {} }, () => {})).toBe("timeout");
  const abort = AbortSignal.abort();
  expect(
    await live({ ...files, program: waits, timeout: 0, onLine: () => {}, signal: abort }, () => {}),
  ).toBe("interrupted");
  const ends = program(directory, "exit 3");
  expect(await live({ ...files, program: ends, timeout: 0, onLine: () => {} }, () => {})).toBe("qemu");
  expect(
    await live({ ...files, program: join(directory, "none"), timeout: 0, onLine: () => {} }, () => {}),
  ).toBe("qemu");
  rmSync(directory, { recursive: true });
});
