// SPDX-License-Identifier: MIT
/** A WebSocket on a transport whose every byte and room a test decides. Nothing of Node, so that it runs inside XS too. */
import { base64 } from "../../src/base64";
import { asBerthError, type BerthError } from "../../src/error";
import type { TransportOptions } from "../../src/host";
import { sha1 } from "../../src/mqtt/sha1";
import { WebSocketTransport } from "../../src/mqtt/websocket";
import { nodeText } from "../../simulator/virtual-host";
import { concat } from "./bytes";
import { RecordingTransport } from "./recording-transport";

/** RFC 6455, section 1.3. */
export const SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const SAMPLE_ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/** Section 5.7. */
const SAMPLE_MASK = 0x37fa213d;

export const ANSWER = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${SAMPLE_ACCEPT}`,
  "Sec-WebSocket-Protocol: mqtt",
];

export function answer(lines: readonly string[] = ANSWER): Uint8Array {
  return nodeText.encode(`${lines.join("\r\n")}\r\n\r\n`);
}

/** What a server answers to the request that a client has sent. */
export function answerTo(request: Uint8Array): Uint8Array {
  const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(nodeText.decode(request))?.[1];
  const accept = base64(sha1(nodeText.encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)), nodeText);
  return answer(ANSWER.map((line) => line.replace(SAMPLE_ACCEPT, accept)));
}

export interface WebSocketWorld {
  readonly socket: WebSocketTransport;
  /** What carries it. */
  readonly inner: RecordingTransport;
  /** One line a callback. */
  readonly log: string[];
  readonly errors: BerthError[];
  /** What was read, and what a read has thrown at last. */
  readonly received: () => Uint8Array;
}

/**
 * As `Session` it reads whatever there is when told that it can, and ends it at an error.
 * @param chunk bytes that are read at a time
 */
export function openWebSocket(
  changes: Partial<TransportOptions> & { random?: () => number; chunk?: number } = {},
): WebSocketWorld {
  const { random = sampleRandom(), chunk = 512, ...rest } = changes;
  const made: RecordingTransport[] = [];
  const log: string[] = [];
  const errors: BerthError[] = [];
  let received: Uint8Array = new Uint8Array(0);
  const fail = (error: unknown): void => {
    errors.push(asBerthError(error));
    log.push(`error ${asBerthError(error).code}`);
    socket.close();
  };
  const socket: WebSocketTransport = new WebSocketTransport({
    inner: {
      io: class extends RecordingTransport {
        constructor(options: TransportOptions) {
          super(options);
          made.push(this);
        }
      },
    },
    text: nodeText,
    random,
    path: "/$iothub/websocket",
    host: "hub.example",
    port: 443,
    onReadable: () => {
      const target = new Uint8Array(chunk);
      try {
        for (let count = socket.read(target); count > 0; count = socket.read(target)) {
          received = concat(received, target.slice(0, count));
        }
      } catch (error) {
        fail(error);
      }
    },
    onWritable: (room) => log.push(`writable ${room}`),
    onError: fail,
    ...rest,
  });
  return { socket, inner: made[0] as RecordingTransport, log, errors, received: () => received };
}

/** One that is open; its log is empty, and so is what was written. */
export function openedWebSocket(changes: Parameters<typeof openWebSocket>[0] = {}): WebSocketWorld {
  const world = openWebSocket(changes);
  world.inner.writable();
  world.inner.receive(answerTo(world.inner.sent));
  world.inner.writes.length = 0;
  world.log.length = 0;
  return world;
}

/** The nonce of section 1.3 for the key, then always the mask of section 5.7. */
export function sampleRandom(): () => number {
  const nonce = nodeText.encode("the sample nonce");
  let at = 0;
  return () => {
    const byte = nonce[at++];
    return byte === undefined ? SAMPLE_MASK / 2 ** 32 : byte / 256;
  };
}

/** A frame of a server: never masked. */
export function frame(opcode: number, payload: Uint8Array, final = true): Uint8Array {
  const size = payload.length;
  const header = [(final ? 0x80 : 0) | opcode];
  if (size < 126) header.push(size);
  else if (size < 65_536) header.push(126, size >> 8, size & 0xff);
  else header.push(127, 0, 0, 0, 0, 0, size >> 16, (size >> 8) & 0xff, size & 0xff);
  return concat(Uint8Array.from(header), payload);
}
