// SPDX-License-Identifier: MIT
/** All of one packet or event: the reason of a refusal first, then fields, topic, payload and bytes. */
import { Name } from "../parts/name";
import type { ComponentChildren } from "preact";
import type { PacketEvent, Place } from "../link/records";
import { fromBase64, hexLines } from "../parts/bytes";
import { timeOfDay } from "../parts/time";
import { laneName } from "./lanes";
import type { Row } from "./rows";
import { RETURN_CODES } from "../../return-codes";
import { explainTopic } from "./topic";

export function Detail({ row }: { row: Row | undefined }) {
  if (!row)
    return <p class="hint">Choose a row to see its fields and bytes. Arrow keys move through the list.</p>;
  const { record, device, peer, way, title, reason, place } = row;
  const packet = record.event === "packet" ? record : undefined;
  const from = way === "in" ? laneName(peer) : device || "a client";
  const to = way === "in" ? device || "a client" : laneName(peer) || "the emulator";
  return (
    <article class="detail" aria-label="Details">
      <h2>{title}</h2>
      <p class="sub">
        {way === "mark" ? `${device || "a client"} ${peer && `· ${laneName(peer)}`}` : `${from} → ${to}`} ·{" "}
        {timeOfDay(row.time)}
        {row.connection === undefined ? "" : ` · connection ${row.connection}`}
      </p>
      {reason !== undefined && <Refusal reason={reason} place={place} />}
      {packet ? <Packet packet={packet} /> : <Plain record={record} />}
    </article>
  );
}

function Refusal({ reason, place }: { reason: string; place: Place | undefined }) {
  return (
    <div class="refusal">
      <strong>Refused</strong>
      <p>{reason}</p>
      {place && (
        <p>
          Decided by the {place.kind === "group" ? "enrollment group" : "enrollment"}{" "}
          <a href={`#/enrollments/${place.kind}/${encodeURIComponent(place.id)}`}>{place.id}</a>
          {place.line === undefined ? (
            ", which the service API wrote."
          ) : (
            <>
              , <code>{place.source}</code> line <code>{place.line}</code>.
            </>
          )}
        </p>
      )}
    </div>
  );
}

function Packet({ packet: { type, size, base64, fields } }: { packet: PacketEvent }) {
  const topic = fields.topic === undefined ? undefined : explainTopic(fields.topic);
  const bytes = fromBase64(base64);
  return (
    <>
      <dl class="fields">
        <Field name="Size">{size} bytes</Field>
        {Object.entries(fields).map(([name, value]) =>
          name === "payload" ? null : (
            <Field key={name} name={wordsOf(name)}>
              {name === "returnCode" ? `${value} ${RETURN_CODES[value as number] ?? ""}` : textOf(value)}
            </Field>
          ),
        )}
      </dl>
      {type === "CONNECT" && (
        <p class="hint">Secrets of a password are starred before they leave the emulator.</p>
      )}
      {topic && (
        <section>
          <h3>Topic</h3>
          <p>{topic.meaning}</p>
          <dl class="fields">
            {topic.parts.map(({ name, value, meaning }) => (
              <Field key={name} name={name}>
                <code>{value}</code> <span class="faint">{meaning}</span>
              </Field>
            ))}
          </dl>
        </section>
      )}
      {fields.payload !== undefined && fields.payload !== "" && (
        <section>
          <h3>Payload</h3>
          <pre tabIndex={0}>{pretty(fields.payload)}</pre>
        </section>
      )}
      <section>
        <h3>Bytes{bytes.length < size ? ` (the first ${bytes.length} of ${size})` : ""}</h3>
        <pre tabIndex={0} class="hex">
          {hexLines(bytes).join("\n")}
        </pre>
      </section>
    </>
  );
}

function Plain({ record }: { record: object }) {
  const skipped = ["event", "seq", "time", "reason", "enrollment"];
  return (
    <dl class="fields">
      {Object.entries(record).map(([name, value]) =>
        skipped.includes(name) ? null : (
          <Field key={name} name={wordsOf(name)}>
            {textOf(value)}
          </Field>
        ),
      )}
    </dl>
  );
}

function Field({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>
        <Name>{name}</Name>
      </dt>
      <dd>{children}</dd>
    </div>
  );
}

const NAMES: Readonly<Record<string, string>> = { qos: "QoS", dup: "DUP", retain: "RETAIN" };

/** `packetIdentifier` as "Packet identifier". */
function wordsOf(name: string): string {
  if (NAMES[name] !== undefined) return NAMES[name];
  const words = name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function textOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value))
    return value
      .map((one) => (typeof one === "object" && one ? `${one.topic} (QoS ${one.qos})` : String(one)))
      .join(", ");
  return JSON.stringify(value);
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
