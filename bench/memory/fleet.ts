// SPDX-License-Identifier: MIT
/**
 * Many devices in one process, each with one message sent: `ours` or `microsoft`, measured in the same way; and `bare`, TLS
 * sockets of Node and nothing else. Input: JSON on standard input; one line of JSON at the end. Needs --expose-gc.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createSecureContext, connect as tlsConnect } from "node:tls";
import type { FleetInput, Kind, MemoryFigures } from "./memory";

type Connect = (id: string) => Promise<void>;

/** How many connect at a time. */
const AT_A_TIME = 20;
const MESSAGE = '{"temperature":21}';

const input = JSON.parse(readFileSync(0, "utf8")) as FleetInput;
const { ids, hub, key } = input;
/** All that is connected stays reachable. */
const alive: unknown[] = [];

async function ours(): Promise<Connect> {
  const { createNodeHost } = await import("../../hosts/node/host");
  const { Agent } = await import("../../src/agent/agent");
  const { AssignmentStore } = await import("../../src/storage/assignment-store");
  const { address, port, root, stateDirectory, idScope } = input;
  const payload = new TextEncoder().encode(MESSAGE);
  return (id) =>
    new Promise((resolve, reject) => {
      const host = createNodeHost({
        stateDirectory: join(stateDirectory, id),
        roots: [root],
        symmetricKey: key,
        connectTo: [{ host: "", port: undefined, address, toPort: port }],
      });
      // Microsoft's is told its hub, too.
      const assignment = { idScope, registrationId: id, hub, deviceId: id, assignedAt: 0 };
      new AssignmentStore(host.store, host.text).write(assignment);
      const agent = new Agent(
        host,
        { onAcknowledged: () => resolve(), onError: ({ error }) => reject(error) },
        { identity: { idScope, registrationId: id, attestation: "symmetricKey" } },
      );
      alive.push(agent);
      agent.send(payload);
      agent.start();
    });
}

/** Unmodified, and used as its samples have it. */
function microsoft(): Connect {
  // Not by import: the SDK's own types contradict what it accepts.
  const require = createRequire(import.meta.url);
  const { Client, Message } = require("azure-iot-device");
  const { Mqtt } = require("azure-iot-device-mqtt");
  return async (id) => {
    const client = Client.fromConnectionString(`HostName=${hub};DeviceId=${id};SharedAccessKey=${key}`, Mqtt);
    alive.push(client);
    await client.open();
    await client.sendEvent(new Message(MESSAGE));
  };
}

function bare(): Connect {
  const secureContext = createSecureContext({ ca: [input.root] });
  return () =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: input.address, port: input.port, servername: hub, secureContext });
      alive.push(socket);
      socket.on("secureConnect", resolve).on("error", reject).resume();
    });
}

/** Sockets and streams let go of what they hold on later turns of the loop. */
async function used(): Promise<MemoryFigures> {
  for (let turn = 0; turn < 10; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc?.();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed, external };
}

const connect = await { ours, microsoft, bare }[process.argv[2] as Kind]();
const [first, ...others] = ids;
// What is loaded and compiled for the first device is not a device's.
await connect(first as string);
const before = await used();
for (let at = 0; at < others.length; at += AT_A_TIME) {
  await Promise.all(others.slice(at, at + AT_A_TIME).map(connect));
}
const after = await used();
const taken = (name: keyof MemoryFigures): number =>
  Math.round(((after[name] - before[name]) * ids.length) / others.length);
const figures: MemoryFigures = {
  resident: taken("resident"),
  heap: taken("heap"),
  external: taken("external"),
};
process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit(0));
