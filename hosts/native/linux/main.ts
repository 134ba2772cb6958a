// SPDX-License-Identifier: MIT
/** What berth-native runs: a device, or one connection, as protocol.ts has it. */
import type { Agent } from "../../../src/agent/agent";
import { asBerthError, BerthError } from "../../../src/error";
import { flashLog } from "../../../src/flash-log";
import type { Host } from "../../../src/host";
import { transports } from "../../../src/transports";
import { tapWays } from "../../transport-tap";
import { createAgent } from "./agent-run";
import { ConnectionRun } from "./connection-run";
import { createLinuxHost } from "./host";
import { readLines } from "./lines";
import { natives } from "./natives";
import { type Command, encodeError, type NativeEvent, type Settings } from "./protocol";
import { text } from "./text";
import { traceTransport } from "./trace";

const EXIT_BAD_SETTINGS = 64;

let host: Host | undefined;
let agent: Agent | undefined;
let connection: ConnectionRun | undefined;

function emit(event: NativeEvent): void {
  natives.print(text.encode(JSON.stringify(event)));
}

function begin(settings: Settings): void {
  const linux = createLinuxHost(settings.host, (version, suite, resumed) =>
    emit({ event: "secure", version, suite, resumed }),
  );
  if (settings.run === "agent") {
    const trace = settings.trace ? traceTransport(emit) : undefined;
    const ways = settings.transports && transports(...settings.transports);
    agent = createAgent(
      trace && !ways ? { ...linux, transport: trace(linux.transport) } : linux,
      {
        ...settings.agent,
        ...(settings.host.outboxFile !== undefined && { outbox: { log: flashLog() } }),
        ...(ways && { transports: trace ? tapWays(ways, trace) : ways }),
      },
      emit,
      settings.credentials,
    );
  } else {
    connection = new ConnectionRun(linux, settings.server, settings.port, emit);
  }
  host = linux;
  emit({ event: "ready" });
  agent?.start();
  if (agent && agent.pending > 0) emit({ event: "kept", count: agent.pending });
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
      emit({ event: "stopped" });
      break;
    case "reprovision":
      agent?.reprovision();
      break;
    case "forget":
      agent?.forget();
      break;
    case "tellAwaited":
      emit({ event: "awaited", code: agent?.awaited });
      break;
    case "exit":
      end();
      break;
    case "send": {
      const payload = (host as Host).text.encode(command.payload);
      agent?.send(payload, command.properties);
      connection?.send(payload);
      if (command.id !== undefined) emit({ event: "accepted", id: command.id });
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

/** @param id of the command that was refused */
function refuse(thrown: unknown, id?: number): void {
  emit({ event: "refused", id, ...encodeError(asBerthError(thrown)) });
}

readLines((line) => {
  if (line === undefined) {
    end();
    return;
  }
  let id: number | undefined;
  try {
    if (!host) {
      begin(JSON.parse(line) as Settings);
      return;
    }
    const command = JSON.parse(line) as Command;
    id = command.command === "send" ? command.id : undefined;
    obey(command);
  } catch (thrown) {
    refuse(thrown, id);
    if (!host) natives.exit(EXIT_BAD_SETTINGS);
  }
});
