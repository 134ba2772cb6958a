// SPDX-License-Identifier: MIT
import { existsSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Command } from "commander";
import { DEVICE_COLUMNS, type FactoryDevice } from "../factory/device";
import type { TableProblem } from "../factory/device-table";
import { readDevices } from "../factory/devices";
import { nvsCsv } from "../factory/nvs-csv";
import { checkPartitionSize, nvsImage } from "../factory/nvs-image";
import { nvsPartitionOf, type Partition, SDK_NVS_PARTITION } from "../factory/partition";
import { shellPath } from "../factory/shell-word";
import { makeDirectory, replaceDurably } from "../hosts/node/durable-file";
import { symmetricKeyBytes } from "../src/azure/symmetric-key";
import { BerthError } from "../src/error";
import { type CommandContext, EXIT } from "./context";
import { readText, symmetricKeyFrom, withJson } from "./options";
import { Output } from "./output";
import { namingOption } from "./system-error";

interface FactoryFlags {
  readonly csv: string;
  readonly out: string;
  readonly idScope?: string;
  readonly groupKeyFile?: string;
  readonly certificates?: string;
  readonly partitions?: string;
  readonly only?: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** A table with more problems than that has one that repeats. */
const MOST_PROBLEMS = 20;

const HELP = `
Columns of the table, all but registrationId optional: ${DEVICE_COLUMNS.join(", ")}.
Paths in it start from the table's directory. A row without a key or certificate of its own takes --group-key-file or
--certificates. With efuseBlock the key does not go into NVS but into ID.efuse-key.bin, for berth identity efuse.
Each device gets ID.bin, the image of the NVS partition, and ID.csv for Espressif's nvs_partition_gen.py, which
encrypts it. Both hold the device's secret in clear; only their owner can read them. The whole table is checked before
anything is written. See firmware/README.md, "Factory".`;

/** `berth identity factory`: what each board gets into its NVS partition. */
export function addFactory(identity: Command, context: CommandContext): void {
  const command = identity
    .command("factory")
    .description("write the NVS partition of each device of a table")
    .requiredOption("--csv <file>", "the table of devices, comma separated, with a header")
    .requiredOption("--out <directory>", "where the files go")
    .option("--id-scope <scope>", "for rows without one")
    .option("--group-key-file <file>", "key of an enrollment group; each device gets the key derived from it")
    .option("--certificates <directory>", "ID.pem and ID.key.pem, as berth identity certificates makes them")
    .option("--partitions <file>", "partition table of the firmware in CSV; default: the Moddable SDK's")
    .option("--only <kind>", "write bin or csv alone: fewer copies of the secrets")
    .option("--force", "write over the files of these devices, and remove those that are not made now", false)
    .addHelpText("after", HELP);
  withJson(command).action((flags: FactoryFlags) => {
    const output = new Output(flags.json, context.streams);
    const partition = partitionOf(flags.partitions);
    const { devices, problems, warnings } = devicesOf(flags, partition);
    for (const warning of warnings) output.warning(placed(flags.csv, warning));
    if (problems.length > 0) {
      report(flags.csv, problems, output);
      context.exit(EXIT.usage);
      return;
    }
    namingOption("--out", flags.out, () => write(flags, devices, partition, output));
    printSteps(flags, devices, partition, output);
  });
}

function partitionOf(file: string | undefined): Partition {
  if (file === undefined) return SDK_NVS_PARTITION;
  const partition = nvsPartitionOf(readText(file, "--partitions"), file);
  checkPartitionSize(partition.size);
  return partition;
}

function devicesOf(flags: FactoryFlags, { size }: Partition): ReturnType<typeof readDevices> {
  const { csv, idScope, groupKeyFile, certificates, only } = flags;
  if (groupKeyFile !== undefined && certificates !== undefined)
    throw new BerthError("invalid-argument", "--group-key-file and --certificates; give one of them");
  if (only !== undefined && only !== "bin" && only !== "csv")
    throw new BerthError("invalid-argument", "--only is bin or csv");
  const groupKey = symmetricKeyFrom({ file: groupKeyFile }, "--group-key-file");
  // Its check: a wrong group key is no problem of a row.
  if (groupKey !== undefined) symmetricKeyBytes(groupKey).fill(0);
  const base = dirname(resolve(csv));
  const defaults = {
    idScope,
    groupKey,
    certificates: certificates && resolve(certificates),
    base,
    now: Date.now(),
  };
  return readDevices(readText(csv, "--csv"), defaults, size);
}

function placed(file: string, { line, column, message }: TableProblem): string {
  return `${basename(file)} line ${line}${column === undefined ? "" : `, column ${column}`}: ${message}`;
}

function report(file: string, problems: readonly TableProblem[], output: Output): void {
  for (const problem of problems.slice(0, MOST_PROBLEMS)) {
    const { line, column } = problem;
    output.error(new BerthError("invalid-argument", placed(file, problem)), { line, column });
  }
  const more = problems.length - MOST_PROBLEMS;
  if (more > 0)
    output.error(
      new BerthError("invalid-argument", `${basename(file)}: ${more} more problems; nothing was written`),
    );
}

/** The files that a device may have. */
function everyFileOf({ out }: FactoryFlags, { stem }: FactoryDevice) {
  const file = (ending: string) => join(resolve(out), `${stem}.${ending}`);
  return { image: file("bin"), csv: file("csv"), efuseKey: file("efuse-key.bin") };
}

/** The files that a device gets. */
function filesOf(flags: FactoryFlags, device: FactoryDevice) {
  const { image, csv, efuseKey } = everyFileOf(flags, device);
  return {
    image: flags.only === "csv" ? undefined : image,
    csv: flags.only === "bin" ? undefined : csv,
    efuseKey: device.efuse?.key && efuseKey,
  };
}

function write(
  flags: FactoryFlags,
  devices: readonly FactoryDevice[],
  { size }: Partition,
  output: Output,
): void {
  const planned = devices.map((device) => ({ device, files: filesOf(flags, device) }));
  checkPaths(flags, devices);
  makeDirectory(resolve(flags.out));
  for (const { device, files } of planned) {
    for (const path of Object.values(everyFileOf(flags, device)))
      if (!Object.values(files).includes(path)) rmSync(path, { force: true });
    const { registrationId, attestation, namespaces, efuse } = device;
    const image = nvsImage(namespaces, size);
    if (files.csv !== undefined) replaceDurably(files.csv, Buffer.from(nvsCsv(namespaces)));
    if (files.image !== undefined) replaceDurably(files.image, image.bytes);
    if (files.efuseKey !== undefined && efuse?.key) replaceDurably(files.efuseKey, efuse.key);
    const { usedPages, freePages } = image;
    const efuseBlock = efuse?.block;
    const event = {
      event: "device",
      registrationId,
      attestation,
      efuseBlock,
      ...files,
      usedPages,
      freePages,
    };
    const names = Object.values(files).filter((path) => path !== undefined);
    output.event(event, `made  ${registrationId}  ${names.map((path) => basename(path)).join(", ")}`);
  }
}

/** Nothing that is there is lost unless it is meant to be. */
function checkPaths(flags: FactoryFlags, devices: readonly FactoryDevice[]): void {
  // Those that are not written now, too: they would stay as those of another identity, or be removed.
  const paths = devices.flatMap((device) => Object.values(everyFileOf(flags, device)));
  const given = [flags.csv, flags.groupKeyFile, flags.partitions].filter((file) => file !== undefined);
  const inputs = new Set(
    [...given, ...devices.flatMap(({ reads }) => reads)].map((file) => nameOf(resolve(file))),
  );
  const input = paths.find((path) => inputs.has(nameOf(path)));
  if (input !== undefined)
    throw new BerthError("invalid-argument", `${input} is read and would be lost; take another --out`);
  const twice = duplicateOf(paths);
  if (twice !== undefined)
    throw new BerthError("invalid-argument", `${twice} would be a file of two devices; change an id`);
  if (flags.force) return;
  const there = paths.filter((path) => existsSync(path));
  if (there.length === 0) return;
  const more = there.length > 1 ? ` and ${there.length - 1} more are` : " is";
  throw new BerthError(
    "invalid-argument",
    `${there[0]}${more} there already; take another --out, or --force to replace all files of these devices`,
  );
}

function duplicateOf(paths: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return paths.find((path) => seen.size === seen.add(nameOf(path)).size);
}

/** The same for names that are one file where upper and lower case are the same. */
function nameOf(path: string): string {
  return path.toLowerCase();
}

/** What comes next at the bench. */
function printSteps(
  flags: FactoryFlags,
  devices: readonly FactoryDevice[],
  { offset, size }: Partition,
  output: Output,
): void {
  const [first] = devices;
  const stem = devices.length === 1 && first ? first.stem : "ID";
  const file = (ending: string) => shellPath(join(flags.out, `${stem}.${ending}`));
  const blocks = [...new Set(devices.flatMap(({ efuse }) => (efuse ? [efuse.block] : [])))];
  for (const block of blocks) {
    const command = `berth identity efuse --chip CHIP --block ${block}`;
    output.event({ event: "step", command }, `Key into eFuse, once per board: the steps of ${command}`);
  }
  if (flags.only === "csv") {
    const command = `python -m esp_idf_nvs_partition_gen generate ${file("csv")} ${file("bin")} ${hex(size)}`;
    output.event({ event: "step", command }, `Image: ${command}`);
  }
  const command = `esptool --port PORT write-flash ${hex(offset)} ${file("bin")}`;
  output.event({ event: "step", command }, `Identity, once per board: ${command}`);
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
