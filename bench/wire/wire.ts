// SPDX-License-Identifier: MIT
/**
 * A provisioning on the wire, ours beside Microsoft's SDKs for Node.js: the same work against the same emulator, through
 * the same counter.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DPS_HOST, openAuthority } from "../../emulator/certificate-authority";
import { Emulator } from "../../emulator/emulator";
import { Relay, type WireTraffic } from "./relay";

/** What a device in a process of its own is told. */
export interface DeviceInput {
  readonly host: string;
  readonly idScope: string;
  readonly registrationId: string;
  /** Base64. */
  readonly key: string;
  readonly messages: number;
  readonly payload: string;
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly root: string;
  readonly stateDirectory: string;
  readonly eager: boolean;
}

export interface WireFigures extends WireTraffic {
  /** Milliseconds from the start of the registration to the end of the last connection, in the device's process. */
  readonly elapsed: number;
}

/** Seconds between request and answer, as Azure's DPS asks for. */
export const RETRY_AFTER = 3;
export const MESSAGES = 3;

/** Milliseconds that a device may take. */
const TIMEOUT = 60_000;

const HUB = "contoso.azure-devices.net";
const PORT = 8883;
const KEY = Buffer.alloc(32, 7).toString("base64");

type Kind = "ours" | "eager" | "microsoft";

export type OnTheWire = Readonly<Record<Kind, WireFigures>>;

/** Each with a registration of its own. @throws Error when a device did not do its work */
export async function onTheWire(): Promise<OnTheWire> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-"));
  const registrationIds: Record<Kind, string> = {
    ours: "device-1",
    eager: "device-2",
    microsoft: "device-3",
  };
  try {
    const authority = await openAuthority(join(directory, "ca"), [HUB], Date.now());
    const emulator = await Emulator.start({
      authorityDirectory: join(directory, "ca"),
      dps: { retryAfter: RETRY_AFTER },
      configuration: {
        idScope: "0ne00000000",
        iotHubs: [{ name: HUB }],
        enrollmentGroups: [],
        enrollments: Object.values(registrationIds).map((registrationId) => ({
          registrationId,
          attestation: { type: "symmetricKey" as const, symmetricKey: { primaryKey: KEY } },
        })),
      },
    });
    const measure = async (kind: Kind): Promise<WireFigures> => {
      const relay = new Relay(authority, emulator.port);
      const address = loopbackAddress();
      await relay.listen(PORT, address);
      const before = emulator.telemetry.length;
      const { elapsed } = await run(kind, authority.rootPath, {
        host: DPS_HOST,
        idScope: "0ne00000000",
        registrationId: registrationIds[kind],
        key: KEY,
        messages: MESSAGES,
        payload: '{"temperature":21}',
        address,
        port: PORT,
        root: authority.rootPem,
        stateDirectory: join(directory, kind),
        eager: kind === "eager",
      });
      const traffic = await relay.stop();
      const arrived = emulator.telemetry.length - before;
      if (arrived !== MESSAGES) throw new Error(`${kind}: ${arrived} messages arrived, not ${MESSAGES}`);
      return { ...traffic, elapsed };
    };
    try {
      return {
        ours: await measure("ours"),
        eager: await measure("eager"),
        microsoft: await measure("microsoft"),
      };
    } finally {
      await emulator.stop();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * Microsoft's SDKs know no port but 8883. Any address in 127/8 is this machine on Linux, so that two runs do not meet;
 * elsewhere only 127.0.0.1 is.
 */
export function loopbackAddress(): string {
  if (process.platform !== "linux") return "127.0.0.1";
  return `127.${83 + (process.pid % 100)}.${(process.pid >> 8) % 256}.${1 + (process.pid % 250)}`;
}

async function run(kind: Kind, root: string, input: DeviceInput): Promise<{ elapsed: number }> {
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const parameters =
    kind === "microsoft"
      ? ["--require", file("../../test/interop/resolve-to-loopback.cjs"), file("./microsoft.cjs")]
      : ["--import", "tsx", file("./ours.ts")];
  const { stdout } = await promisify(execFile)(process.execPath, parameters, {
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    timeout: TIMEOUT,
    env: {
      PATH: process.env.PATH,
      NODE_EXTRA_CA_CERTS: root,
      EMULATOR_ADDRESS: input.address,
      DEVICE: JSON.stringify(input),
    },
  });
  return JSON.parse(stdout) as { elapsed: number };
}
