// SPDX-License-Identifier: MIT
import { createNodeHost } from "../hosts/node/host";
import { Agent } from "../src/agent/agent";
import { CloudToDevice } from "../src/azure/hub/cloud-to-device";
import { DirectMethods } from "../src/azure/hub/direct-methods";
import type { Host } from "../src/host";
import type { DeviceEngine, EngineHost } from "./device-engine";
import type { Timeline } from "./timeline";

/** The device's code in this process. */
export const nodeEngine: DeviceEngine = Object.freeze({
  name: "node",
  title: `Node.js ${process.versions.node}`,
  async start(device, options, handler, timeline, _signal, methods) {
    const host = tappedHost(device, timeline);
    const features = [
      ...(methods ? [new DirectMethods(methods)] : []),
      new CloudToDevice({ onMessage: (message) => handler.onMessage(message) }),
    ];
    const agent = new Agent(host, handler, { ...options, features });
    agent.start();
    return {
      pid: undefined,
      send: async (payload, properties) => agent.send(host.text.encode(payload), properties),
      awaited: async () => agent.awaited,
      stop: async () => agent.stop(),
    };
  },
} satisfies DeviceEngine);

/** @throws BerthError as `createNodeHost` */
function tappedHost(device: EngineHost, timeline: Timeline | undefined): Host {
  const host = createNodeHost(device);
  return timeline ? { ...host, transport: timeline.tap(host.transport) } : host;
}
