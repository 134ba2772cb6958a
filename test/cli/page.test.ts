// SPDX-License-Identifier: MIT
/** `--page`: where the page is, and devices that stay for it. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { berth, BerthProcess } from "./command";

const directory = mkdtempSync(join(tmpdir(), "berth-cli-page-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What the page's API answers to who opens the address. */
async function health(address: string): Promise<unknown> {
  const { origin, hash } = new URL(address);
  expect(await (await fetch(origin)).text()).toContain("<title>Berth</title>");
  const authorization = `Bearer ${hash.replace("#key=", "")}`;
  return (await fetch(`${origin}/at/localhost/health`, { headers: { authorization } })).json();
}

test("simulate --page prints the address, and its devices stay and send until it is ended", async () => {
  const simulate = new BerthProcess(["simulate", "--page", "0", "--telemetry", "1", "--json"]);
  const { address } = await simulate.event("page");
  await simulate.event("summary", { done: true });
  // A third life, and what it sends.
  await simulate.event("acknowledged", { count: 2 });
  expect(await health(address as string)).toMatchObject({ status: "ready" });
  simulate.kill("SIGINT");
  const { status, out, err } = await simulate.ended;
  expect({ status, err }).toEqual({ status: 130, err: "" });
  const lives = out.split("\n").filter((line) => line.includes('"event":"connected"'));
  expect(lives).toHaveLength(3);
});

test("emulator --page serves it, and keeps its key with the state", async () => {
  const config = join(directory, "berth.json");
  await berth("emulator", "--example", config);
  const state = join(directory, "state");
  const keys: string[] = [];
  for (let start = 0; start < 2; start++) {
    const words = ["emulator", "--config", config, "--state", state, "--port", "0", "--page", "0", "--json"];
    const emulator = new BerthProcess(words);
    const { address } = await emulator.event("page");
    expect(await health(address as string)).toMatchObject({ hubs: ["hub-1.example", "hub-2.example"] });
    keys.push(new URL(address as string).hash);
    emulator.kill("SIGINT");
    expect(await emulator.ended).toMatchObject({ status: 0, err: "" });
  }
  expect(keys[1]).toBe(keys[0]);
});

test("a port that is taken is told by its option", async () => {
  const config = join(directory, "taken.json");
  await berth("emulator", "--example", config);
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as { port: number };
  const { status, err } = await berth("emulator", "--config", config, "--port", "0", "--page", String(port));
  holder.close();
  expect(status).toBe(1);
  expect(err).toContain(`--page: ${port} is in use; stop what holds it, or take --page 0`);
});
