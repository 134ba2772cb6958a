// SPDX-License-Identifier: MIT
/** Ten thousand packets: only those in sight exist, and each can be reached. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PageWorld } from "./browser";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.start();
});
afterAll(async () => {
  await world.stop();
  expect(world.complaints).toEqual([]);
});

test("ten thousand packets scroll", async () => {
  const { events } = world.emulator;
  const bytes = Buffer.from([0xc0, 0]);
  const sent = 12_000;
  for (let connection = 1; connection <= sent; connection++)
    events.emit("packet", {
      connection,
      direction: "received",
      endpoint: "dps",
      id: `d-${connection}`,
      bytes,
    });
  const page = await world.open();
  await page.getByText(`${sent} rows`, { exact: true }).waitFor();
  const list = page.getByRole("listbox", { name: "Packets and events" });
  await list.getByRole("option", { name: /d-12000 to DPS/ }).waitFor();
  await list.focus();
  for (const [key, name, place] of [
    ["Home", /d-1 to DPS: PINGREQ/, "1"],
    ["End", /d-12000 to DPS: PINGREQ/, "12000"],
  ] as const) {
    await page.keyboard.press(key);
    const row = list.getByRole("option", { name });
    await row.waitFor();
    expect(await row.getAttribute("aria-posinset")).toBe(place);
    expect(await list.getByRole("option").count()).toBeLessThan(60);
  }
  await list.evaluate((element: { scrollTop: number }) => {
    element.scrollTop = 34 * 6000;
  });
  await list.getByRole("option", { name: /d-6005 to DPS/ }).waitFor();
});
