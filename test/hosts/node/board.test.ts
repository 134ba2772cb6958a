// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "@jest/globals";

/** Runs an application, and presses twice once it says "ready". */
async function pressedTwice(application: string) {
  const source = `import { button, light } from "./hosts/node/board.ts"; ${application}`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", source]);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line === "ready") child.stdin.end("\n\n");
    lines.push(line);
  });
  const [status] = await once(child, "close");
  return { status, lines };
}

test("the Enter key is the button, and the light a printed line", async () => {
  const application = 'let on = false; if (button(() => light((on = !on)))) console.log("ready");';
  expect(await pressedTwice(application)).toEqual({ status: 0, lines: ["ready", "light on", "light off"] });
});

test("what onPress throws is reported, and the next press counts", async () => {
  const throwing = 'const fail = () => { throw new Error("no"); };';
  const reported = "a handler of the application threw; mend it (onPress of button: no)";
  expect(await pressedTwice(`${throwing} button(fail); console.log("ready");`)).toEqual({
    status: 0,
    lines: ["ready", reported, reported],
  });
  const own = `${throwing} button(fail, ({ code }) => console.log(code)); console.log("ready");`;
  expect(await pressedTwice(own)).toEqual({
    status: 0,
    lines: ["ready", "handler-failed", "handler-failed"],
  });
});
