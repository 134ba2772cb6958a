// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { mqttJs, ours } from "../../bench/node-clients";

test.each([
  ["ours", ours],
  ["MQTT.js", mqttJs],
])("%s publishes over a connection in memory, again and again", async (_name, open) => {
  const client = await open();
  try {
    await expect(client.publish(3)).resolves.toBeUndefined();
    await expect(client.publish(70_000)).resolves.toBeUndefined();
  } finally {
    client.close();
  }
});
