// SPDX-License-Identifier: MIT
/** An agent in virtual time with virtual servers, and a record of all that it reports. */
import { Agent, type AgentHandler, type AgentOptions, type ErrorReport } from "../../src/agent/agent";
import type { Host } from "../../src/host";
import { VirtualAzure } from "../../simulator/virtual-azure";
import { MemoryStore, nodeText, VirtualTime, virtualHost } from "../../simulator/virtual-host";

export const DPS = "global.azure-devices-provisioning.net";
export const HUB = "contoso.azure-devices.net";
export const HUB2 = "fabrikam.azure-devices.net";

export const IDENTITY = Object.freeze({
  idScope: "0ne00000000",
  registrationId: "device-1",
  attestation: "symmetricKey" as const,
});

export interface World {
  readonly time: VirtualTime;
  readonly azure: VirtualAzure;
  readonly store: MemoryStore;
  readonly agent: Agent;
  /** One line an event. */
  readonly log: string[];
  readonly errors: ErrorReport[];
  /** Replaces parts of the handler. */
  readonly handler: AgentHandler;
}

export interface WorldOptions {
  readonly options?: Partial<AgentOptions>;
  readonly host?: Partial<Host>;
  readonly store?: MemoryStore;
  readonly azure?: VirtualAzure;
  readonly time?: VirtualTime;
  readonly handler?: AgentHandler;
}

export function world(given: WorldOptions = {}): World {
  const time = given.time ?? new VirtualTime();
  const azure = given.azure ?? new VirtualAzure(time);
  const store = given.store ?? new MemoryStore();
  const log: string[] = [];
  const errors: ErrorReport[] = [];
  const handler: AgentHandler = {
    onState: (state) => log.push(state),
    onAssigned: ({ assignment }) => log.push(`assigned ${assignment.hub} ${assignment.deviceId}`),
    onConnected: ({ hub, source }) => log.push(`connected ${hub} ${source}`),
    onAcknowledged: (_, count) => log.push(`acknowledged ${count}`),
    onError: (report) => {
      errors.push(report);
      log.push(`error ${report.phase} ${report.error.code}`);
    },
    ...given.handler,
  };
  const host = virtualHost(azure.binding(), { store, clock: time, ...given.host });
  const agent = new Agent(host, handler, { identity: IDENTITY, ...given.options });
  return { time, azure, store, agent, log, errors, handler };
}

export function bytes(text: string): Uint8Array {
  return nodeText.encode(text);
}
