// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import mqtt, { type Packet } from "mqtt-packet";
import { maskPassword, packetLine } from "../../cli/packet-line";

const TOKEN =
  "SharedAccessSignature sr=0ne0%2Fregistrations%2Fd&sig=SECRET%3D&se=1700000000&skn=registration";

function publish(topic: string, payload: string | Buffer): Packet {
  return { cmd: "publish", qos: 1, dup: false, retain: false, topic, payload, messageId: 7 };
}

test("CONNECT shows who and how, and of the token only what it is for", () => {
  const line = packetLine({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "d",
    clean: true,
    keepalive: 60,
    username: "0ne0/registrations/d/api-version=2019-03-31",
    password: Buffer.from(TOKEN),
  });
  expect(line).toEqual({
    type: "CONNECT",
    topic: undefined,
    detail:
      "client d, user 0ne0/registrations/d/api-version=2019-03-31, password SharedAccessSignature sr=0ne0%2Fregistrations%2Fd&sig=***&se=1700000000&skn=registration, clean session, keep alive 60 s",
  });
});

test.each<[Packet, string, string | undefined, string]>([
  [
    { cmd: "connack", returnCode: 0, sessionPresent: true },
    "CONNACK",
    undefined,
    "0 accepted, session present",
  ],
  [{ cmd: "connack", returnCode: 5, sessionPresent: false }, "CONNACK", undefined, "5 not authorized"],
  [
    { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a/#", qos: 1 }] },
    "SUBSCRIBE",
    "a/# (QoS 1)",
    "#1",
  ],
  [{ cmd: "suback", messageId: 1, granted: [1, 0x80] }, "SUBACK", undefined, "#1 granted QoS 1, refused"],
  [{ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a", "b"] }, "UNSUBSCRIBE", "a, b", "#2"],
  [{ cmd: "puback", messageId: 3 }, "PUBACK", undefined, "#3"],
  [{ cmd: "pingreq" }, "PINGREQ", undefined, ""],
  [{ cmd: "disconnect" }, "DISCONNECT", undefined, ""],
  [publish("t/x", "text\nmore"), "PUBLISH", "t/x", "QoS 1 #7 text more"],
  [publish("t/x", ""), "PUBLISH", "t/x", "QoS 1 #7"],
  [publish("t/x", Buffer.from([0xff, 0])), "PUBLISH", "t/x", "QoS 1 #7 <2 bytes, no text>"],
  [publish("t/x", "a\u001b[31m"), "PUBLISH", "t/x", "QoS 1 #7 <6 bytes, no text>"],
  [
    { cmd: "publish", qos: 0, dup: true, retain: true, topic: "t", payload: "p" },
    "PUBLISH",
    "t",
    "QoS 0 DUP RETAIN p",
  ],
])("%j", (packet, type, topic, detail) => {
  expect(packetLine(packet)).toEqual({ type, topic, detail });
  // The same after a round through the wire.
  let decoded: Packet | undefined;
  mqtt
    .parser({ protocolVersion: 4 })
    .on("packet", (one: Packet) => {
      decoded = one;
    })
    .parse(mqtt.generate(packet));
  expect(packetLine(decoded as Packet)).toEqual({ type, topic, detail });
});

test.each<[string, string]>([
  ["hunter2", "***"],
  ["SharedAccessSignature sig=SECRET", "SharedAccessSignature sig=***"],
  ["SharedAccessSignature SECRET", "SharedAccessSignature SECRET=***"],
  ["sharedaccesssignature sr=SECRET", "***"],
])("the password %s is shown as %s", (password, shown) => {
  expect(maskPassword(password)).toBe(shown);
});

test("keys and tokens in payloads and topics are masked", () => {
  const body = JSON.stringify({
    primaryKey: "SECRET",
    authenticationKey: "SECRET",
    sasToken: "SECRET",
    nested: { Password: "SECRET" },
    connection: `x ${TOKEN}`,
    keep: "shown",
  });
  const line = packetLine(publish("a/sig=SECRET&b=1", body));
  expect(JSON.stringify(line)).not.toContain("SECRET");
  expect(line.detail).toContain('"keep":"shown"');
  expect(line.topic).toBe("a/sig=***&b=1");
});

test("a long payload is cut and its length told", () => {
  const { detail } = packetLine(publish("t", "x".repeat(5000)));
  expect(detail.length).toBeLessThan(600);
  expect(detail).toContain("(5000 bytes)");
});
