// SPDX-License-Identifier: MIT
/** Events as rows of the diagram: between which lifelines, with what words, and why. */
import type { EventRecord, PacketEvent, Place } from "../link/records";
import { RETURN_CODES } from "../../return-codes";
import { explainTopic } from "./topic";

/** `bad`: a refusal. `fault`: played. `end`: a connection is over. */
export type Tone = "plain" | "good" | "bad" | "fault" | "end" | "quiet";

/** One row. */
export interface Row {
  key: number;
  /** Milliseconds since 1970. */
  time: number;
  /** Registration id or device id; empty where nobody is known. */
  device: string;
  connection: number | undefined;
  /** The lifeline on the other side: `dps`, a hub, or empty. */
  peer: string;
  /** The way of a packet seen from the device; `mark` for what is none. */
  way: "out" | "in" | "mark";
  tone: Tone;
  /** In the protocol's words. */
  title: string;
  detail: string;
  /** In full, in the words of the service. */
  reason?: string;
  place?: Place;
  record: EventRecord;
}

/** Reasons that wait for the packet that carries the refusal. */
export interface Pending {
  connections: Map<number, { reason: string; place?: Place }>;
  responses: Map<string, { reason: string; place?: Place }>;
}

/** An empty one. */
export function pending(): Pending {
  return { connections: new Map(), responses: new Map() };
}

/** The row of an event; undefined for one whose packets tell it. */
export function rowOf(record: EventRecord, waiting: Pending): Row | undefined {
  const time = Date.parse(record.time);
  const mark = (fields: Pick<Row, "device" | "peer" | "tone" | "title" | "detail"> & Partial<Row>): Row => ({
    key: record.seq,
    time,
    connection: "connection" in record ? record.connection : undefined,
    way: "mark",
    record,
    ...fields,
  });
  switch (record.event) {
    case "packet":
      return packetRow(record, time, waiting);
    case "refuse": {
      const { connection, reason, enrollment } = record;
      waiting.connections.set(connection, { reason, ...(enrollment ? { place: enrollment } : {}) });
      return undefined;
    }
    case "response": {
      const { registrationId, reason, enrollment } = record;
      if (reason !== undefined)
        waiting.responses.set(registrationId, { reason, ...(enrollment ? { place: enrollment } : {}) });
      return undefined;
    }
    case "disconnect":
      return mark({
        device: record.id,
        peer: record.endpoint,
        tone: "end",
        title: "closed",
        detail: record.reason,
      });
    case "stranger":
      return mark({
        device: "",
        peer: "",
        tone: "bad",
        title: "not served",
        detail: record.reason,
        reason: record.reason,
      });
    case "assigned":
      return mark({
        device: record.registrationId,
        peer: "dps",
        tone: "good",
        title: "assigned",
        detail: `${record.deviceId} of ${record.assignedHub} (${record.substatus})`,
      });
    case "fault": {
      const { step, action, id = "", endpoint = "", status, returnCode, delayMs } = record;
      const what = status ?? returnCode ?? (delayMs === undefined ? undefined : `${delayMs} ms`);
      return mark({
        device: id,
        peer: endpoint,
        tone: "fault",
        title: "fault",
        detail: `${action}${what === undefined ? "" : ` ${what}`} at ${step}`,
      });
    }
    case "problem":
      return mark({
        device: "",
        peer: "",
        tone: "bad",
        title: "problem",
        detail: record.message,
        reason: record.message,
      });
    default:
      return undefined;
  }
}

function packetRow(packet: PacketEvent, time: number, waiting: Pending): Row {
  const { type, fields, connection, direction, id = "", endpoint = "" } = packet;
  const row: Row = {
    key: packet.seq,
    time,
    device: id,
    connection,
    peer: endpoint,
    way: direction === "received" ? "out" : "in",
    tone: "plain",
    title: type,
    detail: detailOf(packet),
    record: packet,
  };
  if (fields.problem !== undefined) return { ...row, tone: "bad", reason: fields.problem };
  if (type === "CONNACK") {
    row.tone = fields.returnCode === 0 ? "good" : "bad";
    const found = waiting.connections.get(connection);
    waiting.connections.delete(connection);
    return found && row.tone === "bad" ? { ...row, ...found } : row;
  }
  if (type === "SUBACK" && fields.granted?.includes(0x80))
    return { ...row, tone: "bad", reason: "The service does not grant this filter (0x80)." };
  if (type === "PUBLISH" && fields.topic?.startsWith("$dps/registrations/res/")) {
    const found = waiting.responses.get(id);
    waiting.responses.delete(id);
    const [, status = ""] = /res\/(\d+)/.exec(fields.topic) ?? [];
    if (found || Number(status) >= 400) return { ...row, tone: "bad", ...found };
  }
  if (type.startsWith("PING") || type === "PUBACK") row.tone = "quiet";
  return row;
}

function detailOf({ type, fields }: PacketEvent): string {
  const { clientId, returnCode, filters, granted, topic, qos, packetIdentifier, dup } = fields;
  const number = packetIdentifier === undefined ? "" : `#${packetIdentifier}`;
  switch (type) {
    case "CONNECT":
      return `${clientId ?? ""}${fields.password === undefined ? " without a password" : ""}`;
    case "CONNACK":
      return `${returnCode} ${RETURN_CODES[returnCode ?? 0] ?? "reserved"}${fields.sessionPresent ? ", session present" : ""}`;
    case "PUBLISH":
      return [explainTopic(topic ?? "")?.name ?? topic, `QoS ${qos}`, number, dup ? "DUP" : ""]
        .filter(Boolean)
        .join(" ");
    case "SUBSCRIBE":
    case "UNSUBSCRIBE":
      return (filters ?? []).map((filter) => (typeof filter === "string" ? filter : filter.topic)).join(", ");
    case "SUBACK":
      return (granted ?? []).map((code) => (code === 0x80 ? "refused" : `granted QoS ${code}`)).join(", ");
    default:
      return number;
  }
}
