// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "@jest/globals";

const APPLICATION = `
import { button, light } from "./hosts/node/board.ts";
let on = false;
if (button(() => light((on = !on)))) console.log("ready");
`;

test("the Enter key is the button, and the light a printed line", async () => {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", APPLICATION]);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line === "ready") child.stdin.end("\n\n");
    lines.push(line);
  });
  const [status] = await once(child, "close");
  expect({ status, lines }).toEqual({ status: 0, lines: ["ready", "light on", "light off"] });
});
