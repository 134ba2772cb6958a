// SPDX-License-Identifier: MIT
/** Which service a command asks: that of a connection string, or an emulator that runs on this computer. */
import { type Command, InvalidArgumentError } from "commander";
import { loadRoots } from "../../hosts/node/roots";
import type { ConnectTo } from "../../hosts/sockets/connect-to";
import { BerthError } from "../../src/error";
import type { CommandContext } from "../context";
import { berthHome } from "../home";
import { collect, collectConnectTo, serverName, wholeNumber } from "../options";
import { type Place, ServiceClient } from "./client";
import { parseConnectionString, type ServiceCredentials } from "./connection-string";
import { ServiceFailure } from "./failure";
import { type Running, runningEmulators } from "./running";

/** The kinds of API. */
export type ServiceKind = "hub" | "dps" | "emulator";

/** API versions of Azure. */
const API_VERSION = Object.freeze({ hub: "2021-04-12", dps: "2021-10-01" });
const VARIABLES = Object.freeze({ hub: "BERTH_HUB_CONNECTION_STRING", dps: "BERTH_DPS_CONNECTION_STRING" });
const TOKEN_VARIABLE = "BERTH_CONTROL_TOKEN";
const HTTPS_PORT = 443;
/** The last second that the clock of an emulator can say (9999-12-31): that clock may be set, by `berth clock`. */
const ANY_CLOCK = 253_402_300_799;
const POLICY_REMEDY =
  "take a connection string of a policy that may (berth hub connection-string prints an emulator's)";

/** Options of every verb. */
export interface TargetFlags {
  readonly connectionString?: string;
  readonly hubName?: string;
  readonly emulator?: number;
  readonly ca?: string[];
  readonly connectTo?: ConnectTo[];
  readonly url?: URL;
  readonly token?: string;
}

/** Adds the options that say whom to ask. */
export function withTarget(command: Command, kind: ServiceKind): Command {
  const port = wholeNumber(1, 65_535);
  const which = "--emulator <port>";
  if (kind === "emulator") {
    return command
      .option(which, "of the emulators that run on this computer, the one with this port", port)
      .option("--url <url>", "one elsewhere: https:// and the host and port of its APIs", httpsUrl)
      .option("--token <token>", `what it asks for then; default: ${TOKEN_VARIABLE}`)
      .option("--ca <file>", "its root (repeatable)", collect);
  }
  command.option(
    "-l, --connection-string <text>",
    `of a policy of the service; default: ${VARIABLES[kind]}, else the emulator that runs on this computer`,
  );
  if (kind === "hub")
    command.option("-n, --hub-name <name>", "the hub, where the emulator has several", serverName);
  return command
    .option(which, "the emulator on this computer with this port", port)
    .option("--ca <file>", "trust the roots of this file instead of Azure's (repeatable)", collect)
    .option(
      "--connect-to <host:address:port>",
      "connect to ADDRESS:PORT for HOST; HOST is still verified (repeatable)",
      collectConnectTo,
    );
}

function httpsUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "https:" && url.pathname === "/" && url.search === "" && url.username === "")
    return url;
  throw new InvalidArgumentError("Give https://HOST:PORT, for example https://localhost:8443.");
}

/** What a command works with. */
export interface Target {
  readonly client: ServiceClient;
  readonly place: Omit<Place, "host">;
  /** Of a hub or of DPS. */
  readonly credentials: ServiceCredentials | undefined;
  /** The emulator that was found here. */
  readonly running: Running | undefined;
}

/**
 * Finds the service.
 * @param deviceId chooses the hub where the emulator has several
 * @throws BerthError `invalid-argument` where nothing says which; ServiceFailure where no emulator runs, or no hub has the
 *   device
 */
export async function findTarget(
  kind: ServiceKind,
  flags: TargetFlags,
  context: CommandContext,
  deviceId?: string,
): Promise<Target> {
  if (kind === "emulator") return emulatorTarget(flags, context);
  const variable = VARIABLES[kind];
  const given = flags.connectionString ?? context.environment[variable];
  if (given) {
    const source = flags.connectionString === undefined ? variable : "--connection-string";
    const credentials = parseConnectionString(given, source);
    if (flags.hubName !== undefined && flags.hubName.toLowerCase() !== credentials.host)
      throw wrong(
        `--hub-name ${flags.hubName} is not ${credentials.host}, which the connection string is for`,
      );
    if (flags.emulator === undefined) {
      const { ca, connectTo = [] } = flags;
      const place = {
        port: HTTPS_PORT,
        connectTo,
        roots: loadRoots({ replace: ca }),
        what: `${whereOf(credentials.host, connectTo)}, by ${source}`,
        remedy: POLICY_REMEDY,
      };
      return serviceTarget(kind, credentials, place, undefined);
    }
    const running = chosen(flags, context, variable);
    return serviceTarget(kind, credentials, { ...placeOf(running), remedy: POLICY_REMEDY }, running);
  }
  const running = chosen(flags, context, variable);
  const all = running.connectionStrings.map((text) => parseConnectionString(text, "the emulator"));
  const targets = all
    .filter(({ host }) => (kind === "dps") === (host === running.dps))
    .map((credentials) => serviceTarget(kind, credentials, placeOf(running), running));
  if (kind === "dps") return targets[0]!;
  return hubOf(targets, flags.hubName?.toLowerCase(), deviceId);
}

async function hubOf(
  targets: readonly Target[],
  name: string | undefined,
  deviceId: string | undefined,
): Promise<Target> {
  const names = targets.map(({ client }) => client.place.host).join(", ");
  if (name !== undefined) {
    const found = targets.find(({ client }) => client.place.host === name);
    if (!found) throw wrong(`--hub-name: the emulator has no hub ${name}; it has ${names}`);
    return found;
  }
  const [only, ...others] = targets;
  if (only && others.length === 0) return only;
  if (deviceId === undefined) throw wrong(`the emulator has several hubs; give --hub-name, one of ${names}`);
  for (const target of targets) {
    const has = await target.client.get(`/devices/${encodeURIComponent(deviceId)}`).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ServiceFailure && error.status === 404) return false;
        throw error;
      },
    );
    if (has) return target;
  }
  throw new ServiceFailure(
    "DeviceNotFound",
    `no hub of the emulator has a device ${deviceId} (${names}); berth hub device list --hub-name NAME shows those there are`,
    { status: 404, errorCode: 404_001 },
  );
}

function serviceTarget(
  kind: "hub" | "dps",
  credentials: ServiceCredentials,
  place: Omit<Place, "host">,
  running: Running | undefined,
): Target {
  return { client: ServiceClient.of(credentials, place, API_VERSION[kind]), place, credentials, running };
}

function emulatorTarget(flags: TargetFlags, context: CommandContext): Target {
  const token = flags.token ?? context.environment[TOKEN_VARIABLE];
  const { url, ca } = flags;
  if (url) {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const port = url.port === "" ? HTTPS_PORT : Number(url.port);
    const place = {
      port,
      connectTo: [],
      roots: loadRoots({ replace: ca }),
      what: `the emulator on ${url.host}`,
      remedy: `give it by --token or ${TOKEN_VARIABLE} (berth emulator --connection-strings prints it)`,
    };
    return {
      client: ServiceClient.ofEmulator({ ...place, host }, token),
      place,
      credentials: undefined,
      running: undefined,
    };
  }
  const running = chosen(flags, context, "--url");
  const place = placeOf(running);
  const client = ServiceClient.ofEmulator({ ...place, host: "localhost" }, running.controlToken);
  return { client, place, credentials: undefined, running };
}

function placeOf({ address, httpsPort, root }: Running): Omit<Place, "host"> {
  return {
    port: HTTPS_PORT,
    connectTo: [{ host: "", address, toPort: httpsPort }],
    roots: [root],
    // The name that keeps its certificate, whatever the others are made to show.
    serverName: "localhost",
    what: `the emulator on ${address}:${httpsPort}`,
    // The keys are those that it has written down itself.
    remedy: "berth events --event serviceRefused tells why, when this is tried again",
    tokensUntil: ANY_CLOCK,
  };
}

function whereOf(host: string, connectTo: readonly ConnectTo[]): string {
  const entry = connectTo.find((one) => one.host === "" || one.host === host);
  return entry ? `${entry.address}:${entry.toPort ?? HTTPS_PORT}` : `port ${HTTPS_PORT}`;
}

/** The emulator of `--emulator`, or the only one. @throws BerthError `invalid-argument`; ServiceFailure where it does not run */
function chosen(flags: TargetFlags, context: CommandContext, otherwise: string): Running {
  const all = runningEmulators(berthHome(context));
  const { emulator } = flags;
  const fitting =
    emulator === undefined ? all : all.filter((one) => one.port === emulator || one.httpsPort === emulator);
  const [first, second] = fitting;
  if (first && !second) return first;
  const ports = all.map(({ port }) => port).join(", ");
  if (first) throw wrong(`emulators run on the ports ${ports}; --emulator says which`);
  if (all.length > 0) throw missing(`--emulator: none has the port ${emulator}; they run on ${ports}`);
  const ways = otherwise === "--url" ? "--url" : `--connection-string or ${otherwise}`;
  throw missing(
    `no emulator runs on this computer; start one (berth emulator --config FILE), or give ${ways}`,
  );
}

function missing(problem: string): ServiceFailure {
  return new ServiceFailure("no-emulator", problem, { retriable: true });
}

function wrong(problem: string): BerthError {
  return new BerthError("invalid-argument", problem);
}

/** Where AMQP of a target is. */
export function amqpPlaceOf({ place, running }: Target): Omit<Place, "host"> {
  if (!running) return place;
  return { ...place, connectTo: [{ host: "", address: running.address, toPort: running.amqpsPort }] };
}
