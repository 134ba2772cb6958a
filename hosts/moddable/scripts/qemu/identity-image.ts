// SPDX-License-Identifier: MIT
/** The NVS image of the emulated chip, by the tool that makes those of boards: `berth identity factory`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FlashPartition } from "./partition-table";

export interface ChipIdentity {
  /** The values of `berth-id`; bytes are DER. */
  readonly identity: Readonly<Record<string, string | Uint8Array>>;
  /** Those of `berth`. */
  readonly settings: Readonly<Record<string, string>>;
  /** The KEY block that takes the symmetric key in place of NVS. */
  readonly efuseBlock?: number | undefined;
}

export interface IdentityImage {
  readonly nvs: Uint8Array;
  /** What belongs into the KEY block. */
  readonly efuseKey: Uint8Array | undefined;
}

/**
 * @param project directory of package.json
 * @param directory for its files, which it replaces
 * @param partition whose image it is
 * @throws Error with what the command says of a value that the device would not take
 */
export function identityImage(
  project: string,
  directory: string,
  { identity, settings, efuseBlock }: ChipIdentity,
  { offset, size }: FlashPartition,
): IdentityImage {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const row: Record<string, string> = { ...settings };
  for (const [key, value] of Object.entries(identity)) {
    row[key] = typeof value === "string" ? value : `${key}.der`;
    if (typeof value !== "string") writeFileSync(join(directory, `${key}.der`), value, { mode: 0o600 });
  }
  if (efuseBlock !== undefined) row.efuseBlock = String(efuseBlock);
  const csv = join(directory, "devices.csv");
  const partitions = join(directory, "partitions.csv");
  writeFileSync(csv, table([Object.keys(row), Object.values(row)]), { mode: 0o600 });
  writeFileSync(partitions, `nvs,data,nvs,${offset},${size}\n`);
  const out = join(directory, "made");
  const parameters = [
    "identity",
    "factory",
    "--json",
    "--csv",
    csv,
    "--out",
    out,
    "--partitions",
    partitions,
  ];
  let printed: string;
  try {
    printed = execFileSync(process.execPath, [join(project, "cli", "berth.js"), ...parameters], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(problemsOf(`${stdout}\n${stderr}`));
  }
  const made = printed
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .find(({ event }) => event === "device");
  const read = (file: string) => new Uint8Array(readFileSync(file));
  return {
    nvs: read(made.image),
    efuseKey: made.efuseKey !== undefined && existsSync(made.efuseKey) ? read(made.efuseKey) : undefined,
  };
}

function table(rows: readonly (readonly string[])[]): string {
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  return `${rows.map((cells) => cells.map(cell).join(",")).join("\n")}\n`;
}

/** The messages of the command's events. */
function problemsOf(printed: string): string {
  const messages = printed.split("\n").flatMap((line) => {
    try {
      return [String(JSON.parse(line).message ?? line)];
    } catch {
      return line === "" ? [] : [line];
    }
  });
  return `the identity was not taken: ${messages.join("; ")}`;
}
