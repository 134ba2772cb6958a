// SPDX-License-Identifier: MIT
/**
 * MQTT over WebSocket (RFC 6455; MQTT 3.1.1, section 6): a transport around a transport. The upgrade, then frames: each
 * write is one masked frame, what comes in is taken apart in the memory that it is read into, so that a message allocates
 * nothing. Fragments of a message are one stream to MQTT, as section 6 wants it; pings are answered in between.
 */
import { base64 } from "../base64";
import { ALPHANUMERIC, consistsOf, httpStatus, lowerCase } from "../characters";
import { asBerthError, BerthError, type ErrorCode, shown } from "../error";
import {
  openTransport,
  type TextCodec,
  type Transport,
  type TransportBinding,
  type TransportOptions,
} from "../host";
import { sha1 } from "./sha1";

/** What the transport takes beside the core's options. */
export interface WebSocketOptions extends TransportOptions {
  /** Carries it: TLS. */
  readonly inner: TransportBinding;
  readonly text: TextCodec;
  /** Of the platform's best source: it makes the keys of the masks (RFC 6455, section 10.3). */
  readonly random: () => number;
  /** With its query. */
  readonly path: string;
}

/** Of which names of headers consist, letters and digits aside (RFC 9110, section 5.6.2). */
const TOKEN = "!#$%&'*+-.^_`|~";
/** MQTT 3.1.1, section 6: the one name. */
const SUBPROTOCOL = "mqtt";
/** RFC 6455, section 1.3. */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Bytes of the answer to the upgrade; Azure's has some 200. */
const LONGEST_ANSWER = 2_048;
/** Bytes of MQTT in a frame: with its header as many as a record of TLS holds. */
const LONGEST_PAYLOAD = 16_384 - 8;
const FIRST_FRAME = 512;
/** Of a frame: header and mask, for up to 125 bytes and for more. */
const SHORT_HEADER = 6;
const LONG_HEADER = 8;
/** RFC 6455, section 5.5. */
const LONGEST_CONTROL = 125;
/** What is kept free for the answer to a ping. */
const RESERVE = SHORT_HEADER + LONGEST_CONTROL;
/** Frames in a row that bring nothing: a server pings twice a minute at most. */
const MOST_IDLE_FRAMES = 1_000;

// Opcodes (section 5.2).
const CONTINUATION = 0;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const FINAL = 0x80;
const MASKED = 0x80;

// Status codes of a close (section 7.4.1).
const NORMAL = 1000;
const PROTOCOL_ERROR = 1002;

// What of a frame comes next.
const FIRST = 0;
const SECOND = 1;
const LENGTH = 2;
const PAYLOAD = 3;

const CR = 13;
const LF = 10;

export class WebSocketTransport implements Transport {
  readonly #options: WebSocketOptions;
  readonly #inner: Transport;
  /** Room of what carries it, and what of it was told to MQTT. */
  #innerRoom = 0;
  #told = 0;
  /** The request, until all of it is sent; how much is. */
  #request: Uint8Array | undefined;
  #sent = 0;
  /** The answer as far as it has come; undefined once the WebSocket is open. */
  #answer: Uint8Array | undefined = new Uint8Array(LONGEST_ANSWER);
  #answered = 0;
  readonly #accept: string;
  /** What came behind the answer in one piece with it. */
  #early: Uint8Array | undefined;
  #frame = new Uint8Array(FIRST_FRAME);
  // The frame that comes in.
  #stage = FIRST;
  #opcode = BINARY;
  #isFinal = true;
  #left = 0;
  /** Bytes of the length that are still to come. */
  #lengthLeft = 0;
  /** A message has begun whose last frame is still to come. */
  #fragmented = false;
  /** Payload of the control frame that comes in; of the ping that is to be answered. */
  #control: Uint8Array | undefined;
  #controlLength = 0;
  #pong: Uint8Array | undefined;
  #pongOwed = -1;
  #idleFrames = 0;
  /** MQTT of the server has come. */
  #heard = false;
  /** Why it has ended, behind what was read before. */
  #failure: BerthError | undefined;
  /** `onError` was called. */
  #failed = false;
  #closed = false;

  /** @throws BerthError as `openTransport` */
  constructor(options: WebSocketOptions) {
    const { inner, text, random, path, host, port } = options;
    this.#options = options;
    const key = base64(randomBytes(16, random), text);
    this.#accept = base64(sha1(text.encode(key + KEY_SUFFIX)), text);
    const name = host.includes(":") ? `[${host}]` : host;
    this.#request = text.encode(
      [
        `GET ${path} HTTP/1.1`,
        `Host: ${port === 443 ? name : `${name}:${port}`}`,
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Key: ${key}`,
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
        "\r\n",
      ].join("\r\n"),
    );
    this.#inner = openTransport(inner, {
      host,
      port,
      onReadable: (count) => this.#guarded(() => this.#readable(count)),
      onWritable: (room) => {
        this.#innerRoom = room;
        this.#guarded(() => this.#writable());
      },
      onError: (error) => this.#fail(error),
    });
  }

  /** @throws BerthError `connection-lost` when the server has closed the WebSocket; `websocket-malformed` */
  read(target: Uint8Array): number {
    if (this.#answer || this.#closed) return 0;
    let filled = 0;
    while (filled === 0) {
      if (this.#failure) throw this.#failure;
      const count = this.#take(target);
      if (count === 0) break;
      filled = this.#unframe(target, count);
    }
    return filled;
  }

  /** @throws BerthError `closed` before the WebSocket is open; `invalid-argument` over the room; as what carries it */
  write(bytes: Uint8Array, start = 0, end = bytes.length): number {
    if (this.#answer || this.#closed) throw new BerthError("closed", "the WebSocket is not open");
    if (end - start > this.#told) {
      throw new BerthError("invalid-argument", `${end - start} bytes written where ${this.#told} fit`);
    }
    this.#send(BINARY, bytes, start, end);
    return this.#tellable();
  }

  close(): void {
    if (this.#closed) return;
    const wasOpen = !this.#answer;
    try {
      if (wasOpen && !this.#failure) this.#sendClose(NORMAL);
    } catch {
      // The connection ends either way.
    }
    this.#closed = true;
    this.#frame.fill(0);
    this.#inner.close();
  }

  // The upgrade.

  #readable(count: number): void {
    if (this.#answer) this.#readAnswer();
    else this.#options.onReadable(count);
  }

  #writable(): void {
    if (this.#request) this.#sendRequest(this.#request);
    if (this.#answer) return;
    if (this.#pongOwed >= 0) this.#sendPong();
    if (this.#tellable() > 0) this.#options.onWritable(this.#told);
  }

  #sendRequest(request: Uint8Array): void {
    const end = Math.min(request.length, this.#sent + this.#innerRoom);
    if (end > this.#sent) this.#innerRoom = this.#inner.write(request, this.#sent, end);
    this.#sent = end;
    if (end === request.length) this.#request = undefined;
  }

  #readAnswer(): void {
    const answer = this.#answer as Uint8Array;
    const part = new Uint8Array(256);
    for (;;) {
      const count = this.#inner.read(part);
      if (count === 0) return;
      for (let i = 0; i < count; ) {
        if (this.#answered === LONGEST_ANSWER) {
          throw refused(`its answer has more than ${LONGEST_ANSWER} bytes`);
        }
        answer[this.#answered++] = part[i++] as number;
        if (!endsHead(answer, this.#answered)) continue;
        this.#judge(answer.subarray(0, this.#answered));
        if (i < count) this.#early = part.slice(i, count);
        this.#opened();
        return;
      }
    }
  }

  #judge(answer: Uint8Array): void {
    let head: string;
    try {
      head = this.#options.text.decode(answer);
    } catch {
      throw refused("its answer is no text");
    }
    const [status = "", ...lines] = head.slice(0, -4).split("\r\n");
    const code = httpStatus(status, "HTTP/1.1");
    if (code === undefined) throw refused(`its answer is no HTTP/1.1: ${shown(status)}`);
    if (code !== 101) throw refused(shown(status), code);
    if (this.#request) throw refused("it answered before it had the whole request");
    const fields = fieldsOf(lines);
    if (lowerCase(fields.upgrade ?? "") !== "websocket") throw refused("no Upgrade: websocket");
    const connection = lowerCase(fields.connection ?? "").split(",");
    if (!connection.some((token) => token.trim() === "upgrade")) throw refused("no Connection: Upgrade");
    if (fields["sec-websocket-accept"] !== this.#accept) throw refused("a wrong Sec-WebSocket-Accept");
    if (fields["sec-websocket-protocol"] !== SUBPROTOCOL) throw refused("no Sec-WebSocket-Protocol: mqtt");
    if (fields["sec-websocket-extensions"]) throw refused("an extension that was not offered");
  }

  #opened(): void {
    this.#answer = undefined;
    const { onWritable, onReadable } = this.#options;
    if (this.#tellable() > 0) onWritable(this.#told);
    // What carries it has told of all that waits, and tells no more of it.
    if (!this.#closed) onReadable(this.#early?.length ?? 1);
  }

  // What comes in.

  #take(target: Uint8Array): number {
    const early = this.#early;
    if (!early) return this.#inner.read(target);
    const count = Math.min(early.length, target.length);
    target.set(early.subarray(0, count));
    this.#early = count < early.length ? early.subarray(count) : undefined;
    return count;
  }

  /** Takes the frames off the first `count` bytes, in place. @returns how many bytes of MQTT are left at the start */
  #unframe(bytes: Uint8Array, count: number): number {
    let filled = 0;
    let fault: string | undefined;
    for (let at = 0; at < count && !this.#failure && fault === undefined; ) {
      if (this.#stage !== PAYLOAD) {
        fault = this.#header(bytes[at] as number);
        at += 1;
        continue;
      }
      const size = Math.min(this.#left, count - at);
      if (this.#opcode >= CLOSE) this.#collect(bytes, at, size);
      else {
        if (filled !== at) bytes.copyWithin(filled, at, at + size);
        filled += size;
        this.#idleFrames = 0;
        this.#heard = true;
      }
      at += size;
      this.#left -= size;
      if (this.#left === 0) fault = this.#frameEnds();
    }
    if (fault !== undefined) this.#end("websocket-malformed", fault, PROTOCOL_ERROR);
    return filled;
  }

  /** Takes a byte of a header. @returns what is wrong with it */
  #header(byte: number): string | undefined {
    switch (this.#stage) {
      case FIRST:
        return this.#begin(byte);
      case SECOND:
        if (byte & MASKED) return "a masked frame of a server";
        if (this.#opcode >= CLOSE && byte > LONGEST_CONTROL) return "a control frame over 125 bytes";
        this.#left = byte < 126 ? byte : 0;
        this.#lengthLeft = byte < 126 ? 0 : byte === 126 ? 2 : 8;
        break;
      default:
        // Past what a number can hold it is refused, long before any memory is.
        this.#left = this.#left * 256 + byte;
        this.#lengthLeft -= 1;
        if (this.#left > Number.MAX_SAFE_INTEGER) return "a frame over 2^53 bytes";
    }
    this.#stage = this.#lengthLeft > 0 ? LENGTH : PAYLOAD;
    return this.#stage === PAYLOAD && this.#left === 0 ? this.#frameEnds() : undefined;
  }

  #begin(byte: number): string | undefined {
    const opcode = byte & 0x0f;
    this.#isFinal = (byte & FINAL) !== 0;
    this.#opcode = opcode;
    this.#stage = SECOND;
    if (byte & 0x70) return "reserved bits of a frame";
    if (opcode === CLOSE || opcode === PING || opcode === PONG) {
      this.#controlLength = 0;
      return this.#isFinal ? undefined : "a control frame in fragments";
    }
    // [MQTT-6.0.0-1]
    if (opcode !== BINARY && opcode !== CONTINUATION) return `a frame of opcode ${opcode}`;
    if ((opcode === CONTINUATION) !== this.#fragmented) {
      return this.#fragmented ? "a message inside of another" : "a fragment of no message";
    }
    this.#fragmented = !this.#isFinal;
    return undefined;
  }

  #collect(bytes: Uint8Array, at: number, size: number): void {
    const control = this.#control ?? new Uint8Array(LONGEST_CONTROL);
    this.#control = control;
    for (let i = 0; i < size; i += 1) control[this.#controlLength + i] = bytes[at + i] as number;
    this.#controlLength += size;
  }

  #frameEnds(): string | undefined {
    this.#stage = FIRST;
    this.#idleFrames += 1;
    if (this.#idleFrames > MOST_IDLE_FRAMES) return "frames without end that bring nothing";
    if (this.#opcode === PING) this.#pinged();
    return this.#opcode === CLOSE ? this.#serverCloses() : undefined;
  }

  #pinged(): void {
    const control = this.#control;
    const length = this.#controlLength;
    // Only the newest has to be answered (section 5.5.3).
    this.#pongOwed = length;
    if (length > 0 && control) {
      this.#control = this.#pong;
      this.#pong = control;
    }
    this.#sendPong();
  }

  /** Sent where it takes nothing of the room that MQTT was told. */
  #sendPong(): void {
    const length = this.#pongOwed;
    if (this.#innerRoom < SHORT_HEADER + length + this.#taken) return;
    this.#pongOwed = -1;
    this.#send(PONG, this.#pong ?? this.#frame, 0, length);
  }

  #serverCloses(): string | undefined {
    const control = this.#control;
    const length = this.#controlLength;
    if (length === 1) return "a close of one byte";
    let about = "the server closed the WebSocket";
    let status = NORMAL;
    if (length >= 2 && control) {
      status = ((control[0] as number) << 8) | (control[1] as number);
      about += `: ${status}${reasonOf(control.subarray(2, length), this.#options.text)}`;
    }
    this.#end("connection-lost", about, status);
    return undefined;
  }

  #end(code: ErrorCode, about: string, status: number): void {
    this.#sendClose(status);
    this.#failure = new BerthError(code, about);
  }

  // What goes out.

  /** Of the room of what carries it, what MQTT was told, and its header. */
  get #taken(): number {
    return this.#told > 0 ? this.#told + LONG_HEADER : 0;
  }

  /** Tells MQTT anew how much it may write. */
  #tellable(): number {
    this.#told = Math.min(LONGEST_PAYLOAD, Math.max(0, this.#innerRoom - LONG_HEADER - RESERVE));
    return this.#told;
  }

  #sendClose(status: number): void {
    if (this.#innerRoom < SHORT_HEADER + 2) return;
    this.#send(CLOSE, new Uint8Array([status >> 8, status & 0xff]), 0, 2);
  }

  /** One frame, masked (section 5.3) by a key of its own. */
  #send(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const header = size <= LONGEST_CONTROL ? SHORT_HEADER : LONG_HEADER;
    const length = header + size;
    if (this.#frame.length < length) this.#frame = new Uint8Array(grown(this.#frame.length, length));
    const frame = this.#frame;
    const key = Math.floor(this.#options.random() * 0x100000000);
    const k0 = key >>> 24;
    const k1 = (key >>> 16) & 0xff;
    const k2 = (key >>> 8) & 0xff;
    const k3 = key & 0xff;
    frame[0] = FINAL | opcode;
    if (header === SHORT_HEADER) frame[1] = MASKED | size;
    else {
      frame[1] = MASKED | 126;
      frame[2] = size >> 8;
      frame[3] = size & 0xff;
    }
    frame[header - 4] = k0;
    frame[header - 3] = k1;
    frame[header - 2] = k2;
    frame[header - 1] = k3;
    // Four at a time; what is written past the end is no part of the frame.
    for (let from = start, to = header; from < end; from += 4, to += 4) {
      frame[to] = (bytes[from] as number) ^ k0;
      frame[to + 1] = (bytes[from + 1] as number) ^ k1;
      frame[to + 2] = (bytes[from + 2] as number) ^ k2;
      frame[to + 3] = (bytes[from + 3] as number) ^ k3;
    }
    this.#innerRoom = this.#inner.write(frame, 0, length);
    // The key of the mask is beside it, and CONNECT may hold a password.
    if (!this.#heard) frame.fill(0, 0, length);
  }

  /** What carries it calls this: whatever `work` throws ends the connection. */
  #guarded(work: () => void): void {
    if (this.#closed || this.#failed) return;
    try {
      work();
    } catch (error) {
      this.#fail(asBerthError(error, "connection-lost"));
    }
  }

  #fail(error: unknown): void {
    if (this.#closed || this.#failed) return;
    this.#failed = true;
    this.#options.onError(error);
  }
}

function refused(about: string, status?: number): BerthError {
  return new BerthError("websocket-refused", about, { status });
}

/** CR LF CR LF. */
function endsHead(bytes: Uint8Array, length: number): boolean {
  return (
    length >= 4 &&
    bytes[length - 1] === LF &&
    bytes[length - 2] === CR &&
    bytes[length - 3] === LF &&
    bytes[length - 4] === CR
  );
}

/** By name in lower case; a name that comes twice has both values, with a comma. @throws BerthError `websocket-refused` */
function fieldsOf(lines: readonly string[]): Readonly<Record<string, string | undefined>> {
  const fields: Record<string, string | undefined> = Object.create(null);
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = lowerCase(line.slice(0, Math.max(0, colon)));
    const isHeader =
      name !== "" && consistsOf(name, ALPHANUMERIC, TOKEN) && !line.includes("\r") && !line.includes("\n");
    if (!isHeader) throw refused(`its answer has a line that is no header: ${shown(line)}`);
    const value = line.slice(colon + 1).trim();
    const before = fields[name];
    fields[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return fields;
}

function reasonOf(bytes: Uint8Array, text: TextCodec): string {
  if (bytes.length === 0) return "";
  try {
    return ` ${shown(text.decode(bytes))}`;
  } catch {
    return "";
  }
}

function randomBytes(count: number, random: () => number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) bytes[i] = Math.floor(random() * 256);
  return bytes;
}

function grown(length: number, needed: number): number {
  let size = length;
  while (size < needed) size *= 2;
  return Math.min(size, LONGEST_PAYLOAD + LONG_HEADER);
}
