// SPDX-License-Identifier: MIT
import { createNodeHost } from "../hosts/node/host";
import { tapWays } from "../hosts/transport-tap";
import { Agent } from "../src/agent/agent";
import { CloudToDevice } from "../src/azure/hub/cloud-to-device";
import { DirectMethods } from "../src/azure/hub/direct-methods";
import { credentialsOf } from "../src/credentials/credential-list";
import { twinWithCredentials } from "../src/credentials/credential-twin";
import { flashLog } from "../src/flash-log";
import type { TransportBinding } from "../src/host";
import { transports } from "../src/transports";
import type { DeviceEngine } from "./device-engine";

/** The device's code in this process. */
export const nodeEngine: DeviceEngine = Object.freeze({
  name: "node",
  title: `Node.js ${process.versions.node}`,
  async start(device, options, handler, timeline, _signal, methods) {
    const credentials = credentialsOf(device.credentials);
    const host = createNodeHost(device);
    const ways = device.transports && transports(...device.transports);
    const tap = (binding: TransportBinding): TransportBinding => timeline?.tap(binding) ?? binding;
    const features = [
      ...(methods ? [new DirectMethods(methods)] : []),
      new CloudToDevice({ onMessage: (message) => handler.onMessage(message) }),
      ...(device.credentials?.rootsKey ? [twinWithCredentials({}, credentials)] : []),
    ];
    const agent = new Agent(ways ? host : { ...host, transport: tap(host.transport) }, handler, {
      ...options,
      ...(device.outboxFile !== undefined && { outbox: { log: flashLog() } }),
      ...(ways && { transports: tapWays(ways, tap) }),
      credentials,
      features,
    });
    agent.start();
    if (agent.pending > 0) handler.onKept?.(agent.pending);
    return {
      pid: undefined,
      send: async (payload, properties) => agent.send(host.text.encode(payload), properties),
      awaited: async () => agent.awaited,
      stop: async () => agent.stop(),
    };
  },
} satisfies DeviceEngine);
