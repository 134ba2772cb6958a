// SPDX-License-Identifier: MIT
/** What one client of AMQP does stays its own matter. */
import { type Duplex, duplexPair } from "node:stream";
import { afterAll, afterEach, beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import rhea, { type Connection } from "rhea";
import { ManualClock } from "../../../../emulator/clock";
import type { Emulator } from "../../../../emulator/emulator";
import { EventLog } from "../../../../emulator/hub/event-log";
import { ServiceQueue } from "../../../../emulator/hub/service-queue";
import { SettableClock } from "../../../../emulator/settable-clock";
import { AmqpConnection, type AmqpContext } from "../../../../emulator/service/amqp/connection";
import { Readers } from "../../../../emulator/service/amqp/event-sender";
import { next, openAmqp, openTls, putToken } from "../../../helpers/amqp-client";
import { HUB, startEmulator } from "../../../helpers/emulator-client";
import { serviceToken } from "../../../helpers/https-client";
import { testProperty } from "../../../helpers/seeds";

let emulator: Emulator;
let clock: ManualClock;
const problems: Error[] = [];
const strangers: string[] = [];
beforeAll(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({ clock });
  emulator.events.on("problem", (error) => problems.push(error));
  emulator.events.on("stranger", ({ reason }) => strangers.push(reason));
});
afterAll(() => emulator.stop());
afterEach(async () => {
  expect(problems.splice(0)).toEqual([]);
  strangers.splice(0);
  // It lives, and serves others.
  const connection = openAmqp(emulator);
  expect(await putToken(connection, serviceToken(emulator, HUB, "service"))).toBe(200);
  connection.close();
});

/** However it ends. */
const closed = (socket: Duplex) => new Promise((resolve) => socket.once("close", resolve));

const HEADER = Buffer.from("AMQP\0\x01\0\0", "latin1");
const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
/** A frame of AMQP on channel 0. */
function frame(body: Buffer | string, type = 0): Buffer {
  const bytes = typeof body === "string" ? hex(body) : body;
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + bytes.length);
  head[4] = 2;
  head[5] = type;
  return Buffer.concat([head, bytes]);
}
/** A performative with a list of fields. */
function list(code: string, ...fields: string[]): string {
  const content = fields.map(hex);
  const size = content.reduce((sum, one) => sum + one.length, 1);
  return `0053${code}c0${size.toString(16).padStart(2, "0")}${fields.length.toString(16).padStart(2, "0")}${fields.join("")}`;
}
const TEXT = "a10178";
const OPEN = frame(list("10", TEXT));
const BEGIN = frame(list("11", "40", "43", "70 0000 0800".replaceAll(" ", ""), "7000000800"));

test.each<[string, Buffer]>([
  ["a request of HTTP", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
  ["a header of AMQP 0-9-1", Buffer.from("AMQP\0\0\x09\x01", "latin1")],
  ["three headers", Buffer.concat([HEADER, HEADER, HEADER])],
  ["a frame of 4 GB", Buffer.concat([HEADER, hex("ffffffff 02000000")])],
  ["a frame of 64 KB and a byte", Buffer.concat([HEADER, hex("00010001 02000000")])],
  ["a frame that is shorter than its head", Buffer.concat([HEADER, hex("00000004 02000000")])],
  ["a frame whose body starts behind its end", Buffer.concat([HEADER, hex("00000008 ff000000")])],
  ["a list of four thousand million", Buffer.concat([HEADER, frame("005310 d0 00000004 ffffffff")])],
  ["an array of as many nulls", Buffer.concat([HEADER, frame("005310 f0 00000005 ffffffff 40")])],
  ["a list that says a wrong size", Buffer.concat([HEADER, frame("005310 c0 09 01 a10178")])],
  ["nesting", Buffer.concat([HEADER, frame("00".repeat(60_000))])],
  ["an unknown type", Buffer.concat([HEADER, frame("005310 3f")])],
  ["an unknown performative", Buffer.concat([HEADER, frame(list("7f", TEXT))])],
  ["no performative", Buffer.concat([HEADER, frame(TEXT)])],
  ["an open without a container", Buffer.concat([HEADER, frame("005310 45"), frame("005310 45")])],
  ["a session before open", Buffer.concat([HEADER, BEGIN, frame(list("12", TEXT, "43", "41"))])],
  [
    "an answer of SASL before its question",
    Buffer.concat([hex("414d5150 03010000"), frame(list("43", "a000"), 1)]),
  ],
  ["a header of AMQP in the middle of SASL", Buffer.concat([hex("414d5150 03010000"), HEADER, OPEN])],
  ["a transfer to no link", Buffer.concat([HEADER, OPEN, BEGIN, frame(list("14", "43", "43", "a00131"))])],
  [
    "a disposition of four thousand million deliveries",
    Buffer.concat([HEADER, OPEN, BEGIN, frame(list("15", "41", "43", "70ffffffff", "41"))]),
  ],
  [
    "a link with the name of a method",
    Buffer.concat([HEADER, OPEN, BEGIN, frame(list("12", "a10b636f6e7374727563746f72", "43", "41"))]),
  ],
])("%s ends the connection", async (_what, bytes) => {
  const socket = await openTls(emulator);
  socket.resume();
  socket.write(bytes);
  await closed(socket);
});

test.each<[string, string, string]>([
  ["frames that are too small", list("10", TEXT, "40", "70000001ff"), "amqp:frame-size-too-small"],
  ["a heartbeat each millisecond", list("10", TEXT, "40", "40", "40", "7000000001"), "amqp:not-allowed"],
])("%s are refused at open", async (_what, open, condition) => {
  const socket = await openTls(emulator);
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.write(Buffer.concat([HEADER, frame(open)]));
  await closed(socket);
  expect(text).toContain(condition);
});

test("who says nothing is cut, and who shows no token, too", async () => {
  const [silent, half] = [await openTls(emulator), await openTls(emulator)];
  for (const socket of [silent, half]) socket.resume();
  const tokenless = openAmqp(emulator);
  await next(tokenless, "connection_open");
  half.write(HEADER.subarray(0, 5));
  const ends = [closed(silent), closed(half), next(tokenless, "connection_error")];
  clock.advance(30_000);
  await Promise.all(ends);
  expect(strangers).toEqual(["no open frame came in time", "no open frame came in time"]);
});

test("too many sessions, links, and a message without an end", async () => {
  const errorOf = async (begin: (connection: Connection) => void) => {
    const connection = openAmqp(emulator);
    expect(await putToken(connection, serviceToken(emulator, HUB, "service"))).toBe(200);
    const ended = Promise.race([next(connection, "connection_error"), next(connection, "disconnected")]);
    begin(connection);
    await ended;
    return (connection.error as { condition?: string } | undefined)?.condition;
  };
  const limit = "amqp:resource-limit-exceeded";
  expect(
    await errorOf((connection) => {
      for (let count = 0; count < 70; count++) connection.create_session().begin();
    }),
  ).toBe(limit);
  expect(
    await errorOf((connection) => {
      for (let count = 0; count < 300; count++)
        connection.open_receiver({ source: "$cbs", credit_window: 0 });
    }),
  ).toBe(limit);
  expect(
    await errorOf((connection) => {
      const sender = connection.open_sender("/messages/devicebound");
      sender.once("sendable", () =>
        sender.send({ body: rhea.message.data_section(Buffer.alloc(2 * 1024 * 1024)) }),
      );
    }),
  ).toBeUndefined();
});

/** A hub without devices, and a connection to it in this process. */
function inProcess(onProblem: (error: Error) => void) {
  const log = new EventLog(1, 0);
  const entity = "iothub-ehub-contoso";
  const context: AmqpContext = {
    hubs: new Map([
      [
        HUB,
        {
          name: HUB,
          entity,
          log,
          feedback: new ServiceQueue(clock),
          fileNotifications: new ServiceQueue(clock),
          hasDevice: () => true,
          send: () => Promise.resolve(),
        },
      ],
    ]),
    readers: new Readers(),
    policies: () => [
      { host: HUB, keyName: "p", primaryKey: "secret", secondaryKey: "other", rights: ["ServiceConnect"] },
    ],
    clock: new SettableClock(clock),
    connectTimeout: 30_000,
    port: () => 5671,
    onRefused: () => {},
    onStranger: () => {},
    onProblem,
  };
  const [ours, theirs] = duplexPair();
  const connection = new AmqpConnection(
    { stream: ours, address: "here", chain: () => [], reset: () => {} },
    context,
  );
  return { log, entity, ours, theirs, connection };
}

/** A client on a stream, signed in. */
function onStream(stream: Duplex): Connection {
  const container = rhea.create_container();
  for (const name of ["error", "disconnected", "connection_error", "connection_close", "protocol_error"])
    container.on(name, () => {});
  const connect = (_port: number, _host: string, _options: object, connected: () => void) => {
    process.nextTick(connected);
    return stream;
  };
  const options = { username: "p", password: "secret", hostname: HUB, reconnect: false, host: "x", port: 1 };
  return container.connect({
    ...options,
    connection_details: () => ({ host: "x", port: 1, options, connect }),
  } as never);
}

test("a reader that does not read holds a bounded part of what it was promised", async () => {
  const { log, entity, ours, theirs, connection } = inProcess((error) => problems.push(error));
  const client = onStream(theirs);
  const receiver = client.open_receiver({
    source: `${entity}/ConsumerGroups/$Default/Partitions/0`,
    credit_window: 0,
  });
  await next(receiver, "receiver_open");
  receiver.add_credit(100_000);
  await new Promise((resolve) => setImmediate(resolve));
  theirs.pause();
  const message = {
    hub: HUB,
    deviceId: "d",
    body: Buffer.alloc(64 * 1024),
    properties: new Map(),
    qos: 0,
    dup: false,
  };
  let most = 0;
  for (let count = 0; count < 200; count++) {
    log.append({ ...message, enqueuedTime: count }, { generationId: "1", authentication: "sas" });
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, ours.writableLength);
  }
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(1024 * 1024);
  // When it reads on, it goes on with what is still kept.
  const last = new Promise<void>((resolve) =>
    receiver.on("message", ({ message: got }) => {
      if (got!.message_annotations!["x-opt-sequence-number"] === 199) resolve();
    }),
  );
  theirs.resume();
  await last;
  client.close();
  await next(client, "connection_close");
  connection.socket.destroy();
});

/** What a client writes in a whole conversation. */
async function conversation(): Promise<Buffer[]> {
  const { theirs, connection } = inProcess((error) => problems.push(error));
  const written: Buffer[] = [];
  const write = theirs.write.bind(theirs);
  theirs.write = ((chunk: Buffer) => {
    written.push(Buffer.from(chunk));
    return write(chunk);
  }) as typeof theirs.write;
  const client = onStream(theirs);
  const sender = client.open_sender("/messages/devicebound");
  client.open_receiver({ source: "/messages/serviceBound/feedback" });
  client.open_receiver({ source: "iothub-ehub-contoso/ConsumerGroups/g/Partitions/0" });
  client.open_receiver("$management");
  const asking = client.open_sender("$management");
  await next(asking, "sendable");
  const operation = { operation: "READ", type: "com.microsoft:eventhub", name: "n" };
  asking.send({ message_id: "1", application_properties: operation, body: [] });
  const body = rhea.message.data_section(Buffer.from("x"));
  sender.send({ to: "/devices/d/messages/devicebound", application_properties: { a: 1 }, body });
  await next(sender, "accepted");
  client.close();
  await next(client, "connection_close");
  connection.socket.destroy();
  return written.filter(({ length }) => length > 0);
}

const DAMAGE = fc.array(
  fc.record({
    chunk: fc.nat(40),
    at: fc.nat(300),
    value: fc.nat(255),
    how: fc.constantFrom("byte", "byte", "byte", "cut", "twice", "leave out"),
  }),
  { minLength: 1, maxLength: 6 },
);

let whole: Promise<Buffer[]> | undefined;
testProperty(
  "a damaged conversation: nothing is thrown, nothing fails",
  150,
  fc.asyncProperty(DAMAGE, async (damages) => {
    whole ??= conversation();
    const quiet = [jest.spyOn(console, "error"), jest.spyOn(console, "warn")];
    for (const one of quiet) one.mockImplementation(() => {});
    const { theirs, connection } = inProcess((error) => problems.push(error));
    theirs.on("error", () => {});
    theirs.resume();
    for (const [index, chunk] of (await whole).entries()) {
      let bytes = Buffer.from(chunk);
      for (const { chunk: which, at, value, how } of damages) {
        if (which !== index) continue;
        if (how === "byte") bytes[at % Math.max(bytes.length, 1)] = value;
        else if (how === "cut") bytes = bytes.subarray(0, at % Math.max(bytes.length, 1));
        else bytes = how === "twice" ? Buffer.concat([bytes, bytes]) : Buffer.alloc(0);
      }
      if (bytes.length > 0 && theirs.writable) theirs.write(bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    connection.socket.destroy();
    for (const one of quiet) one.mockRestore();
    return problems.length === 0;
  }),
);
