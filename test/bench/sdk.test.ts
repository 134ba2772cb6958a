// SPDX-License-Identifier: MIT
/** The Moddable SDK beside the project: found, missing, and its client driven by stand-ins. */
import { afterEach, expect, test } from "@jest/globals";
import mqtt, { type Packet } from "mqtt-packet";
import {
  CLIENT_ID,
  DPS_FILTER,
  PASSWORD,
  REGISTER_BODY,
  REGISTER_TOPIC,
  Step,
  TELEMETRY_SIZE,
  TELEMETRY_TOPIC,
  USER,
} from "../../bench/packets";
import { locateSdk } from "../../bench/sdk";
import { sdkOnXs } from "../../bench/xs";
import { engine, withEngine } from "../helpers/xs";

const { MODDABLE } = process.env;

afterEach(() => {
  if (MODDABLE === undefined) delete process.env.MODDABLE;
  else process.env.MODDABLE = MODDABLE;
});

test("without MODDABLE there is no SDK; a wrong one is an error that names it", () => {
  delete process.env.MODDABLE;
  expect(locateSdk()).toBeUndefined();
  process.env.MODDABLE = "/nowhere";
  expect(() => locateSdk()).toThrow('MODDABLE is "/nowhere", which is no Moddable SDK');
});

const withSdk = MODDABLE ? withEngine : test.skip;

withSdk("the SDK's client writes on stand-ins what it is told to; its counts repeat", async () => {
  const sdk = locateSdk();
  if (!sdk) throw new Error("no SDK");
  const first = await sdkOnXs(await engine(), sdk);
  const packet = (name: string): Packet => {
    const packets: Packet[] = [];
    const parser = mqtt.parser({ protocolVersion: 4 });
    parser.on("packet", (parsed: Packet) => packets.push(parsed));
    parser.parse(Buffer.from(first.written[name] ?? []));
    expect(packets).toHaveLength(1);
    return packets[0] as Packet;
  };
  const connect = { cmd: "connect", clientId: CLIENT_ID, username: USER, password: Buffer.from(PASSWORD) };
  expect(packet(Step.OPEN)).toMatchObject({ ...connect, clean: true, keepalive: 60 });
  expect(packet(Step.CONNECT)).toMatchObject(connect);
  expect(packet(Step.SUBSCRIBE)).toMatchObject({
    cmd: "subscribe",
    subscriptions: [{ topic: DPS_FILTER, qos: 1 }],
  });
  expect(packet(Step.REGISTER)).toMatchObject({
    cmd: "publish",
    qos: 1,
    topic: REGISTER_TOPIC,
    payload: Buffer.from(REGISTER_BODY),
  });
  expect(packet(Step.TELEMETRY)).toMatchObject({
    cmd: "publish",
    qos: 1,
    topic: TELEMETRY_TOPIC,
    payload: Buffer.alloc(TELEMETRY_SIZE),
  });
  // The identifier of the packet that came in.
  expect(packet(Step.ANSWER)).toMatchObject({ cmd: "puback", messageId: 7 });
  expect(packet("encode UNSUBSCRIBE")).toMatchObject({ cmd: "unsubscribe", unsubscriptions: [DPS_FILTER] });
  expect(packet("encode PINGREQ")).toMatchObject({ cmd: "pingreq" });
  expect(packet(Step.CLOSE)).toMatchObject({ cmd: "disconnect" });
  expect(await sdkOnXs(await engine(), sdk)).toEqual(first);
});
