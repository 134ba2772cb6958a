// SPDX-License-Identifier: MIT
/** MQTT over WebSocket: whatever way packets are cut into frames, and a client that reads late. */
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import mqtt, { type Packet } from "mqtt-packet";
import WebSocket from "ws";
import type { Emulator } from "../../emulator/emulator";
import { HUB, hubToken, hubUser, KEY, startEmulator } from "../helpers/emulator-client";

let emulator: Emulator;
beforeEach(async () => {
  emulator = await startEmulator();
  emulator.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
});
afterEach(() => emulator.stop());

class Client {
  readonly socket: WebSocket;
  readonly packets: Packet[] = [];
  #watcher: (() => void) | undefined;

  constructor(options: WebSocket.ClientOptions = {}) {
    const parser = mqtt.parser();
    parser.on("packet", (packet) => {
      this.packets.push(packet);
      this.#watcher?.();
    });
    const url = `wss://localhost:${emulator.httpsPort}/$iothub/websocket?iothub-no-client-cert=true`;
    this.socket = new WebSocket(url, "mqtt", { ca: emulator.ca.pem, ...options });
    this.socket.on("message", (data: Buffer) => parser.parse(data));
  }

  static async open(): Promise<Client> {
    const client = new Client();
    await new Promise((resolve, reject) => client.socket.once("open", resolve).once("error", reject));
    return client;
  }

  /** Resolves once so many packets have come. */
  until(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#watcher = () => {
        if (this.packets.length >= count) resolve();
      };
      this.#watcher();
    });
  }
}

const CONNECT = (): Buffer =>
  mqtt.generate({
    cmd: "connect",
    clientId: "dev-1",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    username: hubUser("dev-1"),
    password: Buffer.from(hubToken("dev-1")),
  });

test("a frame may hold a part of a packet, or several, or come in fragments", async () => {
  const client = await Client.open();
  const wire = Buffer.concat([
    CONNECT(),
    ...["a", "b"].map((payload, i) =>
      mqtt.generate({
        cmd: "publish",
        topic: "devices/dev-1/messages/events/",
        payload,
        qos: 1,
        messageId: i + 1,
        dup: false,
        retain: false,
      }),
    ),
  ]);
  for (const byte of wire.subarray(0, 20)) client.socket.send(Buffer.from([byte]));
  client.socket.send(wire.subarray(20, 100), { fin: false });
  client.socket.send(wire.subarray(100));
  await client.until(3);
  expect(client.packets.map(({ cmd }) => cmd)).toEqual(["connack", "puback", "puback"]);
  expect(emulator.telemetry.map(({ body }) => body.toString())).toEqual(["a", "b"]);
  client.socket.close();
});

test("a client that does not read is held back, and gets all of it when it does", async () => {
  const client = await Client.open();
  client.socket.send(CONNECT());
  await client.until(1);
  await emulator.updateDesired(HUB, "dev-1", { filler: "x".repeat(4000), more: "y".repeat(4000) });
  client.socket.send(
    mqtt.generate({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [{ topic: "$iothub/twin/res/#", qos: 0 }],
    }),
  );
  await client.until(2);
  client.socket.pause();
  const requests = 500;
  for (let i = 0; i < requests; i += 1) {
    client.socket.send(
      mqtt.generate({
        cmd: "publish",
        topic: `$iothub/twin/GET/?$rid=${i}`,
        payload: "",
        qos: 0,
        dup: false,
        retain: false,
      }),
    );
  }
  client.socket.resume();
  await client.until(2 + requests);
  expect(client.packets).toHaveLength(2 + requests);
  client.socket.close();
});

test("a frame without end is refused by its length, and what is no MQTT by its first byte", async () => {
  const reasons: string[] = [];
  emulator.events.on("stranger", ({ reason }) => reasons.push(reason));
  const large = await Client.open();
  large.socket.on("error", () => {});
  large.socket.send(Buffer.alloc(1024 * 1024 + 1));
  expect(await new Promise((resolve) => large.socket.once("close", resolve))).toBe(1009);
  const other = await Client.open();
  other.socket.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  await new Promise((resolve) => other.socket.once("close", resolve));
  expect(reasons.at(-1)).toBe("an HTTP request; this port speaks MQTT");
});
