// SPDX-License-Identifier: MIT
/** `npm run fuzz:native`: the C of hosts/native below libFuzzer; see `npm run fuzz:native -- --help`. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { Command } from "commander";
import { ROOT } from "../../../hosts/xs/modules";
import { refuseWhatNpmKept } from "../../../scripts/npm-options";
import { count, duration } from "../arguments";
import { recordFlights } from "./flights";

const SOURCES = join(ROOT, "hosts", "native");
const BUILD = join(ROOT, "build", "fuzz-native");
const TARGETS = [
  "tls_client_fuzz",
  "handshake_watch_fuzz",
  "server_name_fuzz",
  "name_constraints_fuzz",
] as const;
/** Something that it needs is not installed (EX_UNAVAILABLE). */
const UNAVAILABLE = 69;
const ENVIRONMENT = Object.freeze({
  BERTH_ROOT: join(BUILD, "root.der"),
  BERTH_FLIGHTS: join(BUILD, "flights"),
});
/** Longer than what a server sends on two connections. */
const LONGEST = 16_384;
/** A host, a NUL, entries of subjectAltName: tag, length, bytes. */
const NAMES = [
  "hub.example\0\x82\x0bhub.example",
  "a.hub.example\0\x82\x0d*.hub.example\x82\x01*",
  "127.0.0.1\0\x87\x04\x7f\0\0\x01\x82\x09127.0.0.1",
  "hub.example\0\x82\x0chub.example\0",
  "1.2.3.256\0\x82\x01a",
  "a.net\0\x82\x05*.net",
  "a.b.hub.example\0\x82\x0d*.hub.example",
];
/** Flags, a host, a NUL, then bases of constraints, or with flag 1 the extension: see name_constraints_fuzz.c. */
const CONSTRAINTS = [
  "\0hub.example\0\x0bhub.example\x8beu.hub.exam",
  "\x02a.hub.example\0\x8da.hub.example",
  "\x02a.hub.example\0\x07example\x8c.hub.example",
  "\0hub.example\0\x80\0",
  "\x00127.0.0.1\0\x07example",
  "\x01hub.example\0\x30\x0d\xa0\x0b\x30\x09\x82\x07example",
  "\x01127.0.0.1\0\x30\x0e\xa1\x0c\x30\x0a\x87\x08\x7f\0\0\0\xff\0\0\0",
  "\x01hub.example\0\x30\x15\xa0\x13\x30\x11\xa4\x0f\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02ab",
];
const CHANGE_CIPHER_SPEC = [20, 3, 3, 0, 1, 1];
const SERVER_HELLO = message(2, ...new Array<number>(34).fill(3), 0, 0xc0, 0x2b, 0);
/**
 * Servers in as few bytes as they can have, for the watch: what is short is mutated well. The first byte: in pieces of
 * how many bytes; 0x80: a session was offered.
 */
const SHORT_FLIGHTS = [
  [
    [7],
    SERVER_HELLO,
    message(11, 0, 0, 1, 9),
    message(12, 3, 0, 23, 1, 4, 4, 3, 0, 0),
    message(13, 0),
    message(14),
    CHANGE_CIPHER_SPEC,
  ],
  [[0x87], SERVER_HELLO, message(4, 0), CHANGE_CIPHER_SPEC],
  [[0x87], SERVER_HELLO, CHANGE_CIPHER_SPEC],
  [[0x87], CHANGE_CIPHER_SPEC, SERVER_HELLO, CHANGE_CIPHER_SPEC],
];

interface Options {
  readonly target: readonly string[];
  readonly executions?: number;
  readonly for?: number;
  readonly seed?: number;
  readonly renew?: true;
}

const program = new Command("npm run fuzz:native --")
  .description(
    "Runs libFuzzer over the TLS engine, its watch and its checks of names, one after the other, until Ctrl-C.\n" +
      "Needs clang and its runtime; on Debian: apt-get install clang libclang-rt-14-dev libmbedtls-dev.",
  )
  .option("--target <name...>", `of ${TARGETS.join(", ")}`, [...TARGETS])
  .option("--executions <count>", "end after so many, for each", count)
  .option("--for <duration>", "end each after that time: 30s, 10m, 1h", duration)
  .option("--seed <number>", "choose the same mutations again", count)
  .option("--renew", "record the servers anew; what was found with the old ones leads nowhere then");

function build(): boolean {
  const clang = spawnSync("clang", ["--version"]);
  if (clang.status !== 0) {
    console.error("clang is not installed; on Debian: apt-get install clang libclang-rt-14-dev");
    return false;
  }
  // Relative: make cannot take a path with a blank, and the project may lie below one.
  const made = spawnSync("make", ["-j2", `BUILD=${relative(SOURCES, BUILD)}`, "fuzzers"], {
    cwd: SOURCES,
    stdio: ["ignore", "ignore", "inherit"],
  });
  return made.status === 0;
}

/** A handshake message in a record of its own. */
function message(type: number, ...body: readonly number[]): number[] {
  return [22, 3, 3, 0, body.length + 4, type, 0, 0, body.length, ...body];
}

/** Root, flights and first samples, where they are not there yet. */
async function prepare(renew: boolean): Promise<void> {
  const flightsFile = join(BUILD, "flights");
  if (existsSync(flightsFile) && !renew) return;
  const { root, flights } = await recordFlights(join(BUILD, "tls_record"));
  for (const target of TARGETS) mkdirSync(join(BUILD, "corpus", target), { recursive: true });
  const parts: Uint8Array[] = [];
  for (const { name, input, bytes, opens } of flights) {
    writeFileSync(join(BUILD, "corpus", "tls_client_fuzz", name), input);
    writeFileSync(
      join(BUILD, "corpus", "handshake_watch_fuzz", name),
      Buffer.concat([Uint8Array.of(7), bytes]),
    );
    // Only those that may open.
    if (opens > 0) parts.push(Uint8Array.of(input.length >> 8, input.length & 255), input);
  }
  for (const [i, parts] of SHORT_FLIGHTS.entries()) {
    writeFileSync(join(BUILD, "corpus", "handshake_watch_fuzz", `short-${i}`), Uint8Array.from(parts.flat()));
  }
  for (const [i, name] of NAMES.entries()) {
    writeFileSync(join(BUILD, "corpus", "server_name_fuzz", `name-${i}`), Buffer.from(name, "latin1"));
  }
  for (const [i, input] of CONSTRAINTS.entries()) {
    writeFileSync(
      join(BUILD, "corpus", "name_constraints_fuzz", `constraint-${i}`),
      Buffer.from(input, "latin1"),
    );
  }
  writeFileSync(join(BUILD, "root.der"), root);
  writeFileSync(flightsFile, Buffer.concat(parts));
  for (const { name, opens } of flights) {
    const { stdout } = spawnSync(
      join(BUILD, "tls_client_fuzz"),
      [join(BUILD, "corpus", "tls_client_fuzz", name)],
      {
        env: { ...process.env, ...ENVIRONMENT, BERTH_SHOW: "1" },
        encoding: "utf8",
      },
    );
    // Otherwise nothing behind the handshake would ever be reached.
    const came = stdout.includes("resumed") ? 2 : stdout.includes("opened") ? 1 : 0;
    if (came !== opens) {
      throw new Error(`played back, ${name} comes to something else: ${stdout}`);
    }
  }
}

/** @returns false when it found something */
function fuzz(target: string, { executions, for: time, seed }: Options): Promise<boolean> {
  const parameters = [
    ...(executions === undefined ? [] : [`-runs=${executions}`]),
    ...(time === undefined ? [] : [`-max_total_time=${Math.ceil(time / 1_000)}`]),
    ...(seed === undefined ? [] : [`-seed=${seed}`]),
    `-max_len=${LONGEST}`,
    "-print_final_stats=1",
    `-artifact_prefix=${join(BUILD, `${target}-`)}`,
    join(BUILD, "corpus", target),
  ];
  const child = spawn(join(BUILD, target), parameters, {
    env: { ...process.env, ...ENVIRONMENT },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => {
    log += part;
  });
  return new Promise((resolve) => {
    child.on("close", (status) => {
      writeFileSync(join(BUILD, `${target}.log`), log);
      const covered = /.*cov: (\d+).*/.exec(log.slice(log.lastIndexOf("cov: ") - 20))?.[1] ?? "?";
      const done = /number_of_executed_units: (\d+)/.exec(log)?.[1] ?? "?";
      const rate = /average_exec_per_sec: +(\d+)/.exec(log)?.[1] ?? "?";
      console.log(
        `${target.padEnd(22)} ${status === 0 ? "ok" : "BROKEN"}  ${done} (${rate}/s), ${covered} edges`,
      );
      if (status !== 0) tell(target, log);
      resolve(status === 0);
    });
  });
}

/** What was found, with all that is needed to have it again on another machine. */
function tell(target: string, log: string): void {
  console.error(log.slice(-6_000));
  const variables = Object.entries(ENVIRONMENT).map(([name, file]) => `${name}=${file}`);
  console.error(`run it again: ${variables.join(" ")} ${join(BUILD, target)} FILE`);
  const [input] = /\S+$/.exec(/Test unit written to .*/.exec(log)?.[0] ?? "") ?? [];
  // The others need no recorded server.
  const files = target === "tls_client_fuzz" ? Object.values(ENVIRONMENT) : [];
  for (const file of [input, ...files]) {
    if (file !== undefined) console.error(`${file}, base64: ${readFileSync(file).toString("base64")}`);
  }
}

async function main(): Promise<number> {
  refuseWhatNpmKept(program);
  const options = program.parse().opts<Options>();
  if (!build()) return UNAVAILABLE;
  await prepare(options.renew === true);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  console.log(`seed ${seed}`);
  let good = true;
  for (const target of options.target) good = (await fuzz(target, { ...options, seed })) && good;
  return good ? 0 : 1;
}

process.exitCode = await main();
