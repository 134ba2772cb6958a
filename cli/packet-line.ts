// SPDX-License-Identifier: MIT
/** An MQTT packet as one line for people. Passwords and keys are masked here, and nowhere later. */
import type { Packet } from "mqtt-packet";
import { RETURN_CODES } from "../emulator/return-codes";

/** Characters of a payload that are shown. */
const LONGEST_PAYLOAD = 480;

/** A decoded packet, ready to be printed. */
export interface PacketLine {
  /** As the specification writes it: CONNECT, PUBACK, ... */
  readonly type: string;
  /** Topic of a PUBLISH, or filters of SUBSCRIBE and UNSUBSCRIBE. */
  readonly topic: string | undefined;
  /** All else worth seeing, secrets masked. */
  readonly detail: string;
}

/** Describes `packet`. */
export function packetLine(packet: Packet): PacketLine {
  const type = packet.cmd.toUpperCase();
  switch (packet.cmd) {
    case "connect":
      return { type, topic: undefined, detail: connectDetail(packet) };
    case "connack": {
      const code = packet.returnCode ?? 0;
      const session = packet.sessionPresent ? ", session present" : "";
      return { type, topic: undefined, detail: `${code} ${RETURN_CODES[code] ?? "reserved"}${session}` };
    }
    case "publish": {
      const flags = [`QoS ${packet.qos}`];
      if (packet.dup) flags.push("DUP");
      if (packet.retain) flags.push("RETAIN");
      if (packet.messageId !== undefined) flags.push(`#${packet.messageId}`);
      return {
        type,
        topic: maskTopic(packet.topic),
        detail: `${flags.join(" ")} ${payloadText(packet.payload)}`.trimEnd(),
      };
    }
    case "subscribe":
      return {
        type,
        topic: packet.subscriptions.map(({ topic, qos }) => `${topic} (QoS ${qos})`).join(", "),
        detail: `#${packet.messageId}`,
      };
    case "unsubscribe":
      return { type, topic: packet.unsubscriptions.join(", "), detail: `#${packet.messageId}` };
    case "suback":
      return {
        type,
        topic: undefined,
        detail: `#${packet.messageId} ${packet.granted.map(grantedText).join(", ")}`,
      };
    default:
      return { type, topic: undefined, detail: packet.messageId === undefined ? "" : `#${packet.messageId}` };
  }
}

function connectDetail(packet: Extract<Packet, { cmd: "connect" }>): string {
  const parts = [`client ${packet.clientId}`];
  if (packet.username !== undefined) parts.push(`user ${packet.username}`);
  const password = packet.password?.toString("utf8") ?? "";
  parts.push(password === "" ? "no password" : `password ${maskPassword(password)}`);
  parts.push(packet.clean ? "clean session" : "kept session", `keep alive ${packet.keepalive} s`);
  if (packet.will) parts.push(`will ${packet.will.topic}`);
  return parts.join(", ");
}

/** Of a token only resource, expiry and policy are shown; of any other password nothing. */
export function maskPassword(password: string): string {
  const token = /^SharedAccessSignature (.*)$/.exec(password)?.[1];
  if (token === undefined) return "***";
  const shown = token.split("&").map((field) => {
    const [name = ""] = field.split("=", 1);
    return ["sr", "se", "skn"].includes(name) ? field : `${name}=***`;
  });
  return `SharedAccessSignature ${shown.join("&")}`;
}

function maskTopic(topic: string): string {
  return topic.replace(/((?:sig|signature|password|token|key)=)[^&]*/gi, "$1***");
}

function payloadText(payload: string | Buffer): string {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
  if (bytes.length === 0) return "";
  const text = bytes.toString("utf8");
  if (text.includes("\ufffd") || hasControls(text)) return `<${bytes.length} bytes, no text>`;
  const masked = text
    .replace(/("[^"]*(?:key|signature|token|password)"\s*:\s*)"[^"]*"/gi, '$1"***"')
    .replace(/SharedAccessSignature [^"\s]*/g, maskPassword)
    .replace(/\s+/g, " ");
  return masked.length > LONGEST_PAYLOAD
    ? `${masked.slice(0, LONGEST_PAYLOAD)}… (${bytes.length} bytes)`
    : masked;
}

/** Control characters could steer the terminal. */
function hasControls(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if ((code < 0x20 && !/\s/.test(character)) || (code >= 0x7f && code < 0xa0)) return true;
  }
  return false;
}

function grantedText(granted: number | object): string {
  return granted === 0x80 ? "refused" : `granted QoS ${String(granted)}`;
}
