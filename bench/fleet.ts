// SPDX-License-Identifier: MIT
/** `npx tsx bench/fleet.ts [devices]`: devices a second, and bytes of a device, of `berth fleet`; for each kind of device. */
import { spawnSync } from "node:child_process";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { RULES } from "../simulator/fleet/rules";
import { table, whole } from "./markdown";

/** What a process of its own measures. */
interface Measured {
  /** Bytes of heap and buffers, all devices connected, everything else collected. */
  readonly bytes: number;
  /** Seconds of CPU from the first device to the last one at its hub. */
  readonly seconds: number;
}

const devices = Number(process.argv[2] ?? 10_000);
if (!Number.isSafeInteger(devices) || devices < 100) throw new Error("give a number of devices from 100");
const MODULE = join(tmpdir(), `berth-bench-fleet-${process.pid}.mjs`);
await build({
  entryPoints: [fileURLToPath(new URL("./fleet-process.ts", import.meta.url))],
  outfile: MODULE,
  bundle: true,
  platform: "node",
  format: "esm",
  logLevel: "error",
});

const rows = RULES.map((rules) => {
  const flags = ["--expose-gc", MODULE, rules, String(devices)];
  const { status, stdout } = spawnSync(process.execPath, flags, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${rules}: status ${status}`);
  const { bytes, seconds } = JSON.parse(stdout) as Measured;
  return [rules, whole(bytes / devices), whole(devices / seconds), whole((seconds / devices) * 1e6)];
});
console.log(table(["", "bytes a device", "devices a second of CPU", "µs of CPU a device"], rows));
console.log(
  `\n${whole(devices)} devices come to a hub that has an assignment for them and no quota. ` +
    `Node ${process.versions.node}; ${cpus()[0]?.model ?? "unknown"}`,
);
