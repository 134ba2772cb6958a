// SPDX-License-Identifier: MIT
/** The examples on Node.js and on XS with TLS in C, under sanitizers; the test plays the service. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "@jest/globals";
import type { EmulatorEvents } from "../../emulator/events";
import type { Emulator } from "../../emulator/emulator";
import type { Telemetry } from "../../emulator/hub/endpoint";
import type { JsonObject } from "../../emulator/json-reader";
import { type Example, type ExampleName, startExample } from "../../examples/start";
import { HUB, startEmulator } from "./emulator-client";
import { native } from "./native";

/** For a device on its way, milliseconds. */
const CONNECT_TIMEOUT = 25_000;

/** What the service has seen of the one device, and what that has logged. */
export class ExampleWorld {
  readonly emulator: Emulator;
  readonly lines: string[] = [];
  readonly #name: ExampleName;
  readonly #watchers = new Set<() => void>();
  #example: Example | undefined;
  #ended = false;
  #directory = mkdtempSync(join(tmpdir(), "berth-example-"));

  private constructor(name: ExampleName, emulator: Emulator) {
    this.#name = name;
    this.emulator = emulator;
  }

  static async start(name: ExampleName, program: string | undefined): Promise<ExampleWorld> {
    const world = new ExampleWorld(name, await startEmulator({ dps: { immediate: true } }));
    const { events } = world.emulator;
    const seen: (keyof EmulatorEvents)[] = ["connect", "telemetry", "reported", "delivered"];
    for (const event of seen) events.on(event, () => world.#wake());
    const directory = world.#directory;
    world.#example = await startExample({ name, emulator: world.emulator, directory, native: program });
    world.#example.events.on("line", (line) => {
      world.lines.push(line);
      world.#wake();
    });
    world.#example.events.on("end", () => {
      world.#ended = true;
      world.#wake();
    });
    return world;
  }

  get telemetry(): readonly Telemetry[] {
    return this.emulator.telemetry;
  }

  get reported(): JsonObject {
    return this.emulator.twin(HUB, this.#name).reported;
  }

  /** What the device sent, read as JSON. */
  get bodies(): JsonObject[] {
    return this.telemetry.map(({ body }) => JSON.parse(body.toString()) as JsonObject);
  }

  press(): void {
    this.#example?.press();
  }

  /** Calls a method, once the device takes calls. */
  call(method: string, payload?: unknown) {
    return this.emulator.invokeMethod(HUB, this.#name, method, payload, undefined, CONNECT_TIMEOUT);
  }

  desire(patch: JsonObject): Promise<number> {
    return this.emulator.updateDesired(HUB, this.#name, patch);
  }

  message(body: string, properties?: Record<string, string>): Promise<number> {
    return this.emulator.sendCloudToDevice(HUB, this.#name, body, properties);
  }

  /** Resolves once the hub has accepted the device. */
  connected(): Promise<void> {
    return this.until(() => this.emulator.counts.connectionsOf(HUB) > 0);
  }

  /** Resolves once the example has logged this. */
  logged(line: string | RegExp): Promise<void> {
    return this.until(() =>
      this.lines.some((one) => (typeof line === "string" ? one === line : line.test(one))),
    );
  }

  /** Resolves once `done` holds; it is looked at after each event. @throws Error when the example ends before it, and that of `done` */
  until(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const watcher = (): void => {
        try {
          if (done()) resolve();
          else if (this.#ended) throw new Error(`the example has ended:\n${this.lines.join("\n")}`);
          else return;
        } catch (error) {
          reject(error);
        }
        this.#watchers.delete(watcher);
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Ends all. @returns the exit status of the example */
  async stop(): Promise<number | null | undefined> {
    const status = await this.#example?.stop();
    await this.emulator.stop();
    rmSync(this.#directory, { recursive: true, force: true });
    return status;
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** Runs `body` as a test on each engine. On XS the program has to end well, and without a word of the sanitizers. */
export function onEachEngine(
  name: ExampleName,
  title: string,
  body: (world: ExampleWorld) => Promise<void>,
): void {
  describe.each([
    ["Node.js", test, undefined],
    ["XS with TLS in C", native ? test : test.skip, native?.host],
  ] as const)("on %s", (_engine, onEngine, program) => {
    let world: ExampleWorld | undefined;
    afterEach(async () => {
      await world?.stop();
      world = undefined;
    });
    onEngine(title, async () => {
      world = await ExampleWorld.start(name, program);
      await body(world);
      const status = await world.stop();
      if (program !== undefined && status !== 0)
        throw new Error(`status ${status}:\n${world.lines.join("\n")}`);
    });
  });
}
