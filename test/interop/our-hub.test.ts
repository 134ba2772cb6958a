// SPDX-License-Identifier: MIT
/** The public class, in the scenarios that Microsoft's Node.js device SDK passes: see microsoft-hub.test.ts. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, test } from "@jest/globals";
import { ManualClock } from "../../emulator/clock";
import type { Emulator } from "../../emulator/emulator";
import type { JsonObject } from "../../emulator/json-reader";
import { Device } from "../../hosts/node/berth";
import type { MethodCall } from "../../src/azure/hub/direct-methods";
import { transports } from "../../src/transports";
import { KEY, SCOPE, startEmulator } from "../helpers/emulator-client";
import { DEVICE_ID, HUB_SCENARIOS, MODEL_ID, type ScenarioDevice, type Told } from "../helpers/hub-scenarios";

class OurDevice implements ScenarioDevice {
  readonly unknownMethod = 501;
  readonly throwingMethod = 500;
  // MQTT knows PUBACK only: what the application refuses by an exception counts as taken all the same.
  readonly rejected = "thrown";
  readonly #emulator: Emulator;
  readonly #stateDirectory = mkdtempSync(join(tmpdir(), "berth-scenarios-"));
  readonly #told: { kind: keyof Told; what: unknown }[] = [];
  readonly #waiting: { kind: keyof Told; resolve: (what: unknown) => void }[] = [];
  readonly #calls: MethodCall[] = [];
  readonly #acknowledged: (() => void)[] = [];
  readonly #reported: (() => void)[] = [];
  #device: Device | undefined;

  readonly #transport: string;

  constructor(emulator: Emulator, transport: string) {
    this.#emulator = emulator;
    this.#transport = transport;
  }

  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed: string[] = [];
      this.#device = new Device({
        identity: { idScope: SCOPE, registrationId: DEVICE_ID, symmetricKey: KEY },
        state: this.#stateDirectory,
        ca: [this.#emulator.ca.path],
        connectTo: `:443:127.0.0.1:${this.#emulator.httpsPort},:127.0.0.1:${this.#emulator.port}`,
        transports: transports(this.#transport),
        modelId: MODEL_ID,
        backoff: { base: 20, cap: 100 },
        methods: {
          echo: (payload) => ({ status: 200, payload }),
          later: (payload, call) => {
            this.#calls.push(call);
            this.#tell("later", payload);
          },
          throwing: () => {
            throw new Error("on purpose");
          },
          "thermostat1*getMaxMinReport": () => ({ status: 200, payload: { component: "thermostat1" } }),
        },
        onDesired: (desired) => {
          this.#tell("desired", desired);
          // The first is what there was: methods and messages come by then, too.
          resolve();
        },
        onReported: () => {
          for (const settle of this.#reported.splice(0)) settle();
        },
        onAcknowledged: () => this.#acknowledged.shift()?.(),
        onMessage: ({ payload, properties }) => {
          const rejects = properties.settle === "reject";
          const { "$.mid": messageId, ...rest } = properties;
          this.#tell("message", {
            text: Buffer.from(payload).toString(),
            properties: rest,
            settled: rejects ? this.rejected : "complete",
            messageId,
          });
          if (rejects) throw new Error("rejected on purpose");
        },
        onError: ({ where, error }) => {
          failed.push(`${where}: ${error.message}`);
          if (failed.length === 5) reject(new Error(failed.join("\n")));
        },
      });
    });
  }

  getTwin(): Promise<{ desired: JsonObject; reported: JsonObject }> {
    return new Promise((resolve, reject) => {
      const read = this.#device?.readTwin((error, twin) => (error ? reject(error) : resolve(twin as never)));
      if (!read) reject(new Error("4 reads wait already"));
    });
  }

  report(patch: JsonObject): Promise<void> {
    return settled(this.#reported, () => this.#device?.report(patch));
  }

  sendTelemetry(body: JsonObject, component?: string): Promise<void> {
    return settled(this.#acknowledged, () => this.#device?.send(body, component ? { component } : {}));
  }

  async answerLater(payload: unknown): Promise<void> {
    this.#calls.shift()?.answer(202, payload);
  }

  next<K extends keyof Told>(kind: K): Promise<Told[K]> {
    const index = this.#told.findIndex((one) => one.kind === kind);
    if (index >= 0) return Promise.resolve(this.#told.splice(index, 1)[0]?.what as Told[K]);
    return new Promise<unknown>((resolve) => this.#waiting.push({ kind, resolve })) as Promise<Told[K]>;
  }

  stop(): void {
    this.#device?.close();
    rmSync(this.#stateDirectory, { recursive: true, force: true });
  }

  #tell(kind: keyof Told, what: unknown): void {
    const index = this.#waiting.findIndex((one) => one.kind === kind);
    if (index < 0) this.#told.push({ kind, what });
    else this.#waiting.splice(index, 1)[0]?.resolve(what);
  }
}

/** Settles when the hub has what `work` queues. */
function settled(waiting: (() => void)[], work: () => boolean | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push(resolve);
    if (!work()) reject(new Error("it was not queued"));
  });
}

describe.each(["tcp", "websocket"])("over %s", (transport) => {
  const clock = new ManualClock();
  let emulator: Emulator;
  let device: OurDevice;

  beforeAll(async () => {
    emulator = await startEmulator({ clock, dps: { immediate: true } });
    emulator.setEnrollment({
      registrationId: DEVICE_ID,
      attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
    });
    device = new OurDevice(emulator, transport);
    await device.connect();
  });
  afterAll(async () => {
    device?.stop();
    await emulator?.stop();
  });

  test.each(HUB_SCENARIOS)("%s", (_name, scenario) => scenario(device, { emulator, clock }));
});
