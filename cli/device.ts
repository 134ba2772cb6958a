// SPDX-License-Identifier: MIT
import type { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { nameProblem } from "../factory/certificates";
import { clientPairIn } from "../hosts/node/credentials";
import { loadRoots } from "../hosts/node/roots";
import { NodeSigner } from "../hosts/node/signer";
import type { ConnectTo } from "../hosts/sockets/connect-to";
import { parseProxy } from "../hosts/sockets/http-connect";
import { DPS_HOST } from "../src/azure/dps";
import { staleCertificate } from "../src/agent/refusal";
import { BerthError } from "../src/error";
import type { MethodAnswer } from "../src/azure/hub/direct-methods";
import { type CommandContext, EXIT } from "./context";
import { atEmulator } from "./device-at-emulator";
import { berthHome } from "./home";
import type { EngineHost, EngineName } from "./device-engine";
import { type DeviceRunOptions, runDevice, validityOf } from "./device-run";
import { openEngine, withEngine } from "./open-engine";
import {
  collect,
  collectConnectTo,
  KEY_HELP,
  KEY_VARIABLE,
  nameAndValue,
  PROXY_VARIABLE,
  readBytes,
  seconds,
  serverName,
  symmetricKeyFrom,
  wholeNumber,
  withEager,
  withJson,
  withReceiveLimit,
  withTransport,
} from "./options";
import { Output } from "./output";
import { onInterrupt } from "./signals";
import { inStateDirectory } from "./state-directory";
import { hasIssuedCertificate, isDamaged } from "./stored-state";
import { misnamed } from "./verbs/verb";
import { Timeline, timelineRow, timelineStyle } from "./timeline";

interface DeviceFlags {
  readonly idScope?: string;
  readonly emulator?: number;
  readonly registrationId: string;
  readonly symmetricKey?: string;
  readonly symmetricKeyFile?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly endpoint: string;
  readonly port: number;
  readonly hubPort?: number;
  readonly ca?: string[];
  readonly addCa?: string[];
  readonly connectTo?: ConnectTo[];
  readonly transport?: string[];
  readonly proxy?: string;
  readonly gateway?: string;
  readonly secondName: boolean;
  readonly state?: string;
  readonly outbox?: string;
  readonly telemetry?: number;
  readonly data?: string[];
  readonly properties?: Record<string, string>;
  readonly method?: Record<string, MethodAnswer>;
  readonly interval?: number;
  readonly timeout: number;
  readonly stay: boolean;
  readonly eager: boolean;
  readonly receiveLimit: number;
  readonly payload?: string;
  readonly issue: boolean;
  readonly rootsKey?: string;
  readonly trace: boolean;
  readonly engine: EngineName;
  readonly json: boolean;
}

/** `berth device`: one device on this computer against any DPS, Azure's included. */
export function addDevice(program: Command, context: CommandContext): void {
  const command = program
    .command("device")
    .description("run one device: provision, connect to its hub, send telemetry")
    .option("--id-scope <scope>", "ID scope of the DPS instance, for example 0ne00000000")
    .option(
      "--emulator <port>",
      "at the emulator of this port on this computer, which is asked for scope, root and key",
      wholeNumber(1, 65_535),
    )
    .requiredOption("--registration-id <id>", "the device; for x.509 the common name of its certificate")
    .option("--symmetric-key <base64>", `the device's key (not the group's); default: ${KEY_VARIABLE}`)
    .option("--symmetric-key-file <file>", "a file that holds it")
    .option("--cert <file>", "the device's certificate and its intermediates, in PEM or DER")
    .option("--key <file>", "the private key of --cert, in PEM or DER")
    .option("--endpoint <host>", "host name of DPS", serverName, DPS_HOST)
    .option("--port <port>", "port of DPS", wholeNumber(1, 65_535), 8883)
    .option("--hub-port <port>", "port of the hub; default: as --port", wholeNumber(1, 65_535))
    .option("--ca <file>", "trust the roots of this file instead of Azure's (repeatable)", collect)
    .option("--add-ca <file>", "trust the roots of this file too (repeatable)", collect)
    .option(
      "--connect-to <host:address:port>",
      "connect to ADDRESS:PORT for HOST; HOST is still verified (repeatable)",
      collectConnectTo,
    )
    .option(
      "--proxy <url>",
      `an HTTP proxy to go through, http://USER:PASSWORD@HOST:PORT; default: ${PROXY_VARIABLE}`,
    )
    .option("--gateway <host>", "connect to this IoT Edge gateway in the hub's place", serverName)
    .option(
      "--second-name",
      "connect to the hub's second name, which has TLS 1.3: HUB.device.azure-devices.net",
      false,
    )
    .option(
      "--state <directory>",
      "keeps the assignment; default: SCOPE-REGISTRATIONID in BERTH_HOME, which is .berth in your home directory",
    )
    .option("--outbox <file>", "keeps messages in this file until the hub has them; made when missing")
    .option(
      "--telemetry <count>",
      "messages to send; 0 only connects; default: 1, or each --data once",
      wholeNumber(0, 1_000_000_000),
    )
    .option("--data <text>", "what they hold, in turn, in place of a count (repeatable)", collect)
    .option("-p, --properties <name=value>", "an application property of each (repeatable)", nameAndValue)
    .option(
      "--method <name=status[:json]>",
      "answer this direct method so; with --stay (repeatable)",
      methodAnswer,
    )
    .addOption(misnamed("--message <text>", "--data"))
    .option("--interval <seconds>", "time between messages; default: none", seconds)
    .option("--timeout <seconds>", "give up after this time", seconds, 120)
    .option("--stay", "go on after the last message until interrupted", false)
    .option("--payload <json>", "an object for the custom allocation policy")
    .option("--issue", "have DPS issue a certificate, show it to the hub, and renew it", false)
    .option("--roots-key <base64>", "take roots from the twin that this key has signed (berth roots)")
    .option("--trace", "print each MQTT packet, secrets masked", false)
    .addHelpText(
      "after",
      `${KEY_HELP}\n\nExit status: 0 when all messages are acknowledged, else 1; 2 for a wrong command line.`,
    );
  withJson(withEngine(withEager(withReceiveLimit(withTransport(command))))).action((flags: DeviceFlags) =>
    run(flags, context),
  );
}

async function run(flags: DeviceFlags, context: CommandContext): Promise<void> {
  const output = new Output(flags.json, context.streams);
  const { registrationId, cert, key, method: methods, data: messages = [] } = flags;
  const telemetry = flags.telemetry ?? (messages.length || 1);
  if (methods && flags.engine !== "node")
    throw new BerthError("invalid-argument", "--method: answers come from --engine node only; leave one out");
  const place = await placeOf(flags, context);
  const { idScope, port } = place;
  const { chain, ...proof } = proofOf({ ...flags, ...place.proof }, context);
  const payload = payloadOf(flags.payload);
  const device: EngineHost = {
    stateDirectory:
      flags.state ?? join(berthHome(context), encodeURIComponent(`${idScope}-${registrationId}`)),
    roots: [
      ...place.roots,
      ...(place.roots.length > 0 && flags.ca === undefined && flags.addCa === undefined
        ? []
        : loadRoots({ replace: flags.ca, add: flags.addCa, log: (line) => output.warning(line) })),
    ],
    ...proof,
    connectTo: place.connectTo,
    credentials: { issue: flags.issue, rootsKey: flags.rootsKey },
    transports: flags.transport,
    proxy: proxyOf(flags, context),
    outboxFile: flags.outbox,
  };
  if (cert !== undefined && chain !== undefined) warnAbout(cert, chain, registrationId, output);
  const interrupt = onInterrupt();
  try {
    const engine = await openEngine(flags.engine, output);
    if (isDamaged(device.stateDirectory)) {
      output.warning(`stored assignment unreadable, asking DPS (${device.stateDirectory})`);
    }
    if (!flags.issue && hasIssuedCertificate(device.stateDirectory, { idScope, registrationId })) {
      output.warning(
        `${device.stateDirectory} keeps a certificate that DPS has issued to ${registrationId}, which its hub may ask for; give --issue to show it`,
      );
    }
    const timeline = new Timeline((packet) =>
      output.passing({ event: "packet", ...packet }, timelineRow(packet), timelineStyle(packet)),
    );
    const options: DeviceRunOptions = {
      engine,
      device,
      timeline: flags.trace ? timeline : undefined,
      identity: { idScope, registrationId, attestation: key === undefined ? "symmetricKey" : "x509" },
      endpoint: flags.endpoint,
      port,
      hubPort: flags.hubPort ?? port,
      telemetry,
      messages,
      properties: flags.properties,
      methods,
      interval: (flags.interval ?? 0) * 1000,
      timeout: flags.timeout * 1000,
      stay: flags.stay,
      eager: flags.eager,
      gateway: flags.gateway,
      secondName: flags.secondName,
      receiveLimit: flags.receiveLimit,
      payload,
      signal: interrupt.signal,
      onEvent: (event, line) => {
        if (event.event === "error" || event.event === "warning") output.trouble(event, line);
        else output.passing(event, line === "" ? undefined : line);
      },
    };
    const result = await inStateDirectory(device.stateDirectory, () => runDevice(options));
    const done =
      result.error === undefined && result.source !== undefined && result.acknowledged >= telemetry;
    if (result.error?.code === "invalid-argument") context.exit(EXIT.usage);
    else context.exit(done ? EXIT.done : (interrupt.status() ?? EXIT.failed));
  } catch (error) {
    const status = interrupt.status();
    if (status === undefined) throw error;
    context.exit(status);
  } finally {
    interrupt.release();
  }
}

/** Whom the device belongs to and where that is: as the options say, or the emulator of `--emulator`. */
interface DevicePlace {
  readonly idScope: string;
  readonly port: number;
  readonly connectTo: readonly ConnectTo[] | undefined;
  readonly roots: readonly string[];
  readonly proof: { readonly symmetricKey?: string };
}

/** @throws BerthError `invalid-argument` where nothing says it; as `atEmulator` */
async function placeOf(flags: DeviceFlags, context: CommandContext): Promise<DevicePlace> {
  const { idScope, emulator, port, connectTo } = flags;
  if (emulator === undefined) {
    if (idScope === undefined)
      throw new BerthError(
        "invalid-argument",
        "no --id-scope; give it, or --emulator PORT for an emulator on this computer",
      );
    return { idScope, port, connectTo, roots: [], proof: {} };
  }
  const own = flags.cert ?? flags.symmetricKey ?? flags.symmetricKeyFile ?? context.environment[KEY_VARIABLE];
  const found = await atEmulator(emulator, flags.registrationId, !own, context);
  return {
    idScope: idScope ?? found.idScope,
    port: found.port,
    connectTo: connectTo ?? found.connectTo,
    roots: found.roots,
    proof: found.symmetricKey === undefined ? {} : { symmetricKey: found.symmetricKey },
  };
}

/** `NAME=STATUS`, or `NAME=STATUS:JSON`. */
function methodAnswer(
  text: string,
  before?: Readonly<Record<string, MethodAnswer>>,
): Record<string, MethodAnswer> {
  const [, name, status, json] = /^([^=]+)=(-?\d{1,9})(?::(.*))?$/s.exec(text) ?? [];
  if (name === undefined)
    throw new InvalidArgumentError("Give NAME=STATUS or NAME=STATUS:JSON, for example blink=200.");
  let payload: unknown;
  try {
    payload = json === undefined ? null : JSON.parse(json);
  } catch {
    throw new InvalidArgumentError(`What follows the status of ${name} is not JSON.`);
  }
  return Object.fromEntries([...Object.entries(before ?? {}), [name, { status: Number(status), payload }]]);
}

/** Judged here: commander would print it, and it may hold a password. @throws BerthError `invalid-argument` */
function proxyOf({ proxy }: DeviceFlags, { environment }: CommandContext): string | undefined {
  const url = proxy ?? (environment[PROXY_VARIABLE] || undefined);
  if (url !== undefined) parseProxy(url);
  return url;
}

/** What a device proves itself with; certificate and key in PEM. */
interface Proof {
  readonly symmetricKey?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** The same as `certificate`. */
  readonly chain?: readonly X509Certificate[];
}

/** The device's key or certificate. @throws BerthError `invalid-argument` unless there is exactly one of them */
function proofOf(flags: DeviceFlags, context: CommandContext): Proof {
  const { cert, key } = flags;
  if ((cert === undefined) !== (key === undefined)) {
    throw new BerthError("invalid-argument", "--cert and --key belong together; give both");
  }
  if (cert !== undefined && key !== undefined) {
    if (flags.symmetricKey !== undefined || flags.symmetricKeyFile !== undefined) {
      throw new BerthError("invalid-argument", "a symmetric key and a certificate; give one of them");
    }
    return clientPairIn(
      { bytes: readBytes(cert, "--cert"), file: cert },
      { bytes: readBytes(key, "--key"), file: key },
    );
  }
  const symmetricKey = symmetricKeyFrom(
    {
      option: flags.symmetricKey,
      file: flags.symmetricKeyFile,
      environment: context.environment[KEY_VARIABLE],
    },
    "--symmetric-key-file",
  );
  if (symmetricKey === undefined) {
    const ways = `--symmetric-key-file, ${KEY_VARIABLE}, --symmetric-key, or --cert with --key`;
    throw new BerthError("invalid-argument", `the device has nothing to prove itself with; give ${ways}`);
  }
  // It says what is wrong with a key, before an engine is built.
  new NodeSigner(symmetricKey);
  return { symmetricKey };
}

/** DPS compares the certificate's common name with the registration id, and its dates with the time. */
function warnAbout(
  file: string,
  chain: readonly X509Certificate[],
  registrationId: string,
  output: Output,
): void {
  const [leaf] = chain as [X509Certificate];
  const problem = nameProblem(leaf, registrationId);
  if (problem !== undefined)
    output.warning(`${file}: ${problem.about}${problem.caseOnly ? "" : ", and will refuse it"}`);
  for (const certificate of chain) {
    const about = staleCertificate(validityOf(certificate), Date.now());
    const whose = certificate === leaf ? "the device's certificate" : "an intermediate";
    if (about !== undefined) output.warning(`${file}: ${whose} is ${about}; DPS will refuse it`);
  }
}

function payloadOf(json: string | undefined): Record<string, unknown> | undefined {
  if (json === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new BerthError("invalid-argument", `--payload is not JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BerthError(
      "invalid-argument",
      '--payload is no JSON object, for example {"modelId":"dtmi:a:b;1"}',
    );
  }
  return value as Record<string, unknown>;
}
