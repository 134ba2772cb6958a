// SPDX-License-Identifier: MIT
/**
 * A device of ours in a process of its own: provisions, connects, sends telemetry one by one, disconnects. One line of
 * JSON at the end. Input: JSON in the environment variable DEVICE.
 */
import { createNodeHost } from "../../hosts/node/host";
import { Agent } from "../../src/agent/agent";
import type { DeviceInput } from "./wire";

const input = JSON.parse(process.env.DEVICE ?? "") as DeviceInput;
const { idScope, registrationId, key, messages, payload, address, port, root, stateDirectory, eager } = input;
const bytes = new TextEncoder().encode(payload);
const host = createNodeHost({
  stateDirectory,
  roots: [root],
  symmetricKey: key,
  connectTo: [{ host: "", port: undefined, address, toPort: port }],
});
const agent = new Agent(
  host,
  {
    onAcknowledged(_message, count) {
      if (count < messages) agent.send(bytes);
      else {
        agent.stop();
        console.log(JSON.stringify({ elapsed: performance.now() - started }));
      }
    },
    onError({ error }) {
      // A life that needed a second attempt is not what is compared.
      console.error(error.message);
      process.exit(1);
    },
  },
  {
    identity: { idScope, registrationId, attestation: "symmetricKey" },
    provisioning: { host: input.host, eager },
    hub: { eager },
  },
);
const started = performance.now();
// Waits for the connection.
agent.send(bytes);
agent.start();
