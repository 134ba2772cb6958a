// SPDX-License-Identifier: MIT
/**
 * The page with 1,000 devices over TLS that send 1,000 messages a second: the times between frames in Chromium, a view at
 * a time. Devices are in a process of their own; browser, emulator and devices share this computer's cores.
 *
 *   node --import tsx bench/page.ts [devices] [seconds a view]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createSecureContext, connect as tlsConnect } from "node:tls";
import { fileURLToPath } from "node:url";
import { generate } from "mqtt-packet";
import { chromium, type Page } from "playwright-core";
import { Emulator } from "../emulator/emulator";
import { refreshPage } from "../scripts/dist-state";
import { configuration, HUB, hubToken, hubUser, KEY } from "../test/helpers/emulator-client";
import { table } from "./markdown";

const CHROMIUM = process.env.BERTH_CHROMIUM ?? "/usr/bin/chromium";
/** Milliseconds between two messages of a device. */
const INTERVAL = 1000;
/** A frame above this is felt. */
const FELT = 50;

interface Frames {
  frames: number[];
  /** Milliseconds that scripts held the browser for more than 50. */
  longTasks: number[];
}

const idOf = (index: number) => `device-${String(index + 1).padStart(4, "0")}`;

/** Connects the devices, and sends for as long as the parent lives. */
async function beDevices(port: number, root: string, count: number): Promise<void> {
  const secureContext = createSecureContext({ ca: root, maxVersion: "TLSv1.2" });
  for (let index = 0; index < count; index++) {
    const id = idOf(index);
    const socket = tlsConnect({ host: "127.0.0.1", port, servername: HUB, secureContext });
    socket.on("error", () => process.exit(1));
    socket.write(
      generate({
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: 4,
        clean: true,
        keepalive: 600,
        clientId: id,
        username: hubUser(id),
        password: Buffer.from(hubToken(id)),
      }),
    );
    await once(socket, "data");
    socket.on("data", () => {});
    let sequence = 0;
    setInterval(
      () =>
        socket.write(
          generate({
            cmd: "publish",
            topic: `devices/${id}/messages/events/$.ct=application%2Fjson&$.ce=utf-8`,
            payload: JSON.stringify({ sequence: ++sequence, celsius: 20 + Math.sin(sequence / 10) }),
            qos: 1,
            dup: false,
            retain: false,
            messageId: (sequence % 65_535) + 1,
          }),
        ),
      INTERVAL,
    );
  }
  process.send?.("connected");
}

/** Frames of the page for so many seconds. In the browser's words, as text: the types of this file know no DOM. */
function watch(page: Page, seconds: number): Promise<Frames> {
  return page.evaluate(`new Promise((resolve) => {
    const frames = [];
    const longTasks = [];
    const observer = new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((one) => one.duration)));
    observer.observe({ entryTypes: ["longtask"] });
    let last = performance.now();
    const end = last + ${seconds * 1000};
    const frame = (now) => {
      frames.push(now - last);
      last = now;
      if (now < end) requestAnimationFrame(frame);
      else { observer.disconnect(); resolve({ frames, longTasks }); }
    };
    requestAnimationFrame(frame);
  })`);
}

function rowOf(name: string, { frames, longTasks }: Frames): string[] {
  const sorted = frames.toSorted((one, other) => one - other);
  const at = (part: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!.toFixed(0);
  const busy = longTasks.reduce((sum, one) => sum + one, 0);
  return [
    name,
    String(frames.length),
    at(0.5),
    at(0.95),
    at(0.99),
    at(1),
    String(frames.filter((one) => one > FELT).length),
    `${longTasks.length} (${busy.toFixed(0)} ms)`,
  ];
}

async function main(count: number, seconds: number): Promise<void> {
  if (!refreshPage()) process.exit(1);
  const emulator = await Emulator.start({ configuration: configuration(), page: {} });
  for (let index = 0; index < count; index++)
    emulator.devices.create(HUB, idOf(index), { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  const devices: ChildProcess = fork(fileURLToPath(import.meta.url), ["devices", String(count)], {
    execArgv: process.execArgv,
  });
  devices.send({ port: emulator.port, root: emulator.ca.pem });
  await once(devices, "message");
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(emulator.pageAddress!);
  await page.getByText("live", { exact: true }).waitFor();
  const rows: string[][] = [];
  const before = { telemetry: emulator.counts.telemetry, time: performance.now() };
  rows.push(rowOf("life, at its end", await watch(page, seconds)));
  await page.getByRole("searchbox", { name: "Filter" }).fill("device-0007");
  rows.push(rowOf("life, filtered", await watch(page, seconds)));
  await page.getByRole("link", { name: "Devices" }).click();
  await page.getByRole("option", { name: /device-0007/ }).click();
  rows.push(rowOf("a device with its chart", await watch(page, seconds)));
  await page.getByRole("link", { name: "Faults" }).click();
  rows.push(rowOf("faults", await watch(page, seconds)));
  const rate = (emulator.counts.telemetry - before.telemetry) / ((performance.now() - before.time) / 1000);
  const missed = await page.evaluate(`document.body.textContent.includes("emulator is away")`);
  console.log(
    `${count} devices, ${rate.toFixed(0)} messages a second at the emulator, ${seconds} s a view, ${availableParallelism()} cores for all of it; milliseconds between frames${missed ? "; the page LOST its stream" : ""}\n`,
  );
  const head = ["view", "frames", "median", "95 %", "99 %", "longest", `above ${FELT} ms`, "long tasks"];
  console.log(table(head, rows));
  devices.disconnect();
  await browser.close();
  await emulator.stop();
}

const [first = "1000", second = "15"] = process.argv.slice(2);
if (first === "devices") {
  process.on("disconnect", () => process.exit());
  process.once(
    "message",
    ({ port, root }: { port: number; root: string }) => void beDevices(port, root, Number(second)),
  );
} else await main(Number(first), Number(second));
