// SPDX-License-Identifier: MIT
/** Natives of the SDK's XS that the npm one lacks, in script, and what script costs over natives. */
import { ANSWER_SIZE } from "../../packets";
import { StandIns } from "../stand-ins";
import { calls } from "./calls";
import { FakeDns, FakeSocket, type SocketOptions } from "./sockets";
import Timer from "./timer";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function fromString(text: string): ArrayBufferLike {
  calls.fromString += 1;
  return encoder.encode(text).buffer;
}

function fromArrayBuffer(bytes: ArrayBuffer): string {
  calls.fromArrayBuffer += 1;
  return decoder.decode(bytes);
}

/** The SDK's client traces what is wrong; `onError` gets no reason. */
function trace(...texts: string[]): never {
  throw new Error(`the SDK's client failed: ${texts.join("")}`);
}

for (const [owner, name, value] of [
  [ArrayBuffer, "fromString", fromString],
  [String, "fromArrayBuffer", fromArrayBuffer],
  [globalThis, "trace", trace],
] as const) {
  Object.defineProperty(owner, name, { value, configurable: true, writable: true });
}

function nothing(): void {}

/** Each stand-in, and a native of this engine that is called with as many arguments. */
export function standIns(): StandIns {
  const native = Number.isInteger as (...values: unknown[]) => unknown;
  const natives = { set: native, clear: native, read: native, write: native, resolve: native };
  const NativeClass = Object as unknown as new (options: object) => object;
  const options: SocketOptions = { onReadable: nothing, onWritable: nothing, onError: nothing };
  const lookup = { host: "", onResolved: nothing };
  const socket = new FakeSocket(options);
  const dns = new FakeDns(options);
  const bytes = new Uint8Array(ANSWER_SIZE);
  const target = new Uint8Array(ANSWER_SIZE);
  const buffer = bytes.buffer;
  const text = "x".repeat(ANSWER_SIZE);
  socket.put(bytes);
  return new StandIns(calls, [
    {
      calls: "clearTimer",
      standIn: () => Timer.clear(undefined),
      native: () => natives.clear(undefined),
    },
    {
      calls: "createDns",
      standIn: () => new FakeDns(options),
      native: () => new NativeClass(options),
    },
    {
      calls: "createSocket",
      standIn: () => new FakeSocket(options),
      native: () => new NativeClass(options),
    },
    { calls: "fireTimer", standIn: () => Timer.fire(), native: () => nothing() },
    {
      calls: "fromArrayBuffer",
      standIn: () => fromArrayBuffer(buffer),
      native: () => decoder.decode(buffer),
    },
    {
      calls: "fromString",
      standIn: () => fromString(text),
      native: () => encoder.encode(text),
      // The native makes no view.
      allocates: () => new ArrayBuffer(ANSWER_SIZE),
    },
    { calls: "readByte", standIn: () => socket.read(), native: () => natives.read() },
    {
      calls: "readInto",
      standIn: () => {
        socket.put(bytes);
        socket.read(target);
      },
      native: () => {
        socket.put(bytes);
        natives.read(target);
      },
    },
    {
      calls: "resolve",
      standIn: () => dns.resolve(lookup),
      native: () => {
        natives.resolve(lookup);
        nothing();
      },
    },
    { calls: "setTimer", standIn: () => Timer.set(nothing), native: () => natives.set(nothing) },
    {
      calls: "write",
      standIn: () => socket.write(bytes, options),
      native: () => natives.write(bytes, options),
    },
  ]);
}
