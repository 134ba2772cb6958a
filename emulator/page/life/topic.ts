// SPDX-License-Identifier: MIT
/** What a topic of DPS or IoT Hub says. Source: "Communicate with DPS using the MQTT protocol", "… with an IoT hub …". */

/** A topic, explained. */
export interface Explained {
  /** In a word or two, for a row. */
  name: string;
  /** In a sentence. */
  meaning: string;
  /** Its variable parts, decoded, with what each is. */
  parts: { name: string; value: string; meaning: string }[];
}

interface Kind {
  pattern: RegExp;
  name: string | ((match: RegExpExecArray) => string);
  meaning: string;
  /** Names of the pattern's groups. */
  groups?: [string, string][];
}

const RID = "request id; the answer names it again";

const KINDS: readonly Kind[] = [
  {
    pattern: /^\$dps\/registrations\/PUT\/iotdps-register\/\?/,
    name: "register",
    meaning: "The device asks DPS to register it.",
  },
  {
    pattern: /^\$dps\/registrations\/GET\/iotdps-get-operationstatus\/\?/,
    name: "poll",
    meaning: "The device asks DPS what became of its registration.",
  },
  {
    pattern: /^\$dps\/registrations\/res\/(\d+)\/\?/,
    name: (match) => `answer ${match[1]}`,
    meaning: "DPS answers a request: 202 still at work, 200 done, 4xx and 5xx refused.",
    groups: [["status", "as in HTTP"]],
  },
  {
    pattern: /^devices\/([^/]+)\/messages\/events\/?/,
    name: "telemetry",
    meaning: "A device-to-cloud message; its properties are behind the last slash.",
    groups: [["device", "device id"]],
  },
  {
    pattern: /^devices\/([^/]+)\/messages\/devicebound\/?/,
    name: "cloud to device",
    meaning: "A message of a service for the device; its properties are behind the last slash.",
    groups: [["device", "device id"]],
  },
  { pattern: /^\$iothub\/twin\/GET\/\?/, name: "twin get", meaning: "The device asks for its twin." },
  {
    pattern: /^\$iothub\/twin\/PATCH\/properties\/reported\/\?/,
    name: "reported",
    meaning: "The device reports properties of its twin.",
  },
  {
    pattern: /^\$iothub\/twin\/PATCH\/properties\/desired\/\?/,
    name: "desired",
    meaning: "The hub tells the device that desired properties have changed.",
  },
  {
    pattern: /^\$iothub\/twin\/res\/(\d+)\/\?/,
    name: (match) => `twin answer ${match[1]}`,
    meaning: "The hub answers a request about the twin.",
    groups: [["status", "as in HTTP"]],
  },
  {
    pattern: /^\$iothub\/methods\/POST\/([^/]+)\/\?/,
    name: (match) => `method ${decode(match[1] ?? "")}`,
    meaning: "The hub calls a direct method of the device.",
    groups: [["method", "its name"]],
  },
  {
    pattern: /^\$iothub\/methods\/res\/(-?\d+)\/\?/,
    name: (match) => `method answer ${match[1]}`,
    meaning: "The device answers a direct method.",
    groups: [["status", "the device's own"]],
  },
];

const FIELDS: Readonly<Record<string, string>> = {
  $rid: RID,
  operationId: "the registration that is under way",
  "retry-after": "seconds to wait before the next request",
  $version: "version of this part of the twin",
  "$.mid": "message id",
  "$.cid": "correlation id",
  "$.uid": "user id",
  "$.to": "to whom",
  "$.ct": "content type",
  "$.ce": "content encoding",
  "$.exp": "when it expires",
  "$.sub": "component (IoT Plug and Play)",
  "iothub-ack": "feedback that the service wants",
};

/** Explains a topic; undefined for one that neither service knows. */
export function explainTopic(topic: string): Explained | undefined {
  for (const { pattern, name, meaning, groups = [] } of KINDS) {
    const match = pattern.exec(topic);
    if (!match) continue;
    const parts = groups.map(([part, what], at) => ({
      name: part,
      value: decode(match[at + 1] ?? ""),
      meaning: what,
    }));
    const rest = topic.slice(match[0].length).replace(/^\?/, "");
    for (const field of rest.split("&")) {
      if (field === "") continue;
      const [key = "", ...value] = field.split("=");
      const plain = decode(key);
      parts.push({
        name: plain,
        value: decode(value.join("=")),
        meaning: FIELDS[plain] ?? "application property",
      });
    }
    return { name: typeof name === "string" ? name : name(match), meaning, parts };
  }
  return undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
