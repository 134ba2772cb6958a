// SPDX-License-Identifier: MIT
/** The first view: the diagram, a packet in detail, a refusal explained, the client by hand. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import type { Page } from "playwright-core";
import { createDeviceCertificate } from "../../../emulator/certificates";
import { findings, PageWorld, picture } from "./browser";

let world: PageWorld;
beforeAll(async () => {
  world = await PageWorld.start({ dps: { retryAfter: 0 } });
});
afterEach(() => world.tidy());
afterAll(async () => {
  await world.stop();
  expect(world.complaints).toEqual([]);
});

const row = (page: Page, name: RegExp) => page.getByRole("option", { name }).first();

test("without the key nothing is claimed to be known, and the whole address in the same tab begins the session", async () => {
  const address = world.emulator.pageAddress!;
  const page = await world.open({ address: `${new URL(address).origin}/#/faults` });
  await page.getByText("The address lacks the key of the session").waitFor();
  const main = page.getByRole("main");
  expect(await main.textContent()).toBe("No emulator has answered: nothing is known yet.");
  expect(await findings(page)).toEqual([]);
  // Only what is behind the # changes: the browser loads nothing by itself.
  await page.goto(address);
  await page.getByText("live", { exact: true }).waitFor();
  expect(page.url()).toBe(`${new URL(address).origin}/#/life`);
  await page.getByRole("link", { name: "Faults" }).click();
  await page.getByText("No fault: everything is answered as it should be.").waitFor();
  // The same address once more keeps what was typed.
  await page.getByLabel("Only this device").fill("kitchen");
  await page.goto(address);
  await page.getByRole("link", { name: "Faults" }).click();
  expect(await page.getByLabel("Only this device").inputValue()).toBe("kitchen");
});

test("a device's life is shown packet by packet, and before the page was opened", async () => {
  world.device("kitchen").send({ celsius: 21.5 });
  const page = await world.open();
  const words = [
    /kitchen to DPS: CONNECT kitchen/,
    /kitchen from DPS: CONNACK 0 accepted/,
    /kitchen to DPS: PUBLISH register QoS 1/,
    /kitchen from DPS: PUBLISH answer 202/,
    /kitchen DPS: assigned kitchen of contoso.azure-devices.net \(initialAssignment\)/,
    /kitchen from DPS: PUBLISH answer 200/,
    /kitchen to contoso.azure-devices.net: CONNECT kitchen/,
    /kitchen to contoso.azure-devices.net: PUBLISH telemetry QoS 1/,
  ];
  for (const name of words) await row(page, name).waitFor();
  await row(page, /PUBLISH telemetry/).click();
  const detail = page.getByRole("article", { name: "Details" });
  await detail.getByText("A device-to-cloud message").waitFor();
  expect(await detail.textContent()).toContain('"celsius": 21.5');
  expect(await detail.locator(".hex").textContent()).toMatch(/^0000 {2}32 [0-9a-f]{2} .*devices\/kitc\n/s);
  expect(await findings(page)).toEqual([]);
  await picture(page, "life");
});

test("a refusal is explained, with the line of the enrollment in the file", async () => {
  world.device("kitchen", {}, Buffer.alloc(32, 9).toString("base64"));
  const page = await world.open();
  await row(
    page,
    /kitchen from DPS: CONNACK 5 not authorized: Unauthorized: wrong key.* \(my.json:8\)/,
  ).click();
  const refusal = page.locator(".refusal");
  expect(await refusal.textContent()).toContain(
    "Unauthorized: wrong key.Decided by the enrollment kitchen, my.json line 8.",
  );
  await page.getByLabel("Trouble only").check();
  await page.getByRole("option", { name: /CONNACK 0/ }).waitFor({ state: "detached" });
  expect(await findings(page)).toEqual([]);
  await picture(page, "refusal");
  await refusal.getByRole("link", { name: "kitchen" }).click();
  await page.getByRole("heading", { name: "kitchen", level: 2 }).waitFor();
});

test("the password of a CONNECT is not shown", async () => {
  world.device("kitchen");
  const page = await world.open();
  await row(page, /CONNECT kitchen/).click();
  const text = await page.getByRole("article", { name: "Details" }).textContent();
  expect(text).toMatch(/SharedAccessSignature sr=[^&]+kitchen&sig=\*+&se=\d+/);
});

test("filter, pause and export", async () => {
  world.device("kitchen");
  const page = await world.open();
  await row(page, /contoso.azure-devices.net: CONNECT/).waitFor();
  await page.getByRole("searchbox", { name: "Filter" }).fill("kitchen contoso connect");
  await page.getByRole("option", { name: /DPS/ }).first().waitFor({ state: "detached" });
  const download = async (name: string) => {
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name, exact: true }).click(),
    ]);
    return readFileSync(await file.path());
  };
  const records = JSON.parse((await download("JSON")).toString()) as { type: string; endpoint: string }[];
  expect(records[0]).toMatchObject({ type: "CONNECT", endpoint: "contoso.azure-devices.net" });
  const svg = (await download("SVG")).toString();
  expect(svg).toMatch(/^<svg .*CONNECT kitchen.*<\/svg>$/s);
  expect((await download("PNG")).subarray(1, 4).toString()).toBe("PNG");
  await page.getByRole("searchbox", { name: "Filter" }).fill("");
  await page.getByRole("button", { name: "Pause" }).click();
  const before = await page.getByText(/^\d+ rows$/).textContent();
  world.device("packer-1", {}, await keyOf("packer-1"));
  await page.getByRole("button", { name: /Go on \([1-9]\d* new\)/ }).waitFor();
  expect(await page.getByText(/^\d+ (of \d+ )?rows$/).textContent()).not.toBe(before);
  expect(await page.getByRole("option", { name: /packer-1/ }).count()).toBe(0);
  await page.getByRole("button", { name: /Go on/ }).click();
  await row(page, /packer-1/).waitFor();
});

/** The key of a device of the group. */
async function keyOf(registrationId: string): Promise<string> {
  const { deriveDeviceKey } = await import("../../../emulator/page/parts/keys");
  return deriveDeviceKey(Buffer.alloc(32, 7).toString("base64"), registrationId);
}

test("a client by hand registers, polls, and goes on to its hub", async () => {
  const page = await world.open();
  await page.getByRole("tab", { name: "Client by hand" }).click();
  await page.getByLabel("Registration id").fill("packer-9");
  await page.getByRole("button", { name: "Key by group line-1" }).click();
  const press = (name: string) => page.getByRole("button", { name, exact: true }).click();
  const log = page.getByRole("list").filter({ hasText: "TLS is up" });
  await press("Connect");
  await log.getByText("CONNACK 0 accepted").waitFor();
  await press("Subscribe");
  await log.getByText("SUBACK granted QoS 1").waitFor();
  await press("Publish");
  await log.getByText("PUBLISH answer 202").waitFor();
  expect(await page.getByLabel("Topic", { exact: true }).inputValue()).toMatch(
    /get-operationstatus\/\?\$rid=\d+&operationId=5\./,
  );
  await press("Publish");
  await log.getByText("PUBLISH answer 200").waitFor();
  await picture(page, "by-hand");
  await press("Fill in for this hub");
  await press("Connect");
  await page.getByText("connected", { exact: true }).waitFor();
  const received = once(world.emulator.events, "telemetry");
  await press("Publish");
  await received;
  const { assignedHub } = world.emulator.registration("packer-9")!;
  expect(world.emulator.telemetry.at(-1)).toMatchObject({ hub: assignedHub, deviceId: "packer-9" });
  expect(await findings(page)).toEqual([]);
});

test("a client by hand proves itself by a certificate, or is told why not", async () => {
  const page = await world.open({ view: "Enrollments" });
  await page.getByLabel("Registration id").fill("sensor-x");
  await page.getByLabel("Attestation").selectOption("x509");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("button", { name: "sensor-x.key.pem" }).waitFor();
  await page.getByRole("button", { name: "Use in the client by hand" }).click();
  await page.getByRole("tab", { name: "Client by hand" }).click();
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await row(page, /sensor-x from DPS: CONNACK 0/).waitFor();
  await page.getByRole("button", { name: "Disconnect" }).click();
  const other = await createDeviceCertificate({ commonName: "sensor-x", keyType: "ec-p256" });
  await page.getByLabel("Certificate with its chain (PEM)").fill(other.certificatePem);
  await page.getByLabel("Private key (PEM)").fill(other.privateKeyPem);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await row(
    page,
    /CONNACK 5 not authorized: Invalid certificate. The enrollment names another one/,
  ).waitFor();
});

test("on a phone, in the dark", async () => {
  world.device("kitchen").send({ celsius: 21.5 });
  const page = await world.open({ width: 390, height: 844, dark: true });
  await row(page, /PUBLISH telemetry/).click();
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  expect(await findings(page)).toEqual([]);
  await picture(page, "life-phone-dark");
});

test("the keyboard alone reaches a packet", async () => {
  world.device("kitchen");
  const page = await world.open();
  await row(page, /CONNECT kitchen/).waitFor();
  await page.getByRole("tab", { name: "Packet" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.getByLabel("Registration id").waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.getByText("Arrow keys move through the list").waitFor();
  await page.getByRole("listbox", { name: "Packets and events" }).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowDown");
  const chosen = page.locator('[role="option"][aria-selected="true"]');
  expect(await chosen.getAttribute("aria-posinset")).toBe("2");
  expect(await page.getByRole("listbox").first().getAttribute("aria-activedescendant")).toBe(
    await chosen.getAttribute("id"),
  );
});
