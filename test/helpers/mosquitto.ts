// SPDX-License-Identifier: MIT
/** mosquitto's tools and broker, from Debian's packages mosquitto and mosquitto-clients. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "@jest/globals";

/** Where Debian keeps daemons, which the search path of a user may leave out. */
const SBIN = "/usr/sbin";
/** Seconds; a tool that gets no answer ends with a status of its own. */
export const PATIENCE = "20";

function find(program: string): string | undefined {
  for (const directory of [...(process.env.PATH ?? "").split(delimiter), SBIN]) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {}
  }
  return undefined;
}

const programs = new Map(
  ["mosquitto", "mosquitto_pub", "mosquitto_sub", "mosquitto_rr"].map((name) => [name, find(name)]),
);
const missing = [...programs].filter(([, path]) => path === undefined).map(([name]) => name);
if (missing.length > 0) {
  const problem = `${missing.join(", ")} not found; apt-get install mosquitto mosquitto-clients`;
  if (process.env.CI) throw new Error(problem);
  console.warn(problem);
}

/** A test that is skipped, visibly, where there is no mosquitto; in CI that is an error. */
export const withMosquitto = missing.length === 0 ? test : test.skip;

/** How a program ended. */
export interface End {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Starts one of the programs; `end` settles when it has ended. What it says comes then: into a pipe they write late. */
function start(program: string, args: readonly string[]): { child: ChildProcess; end: Promise<End> } {
  const child = spawn(programs.get(program)!, args, { stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      said[name] += chunk.toString();
    });
  }
  const end = new Promise<End>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...said }));
  });
  return { child, end };
}

/** Runs one of the programs to its end. */
export const run = (program: string, args: readonly string[]): Promise<End> => start(program, args).end;

/** A broker that is a bridge, and what its own clients do. */
export class Bridge {
  /** Options of a tool that talks to it. */
  readonly local: readonly string[];
  readonly #broker: ReturnType<typeof start>;

  /** @param directory for its files; one bridge at a time. @param settings of the bridge, for mosquitto.conf */
  constructor(directory: string, settings: readonly string[]) {
    const [file, socket] = [join(directory, "mosquitto.conf"), join(directory, "broker")];
    const lines = [
      // Started by root it would become a user that cannot read the other files.
      `user ${userInfo().username}`,
      `listener 0 ${socket}`,
      "allow_anonymous true",
      "log_dest stderr",
      "connection azure",
      "bridge_protocol_version mqttv311",
      "notifications_local_only true",
      "cleansession true",
      ...settings,
    ];
    writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
    this.local = ["--unix", socket, "-V", "mqttv311", "-q", "1"];
    this.#broker = start("mosquitto", ["-c", file]);
  }

  /** Settles when the other side has accepted it, and its subscriptions are under way. @throws Error when it does not */
  async connected(): Promise<void> {
    const args = [...this.local, "-t", "$SYS/broker/connection/#", "-F", "%p", "-C", "1", "-W", "1"];
    let said = "";
    for (let attempt = 0; attempt < 100; attempt++) {
      // Retained, so that it comes at once; a broker that does not listen yet turns the tool away.
      const { stdout, stderr } = await run("mosquitto_sub", args);
      if (stdout === "1\n") return;
      said = stderr;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the bridge does not connect: ${said}`);
  }

  publish(topic: string, message: string): Promise<End> {
    return run("mosquitto_pub", [...this.local, "-t", topic, "-m", message]);
  }

  /** Publishes and waits for the answer on its own topic; the answer, parsed when it is not empty. */
  async ask(topic: string, answer: string, body: readonly string[]): Promise<unknown> {
    const args = [...this.local, "-t", topic, "-e", answer, ...body, "-F", "%p", "-W", PATIENCE];
    const { status, stdout, stderr } = await run("mosquitto_rr", args);
    if (status !== 0 || stderr !== "")
      throw new Error(`no answer on ${answer}: status ${status}, ${stderr || "nothing said"}`);
    return stdout === "\n" ? undefined : JSON.parse(stdout);
  }

  async stop(): Promise<void> {
    this.#broker.child.kill();
    await this.#broker.end;
  }
}
