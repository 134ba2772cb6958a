// SPDX-License-Identifier: MIT
/** Microsoft's Node.js device SDK, unmodified, in the scenarios that ours passes too. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import type { JsonObject } from "../../emulator/json-reader";
import { HUB, KEY } from "../helpers/emulator-client";
import { DEVICE_ID, HUB_SCENARIOS, MODEL_ID, type ScenarioDevice, type Told } from "../helpers/hub-scenarios";
import { startOn8883 } from "../helpers/port-8883";

const here = join(process.cwd(), "test", "interop");

interface Line {
  id?: number;
  result?: unknown;
  error?: string;
  kind?: keyof Told;
  what?: unknown;
}

/** The application in a process of its own, because Node.js reads NODE_EXTRA_CA_CERTS when it starts. */
class MicrosoftDevice implements ScenarioDevice {
  // Nobody answers; the caller waits in vain.
  readonly unknownMethod = 504101;
  readonly throwingMethod = 400;
  // Over MQTT it knows PUBACK only, which it has sent by then.
  readonly rejected = "NotImplementedError";
  readonly #child: ChildProcess;
  readonly #told: Line[] = [];
  readonly #waiting: { kind: string; resolve: (what: unknown) => void; reject: (error: Error) => void }[] =
    [];
  readonly #commands = new Map<number, { resolve: (result: unknown) => void; reject: (e: Error) => void }>();
  #next = 0;
  #noise = "";

  constructor(emulator: Emulator, address: string, overWebSocket: boolean) {
    const preload = overWebSocket ? "redirect-https.cjs" : "resolve-to-loopback.cjs";
    this.#child = spawn(
      process.execPath,
      ["--require", join(here, preload), join(here, "microsoft-hub-device.cjs")],
      {
        env: {
          PATH: process.env.PATH,
          NODE_EXTRA_CA_CERTS: emulator.ca.path,
          EMULATOR_ADDRESS: address,
          ...(overWebSocket && { EMULATOR_HTTPS_PORT: String(emulator.httpsPort) }),
          CONNECTION_STRING: `HostName=${HUB};DeviceId=${DEVICE_ID};SharedAccessKey=${KEY}`,
          MODEL_ID,
        },
        stdio: "pipe",
      },
    );
    this.#child.stderr!.on("data", (chunk: Buffer) => {
      this.#noise += chunk.toString();
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#take(JSON.parse(line)));
    this.#child.on("close", () => {
      const error = new Error(`the device has ended; its standard error: ${this.#noise}`);
      for (const { reject } of [...this.#waiting, ...this.#commands.values()]) reject(error);
    });
  }

  async connect(): Promise<void> {
    await this.#run("connect");
  }

  async getTwin(): Promise<{ desired: JsonObject; reported: JsonObject }> {
    return (await this.#run("getTwin")) as { desired: JsonObject; reported: JsonObject };
  }

  async report(patch: JsonObject): Promise<void> {
    await this.#run("report", patch);
  }

  async sendTelemetry(body: JsonObject, component?: string): Promise<void> {
    await this.#run("sendTelemetry", { body, component });
  }

  async answerLater(payload: unknown): Promise<void> {
    await this.#run("answerLater", payload);
  }

  next<K extends keyof Told>(kind: K): Promise<Told[K]> {
    const index = this.#told.findIndex((line) => line.kind === kind);
    if (index >= 0) return Promise.resolve(this.#told.splice(index, 1)[0]!.what as Told[K]);
    return new Promise<unknown>((resolve, reject) =>
      this.#waiting.push({ kind, resolve, reject }),
    ) as Promise<Told[K]>;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    await this.#run("disconnect");
    this.#child.stdin!.end();
    await closed;
  }

  #run(command: string, argument?: unknown): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#commands.set(id, { resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, command, argument })}\n`);
    });
  }

  #take(line: Line): void {
    if (line.id === undefined) {
      const index = this.#waiting.findIndex(({ kind }) => kind === line.kind);
      if (index < 0) this.#told.push(line);
      else this.#waiting.splice(index, 1)[0]!.resolve(line.what);
      return;
    }
    const command = this.#commands.get(line.id)!;
    this.#commands.delete(line.id);
    if (line.error === undefined) command.resolve(line.result);
    else command.reject(new Error(line.error));
  }
}

describe.each([
  ["TCP", false],
  ["WebSocket", true],
])("over %s", (_transport, overWebSocket) => {
  const clock = new ManualClock();
  let emulator: Emulator;
  let device: MicrosoftDevice;

  beforeAll(async () => {
    const started = await startOn8883({ clock });
    emulator = started.emulator;
    emulator.devices.create(HUB, DEVICE_ID, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
    device = new MicrosoftDevice(emulator, started.address, overWebSocket);
    await device.connect();
  });
  afterAll(async () => {
    await device?.stop();
    await emulator?.stop();
  });

  test.each(HUB_SCENARIOS)("%s", (_name, scenario) => scenario(device, { emulator, clock }));
});
