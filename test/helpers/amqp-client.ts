// SPDX-License-Identifier: MIT
/** AMQP 1.0 conversations with the emulator, by rhea as a client over TLS that verifies it. */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import rhea, { type Connection, type EventContext, type Receiver, type Sender } from "rhea";
import type { Emulator } from "../../emulator/emulator";
import { HUB } from "./emulator-client";

/** TLS alone, for what no client sends. */
export async function openTls(emulator: Emulator): Promise<TLSSocket> {
  const socket = connect({
    port: emulator.amqpsPort,
    host: "127.0.0.1",
    servername: HUB,
    ca: emulator.ca.pem,
  });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

/** The next event of a name. */
export async function next(emitter: Connection | Sender | Receiver, name: string): Promise<EventContext> {
  const [context] = await once(emitter, name);
  return context as EventContext;
}

/** Opens a connection; `options` are rhea's. */
export function openAmqp(emulator: Emulator, options: object = {}): Connection {
  const container = rhea.create_container();
  for (const name of ["error", "disconnected", "connection_error", "connection_close"])
    container.on(name, () => {});
  for (const name of ["sender_error", "receiver_error", "session_error", "protocol_error"])
    container.on(name, () => {});
  return container.connect({
    transport: "tls",
    host: "127.0.0.1",
    servername: HUB,
    hostname: HUB,
    port: emulator.amqpsPort,
    ca: emulator.ca.pem,
    reconnect: false,
    ...options,
  } as Parameters<typeof container.connect>[0]);
}

/** Puts a token; the status of the answer. */
export async function putToken(connection: Connection, token: string): Promise<number> {
  const receiver = connection.open_receiver("$cbs");
  const sender = connection.open_sender("$cbs");
  await next(sender, "sendable");
  sender.send({
    message_id: "put",
    reply_to: "cbs",
    application_properties: { operation: "put-token", type: "servicebus.windows.net:sastoken", name: HUB },
    body: token,
  });
  const { message } = await next(receiver, "message");
  sender.close();
  receiver.close();
  return message!.application_properties!["status-code"];
}

/** The error that a link or connection is closed with. */
export async function closedWith(
  link: Sender | Receiver | Connection,
  kind: "sender" | "receiver" | "connection",
): Promise<string> {
  const context = await next(link, `${kind}_error`);
  const { error } = context[kind]! as { error?: { condition?: string } };
  return error?.condition ?? "";
}
