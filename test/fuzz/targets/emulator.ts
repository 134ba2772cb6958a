// SPDX-License-Identifier: MIT
/** The emulator's own readers. They run on Node only. */
import type { Configuration } from "../../../emulator/configuration";
import { parseConfiguration } from "../../../emulator/configuration-reader";
import { parseFaults } from "../../../emulator/fault-reader";
import { DocumentError, parseJson, readJson } from "../../../emulator/json-reader";
import { FramingError, PacketFramer } from "../../../emulator/mqtt/packet-framer";
import { formatPropertyBag, parsePropertyBag } from "../../../emulator/property-bag";
import { decodeKey, parseSharedAccessSignature, resourceOf } from "../../../emulator/shared-access-signature";
import { DEVICE, REGISTRATION } from "../../../emulator/state-reader";
import { parseUserName } from "../../../emulator/user-name";
import { packetBytes, wholePackets, withFittingLength } from "./packets";
import { must, sameBytes, type Target, textOf } from "./target";

/** Keys as the samples have them, in quotation marks or without: no message may hold the begin of one. */
const KEYS = /Key"\s*:\s*["']?(?:c2VjcmV0)+/g;
const SHOWN = "c2Vj";

export const emulatorConfiguration: Target = {
  memory: 0,
  run(bytes, text) {
    const document = textOf(bytes, text);
    const configuration = outcome(document, () => read(document));
    if (!configuration.startsWith("error"))
      must(outcome(document, () => read(configuration)) === configuration, "read again, another");
    return [
      configuration,
      outcome(document, () => parseFaults(document, "a")),
      outcome(document, () => readJson(DEVICE, parseJson(document, "a"), "a")),
      outcome(document, () => readJson(REGISTRATION, parseJson(document, "a"), "a")),
    ].join("\n");
  },
  tokens: [
    '"idScope":"0ne1"',
    '"iotHubs":["h.net"]',
    '"iotHubs":[{"name":"h.net","allocationWeight":2}]',
    '"enrollments":[',
    '"enrollmentGroups":[',
    '"registrationId":"d"',
    '"enrollmentGroupId":"g"',
    '"attestation":{"type":"symmetricKey","symmetricKey":{"primaryKey":"c2VjcmV0c2VjcmV0c2VjcmV0"}}',
    '"attestation":{"type":"x509","x509":{"clientCertificates":{"primary":{"info":{"sha1Thumbprint":"00"}}}}}',
    '"provisioningStatus":"disabled"',
    '"allocationPolicy":"static"',
    '"iotHubHostName":"h.net"',
    '"reprovisionPolicy":{"updateHubAssignment":true,"migrateDeviceData":true}',
    '"initialTwin":{"tags":{},"properties":{"desired":{}}}',
    '"customAllocationDefinition":{"module":"m"}',
    '"faults":[{"step":"accept","action":"drop"}]',
    '"__proto__":{',
    "null",
    ",",
    "{",
    "}",
    "]",
  ],
};

/** Without the lines, which are those of the document that it was read from; each enrollment must have one. */
function read(document: string): Omit<Configuration, "places"> {
  const { places, ...configuration } = parseConfiguration(document, "a");
  for (const list of ["enrollments", "enrollmentGroups"] as const)
    must(places?.[list].length === configuration[list].length, `${list} without their lines`);
  return configuration;
}

/** What `read` returned as JSON, or its error, which must name the place and show no key. */
function outcome(document: string, read: () => unknown): string {
  try {
    return JSON.stringify(read());
  } catch (error) {
    must(error instanceof DocumentError, `throws ${String(error)}`);
    const { message } = error;
    must(message.length <= 2_000, `a message of ${message.length} characters`);
    // Where it stands somewhere else it is no key.
    const elsewhere = document.replaceAll(KEYS, "").includes(SHOWN);
    must(elsewhere || !message.includes(SHOWN), "a key is shown");
    return `error ${message}`;
  }
}

export const emulatorFramer: Target = {
  memory: 0,
  run(bytes) {
    const [piece = 0] = bytes;
    const stream = bytes.slice(1);
    const whole = frame([stream]);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += piece + 1) pieces.push(stream.slice(at, at + piece + 1));
    must(frame(pieces) === whole, "what is framed depends on the pieces");
    return whole;
  },
  repair: (bytes) => withFittingLength(bytes, 1),
};

function frame(pieces: readonly Uint8Array[]): string {
  const stream = Buffer.concat(pieces);
  const maximum = 1_000;
  const framer = new PacketFramer(maximum);
  const packets: Buffer[] = [];
  let end = "end";
  try {
    for (const piece of pieces) {
      framer.add(Buffer.from(piece));
      for (let packet = framer.next(); packet; packet = framer.next()) packets.push(packet);
    }
  } catch (error) {
    must(error instanceof FramingError, `throws ${String(error)}`);
    end = error.message;
  }
  must(
    stream.subarray(0, Buffer.concat(packets).length).equals(Buffer.concat(packets)),
    "other bytes than came",
  );
  const expected = wholePackets(stream);
  must(
    end !== "end" || expected.length === packets.length,
    `${packets.length} packets of ${expected.length}`,
  );
  for (const [i, packet] of packets.entries()) {
    const { first, body } = expected[i] as (typeof expected)[number];
    must(packet.length <= maximum, `a packet of ${packet.length} bytes`);
    must(packet[0] === first && packet.subarray(packet.length - body.length).equals(body), "another packet");
    must(sameBytes(packetBytes(first, body).subarray(-body.length || Infinity), body), "another body");
  }
  return `${packets.length} ${end}`;
}

export const emulatorText: Target = {
  memory: 0,
  run(bytes, text) {
    const value = textOf(bytes, text);
    const token = parseSharedAccessSignature(value);
    if (token) {
      must(Number.isSafeInteger(token.se), `expiry ${token.se}`);
      must(value.includes(`sr=${token.sr}`), "a resource from nowhere");
      resourceOf(token);
    }
    const key = decodeKey(value);
    must(key === undefined || (key.length >= 16 && key.length <= 64), "a key of another length");
    const user = parseUserName(value);
    if ("kind" in user && user.kind === "dps")
      must(/^\d{4}-\d{2}-\d{2}(-preview)?$/.test(user.apiVersion), "no version");
    return JSON.stringify([token && [token.sr, token.se, token.skn], key?.length, user, bagOf(value)]);
  },
  tokens: [
    "SharedAccessSignature sr=",
    "&sig=",
    "&se=1800000000",
    "&skn=registration",
    "/registrations/",
    "/api-version=2019-03-31",
    "hub.example/",
    "/?api-version=2021-04-12",
    "/api-version=2016-11-14",
    "&model-id=",
    "%2F",
    "%",
    "&",
    "=",
    "?",
  ],
};

function bagOf(value: string): unknown {
  let bag: ReadonlyMap<string, string | null>;
  try {
    bag = parsePropertyBag(value);
  } catch (error) {
    must((error as Error).message.includes("percent-encoding"), String(error));
    return "broken";
  }
  // What came as lone surrogates cannot be written.
  if (!value.isWellFormed()) return [...bag];
  const again = parsePropertyBag(formatPropertyBag(bag));
  must(
    JSON.stringify([...again]) === JSON.stringify([...bag]),
    "a bag that is another when written and read",
  );
  return [...bag];
}
