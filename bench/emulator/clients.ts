// SPDX-License-Identifier: MIT
/**
 * Many devices over TLS in a process of their own. By messages of the parent: `connect` so many, `send` so many messages
 * each, all at once, each behind the PUBACK before it; each is answered when it has been done.
 */
import { readFileSync } from "node:fs";
import { createSecureContext, connect as tlsConnect, type TLSSocket } from "node:tls";
import type { ClientsInput, ClientsOrder } from "./load";

const input = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ClientsInput;
const secureContext = createSecureContext({ ca: input.root, maxVersion: "TLSv1.2" });
const sockets: TLSSocket[] = [];
/** How many connect at a time. */
const AT_A_TIME = 20;

function connect(index: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({
      host: "127.0.0.1",
      port: input.port,
      servername: input.hub,
      secureContext,
    });
    socket.on("error", reject);
    socket.once("data", (connack: Buffer) => {
      if (connack[0] === 0x20 && connack[3] === 0) resolve();
      else reject(new Error(`CONNACK ${connack.toString("hex")}`));
    });
    socket.write(Buffer.from(input.connects[index]!, "base64"));
    sockets[index] = socket;
  });
}

function send(index: number, count: number): Promise<void> {
  const socket = sockets[index]!;
  const publish = Buffer.from(input.publishes[index]!, "base64");
  return new Promise((resolve, reject) => {
    let sent = 0;
    const next = () => {
      if (sent++ < count) {
        socket.write(publish);
        return;
      }
      socket.off("data", onPuback);
      resolve();
    };
    const onPuback = (puback: Buffer) => {
      if (puback.length === 4 && puback[0] === 0x40) next();
      else reject(new Error(`no PUBACK but ${puback.toString("hex")}`));
    };
    socket.on("data", onPuback);
    next();
  });
}

async function obey({ connect: upTo, send: count }: ClientsOrder): Promise<void> {
  if (count !== undefined) await Promise.all(sockets.map((_, index) => send(index, count)));
  while (upTo !== undefined && sockets.length < upTo) {
    const from = sockets.length;
    const part = Array.from({ length: Math.min(AT_A_TIME, upTo - from) }, (_, more) => from + more);
    await Promise.all(part.map(connect));
  }
}

process.on("message", (order: ClientsOrder) => {
  obey(order).then(
    () => process.send?.("done"),
    (error: Error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
