// SPDX-License-Identifier: MIT
/** The build's own TLS on the SDK's TCP, towards this computer or board alone: no exception may reach native code. */
import Listener from "embedded:io/socket/listener";
import TCP from "embedded:io/socket/tcp";
import Resource from "Resource";
import TextDecoder from "text/decoder";
import Time from "time";
import { TRUSTED_ROOTS } from "../../hosts/moddable/trusted-roots";
import { ModdableClock } from "../../hosts/moddable/clock";
import { bindTransport } from "../../hosts/moddable/cryptography";
import { createTimers } from "../../hosts/moddable/host";
import { ModdableText } from "../../hosts/moddable/text";
import { asBerthError } from "../../src/error";
import { openTransport, type Transport } from "../../src/host";
import { type Case, equal, holds, refused } from "./check";

/** Nobody listens there. */
const CLOSED_PORT = 1;
const timers = createTimers(() => {});
const text = new ModdableText(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }));

interface Attempt {
  readonly transport: Transport;
  readonly events: string[];
  /** Resolves with the first error. */
  readonly error: Promise<string>;
}

interface OpenOptions {
  readonly latest?: number;
  readonly address?: string;
  readonly port?: number;
}

function open(options: OpenOptions = {}): Attempt {
  const events: string[] = [];
  let tell: (code: string) => void = () => {};
  const error = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const binding = bindTransport({
    roots: () =>
      TRUSTED_ROOTS.map(
        (name) => new Uint8Array(new Resource(`berth-${name}.der`) as unknown as ArrayBuffer),
      ),
    clientCertificate: undefined,
    resolve: (name, done) => {
      timers.set(() => done(name, options.address), 1);
    },
    timers,
    clock: new ModdableClock(Time, { earliest: 0, latest: options.latest ?? Number.MAX_SAFE_INTEGER }),
    connectTo: undefined,
    onSecure: () => {},
  });
  const transport = openTransport(binding, {
    host: "hub.example",
    port: options.port ?? CLOSED_PORT,
    onReadable: () => events.push("readable"),
    onWritable: () => events.push("writable"),
    onError: (thrown) => {
      const { code } = asBerthError(thrown);
      events.push(code);
      tell(code);
    },
  });
  return { transport, events, error };
}

function wait(delay: number): Promise<void> {
  return new Promise((resolve) => {
    timers.set(resolve, delay);
  });
}

/** Records of TLS 1.2 (RFC 5246, section 6.2.1) and what is none: each in answer to a ClientHello. */
const HOSTILE: Readonly<Record<string, readonly number[]>> = Object.freeze({
  "close_notify in the clear": [21, 3, 3, 0, 2, 1, 0],
  "a fatal alert": [21, 3, 3, 0, 2, 2, 40],
  "application data in the clear": [23, 3, 3, 0, 4, 0x20, 2, 0, 0],
  "no TLS": [...text.encode("HTTP/1.1 400 Bad Request\r\n\r\n")],
  "a record that is too long": [22, 3, 3, 0xff, 0xff],
  "nothing, but the end": [],
});

/** What the client sent to a server that gives `answer` to its first bytes and closes, and how that ended. */
async function meet(answer: readonly number[]): Promise<{ readonly code: string; readonly sent: number[] }> {
  const sent: number[] = [];
  const listener = new Listener({
    address: "127.0.0.1",
    onReadable() {
      const from = listener.read();
      if (!from) return;
      let answered = false;
      const socket = new TCP({
        from,
        format: "buffer",
        onReadable(count: number) {
          sent.push(...new Uint8Array(socket.read(count) as ArrayBuffer));
          if (answered) return;
          answered = true;
          if (answer.length > 0) socket.write(Uint8Array.from(answer));
          timers.set(() => socket.close(), 50);
        },
        onError() {},
      } as never);
    },
  });
  const { error, transport } = open({ address: "127.0.0.1", port: listener.port });
  const code = await error;
  transport.close();
  (listener as unknown as { close(): void }).close();
  return { code, sent };
}

export const connectionCases: readonly Case[] = [
  {
    name: "connection: a closed port is one connect-failed",
    run: async () => {
      const { error, events, transport } = open({ address: "127.0.0.1" });
      equal(await error, "connect-failed");
      await wait(100);
      equal(events, ["connect-failed"]);
      transport.close();
    },
  },
  {
    name: "connection: a name without address is dns-failed",
    run: async () => equal(await open().error, "dns-failed"),
  },
  {
    name: "connection: without a clock nothing is opened",
    run: async () => equal(await open({ address: "127.0.0.1", latest: 1 }).error, "clock-not-set"),
  },
  {
    name: "connection: hostile servers end in tls-failed, and hear no word of MQTT",
    run: async () => {
      for (const [what, answer] of Object.entries(HOSTILE)) {
        const { code, sent } = await meet(answer);
        equal([what, code], [what, "tls-failed"]);
        // A handshake record, and after it nothing but an alert.
        holds(sent[0] === 22, `${what}: a ClientHello first`);
        const hello = 5 + (((sent[3] ?? 0) << 8) | (sent[4] ?? 0));
        holds(sent.length === hello || sent[hello] === 21, `${what}: at most an alert after it`);
      }
    },
  },
  {
    name: "connection: closed at once, and twice, it says nothing more",
    run: async () => {
      const { transport, events } = open({ address: "127.0.0.1" });
      transport.close();
      transport.close();
      refused("closed", () => transport.write(new Uint8Array(1)));
      await wait(300);
      equal(events, []);
    },
  },
];
