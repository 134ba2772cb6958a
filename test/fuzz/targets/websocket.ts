// SPDX-License-Identifier: MIT
/**
 * What a server says over WebSocket, and a proxy before it: one byte of options (1: the WebSocket is open; 2: a proxy
 * answers), one of the size of chunks, then the bytes.
 */
import { HttpConnect } from "../../../hosts/sockets/http-connect";
import { base64 } from "../../../src/base64";
import { asBerthError, type ErrorCode } from "../../../src/error";
import type { TextCodec, Transport, TransportOptions } from "../../../src/host";
import { sha1 } from "../../../src/mqtt/sha1";
import { WebSocketTransport } from "../../../src/mqtt/websocket";
import { codeOf, digest, must, type Target } from "./target";

const CODES: readonly ErrorCode[] = ["websocket-refused", "websocket-malformed", "connection-lost"];
const PROXY_CODES: readonly ErrorCode[] = ["proxy-authentication", "proxy-refused", "proxy-malformed"];
/** Of the mask, and of the key. */
const HALF = 0.5;

export const websocket: Target = {
  // A frame, the answer, and what a test holds.
  memory: 16_384,
  tokens: [
    "HTTP/1.1 101 ok\r\n",
    "HTTP/1.1 200 ok\r\n\r\n",
    "HTTP/1.1 407 no\r\n",
    "Upgrade: websocket\r\n",
    "Connection: Upgrade\r\n",
    "Sec-WebSocket-Protocol: mqtt\r\n",
    "Sec-WebSocket-Accept: L2g8pDb9ESyzTrOZPi3BvJdk6FQ=\r\n",
    "Proxy-Authenticate: Basic\r\n",
    "\r\n\r\n",
    "\x82\x05Hello",
    "\x89\x00",
    "\x88\x02\x03\xe8",
    "\x82\x7e\x01\x00",
  ],
  run(bytes, text) {
    const [options = 0, size = 0] = bytes;
    const wire = bytes.slice(2);
    return options & 2
      ? proxied(wire, text)
      : overWebSocket(wire, (size % 64) + 1, (options & 1) === 1, text);
  },
};

function proxied(wire: Uint8Array, text: TextCodec): string {
  const conversation = new HttpConnect({ host: "proxy.example", port: 80, credentials: "" }, text);
  let through = false;
  const code = codeOf(PROXY_CODES, () => {
    through = conversation.take(wire, wire.length);
  });
  must(!(through && code), "through, and an error");
  return code ?? String(through);
}

function overWebSocket(wire: Uint8Array, chunk: number, open: boolean, text: TextCodec): string {
  const log: string[] = [];
  const received: number[] = [];
  let waiting = new Uint8Array(0);
  let room = 1_000;
  let inner: TransportOptions | undefined;
  const io = class implements Transport {
    constructor(options: TransportOptions) {
      inner = options;
    }

    read(target: Uint8Array): number {
      const part = waiting.subarray(0, target.length);
      target.set(part);
      waiting = waiting.slice(part.length);
      return part.length;
    }

    write(_bytes: Uint8Array, start = 0, end = 0): number {
      must(end > start && end - start <= room, "written over the room");
      room -= end - start;
      return room;
    }

    close(): void {
      inner = undefined;
    }
  };
  const fail = (error: unknown): void => {
    const { code } = asBerthError(error);
    must(CODES.includes(code), code);
    log.push(code);
    socket.close();
  };
  const socket: WebSocketTransport = new WebSocketTransport({
    inner: { io },
    text,
    random: () => HALF,
    path: "/",
    host: "hub.example",
    port: 443,
    onWritable: (told) => log.push(`writable ${told}`),
    onReadable() {
      const target = new Uint8Array(chunk);
      try {
        for (let count = socket.read(target); count > 0; count = socket.read(target)) {
          received.push(...target.subarray(0, count));
        }
      } catch (error) {
        fail(error);
      }
    },
    onError: fail,
  });
  const deliver = (part: Uint8Array): void => {
    const all = new Uint8Array(waiting.length + part.length);
    all.set(waiting);
    all.set(part, waiting.length);
    waiting = all;
    inner?.onReadable(all.length);
  };
  inner?.onWritable(room);
  if (open) deliver(text.encode(answer(text)));
  for (let at = 0; at < wire.length; at += chunk) deliver(wire.slice(at, at + chunk));
  must(log.filter((line) => !line.startsWith("writable")).length < 2, "two errors");
  must(received.length <= wire.length, "more than came");
  return `${log.join()} ${digest(Uint8Array.from(received))}`;
}

function answer(text: TextCodec): string {
  const key = base64(new Uint8Array(16).fill(256 * HALF), text);
  const accept = base64(sha1(text.encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)), text);
  return `HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
