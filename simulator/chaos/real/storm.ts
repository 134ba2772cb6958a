// SPDX-License-Identifier: MIT
/**
 * The shorter form over real sockets: devices of hosts/node against the emulator over TLS, through proxies that break
 * their connections, while the emulator is killed and started again. The rules are those that can be seen from outside.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Device } from "../../../hosts/node/berth";
import { Random } from "../../random";
import { Ledger } from "../ledger";
import type { EmulatorReady, EmulatorSettings, JournalEntry } from "./emulator-process";
import { BadProxy, type ProxyFault } from "./proxy";

export interface StormOptions {
  readonly seed: number;
  /** How long faults come, seconds. */
  readonly seconds: number;
  readonly devices: number;
  readonly log: (line: string) => void;
}

const ID_SCOPE = "0ne00000000";
const HUBS = ["hub-a.azure-devices.net", "hub-b.azure-devices.net"];
/** After the last fault all must be back within this, milliseconds: far above what it takes. */
const LONGEST_RETURN = 120_000;
/** A device does not wait for the network of a desk as it does for Azure's. */
const BRISK = Object.freeze({
  backoff: { base: 50, cap: 1_000 },
  slowBackoff: { base: 200, cap: 2_000 },
  hub: { answerTimeout: 2_000, connectTimeout: 3_000, keepAlive: 2_000, tokenLifetime: 60_000 },
  provisioning: { answerTimeout: 2_000, connectTimeout: 3_000, assignmentTimeout: 20_000, keepAlive: 2_000 },
});

/** A device and its books. */
class Member {
  readonly ledger = new Ledger();
  readonly name: string;
  readonly proxy: BadProxy;
  readonly #key: string;
  readonly #directory: string;
  #device: Device | undefined;
  reported = 0;
  connections = 0;

  constructor(index: number, key: string, directory: string, proxy: BadProxy) {
    this.name = `storm-${index}`;
    this.#key = key;
    this.#directory = directory;
    this.proxy = proxy;
  }

  get isAtRest(): boolean {
    return (this.#device?.connected ?? false) && this.#device?.pending === 0;
  }

  get pending(): number {
    return this.#device?.pending ?? 0;
  }

  /** Its life begins, and sends. */
  live(port: number, ca: string, fail: (what: string) => void): void {
    const device = new Device({
      ...BRISK,
      identity: { idScope: ID_SCOPE, registrationId: this.name, symmetricKey: this.#key },
      state: this.#directory,
      ca,
      connectTo: `:127.0.0.1:${port}`,
      twin: {},
      onConnected: () => {
        this.connections += 1;
        // A twin of a hub that it was moved to knows nothing of it.
        this.report();
      },
      onAcknowledged: () => {
        this.ledger.acknowledged += 1;
      },
      onError: ({ where, error }) => {
        if (where === "application" || error.code === "internal") fail(`${this.name}: ${error.message}`);
      },
    });
    this.#device = device;
  }

  send(): void {
    const { ledger } = this;
    if (this.#device?.send(`${ledger.life} ${ledger.next}`)) ledger.accept();
  }

  report(): void {
    if (this.#device?.report({ n: this.reported + 1 })) this.reported += 1;
  }

  close(): void {
    this.#device?.close();
  }
}

/** @returns a status for the shell */
export async function storm({ seed, seconds, devices, log }: StormOptions): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "berth-storm-"));
  const journal = join(directory, "journal");
  writeFileSync(journal, "");
  const random = new Random(seed);
  const keys = Array.from({ length: devices }, (_, i) =>
    Buffer.from(`key of storm-${i}`.padEnd(32)).toString("base64"),
  );
  const configuration = {
    idScope: ID_SCOPE,
    iotHubs: HUBS,
    enrollments: keys.map((primaryKey, i) => ({
      registrationId: `storm-${i}`,
      attestation: { type: "symmetricKey", symmetricKey: { primaryKey, secondaryKey: primaryKey } },
    })),
  };
  const faults = new Map<string, number>();
  const count = (fault: ProxyFault | string): void => {
    faults.set(fault, (faults.get(fault) ?? 0) + 1);
  };
  const violations: string[] = [];
  const members: Member[] = [];
  let emulator: ChildProcess | undefined;
  let ready: EmulatorReady = { port: 0, ca: "" };
  const startEmulator = async (): Promise<void> => {
    const settings: EmulatorSettings = {
      configuration,
      port: ready.port,
      directory: join(directory, "emulator"),
      journal,
    };
    emulator = fork(join(import.meta.dirname, "emulator-process.ts"), [JSON.stringify(settings)], {
      execArgv: ["--import", "tsx"],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const [message] = await Promise.race([
      once(emulator, "message"),
      once(emulator, "exit").then(([status]) => {
        throw new Error(`the emulator has ended with status ${status}`);
      }),
    ]);
    ready = message as EmulatorReady;
  };
  const stopEmulator = async (signal: NodeJS.Signals): Promise<void> => {
    if (!emulator || emulator.exitCode !== null || emulator.signalCode !== null) return;
    const ended = once(emulator, "exit");
    emulator.kill(signal);
    await ended;
  };
  let interrupted = false;
  const interrupt = (): void => {
    interrupted = true;
  };
  process.once("SIGINT", interrupt);
  const start = performance.now();
  try {
    await startEmulator();
    for (let i = 0; i < devices; i += 1) {
      const proxy = new BadProxy(new Random(seed, i), () => ready.port, count);
      const port = await proxy.listen();
      const member = new Member(i, keys[i] as string, join(directory, `device-${i}`), proxy);
      members.push(member);
      member.live(port, ready.ca, (what) => violations.push(what));
    }
    const kills = Math.max(1, Math.round(seconds / 10));
    for (let kill = 0; kill < kills && !interrupted; kill += 1) {
      const until = performance.now() + (seconds * 1_000) / kills;
      while (performance.now() < until && !interrupted) {
        for (const member of members) {
          for (let n = random.below(4); n > 0; n -= 1) member.send();
          if (random.chance(0.05)) member.report();
        }
        await sleep(50);
      }
      count("emulator killed");
      await stopEmulator("SIGKILL");
      await sleep(random.spread(10, 1_000));
      await startEmulator();
    }
    for (const { proxy } of members) proxy.calm();
    log("calm");
    const deadline = performance.now() + LONGEST_RETURN;
    while (performance.now() < deadline && !interrupted && !members.every(({ isAtRest }) => isAtRest))
      await sleep(100);
    for (const member of members) member.report();
    while (performance.now() < deadline && !interrupted && violations.length === 0) {
      const open = judge(members, journal);
      if (open.length === 0) break;
      await sleep(200);
    }
    violations.push(...judge(members, journal));
  } finally {
    process.off("SIGINT", interrupt);
    for (const member of members) {
      member.close();
      member.proxy.close();
    }
    await stopEmulator("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
  const sum = (of: (member: Member) => number): number =>
    members.reduce((total, member) => total + of(member), 0);
  console.log(
    [
      `${devices} devices over TLS, ${((performance.now() - start) / 1000).toFixed(0)} s, seed ${seed}`,
      `messages: ${sum(({ ledger }) => ledger.accepted)} accepted, ${sum(({ ledger }) => ledger.acknowledged)} acknowledged; ` +
        `${sum(({ connections }) => connections)} connections to a hub`,
      "faults:",
      ...[...faults].map(([fault, times]) => `  ${String(times).padStart(7)}  ${fault}`),
      `violations: ${violations.length}`,
      ...violations.map((violation) => `  ${violation}`),
    ].join("\n"),
  );
  if (violations.length > 0) return 1;
  return interrupted ? 130 : 0;
}

/** What does not hold, by the emulator's journal and the devices' own word. */
function judge(members: readonly Member[], journal: string): string[] {
  const wrong: string[] = [];
  const books = new Map(
    members.map(({ name }) => [name, { last: 0, received: new Set<number>(), reported: 0 }]),
  );
  for (const line of readFileSync(journal, "utf8").split("\n")) {
    // The last line may have been cut off by a kill; it was not acknowledged then.
    if (!line.endsWith("}")) continue;
    const entry = JSON.parse(line) as JournalEntry;
    if ("reported" in entry) {
      const book = books.get(entry.reported);
      if (book) book.reported = Number(entry.patch.n ?? book.reported);
      continue;
    }
    const book = books.get(entry.telemetry);
    const number = Number(entry.body.split(" ")[1]);
    if (!book || book.received.has(number)) continue;
    if (number < book.last)
      wrong.push(`${entry.telemetry}: order: message ${number} comes after ${book.last}`);
    book.last = number;
    book.received.add(number);
  }
  for (const member of members) {
    const { name, ledger, pending, proxy, reported } = member;
    const book = books.get(name);
    if (!member.isAtRest) wrong.push(`${name}: not back, ${pending} messages are held`);
    if (book?.received.size !== ledger.accepted) {
      wrong.push(`${name}: ${ledger.accepted} messages accepted, ${book?.received.size} at a hub`);
    }
    if (ledger.acknowledged + pending !== ledger.accepted) {
      wrong.push(
        `${name}: ${ledger.accepted} accepted, ${ledger.acknowledged} acknowledged, ${pending} held`,
      );
    }
    if (book?.reported !== reported)
      wrong.push(`${name}: reported ${reported}, the hub has ${book?.reported}`);
    if (proxy.mostStanding > 1) wrong.push(`${name}: ${proxy.mostStanding} connections at a time`);
  }
  return wrong;
}
