// SPDX-License-Identifier: MIT
/** `npm run sim:qemu`: the image of a board on an emulated chip, against the embedded Azure. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ChipCloud } from "./chip-cloud";
import { cutPower } from "./cuts";
import { efuseImage } from "./efuse-image";
import { flashImage, placesOf, readParts } from "./flash-image";
import { identityImage } from "./identity-image";
import { type LifeEnd, live, untilAcknowledged } from "./life";
import type { QemuFiles } from "./qemu";

export interface SimulationOptions {
  /** QEMU. */
  readonly program: string;
  /** What the build has left. */
  readonly output: string;
  /** For flash and eFuses. */
  readonly directory: string;
  /** Of `--identity`; undefined: that of the embedded Azure. */
  readonly identity: Readonly<Record<string, string | Uint8Array>> | undefined;
  /** `key=value` of the command line, for the chip's flash. */
  readonly settings: Readonly<Record<string, string>>;
  /** The symmetric key goes into eFuse. */
  readonly efuse: boolean;
  /** Acknowledged messages of each life. */
  readonly telemetry: number;
  /** Power cuts; 0: none. */
  readonly cuts: number;
  readonly seed: number;
  /** Messages after which the hub closes the first connection; undefined: it does not. */
  readonly drop: number | undefined;
  /** Milliseconds of a life; 0: none. */
  readonly timeout: number;
  readonly print: (row: string) => void;
}

/** The KEY block that cannot hold a key of flash encryption. */
const EFUSE_BLOCK = 5;

/** @returns the exit status. @throws Error that says what of the build or of the identity is wrong */
export async function simulateChip(options: SimulationOptions): Promise<number> {
  const { identity, settings, timeout, telemetry, print } = options;
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    if (identity !== undefined) {
      const files = writeChip(options, identity, { exitAfter: String(telemetry), ...settings });
      const end = await liveAlone(options, files, abort.signal);
      return report(end, print);
    }
    const cloud = await ChipCloud.start({ print, alternate: options.cuts > 0 });
    try {
      const { drop } = options;
      for (const endpoint of drop === undefined ? [] : cloud.emulator.hubs)
        cloud.emulator.faults.add({ step: "puback", action: "close", endpoint, skip: drop ?? 0, count: 1 });
      const own = { ...cloud.settings, startSpread: "0", telemetryEvery: "1", ...settings };
      const files = writeChip(options, cloud.identity, own);
      const life = { ...files, program: options.program, timeout, signal: abort.signal };
      if (options.cuts > 0) return await cutPower({ ...options, ...life, cloud });
      print("First start: nothing stored, so the device asks DPS");
      let failed: number | undefined;
      let stop = () => {};
      const onLine = (line: string) => {
        cloud.serial(line);
        // An app of cases says this at its end.
        const [, count] = /^\d+ passed, (\d+) failed$/.exec(line) ?? [];
        if (count === undefined) return;
        failed = Number(count);
        stop();
      };
      const first = await live({ ...life, onLine }, (done) => {
        stop = done;
        untilAcknowledged(cloud, telemetry)(done);
      });
      if (failed !== undefined) return failed === 0 ? 0 : 1;
      if (first !== "done") return report(first, print);
      print("Second start: from the stored assignment");
      const registrations = cloud.emulator.counts.registrations;
      const second = await live({ ...life, onLine }, untilAcknowledged(cloud, telemetry));
      if (second !== "done") return report(second, print);
      const asked = cloud.emulator.counts.registrations - registrations;
      print(`${cloud.acknowledged} messages acknowledged; the second start asked DPS ${asked} times`);
      return asked === 0 ? 0 : 1;
    } finally {
      await cloud.stop();
    }
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

/** Against a cloud that is not ours: the chip itself says when it is done. */
function liveAlone(options: SimulationOptions, files: QemuFiles, signal: AbortSignal): Promise<LifeEnd> {
  const { program, timeout, telemetry, print } = options;
  let end = () => {};
  const onLine = (line: string) => {
    if (line !== "") print(line);
    if (line === `berth: ${telemetry} messages acknowledged`) end();
  };
  return live({ ...files, program, timeout, signal, onLine }, (done) => {
    end = done;
  });
}

function report(end: LifeEnd, print: (row: string) => void): number {
  if (end === "timeout") print("error: the time of --timeout is over");
  if (end === "qemu") print("error: QEMU has ended by itself");
  return end === "done" ? 0 : end === "interrupted" ? 130 : 1;
}

/** Flash and eFuses of a chip that comes from the factory. */
export function writeChip(
  { output, directory, efuse }: Pick<SimulationOptions, "output" | "directory" | "efuse">,
  identity: Readonly<Record<string, string | Uint8Array>>,
  settings: Readonly<Record<string, string>>,
): QemuFiles {
  const parts = readParts(output);
  const efuseBlock = efuse ? EFUSE_BLOCK : undefined;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { nvs, efuseKey } = identityImage(
    join(directory, "identity"),
    { identity, settings, efuseBlock },
    placesOf(parts.table).nvs,
  );
  const files = { flash: join(directory, "flash.bin"), efuses: join(directory, "efuses.bin") };
  writeFileSync(files.flash, flashImage(parts, nvs), { mode: 0o600 });
  const key = efuseBlock === undefined || !efuseKey ? undefined : { block: efuseBlock, key: efuseKey };
  writeFileSync(files.efuses, efuseImage(key), { mode: 0o600 });
  return files;
}
