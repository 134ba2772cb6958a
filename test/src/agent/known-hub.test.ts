// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { hub } from "../../../simulator/services";
import { MemoryStore, nodeText } from "../../../simulator/virtual-host";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import { HUB, HUB2, IDENTITY, world } from "../../helpers/agent-world";

test("where the slot of the newest record cannot be read, the hub that took the device is written once more", () => {
  const store = new MemoryStore();
  const records = new AssignmentStore(store, nodeText);
  records.write({ ...IDENTITY, hub: HUB, deviceId: "device-1", assignedAt: 1 });
  const before = new Map(store.values);
  records.write({ ...IDENTITY, hub: HUB2, deviceId: "device-1", assignedAt: 2 });
  const newest = [...store.values.keys()].find((key) => !before.has(key));
  const read = store.read.bind(store);
  store.read = (key) => {
    if (key === newest) throw new Error("a bad page");
    return read(key);
  };
  const { agent, azure, time, log } = world({ store });
  azure.servers.set(HUB, hub());
  agent.start();
  time.advance(10_000);
  expect(log).toContain(`connected ${HUB} stored`);
  agent.stop();
  // The page can be read again.
  store.read = read;
  expect(records.read()?.hub).toBe(HUB);
});
