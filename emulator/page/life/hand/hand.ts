// SPDX-License-Identifier: MIT
/** The client by hand: its fields, filled in by what is known and editable, and what the service answered. */
import { batch, effect, signal } from "@preact/signals";
import { deriveDeviceKey, sasToken } from "../../parts/keys";
import { storedText } from "../../parts/stored";
import { health } from "../../model/emulator";
import { attestationOf, type EnrollmentKind } from "../../model/enrollments";
import { RETURN_CODES } from "../../../return-codes";
import { explainTopic } from "../topic";
import { MqttLink } from "./mqtt-link";

/** Seconds that a token is good. */
const LIFETIME = 3600;
/** Lines of the log. */
const MOST_LINES = 200;

/** One line of what happened. */
export interface Line {
  key: number;
  time: number;
  tone: "sent" | "got" | "bad";
  text: string;
  payload?: string;
}

export type State = "away" | "opening" | "secure" | "connected";

// Who it is.
export const registrationId = storedText("hand.registrationId", "by-hand-1");
export const proof = storedText("hand.proof", "key");
/** Secrets are kept in memory only. */
export const key = signal("");
export const certificate = signal("");
export const privateKey = signal("");
/** `dps`, or a hub. */
export const server = storedText("hand.server", "dps");
export const deviceId = storedText("hand.deviceId", "");

// CONNECT, SUBSCRIBE, PUBLISH: filled in, and the user's own once he has changed them.
export const clientId = storedText("hand.clientId", "");
export const userName = storedText("hand.userName", "");
export const password = signal("");
export const keepAlive = storedText("hand.keepAlive", "60");
export const clean = signal(true);
export const filterText = storedText("hand.filter", "");
export const topic = storedText("hand.topic", "");
export const payload = storedText("hand.payload", "");
export const qos = storedText("hand.qos", "1");

export const state = signal<State>("away");
export const log = signal<readonly Line[]>([]);
/** Of the last answer that named one. */
export const operationId = storedText("hand.operationId", "");
export const assigned = signal<{ hub: string; deviceId: string } | undefined>(undefined);

let link: MqttLink | undefined;
let count = 0;
let requests = 0;

function say(tone: Line["tone"], text: string, more?: string): void {
  const line = { key: ++count, time: Date.now(), tone, text, ...(more ? { payload: more } : {}) };
  log.value = [...log.value.slice(1 - MOST_LINES), line];
}

/** Names of what one can publish, and what each fills in. */
export const PRESETS = ["Register", "Poll", "Telemetry", "Twin get", "Reported"] as const;

/** Fills in topic and payload. */
export function preset(name: (typeof PRESETS)[number]): void {
  const rid = ++requests;
  const own = deviceId.peek() || registrationId.peek();
  const [filledTopic, filledPayload] = {
    Register: [
      `$dps/registrations/PUT/iotdps-register/?$rid=${rid}`,
      JSON.stringify({ registrationId: registrationId.peek() }),
    ],
    Poll: [
      `$dps/registrations/GET/iotdps-get-operationstatus/?$rid=${rid}&operationId=${operationId.peek()}`,
      "",
    ],
    Telemetry: [`devices/${own}/messages/events/$.ct=application%2Fjson&$.ce=utf-8`, '{"temperature":21.5}'],
    "Twin get": [`$iothub/twin/GET/?$rid=${rid}`, ""],
    Reported: [`$iothub/twin/PATCH/properties/reported/?$rid=${rid}`, '{"period":60}'],
  }[name] as [string, string];
  batch(() => {
    topic.value = filledTopic;
    payload.value = filledPayload;
    qos.value = name === "Twin get" || name === "Reported" ? "0" : "1";
  });
}

/** The filters that a device asks for. */
export function filters(): string[] {
  if (server.value === "dps") return ["$dps/registrations/res/#"];
  const own = deviceId.value || registrationId.value;
  return [
    `devices/${own}/messages/devicebound/#`,
    "$iothub/methods/POST/#",
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
  ];
}

/** Fills in what CONNECT says, from who it is. The password is made anew, for a token runs out. */
export async function fillConnect(): Promise<void> {
  const isDps = server.peek() === "dps";
  const id = isDps ? registrationId.peek() : deviceId.peek() || registrationId.peek();
  const scope = health.peek()?.idScope ?? "";
  const resource = isDps ? `${scope}/registrations/${id}` : `${server.peek()}/devices/${id}`;
  batch(() => {
    clientId.value = id;
    userName.value = isDps
      ? `${resource}/api-version=2019-03-31`
      : `${server.peek()}/${id}/?api-version=2021-04-12`;
    filterText.value = filters()[0] ?? "";
    password.value = "";
  });
  if (isDps) preset("Register");
  else preset("Telemetry");
  if (proof.peek() !== "key" || key.peek() === "") return;
  try {
    const expiry = Math.floor(Date.now() / 1000) + LIFETIME;
    password.value = await sasToken(resource, key.peek(), expiry, isDps ? "registration" : undefined);
  } catch (error) {
    say("bad", (error as Error).message);
  }
}

/** Takes key and id from an enrollment; of a group, the key of the registration id that is typed. */
export async function fillFrom(kind: EnrollmentKind, id: string): Promise<void> {
  try {
    const { type, symmetricKey } = await attestationOf(kind, id);
    if (kind === "individual") registrationId.value = id;
    proof.value = type === "x509" ? "certificate" : "key";
    const { primaryKey = "" } = symmetricKey ?? {};
    key.value =
      kind === "group" && primaryKey ? await deriveDeviceKey(primaryKey, registrationId.peek()) : primaryKey;
    server.value = "dps";
    deviceId.value = "";
    await fillConnect();
  } catch (error) {
    say("bad", (error as Error).message);
  }
}

/** Opens TLS, then sends CONNECT. */
export function connect(): void {
  link?.disconnect();
  state.value = "opening";
  const isX509 = proof.peek() === "certificate";
  const made: MqttLink = new MqttLink(
    {
      onSecure: (about) => {
        state.value = "secure";
        say("got", `TLS is up: ${about}`);
        guarded(() => {
          made.connect({
            id: clientId.peek(),
            user: userName.peek() || undefined,
            password: password.peek() || undefined,
            clean: clean.peek(),
            keepAlive: Number(keepAlive.peek()),
          });
          say("sent", `CONNECT as ${clientId.peek()}`);
        });
      },
      onConnack: (code) => {
        say(code === 0 ? "got" : "bad", `CONNACK ${code} ${RETURN_CODES[code] ?? ""}`);
        if (code === 0) state.value = "connected";
      },
      onSuback: (granted) => {
        const refused = granted.includes(0x80);
        say(refused ? "bad" : "got", `SUBACK ${refused ? "refused" : `granted QoS ${granted.join(", ")}`}`);
      },
      onPuback: (id) => say("got", `PUBACK #${id}`),
      onMessage: message,
      onClosed: (reason) => {
        if (link === made) {
          link = undefined;
          state.value = "away";
        }
        say(
          reason === "DISCONNECT" ? "sent" : "bad",
          reason === "DISCONNECT" ? reason : `The connection ended: ${reason}`,
        );
      },
    },
    isX509 ? { certificate: certificate.peek(), key: privateKey.peek() } : {},
  );
  link = made;
}

export function disconnect(): void {
  link?.disconnect();
}

export function subscribe(): void {
  guarded(() => {
    link?.subscribe(filterText.peek());
    say("sent", `SUBSCRIBE ${filterText.peek()}`);
  });
}

export function publish(): void {
  guarded(() => {
    link?.publish(topic.peek(), payload.peek(), qos.peek() === "0" ? 0 : 1);
    say("sent", `PUBLISH ${explainTopic(topic.peek())?.name ?? topic.peek()}`, payload.peek());
  });
}

/** Goes on with the hub that DPS has named. */
export async function toHub(): Promise<void> {
  const found = assigned.peek();
  if (!found) return;
  link?.disconnect();
  server.value = found.hub;
  deviceId.value = found.deviceId;
  await fillConnect();
}

function message(topicOf: string, text: string): void {
  const explained = explainTopic(topicOf);
  const status = Number(/res\/(\d+)/.exec(topicOf)?.[1] ?? 0);
  say(status >= 400 ? "bad" : "got", `PUBLISH ${explained?.name ?? topicOf}`, text);
  if (!topicOf.startsWith("$dps/")) return;
  try {
    const body = JSON.parse(text) as {
      operationId?: string;
      registrationState?: { assignedHub?: string; deviceId?: string };
    };
    if (body.operationId) operationId.value = body.operationId;
    const { assignedHub, deviceId: own } = body.registrationState ?? {};
    if (assignedHub && own) assigned.value = { hub: assignedHub, deviceId: own };
    else if (body.operationId) preset("Poll");
  } catch {
    // A fault may answer what is no JSON.
  }
}

/** What MQTT cannot carry is told, as it would be to an application. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    say("bad", (error as Error).message);
  }
}

// Once it is known where DPS is.
effect(() => {
  if (health.value && userName.peek() === "") void fillConnect();
});
