// SPDX-License-Identifier: MIT
/**
 * What connected devices take of Node's memory, ours beside Microsoft's SDK: the same devices at the same emulator, each
 * kind in a process of its own.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openAuthority } from "../../emulator/certificate-authority";
import { Emulator } from "../../emulator/emulator";
import { loopbackAddress } from "../wire/wire";

/** What a process with many devices is told. */
export interface FleetInput {
  readonly idScope: string;
  readonly hub: string;
  readonly ids: readonly string[];
  /** Of each device, base64. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly root: string;
  readonly stateDirectory: string;
}

/** Bytes that all devices together took: what was there before the first is taken off. */
export interface MemoryFigures {
  /** Of the process: resident set. */
  readonly resident: number;
  /** Of V8's heap, after a collection. */
  readonly heap: number;
  /** Buffers and what else V8 knows of beside its heap. */
  readonly external: number;
}

export type Kind = "ours" | "microsoft" | "bare";

export interface MemoryResults extends Readonly<Record<Kind, MemoryFigures>> {
  readonly devices: number;
}

const DEVICES = 500;
const ROUNDS = 3;
/** What V8 sets aside for young objects grows with what ran before, not with devices: the same for all. */
const FLAGS = ["--expose-gc", "--max-semi-space-size=1"];
/** Microsoft's SDK knows no other. */
const PORT = 8883;
const HUB = "contoso.azure-devices.net";
const ID_SCOPE = "0ne00000000";
const KEY = Buffer.alloc(32, 7).toString("base64");
/** Milliseconds that a fleet may take to connect. */
const TIMEOUT = 300_000;

/** Medians of some rounds. @throws Error when a device did not connect, or its message did not arrive */
export async function memoryOnNode(count = DEVICES, rounds = ROUNDS): Promise<MemoryResults> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const ids = Array.from({ length: count }, (_, index) => `device-${index + 1}`);
  try {
    const authority = await openAuthority(join(directory, "ca"), [HUB], Date.now());
    const address = loopbackAddress();
    const emulator = await Emulator.start({
      authorityDirectory: join(directory, "ca"),
      host: address,
      port: PORT,
      configuration: {
        idScope: ID_SCOPE,
        iotHubs: [{ name: HUB }],
        enrollments: [],
        enrollmentGroups: [],
      },
    });
    const symmetricKey = { primaryKey: KEY, secondaryKey: KEY };
    for (const deviceId of ids) {
      emulator.devices.provision({
        hub: HUB,
        deviceId,
        proof: { type: "symmetricKey", symmetricKey },
        initialTwin: undefined,
        previous: undefined,
        data: "keep",
      });
    }
    const measure = async (kind: Kind): Promise<MemoryFigures> => {
      emulator.telemetry.length = 0;
      const figures = await run(kind, authority.rootPath, {
        idScope: ID_SCOPE,
        hub: HUB,
        ids,
        key: KEY,
        address,
        port: PORT,
        root: authority.rootPem,
        stateDirectory: join(directory, kind),
      });
      const arrived = emulator.telemetry.length;
      if (arrived !== count && kind !== "bare") {
        throw new Error(`${kind}: ${arrived} messages arrived, not ${count}`);
      }
      return figures;
    };
    try {
      const all: Record<Kind, MemoryFigures[]> = { ours: [], microsoft: [], bare: [] };
      for (let round = 0; round < rounds; round += 1) {
        for (const kind of ["ours", "microsoft", "bare"] as const) all[kind].push(await measure(kind));
      }
      return {
        devices: count,
        ours: median(all.ours),
        microsoft: median(all.microsoft),
        bare: median(all.bare),
      };
    } finally {
      await emulator.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function median(rounds: readonly MemoryFigures[]): MemoryFigures {
  const of = (name: keyof MemoryFigures): number =>
    rounds.map((figures) => figures[name]).sort((a, b) => a - b)[rounds.length >> 1] as number;
  return { resident: of("resident"), heap: of("heap"), external: of("external") };
}

async function run(kind: Kind, root: string, input: FleetInput): Promise<MemoryFigures> {
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const child = promisify(execFile)(
    process.execPath,
    [
      ...[...FLAGS, "--require", file("../../test/interop/resolve-to-loopback.cjs")],
      ...["--import", "tsx", file("./fleet.ts"), kind],
    ],
    {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
      timeout: TIMEOUT,
      env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: root, EMULATOR_ADDRESS: input.address },
    },
  );
  child.child.stdin?.end(JSON.stringify(input));
  const { stdout } = await child;
  return JSON.parse(stdout) as MemoryFigures;
}
