// SPDX-License-Identifier: MIT
/** Telemetry in flash over real TLS: nothing of an outage is lost with the process, and one's is not another's. */
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { flashLog } from "../../src/flash-log";
import { hmacSigner, nodeText } from "../../simulator/virtual-host";
import { deriveDeviceKey } from "../../src/azure/sas";
import { GROUP_KEY } from "../helpers/emulator-client";
import { type DeviceChanges, EndToEnd } from "../helpers/end-to-end";

let world: EndToEnd;
afterEach(() => world.stop());

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

function arrived(deviceId = "dev-1"): string[] {
  return world.emulator.telemetry
    .filter((message) => message.deviceId === deviceId)
    .map(({ body }) => body.toString());
}

test("what was sent while nothing could be reached arrives after the next start, in order", async () => {
  world = await EndToEnd.start();
  const agent = { outbox: { log: flashLog() }, hub: { answerTimeout: 10_000 } };
  const offline: DeviceChanges = { agent, platform: { network: { isUp: () => false } } };
  const first = world.boot(offline);
  for (const number of numbers(1, 100)) first.agent.send(nodeText.encode(number), { number });
  expect(first.agent.pending).toBe(100);
  first.agent.stop();

  const second = world.boot({ agent });
  expect(second.agent.pending).toBe(100);
  second.agent.send(nodeText.encode("101"));
  await second.until(({ acknowledged }) => acknowledged === 101);
  expect(arrived()).toEqual(numbers(1, 101));
  expect(world.emulator.telemetry[4]?.properties.get("number")).toBe("5");
  second.agent.stop();

  const third = world.boot({ agent });
  expect(third.agent.pending).toBe(0);
  expect([...first.errors, ...second.errors].map(({ error }) => error.code)).toEqual([]);
});

test("`forget` leaves nothing for the next owner", async () => {
  world = await EndToEnd.start();
  const agent = { outbox: { log: flashLog() }, hub: { answerTimeout: 10_000 } };
  const first = world.boot({ agent, platform: { network: { isUp: () => false } } });
  for (const number of numbers(1, 5)) first.agent.send(nodeText.encode(number));
  expect(first.agent.forget()).toBe(5);
  first.agent.stop();
  const second = world.boot({ agent });
  expect(second.agent.pending).toBe(0);
});

test("devices of one process have a file each", async () => {
  world = await EndToEnd.start();
  const ids = ["one", "two", "three"];
  const changes = (registrationId: string): DeviceChanges => ({
    registrationId,
    agent: { outbox: { log: flashLog() }, hub: { answerTimeout: 10_000 } },
    host: {
      symmetricKey: deriveDeviceKey(registrationId, hmacSigner(GROUP_KEY), nodeText),
      stateDirectory: join(world.stateDirectory, registrationId),
    },
  });
  for (const id of ids) {
    const device = world.boot({ ...changes(id), platform: { network: { isUp: () => false } } });
    for (const number of numbers(1, 20)) device.agent.send(nodeText.encode(`${id} ${number}`));
    device.agent.stop();
  }
  await Promise.all(
    ids.map((id) => world.boot(changes(id)).until(({ acknowledged }) => acknowledged === 20)),
  );
  for (const id of ids) expect(arrived(id)).toEqual(numbers(1, 20).map((number) => `${id} ${number}`));
});
