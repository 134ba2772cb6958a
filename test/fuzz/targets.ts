// SPDX-License-Identifier: MIT
/**
 * What is fuzzed: everything that takes bytes of a peer or of flash. A target throws when a rule is broken;
 * whatever the bytes are, they end in a value or in a typed error.
 */
import { interpretDpsResponse, parseDpsTopic } from "../../src/azure/dps";
import { parseCloudToDevice } from "../../src/azure/hub";
import { BerthError } from "../../src/error";
import type { TextCodec } from "../../src/host";
import { type PacketHandler, PacketReader, type ReaderOptions } from "../../src/mqtt/reader";
import { decodeRecord, encodeRecord } from "../../src/storage/record";

export type Target = (bytes: Uint8Array) => void;

export function targets(text: TextCodec): Readonly<Record<string, Target>> {
  const decoded = (bytes: Uint8Array): string | undefined => {
    try {
      return text.decode(bytes);
    } catch {
      return undefined;
    }
  };
  return {
    reader(bytes) {
      for (const oversize of ["refuse", "stream"] as const) {
        const options = { maximumPacketSize: 128, oversize };
        const whole = read([bytes], text, options);
        const single = read(
          Array.from(bytes, (byte) => Uint8Array.of(byte)),
          text,
          options,
        );
        if (whole !== single) throw new Error(`in one chunk ${whole}, byte by byte ${single}`);
      }
    },
    "dps-body"(bytes) {
      const body = decoded(bytes);
      if (body === undefined) return;
      for (const status of [200, 202, 401, 429, 500]) {
        const answer = interpretDpsResponse({ status, requestId: "1", retryAfter: undefined }, body);
        if (answer.kind !== "error") continue;
        const { code, message } = answer.error;
        if (!code.startsWith("dps-")) throw new Error(`code ${code}`);
        if (message.length > 1_000) throw new Error(`a message of ${message.length} characters`);
      }
    },
    "dps-topic"(bytes) {
      const topic = decoded(bytes);
      if (topic === undefined) return;
      const parts = parseDpsTopic(topic);
      if (parts && !(parts.status >= 100 && parts.status <= 599)) throw new Error(`status ${parts.status}`);
      const after = parts?.retryAfter;
      if (after !== undefined && !(after >= 0 && after <= 86_400)) throw new Error(`retry after ${after}`);
      parseCloudToDevice(topic, "device-1");
    },
    record(bytes) {
      const record = decodeRecord(bytes, text);
      if (!record || Number.isNaN(record.assignment?.assignedAt)) return;
      // What is believed is what would be written.
      const written = encodeRecord(record, text);
      if (written.length !== bytes.length || written.some((byte, i) => byte !== bytes[i])) {
        throw new Error("a record that would be written in another way");
      }
    },
  };
}

/** All that the reader reported, fragments of a message put together, and how it ended. */
function read(chunks: readonly Uint8Array[], text: TextCodec, options: ReaderOptions): string {
  const log: string[] = [];
  let payload: number[] = [];
  const handler: PacketHandler = {
    onConnack: (present, code) => log.push(`connack ${present} ${code}`),
    onPublish(publish) {
      if (publish.offset !== payload.length) throw new Error(`fragment at ${publish.offset}`);
      for (const byte of publish.payload) payload.push(byte);
      const { topic, QoS, duplicate, retain, id, byteLength } = publish;
      if (payload.length > byteLength) throw new Error("more than announced");
      if (payload.length < byteLength) return;
      log.push(JSON.stringify([topic, QoS, duplicate, retain, id, payload]));
      payload = [];
    },
    onPuback: (id) => log.push(`puback ${id}`),
    onSuback: (id, codes) => log.push(`suback ${id} ${[...codes]}`),
    onUnsuback: (id) => log.push(`unsuback ${id}`),
    onPingresp: () => log.push("pingresp"),
  };
  const reader = new PacketReader(handler, text, options);
  try {
    for (const chunk of chunks) reader.push(chunk);
  } catch (error) {
    if (!(error instanceof BerthError) || !EXPECTED.includes(error.code)) throw error;
    // Fragments that came before the error are not compared: how many depends on the chunks.
    return [...log, error.code].join("\n");
  }
  return log.join("\n");
}

const EXPECTED: readonly string[] = Object.freeze([
  "malformed-packet",
  "protocol-violation",
  "packet-too-large",
]);
