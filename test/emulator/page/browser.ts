// SPDX-License-Identifier: MIT
/** The page in Debian's Chromium, served by a real emulator; whatever it complains about fails the test. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { parseConfiguration } from "../../../emulator/configuration-reader";
import { Emulator } from "../../../emulator/emulator";
import type { EmulatorOptions } from "../../../emulator/options";
import { Device, type NodeDeviceOptions } from "../../../hosts/node/berth";
import { refreshPage } from "../../../scripts/dist-state";
import { authorityDirectory, KEY } from "../../helpers/emulator-client";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CHROMIUM = process.env.BERTH_CHROMIUM ?? "/usr/bin/chromium";
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The file that the emulator of the tests is configured by, as people write it. */
export const CONFIGURATION = JSON.stringify(
  {
    idScope: "0ne00000000",
    iotHubs: ["contoso.azure-devices.net", "fabrikam.azure-devices.net"],
    enrollments: [
      {
        registrationId: "kitchen",
        attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
        allocationPolicy: "static",
        iotHubHostName: "contoso.azure-devices.net",
        initialTwin: { properties: { desired: { period: 60 } } },
      },
    ],
    enrollmentGroups: [
      {
        enrollmentGroupId: "line-1",
        attestation: { type: "symmetricKey", symmetricKey: { primaryKey: KEY } },
      },
    ],
  },
  undefined,
  2,
);

/** Builds the page where its sources have changed. @throws Error when it cannot be built, or there is no browser */
function prepare(): void {
  if (!refreshPage()) throw new Error("the page cannot be built");
  if (!existsSync(CHROMIUM))
    throw new Error(`no ${CHROMIUM}: apt-get install chromium, or name another one in BERTH_CHROMIUM`);
}

/** An emulator with its page, and a browser. */
export class PageWorld {
  readonly emulator: Emulator;
  readonly #browser: Browser;
  readonly #directory: string;
  readonly #contexts: BrowserContext[] = [];
  readonly #devices: Device[] = [];
  #count = 0;
  /** What the page complained of. */
  readonly complaints: string[] = [];

  private constructor(emulator: Emulator, browser: Browser, directory: string) {
    this.emulator = emulator;
    this.#browser = browser;
    this.#directory = directory;
  }

  static async start(options: Partial<EmulatorOptions> = {}): Promise<PageWorld> {
    prepare();
    const emulator = await startWithPage(options);
    const directory = mkdtempSync(join(tmpdir(), "berth-page-"));
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    return new PageWorld(emulator, browser, directory);
  }

  /** Opens the address that the emulator prints. */
  async open({
    width = 1180,
    height = 700,
    dark = false,
    view = "life",
    address = this.emulator.pageAddress!,
  } = {}): Promise<Page> {
    const context = await this.#browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      reducedMotion: "reduce",
      timezoneId: "UTC",
    });
    this.#contexts.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      // What a service refuses, the browser logs, too; the tests look at what the page says of it.
      const isRefusal = /^Failed to load resource/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !isRefusal) this.complaints.push(message.text());
    });
    await page.goto(address);
    if (view !== "life") await page.getByRole("link", { name: view, exact: true }).click();
    return page;
  }

  /** A real device, which proves itself by `key` and remembers nothing: what it waits for is no other test's. */
  device(registrationId: string, options: NodeDeviceOptions = {}, key = KEY): Device {
    const device = new Device({
      identity: { idScope: this.emulator.idScope, registrationId, symmetricKey: key },
      state: join(this.#directory, String(++this.#count)),
      ca: this.emulator.ca.path,
      connectTo: `::127.0.0.1:${this.emulator.port}`,
      ...options,
    });
    this.#devices.push(device);
    return device;
  }

  /** Closes what one test has opened. */
  async tidy(): Promise<void> {
    for (const device of this.#devices.splice(0)) device.close();
    for (const context of this.#contexts.splice(0)) await context.close();
    this.emulator.faults.clear();
  }

  async stop(): Promise<void> {
    await this.tidy();
    await this.#browser.close();
    await this.emulator.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** An emulator with the configuration of these tests. */
export function startWithPage(options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  return Emulator.start({
    configuration: parseConfiguration(CONFIGURATION, "my.json"),
    authorityDirectory,
    page: {},
    ...options,
  });
}

/** What axe finds; empty when all is well. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`,
    );
  });
}

/**
 * With BERTH_WRITE_DOCS the picture goes to docs/page/. Without it is made all the same: it must be possible. WebP, which
 * Playwright does not offer by itself, for the package holds them: a third of PNG.
 */
export async function picture(page: Page, name: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  // Waits until what is to be seen is drawn.
  await page.screenshot();
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 75 });
  const bytes = Buffer.from(data, "base64");
  if (process.env.BERTH_WRITE_DOCS !== undefined)
    writeFileSync(join(ROOT, "docs", "page", `${name}.webp`), bytes);
}

export const press = (page: Page, name: string | RegExp) =>
  page.getByRole("button", { name, exact: typeof name === "string" }).click();
