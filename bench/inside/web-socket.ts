// SPDX-License-Identifier: MIT
/** A WebSocket that is open, on a stand-in for TLS, inside XS: what a message costs beyond TCP. */
import { base64 } from "../../src/base64";
import type { TextCodec, Transport, TransportOptions } from "../../src/host";
import { sha1 } from "../../src/mqtt/sha1";
import { WebSocketTransport } from "../../src/mqtt/websocket";
import { TELEMETRY_SIZE, TELEMETRY_TOPIC } from "../packets";
import type { Operations } from "./measure";

const PUBACK = Uint8Array.of(0x82, 4, 0x40, 2, 0, 1);

export function webSocketOperations(text: TextCodec): Operations {
  const inner: { options?: TransportOptions; next: Uint8Array | undefined } = { next: undefined };
  const io = class implements Transport {
    constructor(options: TransportOptions) {
      inner.options = options;
    }

    read(target: Uint8Array): number {
      const { next } = inner;
      inner.next = undefined;
      if (next) target.set(next);
      return next?.length ?? 0;
    }

    write(): number {
      return 4096;
    }

    close(): void {}
  };
  const socket = new WebSocketTransport({
    inner: { io },
    text,
    random: () => 0.5,
    path: "/",
    host: "hub.example",
    port: 443,
    onReadable() {},
    onWritable() {},
    onError(error) {
      throw error;
    },
  });
  inner.options?.onWritable(4096);
  const key = base64(new Uint8Array(16).fill(128), text);
  const accept = base64(sha1(text.encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)), text);
  const answer = text.encode(
    `HTTP/1.1 101 ok\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const deliver = (bytes: Uint8Array): void => {
    inner.next = bytes;
    inner.options?.onReadable(bytes.length);
  };
  for (let at = 0; at < answer.length; at += 256) deliver(answer.slice(at, at + 256));
  const target = new Uint8Array(512);
  const packet = new Uint8Array(TELEMETRY_TOPIC.length + TELEMETRY_SIZE + 6);
  const operations: Record<string, () => void> = {
    [`WebSocket: a frame of ${packet.length} bytes out`]: () => {
      socket.write(packet, 0, packet.length);
    },
    "WebSocket: a frame with PUBACK in": () => {
      inner.next = PUBACK;
      if (socket.read(target) !== 4) throw new Error("no PUBACK");
    },
  };
  // What was sent is wiped until something comes back.
  operations["WebSocket: a frame with PUBACK in"]?.();
  return operations;
}
