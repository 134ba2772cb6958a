// SPDX-License-Identifier: MIT
/** What happens where the engine cannot be built, and what its worker tells. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { EngineUnavailable, openEngine, tryEngine } from "../../hosts/xs/engine";
import { XsWorker } from "../../hosts/xs/worker";
import { engine, withEngine } from "../helpers/xs";

const { CC, CI } = process.env;

beforeEach(() => {
  delete process.env.CI;
});

afterEach(() => {
  for (const [name, value] of Object.entries({ CC, CI })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

test("without a compiler: one line that says so, and no engine", async () => {
  process.env.CC = "no-such-compiler";
  const lines: string[] = [];
  expect(await tryEngine((line) => lines.push(line))).toBeUndefined();
  expect(lines.pop()).toMatch(/^no XS engine: it needs make and a C compiler .*$/);
});

test("without a compiler in CI: an error", async () => {
  process.env.CC = "no-such-compiler";
  process.env.CI = "true";
  await expect(tryEngine(() => {})).rejects.toBeInstanceOf(EngineUnavailable);
});

withEngine("processes that ask at the same time get the same engine", async () => {
  const [first, second] = await Promise.all([openEngine(), openEngine()]);
  expect(first).toEqual(second);
});

withEngine("a result, an exception, and commands in a row", async () => {
  const worker = new XsWorker(await engine());
  const wrong = worker.evaluate("null.x");
  const right = worker.evaluate("new Uint8Array([1, 2]).buffer");
  await expect(wrong).rejects.toMatchObject({ name: "XsError" });
  expect((await right).bytes).toEqual(Uint8Array.of(1, 2));
  await worker.close();
  await expect(worker.evaluate("1")).rejects.toThrow("closed");
});

withEngine("a command of XS is answered while others wait; what it prints comes in lines", async () => {
  const lines: string[] = [];
  const worker = new XsWorker(await engine(), {
    onCommand: (bytes) => bytes.map((byte) => byte + 1),
    onLine: (line) => lines.push(line),
  });
  const [first, second] = await Promise.all([
    worker.evaluate("issueCommand(new Uint8Array([1, 2]).buffer)"),
    worker.evaluate("print('a\\nb'); issueCommand(new Uint8Array([7]).buffer)"),
  ]);
  await worker.close();
  expect([[...first.bytes], [...second.bytes]]).toEqual([[2, 3], [8]]);
  expect(lines).toEqual(["a", "b"]);
});

withEngine("a stack that is full ends the worker, and says so", async () => {
  const worker = new XsWorker(await engine());
  await expect(worker.evaluate("(function f() { f(); })()")).rejects.toThrow("stack overflow");
  await worker.close();
});

withEngine("the same work takes the same steps", async () => {
  const source = "let n = 0; for (let i = 0; i < 1000; i++) n += i;";
  const steps = async (): Promise<number> => {
    const worker = new XsWorker(await engine());
    const { compute } = await worker.evaluate(source);
    await worker.close();
    return compute;
  };
  expect(await steps()).toBe(await steps());
});
