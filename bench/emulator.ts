// SPDX-License-Identifier: MIT
/** `npx tsx bench/emulator.ts`: what the emulator costs, beside what serves MQTT over TLS elsewhere; see `--help`. */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { type ConnectRates, connectRates } from "./emulator/connects";
import { type ListFigures, listOf } from "./emulator/list";
import { type LoadFigures, type LoadResults, loadOf, SERVERS, type ServerKind } from "./emulator/load";
import { ratio, table, whole } from "./markdown";

const RESULTS = new URL("./RESULTS-emulator.md", import.meta.url);
const COMMAND = "npx tsx bench/emulator.ts --write";
const GROUPS = 1000;
const PARTS = ["connects", "load", "list"] as const;
const MB = 1e6;

interface Options {
  readonly only: readonly string[];
  readonly devices: number;
  readonly messages: number;
  readonly list: number;
  readonly write?: true;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1000)
    throw new InvalidArgumentError("Give a number from 1000.");
  return value;
}

function parts(text: string): string[] {
  const names = text.split(",");
  if (names.every((name) => (PARTS as readonly string[]).includes(name))) return names;
  throw new InvalidArgumentError(`Give some of ${PARTS.join(",")}.`);
}

const options = new Command("npx tsx bench/emulator.ts")
  .description(
    "Measures the emulator: CONNECTs, devices over TLS beside Mosquitto and bare Node.js, long lists.",
  )
  .option("--only <parts>", `some parts: ${PARTS.join(",")}`, parts, [...PARTS])
  .option("--devices <number>", "devices that connect; an even number", count, 5000)
  .option("--messages <number>", "messages of each", Number, 20)
  .option("--list <number>", "devices in the list of a hub", count, 100_000)
  .option("--write", "write the tables to bench/RESULTS-emulator.md as well")
  .addHelpText(
    "after",
    "\nNeeds Linux for what it reads of processes, mosquitto, and `ulimit -n` above the devices.",
  )
  .parse()
  .opts<Options>();
const log = (line: string): void => console.error(line);

function connectTable(one: ConnectRates, many: ConnectRates): string {
  const row = (name: string, { first, again }: ConnectRates) => [name, whole(first), whole(again)];
  return [
    "## CONNECTs a second of CPU time at DPS\n",
    "Without TLS, one after another; devices of one group, which is the last.\n",
    table(["", "for the first time", "again"], [row("1 group", one), row(`${GROUPS} groups`, many)]),
  ].join("\n");
}

const NAMES: Readonly<Record<ServerKind, string>> = {
  emulator: "emulator",
  mosquitto: "Mosquitto",
  bare: "bare `tls` of Node.js",
};

function loadTables({ devices, messages, servers }: LoadResults): string {
  const floor = servers.mosquitto;
  const row = (name: string, of: (figures: LoadFigures) => number, shown = whole): string[] => [
    name,
    ...SERVERS.map((kind) => (servers[kind] ? shown(of(servers[kind])) : "")),
    ratio(servers.emulator && of(servers.emulator), floor && of(floor)),
    ratio(servers.emulator && of(servers.emulator), servers.bare && of(servers.bare)),
  ];
  const each = (connected: number) => (figures: LoadFigures) =>
    ((figures.resident[connected] ?? 0) - figures.resident[10]!) / (connected - 10);
  const rows = [
    row("MB, 10 connected", ({ resident }) => resident[10]! / MB),
    ...[...new Set([1000, devices])].flatMap((connected) => [
      row(`MB, ${connected} connected`, ({ resident }) => resident[connected]! / MB),
      row("bytes a waiting device", each(connected)),
    ]),
    row("MB, after all have sent", ({ residentAfter }) => residentAfter / MB),
    row("µs of CPU a connection", ({ cpuConnecting }) => (cpuConnecting / devices) * 1e6),
    row("µs of CPU a message", ({ cpuSending }) => (cpuSending / devices / messages) * 1e6),
    row("messages a second", ({ sending }) => (devices * messages) / sending),
  ];
  return [
    `## ${devices} devices over TLS\n`,
    `TLS 1.2, the same certificate; each device sends ${messages} messages of QoS 1, all devices at once, each message behind`,
    "the PUBACK before it. Memory is the resident set of the server, two seconds after the last of them, no collection asked for.",
    "CPU is that of the server's process; messages a second are those of server and clients on the same cores. Mosquitto lets",
    "everybody in and has nobody to hand a message to; bare `tls` looks at no packet.\n",
    table(["", ...SERVERS.map((kind) => NAMES[kind]), "to Mosquitto", "to bare"], rows),
  ].join("\n");
}

function listTable(figures: ListFigures): string {
  const ms = (value: number) => (value < 10 ? value.toFixed(1) : whole(value));
  const rows = [
    ["start, ms", ms(figures.start)],
    ["start with an empty state, ms", ms(figures.startEmpty)],
    ["resident, MB", whole(figures.residentBytes / MB)],
    ["resident with an empty state, MB", whole(figures.residentEmptyBytes / MB)],
    ["`state.mdb`, MB", whole(figures.fileBytes / MB)],
    ["all devices written at once, ms", ms(figures.writeAll)],
    ["a desired property changed, on disk, ms", ms(figures.change)],
    ["the file of older emulators written, as at each change then, ms", ms(figures.changeBefore)],
    ["`GET /devices/{id}`, ms", ms(figures.get)],
    ["`GET /devices`, 1,000 identities, ms", ms(figures.list)],
    ["`SELECT * FROM devices`, a page of 1,000 twins, ms", ms(figures.page)],
    ["all pages of it, ms", ms(figures.pages)],
    ["`SELECT COUNT() … WHERE tags.site = …`, ms", ms(figures.count)],
  ];
  return [
    `## A state of ${whole(figures.devices)} devices\n`,
    "Over HTTPS on one connection; medians of 20.\n",
    table(["", ""], rows),
  ].join("\n");
}

const wanted = (part: (typeof PARTS)[number]) => options.only.includes(part);
const text = [
  ...(wanted("connects") ? [connectTable(await connectRates(1), await connectRates(GROUPS))] : []),
  ...(wanted("load") ? [loadTables(await loadOf(options.devices, options.messages, SERVERS, log))] : []),
  ...(wanted("list") ? [listTable(await listOf(options.list, log))] : []),
  `Node ${process.versions.node}; ${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, ${process.platform} ${process.arch}`,
].join("\n\n");
console.log(text);
if (options.write) {
  writeFileSync(RESULTS, `# Results of the emulator\n\nWritten by \`${COMMAND}\`.\n\n${text}\n`);
  log("bench/RESULTS-emulator.md written");
}
process.exit();
