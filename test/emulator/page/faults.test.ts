// SPDX-License-Identifier: MIT
/** The third view, and the page itself when the emulator goes away. */
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { deriveDeviceKey } from "../../../emulator/page/parts/keys";
import { KEY } from "../../helpers/emulator-client";
import { findings, PageWorld, picture, press, startWithPage } from "./browser";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.start({ dps: { retryAfter: 0 } });
});
afterEach(() => world.tidy());
afterAll(async () => {
  await world.stop();
  expect(world.complaints).toEqual([]);
});

test("a fault is switched on, the device backs off, and it recovers beside it", async () => {
  const page = await world.open({ view: "Faults" });
  await page.getByLabel("Only this service").selectOption("contoso.azure-devices.net");
  await page.getByLabel("How often (empty: always)").fill("3");
  await press(page, "CONNACK 3");
  await page.getByText("return code 3 at connack of contoso.azure-devices.net").waitFor();
  world.device("kitchen");
  const recovery = page.getByRole("region", { name: "Recovery" });
  await recovery.getByText("connected to contoso.azure-devices.net").first().waitFor({ timeout: 30_000 });
  const attempts = await recovery.getByRole("listitem").allTextContents();
  expect(attempts.filter((text) => text.includes("fault: return code 3 at connack"))).toHaveLength(3);
  // How long it waited stands beside each.
  for (const text of attempts.slice(0, 3)) expect(text).toMatch(/\d+ ms|\d\.\d s/);
  await page.getByText("0 left").waitFor();
  expect(await findings(page)).toEqual([]);
  await picture(page, "recovery");
  await press(page, "Clear all");
  await page.getByText("No fault: everything is answered as it should be.").waitFor();
});

test("a rule of one's own; what is wrong in it is told in the emulator's words", async () => {
  const page = await world.open({ view: "Faults" });
  await page.getByText("A rule of your own").click();
  const rule = page.getByLabel("JSON; the emulator says what is wrong in it");
  await rule.fill('{"step":"poll","action":"sttus"}');
  await press(page, "Add");
  await page.getByText(/the body: action must be/).waitFor();
  await rule.fill('{"step":"poll","action":"status","status":503,"retryAfter":7}');
  await press(page, "Add");
  await page.getByText("status 503, retry-after 7 s at poll").waitFor();
  expect(world.emulator.faults.list()).toMatchObject([{ rule: { step: "poll", status: 503 } }]);
});

test("of two devices, each has its own attempts; those that ended before CONNECT are nobody's", async () => {
  const page = await world.open({ view: "Faults" });
  const { emulator } = world;
  const connected = (id: string) =>
    new Promise<void>((resolve) =>
      emulator.events.on("connect", (event) => {
        if (event.id === id && event.endpoint !== "dps") resolve();
      }),
    );
  const recovery = page.getByRole("region", { name: "Recovery" });
  const own = recovery.getByRole("list", { name: "Attempts of kitchen" });
  const nobodys = recovery.getByRole("list", { name: "Attempts that ended before CONNECT" });
  let there = connected("kitchen");
  world.device("kitchen");
  await there;
  await recovery.getByLabel("Device").selectOption("kitchen");
  await own.getByText("connected to contoso.azure-devices.net").first().waitFor();
  const before = await own.getByRole("listitem").count();

  there = connected("sensor-7");
  emulator.faults.add({ step: "accept", action: "reset", count: 2 });
  emulator.faults.add({ step: "connack", action: "returnCode", returnCode: 3, id: "sensor-7", count: 1 });
  world.device("sensor-7", {}, await deriveDeviceKey(KEY, "sensor-7"));
  await there;
  await nobodys.getByText("fault: reset at accept").nth(1).waitFor();
  await recovery.getByText("connected to contoso.azure-devices.net", { exact: true }).first().waitFor();
  expect(await own.getByRole("listitem").count()).toBe(before);
  await recovery.getByLabel("Device").selectOption("sensor-7");
  const others = recovery.getByRole("list", { name: "Attempts of sensor-7" });
  await others.getByText("fault: return code 3 at connack").waitFor();
  await others.getByText("fault: reset at accept").waitFor({ state: "detached" });

  // Who is gone is not connected, whatever the attempt before was.
  emulator.faults.add({ step: "connack", action: "drop", id: "sensor-7" });
  for (const hub of emulator.hubs) emulator.disconnect(hub, "sensor-7");
  await recovery.getByText("not connected", { exact: true }).waitFor();
  expect(await findings(page)).toEqual([]);
});

test("certificates and clock of the servers are set wrong, and right again", async () => {
  const page = await world.open({ view: "Faults" });
  await press(page, /^expired/);
  await page.getByText("Shown to who connects from now on: expired").waitFor();
  const stranger = once(world.emulator.events, "stranger");
  world.device("kitchen");
  await stranger;
  const recovery = page.getByRole("region", { name: "Recovery" });
  await recovery.getByText("the emulator was asked to show a certificate that is expired").first().waitFor();
  await press(page, "the right one");
  await page.getByText("Shown to who connects from now on: the right one").waitFor();
  await press(page, "2 days ahead");
  await page.getByText("48.0 h ahead").waitFor();
  expect(world.emulator.clock.skew).toBe(172_800_000);
  await press(page, "right");
  await page.getByText("right", { exact: true }).first().waitFor();
  expect(world.emulator.clock.skew).toBe(0);
});

test("dark, and on a phone", async () => {
  const page = await world.open({ view: "Faults", dark: true });
  await press(page, "429, wait 10 s");
  await page.getByText("status 429, retry-after 10 s at register").waitFor();
  expect(await findings(page)).toEqual([]);
  await picture(page, "faults-dark");
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  expect(await findings(page)).toEqual([]);
});

test("the emulator goes away and comes back: the page says so, goes on, and keeps what was typed", async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "berth-page-state-"));
  const first = await startWithPage({ stateDirectory, dps: { retryAfter: 0 } });
  const port = Number(new URL(first.pageAddress!).port);
  const page = await world.open({ address: first.pageAddress! });
  await page.getByRole("tab", { name: "Client by hand" }).click();
  await page.getByLabel("Registration id").fill("typed-before");
  await page.getByText("live", { exact: true }).waitFor();
  await first.stop();
  await page.getByRole("alert").getByText("The emulator does not answer").waitFor();
  expect(await findings(page)).toEqual([]);
  const second = await startWithPage({ stateDirectory, page: { port } });
  await page.getByText("live", { exact: true }).waitFor();
  expect(await page.getByLabel("Registration id").inputValue()).toBe("typed-before");
  second.events.emit("problem", new Error("told by the second"));
  await page.getByRole("option", { name: /told by the second/ }).waitFor();
  await second.stop();
  // Another one, without that state, does not know the session.
  const other = await startWithPage({ page: { port } });
  await page.getByText("Another emulator answers here").waitFor();
  await other.stop();
  world.complaints.splice(0);
});
