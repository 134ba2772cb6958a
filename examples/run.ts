// SPDX-License-Identifier: MIT
/**
 * An example against a local DPS and hub, until Ctrl-C; Enter presses the button of its board:
 *
 *   npm run example -- NAME [--engine node|native|moddable] [ACT ...]
 *
 * NAME: telemetry, remote-control, thermostat, button-and-light. native is XS, the engine of the chip, with TLS in C;
 * moddable is the Moddable SDK for Linux without a display, which has no button, and says at the end what the app takes.
 * What the service does then, in this order, each ACT in quotation marks:
 *   'desired {"period":2}'   'method blink {"times":3}'   'message hello'
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Emulator } from "../emulator/index";
import { buildNative } from "../hosts/native/scripts/build";
import { EXAMPLES, type ExampleName, startExample } from "./start";

const HUB = "hub-1.example";
const EXIT_USAGE = 64;
/** For a device on its way, milliseconds. */
const CONNECT_TIMEOUT = 30_000;

type Act = (emulator: Emulator, deviceId: string) => Promise<string>;

/** The command line is wrong. */
class UsageError extends Error {}

const ENGINES = ["node", "native", "moddable"] as const;
type Engine = (typeof ENGINES)[number];

interface Arguments {
  readonly name: ExampleName;
  readonly engine: Engine;
  readonly acts: readonly Act[];
}

function argumentsOf(words: readonly string[]): Arguments {
  const [name, ...rest] = words;
  const known = EXAMPLES.find((example) => example === name);
  if (!known)
    throw new UsageError(`there is no example ${name ?? "without a name"}; take ${EXAMPLES.join(", ")}`);
  let engine: Engine = "node";
  if (rest[0] === "--engine") {
    const [, word] = rest.splice(0, 2);
    const one = ENGINES.find((known) => known === word);
    if (!one) throw new UsageError(`--engine is ${ENGINES.join(", ")}, not ${word ?? "missing"}`);
    engine = one;
  }
  return { name: known, engine, acts: rest.map(actOf) };
}

function actOf(text: string): Act {
  const [, kind, first = "", rest = ""] = /^(desired|method|message) (\S+) ?(.*)$/s.exec(text) ?? [];
  switch (kind) {
    case "desired": {
      const patch = jsonOf(first + rest, text);
      return async (emulator, deviceId) =>
        `desired properties, version ${await emulator.updateDesired(HUB, deviceId, patch as never)}`;
    }
    case "method": {
      const payload = rest === "" ? undefined : jsonOf(rest, text);
      return async (emulator, deviceId) => {
        const answer = await emulator.invokeMethod(HUB, deviceId, first, payload, undefined, CONNECT_TIMEOUT);
        return `${first} was answered ${answer.status} ${JSON.stringify(answer.payload) ?? ""}`;
      };
    }
    case "message": {
      const body = rest === "" ? first : `${first} ${rest}`;
      return async (emulator, deviceId) =>
        `message ${await emulator.sendCloudToDevice(HUB, deviceId, body)} waits for the device`;
    }
    default:
      throw new UsageError(`no act: ${text}; it starts with desired, method or message`);
  }
}

function jsonOf(json: string, act: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new UsageError(`no JSON in the act: ${act}`);
  }
}

async function main({ name, engine, acts }: Arguments): Promise<void> {
  const native =
    engine === "native" ? (await buildNative({ only: "host", notice: console.log })).host : undefined;
  const directory = mkdtempSync(join(tmpdir(), "berth-example-"));
  const configuration = {
    idScope: "0ne00000000",
    iotHubs: [{ name: HUB }],
    enrollments: [],
    enrollmentGroups: [],
  };
  const emulator = await Emulator.start({ configuration, dps: { immediate: true } });
  try {
    const connected = new Promise<void>((resolve) =>
      emulator.events.on("connect", ({ endpoint }) => endpoint === HUB && resolve()),
    );
    emulator.events.on("telemetry", ({ body }) => console.log(`hub: telemetry ${body.toString()}`));
    emulator.events.on("reported", ({ patch }) => console.log(`hub: reported ${JSON.stringify(patch)}`));
    emulator.events.on("delivered", ({ sequence }) => console.log(`hub: message ${sequence} delivered`));
    const example = await startExample({
      name,
      emulator,
      directory,
      native,
      moddable: engine === "moddable",
    });
    example.events.on("line", (line) => console.log(`${name}: ${line}`));
    createInterface({ input: process.stdin }).on("line", () => example.press());
    process.once("SIGINT", () => example.stop());
    process.once("SIGTERM", () => example.stop());
    const play = async () => {
      await connected;
      for (const act of acts) console.log(`service: ${await act(emulator, name)}`);
    };
    play().catch((error: Error) => console.error(`service: ${error.message}`));
    const status = await example.end;
    if (status) process.exitCode = status;
  } finally {
    process.stdin.destroy();
    await emulator.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

try {
  await main(argumentsOf(process.argv.slice(2)));
} catch (error) {
  console.error(`error: ${(error as Error).message}`);
  process.exitCode = 1;
  if (error instanceof UsageError) {
    const [, head = ""] =
      /\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(fileURLToPath(import.meta.url), "utf8")) ?? [];
    console.error(`\n${head.replace(/^ \* ?/gm, "")}`);
    process.exitCode = EXIT_USAGE;
  }
}
