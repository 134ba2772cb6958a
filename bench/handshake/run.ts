// SPDX-License-Identifier: MIT
/**
 * TLS and HMAC in C, in an app on the Moddable SDK for Linux, without a display. Times are processor time of the client's own work, for sockets there are looked at every
 * 20 ms only.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ROOT } from "../../hosts/xs/modules";
import { headlessRunner, writePreferences } from "../../hosts/moddable/scripts/headless";
import { findSdk, thisComputer } from "../../hosts/moddable/scripts/sdk";
import { buildApp, buildHeapWatch } from "./build";
import type { HandshakeCost, HandshakeFigures, HmacTimes } from "./figures";
import { startServer } from "./servers";

const ROUNDS = 50;
/** Seconds: a handshake takes less than half a second of looking at sockets. */
const TIMEOUT = 600;

/** What a build of the app lacks here, each with what to do. */
export function missing(): readonly string[] {
  return findSdk("simulator", thisComputer(ROOT)).problems;
}

/** @throws Error that says what is missing, or what the app said when it ended */
export async function handshakeFigures(): Promise<HandshakeFigures> {
  const { sdk } = findSdk("simulator", thisComputer(ROOT));
  if (!sdk) throw new Error(missing().join("; "));
  const app = await buildApp(sdk);
  const heapWatch = await buildHeapWatch();
  const runner = headlessRunner(ROOT, sdk);
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const [rsa, ec] = [await startServer("rsa-2048"), await startServer("ec-p256")];
  try {
    writePreferences(directory, {
      bench: {
        rounds: String(ROUNDS),
        rsaName: rsa.name,
        rsaPort: String(rsa.port),
        rsaRoot: rsa.root,
        ecName: ec.name,
        ecPort: String(ec.port),
        ecRoot: ec.root,
      },
    });
    const lines = await run(runner, app, directory, heapWatch);
    let version = "";
    const handshakes: Record<string, HandshakeCost> = {};
    let hmac: HmacTimes | undefined;
    for (const { name, ...figures } of lines) {
      if (name === "mbedTLS") version = String(figures.version);
      else if (name === "hmac") hmac = figures as unknown as HmacTimes;
      else handshakes[name] = { ...handshakes[name], ...figures } as HandshakeCost;
    }
    if (!hmac) throw new Error("the app has measured no HMAC");
    for (const server of [rsa, ec]) checkSeen(server.seen);
    return { version, rounds: ROUNDS, suites: { rsa: rsa.suite(), ec: ec.suite() }, handshakes, hmac };
  } finally {
    rsa.stop();
    ec.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Half of the series resume, each after one handshake that cannot; memory takes two. @throws Error when it was not so */
function checkSeen({ full, resumed }: { readonly full: number; readonly resumed: number }): void {
  const each = ROUNDS + 1 + 2;
  const expected = { full: each + 1, resumed: each - 1 };
  if (full === expected.full && resumed === expected.resumed) return;
  throw new Error(
    `the server saw ${full} full and ${resumed} resumed handshakes, not ${expected.full} and ${expected.resumed}`,
  );
}

function run(
  runner: string,
  app: string,
  directory: string,
  heapWatch: string,
): Promise<({ readonly name: string } & Record<string, unknown>)[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(runner, ["--timeout", String(TIMEOUT), "--directory", directory, app], {
      env: { ...process.env, LD_PRELOAD: heapWatch },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const figures: ({ readonly name: string } & Record<string, unknown>)[] = [];
    const said: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("bench ")) figures.push(JSON.parse(line.slice("bench ".length)));
      else if (!line.startsWith("instruments")) said.push(line);
    });
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(figures);
      else reject(new Error(`the app ended with status ${status}: ${said.join("\n")}`));
    });
  });
}
