// SPDX-License-Identifier: MIT
/** The control API in OpenAPI 3.1, with the schema of a fault from its reader; a test compares the paths with the routes. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import { RULE } from "../../fault-reader";
import { CERTIFICATE, JUMP, MESSAGE, SKEW, TEST_CERTIFICATE } from "./bodies";
import { ALL_EVENTS } from "./event-record";

const NO_CONTENT = { "204": { description: "Done." } };
const ERROR = {
  description: "Why not, as a hub of Azure answers.",
  content: {
    "application/json": {
      schema: {
        type: "object",
        properties: { Message: { type: "string" }, ExceptionMessage: { type: "string" } },
        required: ["Message", "ExceptionMessage"],
      },
    },
  },
};

const TEXT = { type: "string" };
const CLOCK = json("The time, and how far it is off.", {
  type: "object",
  properties: { time: { type: "string", format: "date-time" }, skewMs: { type: "integer" } },
});
const SUMMARY = {
  type: "object",
  properties: { subjectName: TEXT, sha256Thumbprint: TEXT, notBeforeUtc: TEXT, notAfterUtc: TEXT },
};
const CERTIFICATES = json("The kind (kept, or as it was asked for), and both certificates.", {
  type: "object",
  properties: { kind: TEXT, server: SUMMARY, root: SUMMARY },
});

interface Document {
  readonly paths: Readonly<Record<string, object>>;
  readonly [name: string]: unknown;
}

/** The document. */
export function openApi(): Document {
  const parameter = (name: string, type = "string") => ({
    name,
    in: "path",
    required: true,
    schema: { type },
  });
  const query = (name: string, description: string) => ({
    name,
    in: "query",
    description,
    schema: { type: "string" },
  });
  return {
    openapi: "3.1.0",
    info: { title: "Berth emulator: control", version: "1" },
    security: [{}, { token: [] }],
    paths: {
      "/health": {
        get: {
          summary: "Ready, since when, and where",
          security: [{}],
          responses: { "200": json("It takes devices and requests.", { type: "object" }) },
        },
      },
      "/openapi.json": {
        get: { summary: "This", responses: { "200": json("OpenAPI.", { type: "object" }) } },
      },
      "/root.pem": {
        get: {
          summary: "The root certificate to trust",
          responses: {
            "200": {
              description: "PEM.",
              content: { "application/x-pem-file": { schema: { type: "string" } } },
            },
          },
        },
      },
      "/events": {
        get: {
          summary: "Events from now on, until the reader leaves, or too much waits for it (event dropped)",
          parameters: [
            query("types", `Names with commas; without it all but packet, which has to be asked for.`),
            query("device", "Events of this registration id or device id only, ignoring case."),
            query(
              "after",
              "The id of the last event that was seen (instance-seq, as SSE has it): what came later is sent first, as far as it is kept, and the event missed tells how much is not. Anything else, such as start, sends all that is kept.",
            ),
            { name: "Last-Event-ID", in: "header", description: "As after.", schema: { type: "string" } },
          ],
          responses: {
            "200": {
              description: `One JSON object each: event (listening, missed, dropped, ${ALL_EVENTS.join(", ")}), time, seq, and its fields, as EmulatorEvents of the package has them. A packet has connection, direction (received or sent, seen from the emulator), type, size, base64 (the first 2,048 bytes) and fields; stars stand for what is secret in it.`,
              content: {
                "application/x-ndjson": { schema: { type: "object" } },
                "text/event-stream": { schema: { type: "string" } },
              },
            },
            default: ERROR,
          },
        },
      },
      "/faults": {
        get: {
          summary: "Rules in force",
          responses: {
            "200": json("With what is left of their count.", { type: "array", items: { type: "object" } }),
          },
        },
        post: {
          summary: "Add a rule behind the others",
          requestBody: body(RULE),
          responses: {
            "201": json("Its id, and the rule with what was left open.", {
              type: "object",
              properties: { id: { type: "integer" }, rule: { type: "object" } },
            }),
            default: ERROR,
          },
        },
        delete: { summary: "Remove every rule", responses: NO_CONTENT },
      },
      "/faults/{id}": {
        delete: {
          summary: "Remove a rule",
          parameters: [parameter("id", "integer")],
          responses: { ...NO_CONTENT, default: ERROR },
        },
      },
      "/clock": {
        get: { summary: "The time that it goes by", responses: { "200": CLOCK } },
        put: {
          summary:
            "Set it off from the right time: tokens, certificates of devices, and lifetimes are judged by it",
          requestBody: body(SKEW),
          responses: { "200": CLOCK, default: ERROR },
        },
        delete: { summary: "Set it right", responses: NO_CONTENT },
      },
      "/clock/jump": {
        post: {
          summary:
            "Set it on, or back by a negative number: what waits for a time that it passes happens now",
          requestBody: body(JUMP),
          responses: { "200": CLOCK, default: ERROR },
        },
      },
      "/certificates": {
        get: { summary: "What servers show, and the root above it", responses: { "200": CERTIFICATES } },
        delete: { summary: "Bring back those that are kept", responses: NO_CONTENT },
      },
      "/certificates/server": {
        put: {
          summary: `Show another one to who connects from now on; the names of this computer keep theirs on the HTTPS port`,
          requestBody: body(CERTIFICATE),
          responses: { "200": CERTIFICATES, default: ERROR },
        },
      },
      "/certificates/root": {
        post: {
          summary:
            "Put a new root in place of the former, with a good certificate below it; /root.pem has it then",
          responses: { "201": CERTIFICATES },
        },
      },
      "/test-certificates": {
        post: {
          summary:
            "Make a certificate with its key: a root of one's own, or a device's; the emulator keeps neither",
          requestBody: body(TEST_CERTIFICATE),
          responses: {
            "201": json("Both in PEM.", {
              type: "object",
              properties: { certificatePem: { type: "string" }, privateKeyPem: { type: "string" } },
            }),
            default: ERROR,
          },
        },
      },
      "/messages/{hub}/{device}": {
        post: {
          summary: "Queue a cloud-to-device message: body or bodyBase64, and what is told with it",
          parameters: [parameter("hub"), parameter("device")],
          requestBody: body(MESSAGE),
          responses: {
            "201": json("The number by which the event delivered names it.", {
              type: "object",
              properties: { sequence: { type: "integer" } },
            }),
            default: ERROR,
          },
        },
      },
      "/connections/{hub}/{device}": {
        delete: {
          summary: "End the connection of a device",
          parameters: [parameter("hub"), parameter("device")],
          responses: { ...NO_CONTENT, default: ERROR },
        },
      },
    },
    components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
  };
}

function body(schema: GenericSchema) {
  const { $schema: _, ...rest } = toJsonSchema(schema, { typeMode: "input", errorMode: "ignore" });
  return { required: true, content: { "application/json": { schema: rest } } };
}

function json(description: string, schema: object) {
  return { description, content: { "application/json": { schema } } };
}
