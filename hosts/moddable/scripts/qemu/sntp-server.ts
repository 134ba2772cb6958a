// SPDX-License-Identifier: MIT
/** A server of SNTP (RFC 4330) on this computer, for a chip that knows no time. */
import { createSocket } from "node:dgram";
import { once } from "node:events";

const PACKET = 48;
const CLIENT_MODE = 3;
const SERVER_MODE = 4;
/** Seconds from 1900 to 1970. */
const UNIX = 2_208_988_800;

/**
 * The answer to a request.
 * @param now milliseconds since 1970
 * @returns undefined for what is no request of a client
 */
export function sntpReply(request: Uint8Array, now: number): Uint8Array | undefined {
  const [first = 0] = request;
  const version = (first >> 3) & 7;
  if (request.length < PACKET || (first & 7) !== CLIENT_MODE || version < 1 || version > 4) return undefined;
  const reply = new Uint8Array(PACKET);
  const view = new DataView(reply.buffer);
  const time = (at: number) => {
    view.setUint32(at, (Math.floor(now / 1000) + UNIX) % 2 ** 32);
    view.setUint32(at + 4, Math.floor(((now % 1000) / 1000) * 2 ** 32));
  };
  // No leap second, the client's version; stratum 1 of an uncalibrated local clock.
  reply[0] = (version << 3) | SERVER_MODE;
  reply[1] = 1;
  reply[2] = request[2] ?? 0;
  view.setInt8(3, -10);
  reply.set(new TextEncoder().encode("LOCL"), 12);
  time(16);
  reply.set(request.subarray(40, 48), 24);
  time(32);
  time(40);
  return reply;
}

export interface SntpServer {
  readonly port: number;
  /** Requests that were answered. */
  readonly answered: number;
  stop(): Promise<void>;
}

/** Answers on a free port of 127.0.0.1. @param now milliseconds since 1970 */
export async function startSntpServer(now: () => number = Date.now): Promise<SntpServer> {
  const socket = createSocket("udp4");
  let answered = 0;
  socket.on("message", (request, { address, port }) => {
    const reply = sntpReply(request, now());
    if (!reply) return;
    answered += 1;
    socket.send(reply, port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    get answered() {
      return answered;
    },
    async stop() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}
