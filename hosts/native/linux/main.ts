// SPDX-License-Identifier: MIT
/**
 * What berth-native runs. The first line of standard input is a `Settings` in JSON, each further line a `Command`;
 * every event goes out as one line of JSON. The end of the input stops the device and ends the program.
 */
import type { Agent, AgentOptions } from "../../../src/agent/agent";
import { asBerthError, BerthError } from "../../../src/error";
import type { Host } from "../../../src/host";
import { startAgent } from "./agent-run";
import { ConnectionRun } from "./connection-run";
import { createLinuxHost, type LinuxHostOptions } from "./host";
import { readLines } from "./lines";
import { natives } from "./natives";

/** The first line. */
type Settings = { readonly host: LinuxHostOptions } & (
  | { readonly run: "agent"; readonly agent: AgentOptions }
  /** One connection, without MQTT: to try a server. */
  | { readonly run: "connection"; readonly server: string; readonly port: number }
);

/** Each further line. */
type Command =
  | { readonly command: "start" | "stop" | "reprovision" | "forget" | "exit" }
  /** Telemetry for an agent, bytes for a connection. */
  | { readonly command: "send"; readonly payload: string; readonly properties?: Record<string, string> };

/** An event, with the time since the program started, in milliseconds. */
const started = natives.ticks();
function emit(event: string, more: object = {}): void {
  natives.print(JSON.stringify({ event, at: Math.round(natives.ticks() - started), ...more }));
}

const EXIT_BAD_SETTINGS = 64;

let host: Host | undefined;
let agent: Agent | undefined;
let connection: ConnectionRun | undefined;

function begin(settings: Settings): void {
  host = createLinuxHost(settings.host, (version, suite, resumed) =>
    emit("secure", { version, suite, resumed }),
  );
  if (settings.run === "agent") agent = startAgent(host, settings.agent, emit);
  else connection = new ConnectionRun(host, settings.server, settings.port, emit);
}

function obey(command: Command): void {
  switch (command.command) {
    case "start":
      agent?.start();
      connection?.open();
      break;
    case "stop":
      agent?.stop();
      connection?.close();
      emit("stopped");
      break;
    case "reprovision":
      agent?.reprovision();
      break;
    case "forget":
      agent?.forget();
      break;
    case "exit":
      end();
      break;
    case "send": {
      const payload = (host as Host).text.encode(command.payload);
      agent?.send(payload, command.properties);
      connection?.send(payload);
      break;
    }
    default:
      throw new BerthError("invalid-argument", "no such command");
  }
}

function end(): void {
  agent?.stop();
  connection?.close();
  natives.exit(0);
}

readLines((line) => {
  if (line === undefined) {
    end();
    return;
  }
  try {
    if (host) obey(JSON.parse(line) as Command);
    else begin(JSON.parse(line) as Settings);
  } catch (thrown) {
    const { code, message } = asBerthError(thrown);
    emit("refused", { code, message });
    if (!host) natives.exit(EXIT_BAD_SETTINGS);
  }
});
