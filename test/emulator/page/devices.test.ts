// SPDX-License-Identifier: MIT
/** The second view: a device as the portal shows it, what can be done to it, enrollments and groups. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import type { EmulatorEvents } from "../../../emulator/events";
import { deriveDeviceKey } from "../../../emulator/page/parts/keys";
import { HUB, KEY, OTHER_HUB } from "../../helpers/emulator-client";
import { findings, PageWorld, picture, press } from "./browser";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.start({ dps: { retryAfter: 0 } });
});
afterEach(() => world.tidy());
afterAll(async () => {
  await world.stop();
  expect(world.complaints).toEqual([]);
});

/** A device that does what it is asked for, once its hub has it. */
async function kitchen(onMessage: (text: string) => void = () => {}): Promise<void> {
  const device = world.device("kitchen", {
    methods: {
      blink: (payload) => ({ status: 200, payload: { blinked: (payload as { times: number }).times } }),
    },
    onMessage: ({ payload }) => onMessage(Buffer.from(payload).toString()),
    onDesired(desired) {
      if (typeof desired.period === "number" && desired.period < 100) this.report({ period: desired.period });
    },
  });
  for (const celsius of [20, 21.5, 22]) {
    const received = once(world.emulator.events, "telemetry");
    device.send({ celsius, humidity: 40 + celsius });
    await received;
  }
}

async function openKitchen(options: Parameters<PageWorld["open"]>[0] = {}): Promise<Page> {
  const page = await world.open({ view: "Devices", ...options });
  await page.getByRole("option", { name: /kitchen/ }).click();
  await page.getByRole("heading", { name: "kitchen", level: 2 }).waitFor();
  return page;
}

test("identity, registration record, twin and telemetry; messages, methods, desired properties", async () => {
  const heard: string[] = [];
  await kitchen((text) => heard.push(text));
  const page = await openKitchen({ height: 1080 });
  await page.getByText("initialAssignment", { exact: true }).waitFor();
  await page.getByRole("row", { name: "period 60 60 equal" }).waitFor();
  await page
    .getByRole("img", { name: /Numbers in the telemetry of kitchen\. Last: celsius 22, humidity 62/ })
    .waitFor();
  await page.getByRole("option", { name: /"celsius":21.5/ }).click();

  const delivered = once(world.emulator.events, "delivered");
  await press(page, "Send message");
  await delivered;
  expect(heard).toEqual(["hello"]);
  await page.getByText(/message \d+ was queued for the device/).waitFor();

  await press(page, "Call method");
  const answers = page.getByRole("list", { name: "Answers" });
  await answers.getByText('blink: 200 {"blinked":3}').waitFor();
  await page.getByLabel("Name", { exact: true }).fill("fly");
  await press(page, "Call method");
  await answers.getByText(/fly: 501/).waitFor();
  await answers.getByText('blink: 200 {"blinked":3}').waitFor();

  await page.getByLabel("Patch (JSON; null removes)").fill('{"period":600,"mode":{"night":true}}');
  await press(page, "Change");
  await page.getByRole("row", { name: /mode\.night/ }).waitFor();
  await page.getByText("2 not as desired").waitFor();
  expect(await page.getByRole("row", { name: /^period/ }).textContent()).toBe("period60060differs");
  await page.getByLabel("Patch (JSON; null removes)").fill("{period");
  await press(page, "Change");
  await page.getByText("Patch is not JSON").waitFor();
  expect(await findings(page)).toEqual([]);
  await page.getByLabel("Patch (JSON; null removes)").fill('{"period":90}');
  await press(page, "Change");
  await page.getByRole("row", { name: "period 90 90 equal" }).waitFor();
  await page.getByRole("img", { name: /Numbers/ }).scrollIntoViewIfNeeded();
  await picture(page, "device");
});

/** Words of names that are broken in their middle; run in the page. */
const BROKEN_WORDS = `
  const broken = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    if (!text.parentElement.matches("dt, tbody th")) continue;
    for (const { 0: word, index } of text.data.matchAll(/\\w+/g)) {
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) broken.push(word);
    }
  }
  broken;
`;

test("disabled it is refused, and enabled it comes back", async () => {
  await kitchen();
  const page = await openKitchen();
  const refused = once(world.emulator.events, "refuse");
  await press(page, "Disable");
  await page.getByText("disabled", { exact: true }).first().waitFor();
  const [{ reason }] = (await refused) as EmulatorEvents["refuse"];
  expect(reason).toBe("the device is disabled");
  await press(page, "Enable");
  await page.locator(".pane-head").getByText("enabled").waitFor();
  expect(world.emulator.devices.get(HUB, "kitchen")?.status).toBe("enabled");
});

test("it is moved to another hub, and forgotten", async () => {
  await kitchen();
  const page = await openKitchen();
  const moved = new Promise((resolve) =>
    world.emulator.events.on(
      "assigned",
      ({ assignedHub }) => assignedHub === OTHER_HUB && resolve(assignedHub),
    ),
  );
  await press(page, "Move");
  await press(page, /Really move/);
  await moved;
  await page.getByRole("option", { name: /kitchen.*fabrikam/ }).click();
  await page.getByText(OTHER_HUB, { exact: true }).first().waitFor();
  await world.tidy();
  const again = await openKitchen();
  await press(again, "Forget");
  await press(again, /Really forget/);
  await again.getByText("No device yet").waitFor();
  expect(world.emulator.devices.get(OTHER_HUB, "kitchen")).toBeUndefined();
  expect(world.emulator.registration("kitchen")).toBeUndefined();
});

test("an enrollment is made, disabled and deleted; a group's device key is derived", async () => {
  const page = await world.open({ view: "Enrollments" });
  await page.getByLabel("Kind").selectOption("group");
  await page.getByLabel("Group id").fill("line-2");
  await page.getByLabel("Allocation policy").selectOption("static");
  await page.getByLabel("Hub", { exact: true }).selectOption(OTHER_HUB);
  await press(page, "Create");
  await page.getByRole("heading", { name: "line-2", level: 2 }).waitFor();
  expect(world.emulator.enrollments.group("line-2")).toMatchObject({
    allocationPolicy: "static",
    iotHubHostName: OTHER_HUB,
  });
  await page.getByLabel("Registration id").fill("packer-7");
  await press(page, "Derive");
  const [file] = await Promise.all([page.waitForEvent("download"), press(page, "Download")]);
  const { attestation } = world.emulator.enrollments.group("line-2")!;
  const groupKey = attestation.type === "symmetricKey" ? attestation.symmetricKey.primaryKey : "";
  expect(file.suggestedFilename()).toBe("packer-7.key");
  expect(readFileSync(await file.path(), "utf8")).toBe(`${await deriveDeviceKey(groupKey, "packer-7")}\n`);
  expect(await findings(page)).toEqual([]);
  await press(page, "Disable");
  await page.locator(".pane-head").getByText("disabled").waitFor();
  expect(world.emulator.enrollments.group("line-2")?.provisioningStatus).toBe("disabled");
  await press(page, "Delete");
  await press(page, "Really delete?");
  await page.getByRole("link", { name: /line-2/ }).waitFor({ state: "detached" });
  expect(world.emulator.enrollments.group("line-2")).toBeUndefined();
});

test("a group of certificates is made with a root, and certificates of its devices are downloaded", async () => {
  const page = await world.open({ view: "Enrollments" });
  await page.getByLabel("Kind").selectOption("group");
  await page.getByLabel("Group id").fill("line-x");
  await page.getByLabel("Attestation").selectOption("x509");
  await press(page, "Create");
  await page.getByRole("heading", { name: "line-x", level: 2 }).waitFor();
  await page.getByLabel("Registration id, its common name").fill("packer-x");
  await press(page, "Make");
  const [file] = await Promise.all([page.waitForEvent("download"), press(page, "packer-x.pem")]);
  expect(readFileSync(await file.path(), "utf8").match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  await press(page, "Use in the client by hand");
  await page.getByRole("tab", { name: "Client by hand" }).click();
  await press(page, "Connect");
  await page.getByRole("option", { name: /packer-x from DPS: CONNACK 0/ }).waitFor();
});

test("on a phone, in the dark", async () => {
  await kitchen();
  const page = await openKitchen({ width: 390, height: 844, dark: true });
  await page.getByRole("heading", { name: "Twin" }).waitFor();
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  expect(await findings(page)).toEqual([]);
  await picture(page, "device-phone-dark");
});

test("names break between their words, on a screen and on a phone", async () => {
  const there = once(world.emulator.events, "assigned");
  world.device("packer-with-a-long-name", {}, await deriveDeviceKey(KEY, "packer-with-a-long-name"));
  await there;
  for (const width of [1180, 900, 390]) {
    const page = await world.open({ view: "Devices", width });
    await page.getByRole("option", { name: /packer-with-a-long-name/ }).click();
    await page.getByText("lastUpdatedDateTimeUtc").waitFor();
    expect(await page.evaluate(BROKEN_WORDS)).toEqual([]);
    const link = page.getByRole("link", { name: "line-1" });
    await link.click();
    await page.getByRole("heading", { name: "line-1", level: 2 }).waitFor();
    expect(await page.evaluate(BROKEN_WORDS)).toEqual([]);
  }
});
