// SPDX-License-Identifier: MIT
/** The emulator's MQTT: its reader of packets, and a session of a broker over a link. They run on Node only. */
import { Duplex } from "node:stream";
import type { Packet } from "mqtt-packet";
import { ManualClock } from "../../../emulator/clock";
import { FaultInjector } from "../../../emulator/faults";
import { Broker, Connection, type Subscriptions } from "../../../emulator/mqtt/broker";
import {
  type ClientPacket,
  type ConnectPacket,
  ProtocolError,
  readConnect,
  readPacket,
} from "../../../emulator/mqtt/client-packets";
import { Link } from "../../../emulator/mqtt/link";
import { parsePackets } from "../../helpers/oracle";
import { packetBytes, type RawPacket, wholePackets, withFittingLength } from "./packets";
import { digest, must, type Target } from "./target";

/** What is accepted, `mqtt-packet` accepts too, and reads the same. */
export const emulatorPackets: Target = {
  memory: 0,
  run(bytes) {
    const lines: string[] = [];
    for (const raw of wholePackets(bytes)) {
      const packet = Buffer.from(packetBytes(raw.first, raw.body));
      try {
        const line =
          raw.first >> 4 === 1
            ? connectLine(readConnect(packet), packet)
            : packetLine(readPacket(packet), packet);
        lines.push(line);
      } catch (error) {
        must(error instanceof ProtocolError, `throws ${String(error)}`);
        must(error.message.length <= 200, "a long message");
        lines.push(error.message);
      }
    }
    return lines.join("\n");
  },
  repair: (bytes) => withFittingLength(bytes, 0),
};

function theirs(packet: Buffer): Packet {
  const [parsed, ...more] = parsePackets(packet);
  must(parsed !== undefined && more.length === 0, "mqtt-packet sees another number of packets");
  return parsed;
}

function connectLine(ours: ConnectPacket, packet: Buffer): string {
  if (ours.protocolVersion !== 4) return `connect of level ${ours.protocolVersion}`;
  const other = theirs(packet);
  must(other.cmd === "connect", "no CONNECT by mqtt-packet");
  const line = (
    connect: Pick<typeof other, "clientId" | "clean" | "keepalive" | "username" | "password" | "will">,
  ) =>
    JSON.stringify([
      connect.clientId,
      connect.clean,
      connect.keepalive,
      connect.username,
      connect.password && digest(connect.password),
      connect.will && [
        connect.will.topic,
        connect.will.qos,
        connect.will.retain,
        digest(Buffer.from(connect.will.payload)),
      ],
    ]);
  const { will, ...rest } = ours;
  const said = line({ ...rest, ...(will ? { will: { ...will, qos: will.qos as 0 | 1 | 2 } } : {}) });
  must(said === line(other), `read ${said}, by mqtt-packet ${line(other)}`);
  return said;
}

function packetLine(ours: ClientPacket, packet: Buffer): string {
  const other = theirs(packet);
  must(other.cmd === ours.type, `${ours.type}, by mqtt-packet ${other.cmd}`);
  if ("messageId" in ours && ours.messageId !== 0)
    must(other.messageId === ours.messageId, "another packet identifier");
  switch (ours.type) {
    case "publish":
      must(
        other.cmd === "publish" &&
          other.topic === ours.topic &&
          other.qos === ours.qos &&
          other.dup === ours.dup &&
          other.retain === ours.retain &&
          ours.payload.equals(Buffer.from(other.payload)),
        "another PUBLISH",
      );
      break;
    case "subscribe":
      must(other.cmd === "subscribe", "no SUBSCRIBE");
      must(
        JSON.stringify(other.subscriptions.map(({ topic, qos }) => ({ topic, qos: Math.min(qos, 1) }))) ===
          JSON.stringify(ours.filters),
        "other filters",
      );
      break;
    case "unsubscribe":
      must(other.cmd === "unsubscribe", "no UNSUBSCRIBE");
      must(JSON.stringify(other.unsubscriptions) === JSON.stringify(ours.filters), "other filters");
      break;
    default:
  }
  return ours.type;
}

const MOST_SUBSCRIPTIONS = 3;

/**
 * Behind an accepted CONNECT: the first byte is CleanSession, the second cuts the stream into pieces. Whatever comes,
 * nothing is thrown, each request has its answer, and nothing is taken behind the end.
 */
export const emulatorSession: Target = {
  memory: 0,
  run(bytes) {
    const [clean = 0, piece = 0] = bytes;
    const stream = bytes.slice(2);
    const whole = session(clean % 2 === 1, [stream]);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += piece + 1) pieces.push(stream.slice(at, at + piece + 1));
    must(session(clean % 2 === 1, pieces) === whole, "what comes of it depends on the pieces");
    return whole;
  },
  repair: (bytes) => withFittingLength(bytes, 2),
};

function session(clean: boolean, pieces: readonly Uint8Array[]): string {
  const sent: Buffer[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk);
      done();
    },
  });
  // Each write is seen as it is made.
  stream.cork = () => {};
  let stored: Subscriptions | undefined = { kept: 1, "not/granted": 1 };
  const log: string[] = [];
  let ended = false;
  const broker: Broker = new Broker(
    {
      acceptsFilter: (_connection, filter) => filter.length <= 4,
      received: (_connection, topic, payload, { qos, will }) => {
        must(!ended, "a message behind the end");
        log.push(`publish ${JSON.stringify(topic)} ${digest(payload)} ${qos} ${will}`);
        if (topic.startsWith("!")) throw new Error("the endpoint refuses it");
      },
      connected: (connection) => log.push(`connected ${connection.sessionPresent}`),
      subscribed: ({ subscriptions }) => {
        must(subscriptions.size <= MOST_SUBSCRIPTIONS, "too many subscriptions");
        log.push(`subscribed ${JSON.stringify([...subscriptions])}`);
      },
      closed: () => {
        must(!ended, "two ends");
        ended = true;
      },
    },
    {
      load: () => stored,
      save: (_id, subscriptions) => {
        stored = subscriptions;
      },
    },
    MOST_SUBSCRIPTIONS,
  );
  const link: Link = new Link({
    stream,
    clock: new ManualClock(0),
    faults: new FaultInjector(),
    maximumPacket: 1000,
    reset: () => {},
    onPacket: (packet) => {
      must(!link.destroyed, "a packet behind the end");
      if (packet[0] !== 0x10 || log.length > 0) broker.receive(connection, packet);
      else broker.attach(connection);
    },
  });
  const will = { topic: "will", payload: Buffer.alloc(0), qos: 0, retain: false };
  const connect = { protocolVersion: 4, clientId: "d", clean, keepalive: 60, will };
  const connection = new Connection("d", link, connect);
  stream.emit("data", Buffer.from([0x10, 0]));
  for (const bytes of pieces) stream.emit("data", Buffer.from(bytes));
  if (!link.destroyed) link.destroy();
  must(ended, "no end");
  const answers = wholePackets(Buffer.concat(sent));
  checkAnswers(answers, log);
  if (clean) must(stored === undefined, "a clean session that is kept");
  stream.destroy();
  return [...log, String(link.reason), digest(Buffer.concat(sent)), JSON.stringify(stored)].join("\n");
}

/** CONNACK first and once; a SUBACK for each SUBSCRIBE, with codes that MQTT 3.1.1 knows. */
function checkAnswers(answers: readonly RawPacket[], log: readonly string[]): void {
  must(answers[0]?.first === 0x20, "the first packet is no CONNACK");
  const of = (first: number) => answers.filter((answer) => answer.first === first);
  must(of(0x20).length === 1, "two CONNACKs");
  must(of(0x90).length === log.filter((line) => line.startsWith("subscribed")).length, "SUBACKs do not fit");
  for (const { body } of of(0x90)) {
    must(body.length > 2, "a SUBACK without a code");
    must(
      body.slice(2).every((code) => code === 0 || code === 1 || code === 0x80),
      "another code",
    );
  }
  for (const { body } of of(0x40))
    must(body.length === 2 && (body[0] as number) + (body[1] as number) > 0, "PUBACK 0");
}
