// SPDX-License-Identifier: MIT
/** The device's code on the Node host against the emulator over real TLS: one device, and waiting for what happens. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Emulator } from "../../emulator/emulator";
import type { EmulatorOptions } from "../../emulator/options";
import { parseConnectTo } from "../../hosts/sockets/connect-to";
import { createNodeHost, type NodeHostOptions } from "../../hosts/node/host";
import { Agent, type AgentOptions, type ConnectedReport, type ErrorReport } from "../../src/agent/agent";
import type { CredentialReport } from "../../src/agent/credential";
import type { Host } from "../../src/host";
import { configuration, KEY, SCOPE } from "./emulator-client";

export const DPS_HOST = "global.azure-devices-provisioning.net";

export interface DeviceChanges {
  readonly host?: Partial<NodeHostOptions>;
  /** Replaces parts of the made host: its clock, its store. */
  readonly platform?: Partial<Host>;
  readonly agent?: Partial<AgentOptions>;
  readonly registrationId?: string;
}

/** A device and all that it has reported. */
export class DeviceUnderTest {
  readonly agent: Agent;
  readonly errors: ErrorReport[] = [];
  readonly connections: ConnectedReport[] = [];
  readonly credentials: CredentialReport[] = [];
  acknowledged = 0;
  readonly #watchers = new Set<() => void>();

  constructor(emulator: Emulator, stateDirectory: string, changes: DeviceChanges = {}) {
    const x509 = changes.host?.certificate !== undefined;
    const host = createNodeHost({
      stateDirectory,
      roots: [emulator.ca.pem],
      ...(x509 ? {} : { symmetricKey: KEY }),
      connectTo: parseConnectTo(`:127.0.0.1:${emulator.port}`),
      ...changes.host,
    });
    this.agent = new Agent(
      { ...host, ...changes.platform },
      {
        onConnected: (report) => this.note(() => this.connections.push(report)),
        onAcknowledged: () => this.note(() => (this.acknowledged += 1)),
        onCredential: (report) => this.note(() => this.credentials.push(report)),
        onError: (report) => this.note(() => this.errors.push(report)),
      },
      {
        identity: {
          idScope: SCOPE,
          registrationId: changes.registrationId ?? "dev-1",
          attestation: x509 ? "x509" : "symmetricKey",
        },
        backoff: { base: 20, cap: 100 },
        slowBackoff: { base: 20, cap: 100 },
        ...changes.agent,
        provisioning: { answerTimeout: 400, connectTimeout: 3_000, ...changes.agent?.provisioning },
        hub: { answerTimeout: 400, connectTimeout: 3_000, ...changes.agent?.hub },
      },
    );
  }

  /** Codes of the errors so far. */
  get codes(): string[] {
    return this.errors.map(({ error }) => error.code);
  }

  /** Resolves once `done` holds; it is looked at after each report. */
  until(done: (device: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!done(this)) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
  }

  /** Does `work`, which a report has led to, and looks at what is waited for. */
  note(work: () => unknown): void {
    work();
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** An emulator that answers without delay, and devices that share one state directory: one device's restarts. */
export class EndToEnd {
  readonly emulator: Emulator;
  readonly stateDirectory: string;
  readonly #devices: DeviceUnderTest[] = [];

  private constructor(emulator: Emulator, stateDirectory: string) {
    this.emulator = emulator;
    this.stateDirectory = stateDirectory;
  }

  static async start(options: Partial<EmulatorOptions> = {}): Promise<EndToEnd> {
    const emulator = await Emulator.start({
      configuration: configuration(),
      ...options,
      dps: { immediate: true, ...options.dps },
    });
    return new EndToEnd(emulator, mkdtempSync(join(tmpdir(), "berth-test-")));
  }

  /** A device that has booted. */
  boot(changes?: DeviceChanges): DeviceUnderTest {
    const device = new DeviceUnderTest(this.emulator, this.stateDirectory, changes);
    this.#devices.push(device);
    device.agent.start();
    return device;
  }

  async stop(): Promise<void> {
    for (const { agent } of this.#devices) agent.stop();
    await this.emulator.stop();
    rmSync(this.stateDirectory, { recursive: true, force: true });
  }
}
