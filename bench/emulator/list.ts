// SPDX-License-Identifier: MIT
/** An emulator whose state has many devices: start, memory, and what services ask of it. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { replaceDurably } from "../../hosts/node/durable-file";
import { newSymmetricKey } from "../../emulator/shared-access-signature";
import { newTwin } from "../../emulator/records";
import { StateStore } from "../../emulator/state";
import { HUB, token } from "../../test/helpers/emulator-client";
import { deviceId, residentOf } from "./load";

export interface ListFigures {
  readonly devices: number;
  /** Milliseconds, but for what says bytes. */
  readonly start: number;
  readonly startEmpty: number;
  readonly residentBytes: number;
  readonly residentEmptyBytes: number;
  readonly fileBytes: number;
  readonly writeAll: number;
  /** One desired property of one device, on disk. */
  readonly change: number;
  /** As older emulators stored any change: the whole of it as one JSON file. */
  readonly changeBefore: number;
  readonly get: number;
  readonly list: number;
  readonly page: number;
  readonly pages: number;
  readonly count: number;
}

/** What the emulator's process tells. */
export interface Started {
  readonly port: number;
  readonly httpsPort: number;
  readonly ca: string;
  readonly key: string;
  /** Milliseconds. */
  readonly took: number;
}

const VERSION = "api-version=2021-04-12";
const REPEATS = 20;

/** @param devices in the hub's list */
export async function listOf(devices: number, log: (line: string) => void): Promise<ListFigures> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const [full, empty] = [join(directory, "full"), join(directory, "empty")];
  try {
    log(`a state of ${devices} devices`);
    const writeAll = await timed(() => fill(full, devices));
    const store = (await StateStore.read(full))!;
    const changeBefore = await timed(() =>
      replaceDurably(join(directory, "state.json"), Buffer.from(JSON.stringify(store.document()))),
    );
    const nothing = await atEmulator(empty, async () => ({}));
    const loaded = await atEmulator(full, (ask) => asked(ask, devices));
    return {
      devices,
      writeAll,
      changeBefore,
      fileBytes: statSync(join(full, "state.mdb")).size,
      start: loaded.took,
      startEmpty: nothing.took,
      residentBytes: loaded.resident,
      residentEmptyBytes: nothing.resident,
      ...loaded.figures,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

type Ask = (
  method: string,
  path: string,
  body?: object,
  headers?: Record<string, string>,
) => Promise<{ items: unknown; next: string | undefined }>;

async function asked(ask: Ask, devices: number) {
  const one = deviceId(devices >> 1);
  const all = { query: "SELECT * FROM devices" };
  const top = { "x-ms-max-item-count": "1000" };
  const counted = async () => {
    const query = "SELECT COUNT() AS number FROM devices WHERE tags.site = 'site-7'";
    const { items } = await ask("POST", "/devices/query", { query });
    if ((items as { number: number }[])[0]?.number !== Math.ceil((devices - 7) / 100))
      throw new Error(`the count is ${JSON.stringify(items)}`);
  };
  // What is compiled at the first time is no cost of a list.
  await counted();
  const pages = await timed(async () => {
    let found = 0;
    for (let next: string | undefined = ""; next !== undefined; ) {
      const headers = next === "" ? top : { ...top, "x-ms-continuation": next };
      const page = await ask("POST", "/devices/query", all, headers);
      found += (page.items as unknown[]).length;
      next = page.next;
    }
    if (found !== devices) throw new Error(`${found} devices of ${devices}`);
  });
  return {
    pages,
    count: await median(counted),
    page: await median(() => ask("POST", "/devices/query", all, top)),
    list: await median(() => ask("GET", "/devices?top=1000")),
    get: await median(() => ask("GET", `/devices/${one}`)),
    change: await median(() =>
      ask("PATCH", `/twins/${one}`, { properties: { desired: { at: Date.now() } } }),
    ),
  };
}

async function atEmulator<T>(
  stateDirectory: string,
  work: (ask: Ask) => Promise<T>,
): Promise<{ took: number; resident: number; figures: T }> {
  const server = fork(
    fileURLToPath(new URL("./server.ts", import.meta.url)),
    [
      "stored",
      JSON.stringify({ hub: HUB, authorityDirectory: join(stateDirectory, "../ca"), stateDirectory }),
    ],
    { execArgv: ["--import", "tsx"] },
  );
  const [{ took, httpsPort, ca, key }] = (await once(server, "message")) as [Started];
  const resident = residentOf(server.pid!);
  const agent = new Agent({ keepAlive: true, ca, servername: HUB });
  const authorization = token(HUB, key, { skn: "iothubowner" });
  const ask: Ask = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          ...{ host: "127.0.0.1", port: httpsPort, agent, method },
          path: `${path}${path.includes("?") ? "&" : "?"}${VERSION}`,
          headers: { host: HUB, authorization, ...headers },
        },
        async (response) => {
          const chunks: Buffer[] = [];
          for await (const chunk of response) chunks.push(chunk as Buffer);
          const text = Buffer.concat(chunks).toString();
          if (response.statusCode !== 200) reject(new Error(`${method} ${path}: ${text}`));
          const next = response.headers["x-ms-continuation"];
          resolve({ items: JSON.parse(text), next: typeof next === "string" ? next : undefined });
        },
      );
      sent.on("error", reject);
      sent.end(body && JSON.stringify(body));
    });
  try {
    return { took, resident, figures: await work(ask) };
  } finally {
    agent.destroy();
    server.disconnect();
    await once(server, "exit");
  }
}

async function fill(directory: string, devices: number): Promise<void> {
  const store = await StateStore.open(directory);
  const list = store.devicesOf(HUB);
  for (let index = 0; index < devices; index++) {
    const id = deviceId(index);
    const desired = { period: 60, thresholds: { low: 2, high: 8 } };
    list.set(id, {
      deviceId: id,
      status: "enabled",
      authentication: {
        type: "symmetricKey",
        symmetricKey: { primaryKey: newSymmetricKey(), secondaryKey: newSymmetricKey() },
      },
      twin: newTwin({ tags: { site: `site-${index % 100}` }, desired }),
      queue: [],
      generationId: "630000000000000001",
    });
  }
  await store.close();
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < REPEATS; at++) times.push(await timed(work));
  return times.sort((one, other) => one - other)[REPEATS >> 1]!;
}
