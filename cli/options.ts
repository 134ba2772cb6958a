// SPDX-License-Identifier: MIT
/** Options that several commands share. Each parser's message ends up behind the option's name. */
import { isIP } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { readHandedOver, textOf } from "../hosts/node/handed-over";
import { type ConnectTo, parseConnectTo } from "../hosts/sockets/connect-to";
import { HOST_NAME_FORM, isHostName } from "../src/azure/identifiers";
import { refreshPage } from "../scripts/dist-state";
import { symmetricKeyBytes } from "../src/azure/symmetric-key";
import { BerthError } from "../src/error";
import { DEFAULT_MAXIMUM } from "../src/mqtt/reader";
import { transports } from "../src/transports";
import { systemError } from "./system-error";

/** Environment variable that holds a symmetric key. */
export const KEY_VARIABLE = "BERTH_SYMMETRIC_KEY";
/** Environment variable that holds an HTTP proxy, with its password perhaps. */
export const PROXY_VARIABLE = "BERTH_PROXY";

/** A whole number from `least` to `most`. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Seconds, fractions allowed, above zero. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > 31_536_000) {
    throw new InvalidArgumentError("Give seconds above 0, for example 30 or 0.5.");
  }
  return value;
}

/** Collects a repeatable option. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** `NAME=VALUE`, repeatable. */
export function nameAndValue(
  text: string,
  before?: Readonly<Record<string, string>>,
): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Give NAME=VALUE, for example colour=blue.");
  return Object.fromEntries([...Object.entries(before ?? {}), [text.slice(0, at), text.slice(at + 1)]]);
}

/** As `collect`, for `--connect-to`. */
export function collectConnectTo(text: string, before: readonly ConnectTo[] | undefined): ConnectTo[] {
  try {
    return [...(before ?? []), ...parseConnectTo(text)];
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** The name of a server, or its address, alone. */
export function serverName(text: string): string {
  if (isHostName(text) || isIP(text) !== 0) return text;
  throw new InvalidArgumentError(`Give ${HOST_NAME_FORM}, or an IP address without brackets.`);
}

/** Adds `--eager`. */
export function withEager(command: Command): Command {
  return command.option(
    "--eager",
    "send what may follow CONNECT before CONNACK: fewer round trips; nobody has tried it with Azure",
    false,
  );
}

/** The port of the page where none is asked for. */
const PAGE_PORT = 8480;

/** Adds `--page`. */
export function withPage(command: Command): Command {
  return command.option(
    "--page [port]",
    `serve the page that shows devices and drives everything, and print its address; port ${PAGE_PORT}, or a free one where that is taken`,
    wholeNumber(0, 65_535),
  );
}

/**
 * Starts what serves the page, at another port where the usual one is taken.
 * @param flag the value of `--page`
 * @param start is given the option `page` of an emulator; undefined without the flag
 * @throws BerthError `internal` when the page cannot be built in a checkout, and what `start` throws
 */
export async function withPagePort<T>(
  flag: number | boolean | undefined,
  start: (page: { port: number } | undefined) => Promise<T>,
): Promise<T> {
  if (flag === undefined || flag === false) return start(undefined);
  if (!refreshPage()) throw new BerthError("internal", "the page cannot be built; see above");
  if (typeof flag === "number") return start({ port: flag });
  try {
    return await start({ port: PAGE_PORT });
  } catch (error) {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== "EADDRINUSE" || port !== PAGE_PORT) throw error;
    return start({ port: 0 });
  }
}

/** Adds `--receive-limit`. */
export function withReceiveLimit(command: Command): Command {
  return command.option(
    "--receive-limit <bytes>",
    "largest answer of DPS or message of the hub that a device holds, with its topic; what is larger is told and read past",
    wholeNumber(2_048, 1_048_576),
    DEFAULT_MAXIMUM,
  );
}

/** Adds `--transport`. */
export function withTransport(command: Command): Command {
  return command.option(
    "--transport <order>",
    "ways to the servers, the first wanted most: tcp, websocket (443), with a port as websocket:8443; commas between",
    transportOrder,
  );
}

function transportOrder(text: string): string[] {
  const order = text.split(",").map((entry) => entry.trim());
  try {
    transports(...order);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return order;
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option("--json", "print one JSON object a line", false);
}

/** A file's bytes. @param what it is: the option. @throws as `systemError`, and `invalid-argument` */
export function readBytes(file: string, what: string): Buffer {
  try {
    return readHandedOver(file);
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw systemError(error, what, file);
  }
}

/** As `readBytes`, as text. @throws BerthError `invalid-argument` too for what is no text, with its line */
export function readText(file: string, what: string): string {
  return textOf(readBytes(file, what), file);
}

/** Where a symmetric key may come from. */
export interface KeySources {
  readonly option?: string | undefined;
  readonly file?: string | undefined;
  readonly environment?: string | undefined;
}

/**
 * The symmetric key: the option, else the file, else the environment; undefined when there is none.
 * @param fileOption the option that names the file
 * @throws BerthError `invalid-argument` when option and file are both given, or the file cannot be read or is empty.
 */
export function symmetricKeyFrom(sources: KeySources, fileOption: string): string | undefined {
  if (sources.option !== undefined && sources.file !== undefined) {
    throw new BerthError(
      "invalid-argument",
      `the key is given twice, as an option and by ${fileOption}; leave one out`,
    );
  }
  if (sources.option !== undefined) return sources.option;
  if (sources.file === undefined) return sources.environment || undefined;
  const key = readText(sources.file, fileOption).trim();
  if (key === "")
    throw new BerthError("invalid-argument", `${sources.file} is empty; put the base64 key into it`);
  const other = notKey(key);
  if (other !== undefined) throw new BerthError("invalid-argument", `${sources.file} ${other}`);
  try {
    symmetricKeyBytes(key).fill(0);
  } catch (error) {
    throw error instanceof BerthError
      ? new BerthError(error.code, `${sources.file}: ${error.message}`)
      : error;
  }
  return key;
}

/** What else a file for a symmetric key may hold, and what to do. */
function notKey(text: string): string | undefined {
  if (/^[[{]/.test(text)) {
    return "is JSON, an enrollment perhaps; put its primaryKey alone into the file (az prints keys with --show-keys only)";
  }
  if (text.includes("-----BEGIN"))
    return "is PEM, which proves a device by x.509; a symmetric key is one line of base64";
  return undefined;
}

/** Behind the help of each command that takes a key. */
export const KEY_HELP = `
A key on the command line can be read by other users of this computer (ps, shell history).
Better: put it into a file that only you can read, or into the environment variable ${KEY_VARIABLE}.`;
