// SPDX-License-Identifier: MIT
/** Starts an example against an emulator, in a process of its own on the engine of one's choice. */
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Emulator, newSymmetricKey } from "../emulator/index";
import type { AppSettings } from "../hosts/native/linux/app-run";
import { bundleNativeApp } from "../hosts/native/scripts/bundle";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = join(HERE, "..");

export const EXAMPLES = ["telemetry", "remote-control", "thermostat", "button-and-light"] as const;
export type ExampleName = (typeof EXAMPLES)[number];

export interface StartOptions {
  readonly name: ExampleName;
  /** Gets an enrollment with a fresh key; the registration id is the example's name. */
  readonly emulator: Emulator;
  /** Keeps the assignment, and on berth-native the script. */
  readonly directory: string;
  /** The program berth-native; without it the example runs on Node.js. */
  readonly native?: string | undefined;
  /** On the Moddable SDK of this computer, built first; it has no button, and no light. */
  readonly moddable?: boolean;
}

/** A running example. */
export class Example {
  /** `line`: what it logs. `end`: it has ended, with this status. */
  readonly events = new EventEmitter<{ line: [string]; end: [number | null] }>();
  /** Resolves with its exit status when it has ended; null after a signal. */
  readonly end: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #isNative: boolean;

  constructor(child: ChildProcess, isNative: boolean) {
    this.#child = child;
    this.#isNative = isNative;
    // A write to one that has ended: that is reported by `end`.
    child.stdin?.on("error", () => {});
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", (line) => this.events.emit("line", line));
    }
    this.end = once(child, "close").then(([status]) => status as number | null);
    this.end.then(
      (status) => this.events.emit("end", status),
      () => {},
    );
  }

  /** Presses the button of the board. */
  press(): void {
    this.#child.stdin?.write("press\n");
  }

  /** Ends it. @returns its exit status */
  stop(): Promise<number | null> {
    if (this.#isNative) this.#child.stdin?.end();
    else this.#child.kill();
    return this.end;
  }
}

/** @throws Error when the example has no such folder or cannot be bundled */
export async function startExample(options: StartOptions): Promise<Example> {
  const { name, emulator, directory, native, moddable } = options;
  const symmetricKey = newSymmetricKey();
  emulator.setEnrollment({
    registrationId: name,
    attestation: { type: "symmetricKey", symmetricKey: { primaryKey: symmetricKey } },
  });
  mkdirSync(directory, { recursive: true });
  if (moddable) return onModdable(options, symmetricKey);
  return native === undefined ? onNode(options, symmetricKey) : onNative(options, native, symmetricKey);
}

/** As an application finds it: who it is stands in the environment. */
function onNode({ name, emulator, directory }: StartOptions, symmetricKey: string): Example {
  const main = join(HERE, name, "main.ts");
  const environment = {
    PATH: process.env.PATH,
    TSX_TSCONFIG_PATH: join(HERE, "tsconfig.json"),
    BERTH_ID_SCOPE: emulator.idScope,
    BERTH_REGISTRATION_ID: name,
    BERTH_SYMMETRIC_KEY: symmetricKey,
    BERTH_STATE: join(directory, "state"),
    BERTH_CA: emulator.ca.path,
    BERTH_CONNECT_TO: `:127.0.0.1:${emulator.port}`,
  };
  const child = spawn(process.execPath, ["--import", "tsx", main], { cwd: ROOT, env: environment });
  return new Example(child, false);
}

/** As a board finds it in flash: who it is comes in a line of standard input. */
async function onNative(
  { name, emulator, directory }: StartOptions,
  program: string,
  symmetricKey: string,
): Promise<Example> {
  const script = join(directory, `${name}.js`);
  writeFileSync(script, await bundleNativeApp(join(HERE, name, "main.ts")));
  const settings: AppSettings = {
    host: {
      stateDirectory: join(directory, "state"),
      roots: [emulator.ca.pem.replace(/-----[^-]+-----|\s/g, "")],
      symmetricKey,
      connectTo: [{ host: "", address: "127.0.0.1", toPort: emulator.port }],
    },
    identity: { idScope: emulator.idScope, registrationId: name, attestation: "symmetricKey" },
  };
  const child = spawn(program, [script], { env: {} });
  child.stdin.write(`${JSON.stringify(settings)}\n`);
  return new Example(child, true);
}

/** As a board finds it in flash: `npm run sim` writes that. */
function onModdable({ name, emulator, directory }: StartOptions, symmetricKey: string): Example {
  const identity = join(directory, "identity.json");
  const { idScope, ca, port } = emulator;
  writeFileSync(identity, JSON.stringify({ idScope, registrationId: name, symmetricKey, root: ca.path }));
  const script = join(ROOT, "hosts", "moddable", "scripts", "main.ts");
  const parameters = ["--app", join(HERE, name), "--identity", identity, "--state", join(directory, "flash")];
  const child = spawn(
    process.execPath,
    ["--import", "tsx", script, "sim", ...parameters, `connectTo=:127.0.0.1:${port}`],
    { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] },
  );
  return new Example(child, false);
}
