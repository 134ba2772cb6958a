// SPDX-License-Identifier: MIT
/** An MQTT packet as it may be shown: its bytes and its fields, with stars in place of what is secret. */
import { isUtf8 } from "node:buffer";
import { type Packet, parser } from "mqtt-packet";
import type { WirePacket } from "../../events";
import { PacketType } from "../../mqtt/packet-framer";
import { parseUserName } from "../../user-name";

/** Bytes of a packet that are shown, and characters of its payload. */
const SHOWN_BYTES = 2048;
const SHOWN_TEXT = 4096;
/** Of a CONNECT that cannot be read: up to where a credential may begin. */
const CONNECT_HEAD = 12;

/** Names by type, MQTT 3.1.1 table 2.1. */
const NAMES = Object.fromEntries(Object.entries(PacketType).map(([name, type]) => [type, name]));

/** What the event `packet` tells. @throws never: what cannot be read is told as `problem` */
export function packetRecord({ bytes, ...rest }: WirePacket): object {
  const packet = masked(bytes);
  const type = NAMES[bytes[0]! >> 4] ?? "reserved";
  const read = readWhole(packet);
  const fields = "cmd" in read ? fieldsOf(read) : read;
  return {
    ...rest,
    ...("cmd" in read && read.cmd === "connect" && rest.id === undefined ? whoConnects(read) : {}),
    type,
    size: bytes.length,
    base64: packet.toString("base64", 0, SHOWN_BYTES),
    fields,
  };
}

/** A CONNECT comes before it is known who it is, and says so itself. */
function whoConnects({ clientId, username }: Packet & { cmd: "connect" }): object {
  const user = parseUserName(username);
  const endpoint = "problem" in user ? undefined : user.kind === "dps" ? "dps" : user.hub;
  return { id: clientId, ...(endpoint === undefined ? {} : { endpoint }) };
}

function readWhole(bytes: Buffer): Packet | { problem: string } {
  let read: Packet | { problem: string } = { problem: "the packet was cut" };
  const reader = parser({ protocolVersion: 4 });
  reader.on("packet", (packet) => {
    read = packet;
  });
  reader.on("error", (error: Error) => {
    read = { problem: error.message };
  });
  reader.parse(bytes);
  return read;
}

/** A copy in which stars stand for a password, a signature and a key. */
function masked(bytes: Buffer): Buffer {
  const text = bytes
    .toString("latin1")
    .replaceAll(/((?:sig|signature|SharedAccessKey)=)([\w%+/=.~-]+)/gi, starred)
    .replaceAll(/("[^"]*(?:key|signature|token|password)"\s*:\s*")((?:[^"\\]|\\.)+)/gi, starred);
  const copy = Buffer.from(text, "latin1");
  if (bytes[0]! >> 4 !== PacketType.CONNECT) return copy;
  const connect = readWhole(bytes);
  if (!("cmd" in connect) || connect.cmd !== "connect") return copy.fill("*", CONNECT_HEAD);
  const { password } = connect;
  // The last field. Of a signature its resource, its end and its policy may be seen.
  if (password && !/^SharedAccessSignature sr=[^&]*&/.test(password.toString("latin1")))
    copy.fill("*", copy.length - password.length);
  return copy;
}

function starred(_whole: string, before: string, secret: string): string {
  return before + "*".repeat(secret.length);
}

function fieldsOf(packet: Packet): object {
  const id = packet.messageId ? { packetIdentifier: packet.messageId } : {};
  switch (packet.cmd) {
    case "connect": {
      const { clientId, username, password, clean, keepalive, will } = packet;
      return {
        clientId,
        ...(username === undefined ? {} : { userName: username }),
        ...(password ? { password: password.toString() } : {}),
        cleanSession: clean,
        keepAlive: keepalive,
        ...(will ? { will: { topic: will.topic, qos: will.qos, ...contentOf(will.payload) } } : {}),
      };
    }
    case "connack":
      return { returnCode: packet.returnCode, sessionPresent: packet.sessionPresent };
    case "publish": {
      const { topic, qos, dup, retain, payload } = packet;
      return { topic, qos, dup, retain, ...id, ...contentOf(payload) };
    }
    case "subscribe":
      return { ...id, filters: packet.subscriptions.map(({ topic, qos }) => ({ topic, qos })) };
    case "suback":
      return { ...id, granted: packet.granted };
    case "unsubscribe":
      return { ...id, filters: packet.unsubscriptions };
    default:
      return id;
  }
}

function contentOf(payload: string | Buffer): object {
  const bytes = Buffer.from(payload);
  if (!isUtf8(bytes)) return { payloadSize: bytes.length };
  const text = bytes.toString();
  return { payloadSize: bytes.length, payload: text.slice(0, SHOWN_TEXT) };
}
