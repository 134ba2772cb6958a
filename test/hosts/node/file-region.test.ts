// SPDX-License-Identifier: MIT
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { FileRegion } from "../../../hosts/node/file-region";
import { flashQueue } from "../../helpers/flash-queue";
import { thrownCode } from "../../helpers/thrown";

const directory = mkdtempSync(join(tmpdir(), "berth-test-"));
const file = join(directory, "outbox");
afterEach(() => rmSync(file, { force: true }));

test("holds an outbox over restarts, for its owner only", () => {
  const texts = Array.from({ length: 300 }, (_, i) => `message ${i}`);
  const first = flashQueue(new FileRegion(file, 3));
  for (const text of texts) first.add(text);
  const second = flashQueue(new FileRegion(file, 3));
  expect(second.drain()).toEqual(texts);
  expect(flashQueue(new FileRegion(file, 3)).drain()).toEqual([]);
  expect(statSync(file).size).toBe(3 * 4_096);
  if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("one that was cut as it was made is completed; a longer one stays, with what it holds", () => {
  writeFileSync(file, new Uint8Array(5_000).fill(0xff));
  const { add } = flashQueue(new FileRegion(file, 4));
  for (let i = 0; i < 300; i += 1) add(`message ${i}`);
  const smaller = new FileRegion(file, 2);
  expect(smaller.sectors).toBe(4);
  expect(flashQueue(smaller).drain()).toHaveLength(300);
  expect(new FileRegion(file, 8).sectors).toBe(8);
});

test("a shorter file, a directory and a place that is not there are told", () => {
  expect(thrownCode(() => new FileRegion(directory, 2))).toBe("outbox-unwritten");
  expect(thrownCode(() => new FileRegion(join(directory, "no", "outbox"), 2))).toBe("outbox-unwritten");
  const region = new FileRegion(file, 2);
  truncateSync(file, 100);
  expect(thrownCode(() => region.read(0, new Uint8Array(200)))).toBe("outbox-unwritten");
  expect(readFileSync(file)).toHaveLength(100);
});
