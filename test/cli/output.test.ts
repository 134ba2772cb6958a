// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { Output, type Streams, wrapped } from "../../cli/output";
import { BerthError } from "../../src/error";
import { eventsOf } from "./command";

function recorded(json: boolean, more: Partial<Streams> = {}) {
  const seen = { out: "", err: "" };
  const output = new Output(json, {
    out: (text) => {
      seen.out += text;
    },
    err: (text) => {
      seen.err += text;
    },
    ...more,
  });
  return { output, seen };
}

test.each([false, true])("nothing that others wrote reaches the terminal as it is (JSON: %s)", (json) => {
  const { output, seen } = recorded(json);
  const hostile = "\u001b[2J\u009b\u202e\nberth: all is well";
  output.event({ event: "message", [hostile]: hostile }, hostile);
  output.passing({ event: "packet", hostile }, hostile);
  output.line(hostile);
  output.warning(hostile);
  output.error(new BerthError("internal", hostile));
  expect((seen.out + seen.err).replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202e]/u);
  for (const line of `${seen.out}${seen.err}`.split("\n")) expect(line).not.toMatch(/^berth: all/);
});

test("a reader that falls behind misses passing lines only, and is told how many", () => {
  let waiting = 0;
  let drained = () => {};
  const { output, seen } = recorded(true, {
    waiting: () => waiting,
    onDrained: (_, call) => {
      drained = call;
    },
  });
  output.passing({ event: "packet", at: 1 });
  waiting = 2 ** 20;
  output.passing({ event: "packet", at: 2 });
  // Not before all is read: else the number would be told for each gap.
  waiting = 100;
  output.passing({ event: "packet", at: 3 });
  output.event({ event: "summary" });
  drained();
  output.passing({ event: "packet", at: 4 });
  expect(eventsOf(seen.out)).toEqual([
    { event: "packet", at: 1 },
    { event: "summary" },
    { event: "left-out", count: 2 },
    { event: "packet", at: 4 },
  ]);
});

test("warnings that come for as long as a command runs are bounded too, on the stream that they go to", () => {
  const waiting = { out: 0, err: 2 ** 20 };
  const drained: [string, () => void][] = [];
  const streams: Partial<Streams> = {
    waiting: (stream) => waiting[stream],
    onDrained: (...call) => void drained.push(call),
  };
  const people = recorded(false, streams);
  people.output.passingWarning("one");
  people.output.passingWarning("two");
  people.output.passing({ event: "packet" }, "goes on");
  people.output.warning("must not be lost");
  expect(people.seen).toEqual({ out: "goes on\n", err: "berth: must not be lost\n" });
  expect(drained.map(([stream]) => stream)).toEqual(["err"]);
  drained[0]?.[1]();
  expect(people.seen.err).toContain("berth: (2 lines left out: what reads them is too slow)\n");
  const json = recorded(true, streams);
  json.output.passingWarning("three");
  expect(eventsOf(json.seen.out)).toEqual([{ event: "warning", message: "three" }]);
});

test("a pipe that nobody reads for a while does not grow", async () => {
  const lines = 20_000;
  const source = `
    import { register } from "tsx/esm/api";
    register();
    const { Output, processStreams } = await import(${JSON.stringify(fileURLToPath(new URL("../../cli/output.ts", import.meta.url)))});
    const output = new Output(true, processStreams);
    let most = 0;
    for (let at = 0; at < ${lines}; at++) {
      output.passing({ event: "packet", at, detail: "x".repeat(200) });
      if (at % 100 === 0) await new Promise((done) => setImmediate(done));
      most = Math.max(most, process.stdout.writableLength);
    }
    process.stderr.write(String(most));`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", source], {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  let out = "";
  let most = "";
  const told = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      most += text;
      resolve();
    });
  });
  const closed = new Promise((resolve) => child.on("close", resolve));
  await told;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  expect(await closed).toBe(0);
  const events = eventsOf(out);
  const last = events.at(-1);
  expect(last?.event).toBe("left-out");
  expect(Number(last?.count)).toBeGreaterThan(1_000);
  expect(events.length - 1 + Number(last?.count)).toBe(lines);
  expect(Number(most)).toBeLessThan(2 ** 20 + 1_000);
});

test.each([
  ["short", 20, ["short"]],
  ["one two three four", 9, ["one two", "  three", "  four"]],
  ["  in in in", 6, ["  in", "    in", "    in"]],
  ["averyveryverylongword and", 10, ["averyveryverylongword", "  and"]],
  ["a averyveryverylongword", 10, ["a", "  averyveryverylongword"]],
])("on a terminal no word is broken: %j in %i", (text, width, lines) => {
  expect(wrapped(text, width)).toBe(lines.join("\n"));
  expect(wrapped(text, undefined)).toBe(text);
});

test("colours are for a terminal that takes them, and around what is made harmless", () => {
  const seen: string[] = [];
  const take = (text: string) => void seen.push(text);
  const plain = new Output(false, { out: take, err: take });
  plain.event({ event: "x" }, "a line\u001b[2J", "green");
  const coloured = new Output(false, {
    out: take,
    err: take,
    columns: () => 10,
    style: (_stream, format, text) => `<${format}>${text}</>`,
  });
  coloured.event({ event: "x" }, "a line that is long", "green");
  coloured.warning("x");
  expect(seen).toEqual([
    "a line\\u001b[2J\n",
    "<green>a line\n  that is\n  long</>\n",
    "<yellow>berth: x</>\n",
  ]);
});
