// SPDX-License-Identifier: MIT
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { once } from "node:events";
import type { Connection, Receiver } from "rhea";
import rhea from "rhea";
import { ManualClock } from "../../../../emulator/clock";
import type { Emulator } from "../../../../emulator/emulator";
import { closedWith, next, openAmqp, putToken } from "../../../helpers/amqp-client";
import { HUB, KEY, openHub, startEmulator } from "../../../helpers/emulator-client";
import { serviceToken } from "../../../helpers/https-client";

const FEEDBACK = "/messages/serviceBound/feedback";
let clock: ManualClock;
let emulator: Emulator;
const open: Connection[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  emulator = await startEmulator({ clock });
  emulator.devices.create(HUB, "dev", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
});
afterEach(() => emulator.stop());

/** A connection that may do what `service` may. @param lifetime seconds */
async function asService(lifetime = 86_400): Promise<Connection> {
  const connection = openAmqp(emulator, { username: "anonymous" });
  open.push(connection);
  const expiry = Math.floor(clock.now() / 1000) + lifetime;
  expect(await putToken(connection, serviceToken(emulator, HUB, "service", { expiry }))).toBe(200);
  return connection;
}

/** The name and key of a policy. */
function keyOf(policy: string): string {
  const found = emulator.connectionStrings.find((one) => one.host === HUB && one.policy === policy)!;
  return found.connectionString.replace(/^.*SharedAccessKey=/, "");
}

/** Sends a message that asks for feedback, as a device takes it. */
async function deliver(messageId: string): Promise<void> {
  await emulator.sendCloudToDevice(HUB, "dev", "x", {}, undefined, { messageId, ack: "full" });
  const device = await openHub(emulator, "dev");
  await device.subscribe("devices/dev/messages/devicebound/#");
  await device.message();
  await device.ping();
  await device.disconnect();
}

/** A receiver of feedback that settles by hand. */
function feedback(connection: Connection): Receiver {
  return connection.open_receiver({ source: FEEDBACK, autoaccept: false, credit_window: 10 });
}

const idsOf = (content: Buffer) =>
  JSON.parse(content.toString()).map((record: { originalMessageId: string }) => record.originalMessageId);

test("feedback that is released comes again, counted; what is accepted or rejected does not", async () => {
  const receiver = feedback(await asService());
  const coming = next(receiver, "message");
  await deliver("m-1");
  const first = await coming;
  expect(idsOf(first.message!.body.content)).toEqual(["m-1"]);
  expect(first.message!.delivery_count ?? 0).toBe(0);
  first.delivery!.release();
  const second = await next(receiver, "message");
  expect(second.message).toMatchObject({ delivery_count: 1 });
  second.delivery!.modified({ delivery_failed: true });
  const third = await next(receiver, "message");
  third.delivery!.reject();
  const following = next(receiver, "message");
  await deliver("m-2");
  const fourth = await following;
  expect(idsOf(fourth.message!.body.content)).toEqual(["m-2"]);
  fourth.delivery!.accept();
});

test("feedback of a receiver that goes, or takes too long, is another's", async () => {
  const connection = await asService();
  await deliver("m-1");
  const gone = await asService();
  await next(feedback(gone), "message");
  gone.close();
  const slow = feedback(connection);
  expect((await next(slow, "message")).message).toMatchObject({ delivery_count: 1 });
  // The same message, after its lock.
  clock.advance(60_000);
  expect((await next(slow, "message")).message).toMatchObject({ delivery_count: 2 });
});

test("records that wait come as one batch", async () => {
  for (const id of ["m-1", "m-2", "m-3"])
    await emulator.sendCloudToDevice(HUB, "dev", "x", {}, 1000, { messageId: id, ack: "negative" });
  clock.advance(1000);
  const { message } = await next(feedback(await asService()), "message");
  expect(idsOf(message!.body.content)).toEqual(["m-1", "m-2", "m-3"]);
});

test("a token that expires closes its links; one that is put again in time keeps them", async () => {
  const refused: string[] = [];
  emulator.events.on("serviceRefused", ({ reason }) => refused.push(reason));
  const [short, renewed] = [await asService(60), await asService(60)];
  const [closed, kept] = [feedback(short), feedback(renewed)];
  await Promise.all([next(closed, "receiver_open"), next(kept, "receiver_open")]);
  const expiry = Math.floor(clock.now() / 1000) + 120;
  expect(await putToken(renewed, serviceToken(emulator, HUB, "service", { expiry }))).toBe(200);
  const error = closedWith(closed, "receiver");
  clock.advance(61_000);
  expect(await error).toBe("amqp:unauthorized-access");
  expect(refused).toHaveLength(1);
  await Promise.all([next(kept, "message"), deliver("m-1")]);
});

test.each<[string, () => string]>([
  ["has expired", () => serviceToken(emulator, HUB, "service", { expiry: 1_000_000 })],
  ["is of another policy's key", () => serviceToken(emulator, HUB, "service", { skn: "iothubowner" })],
  ["is of no policy", () => serviceToken(emulator, HUB, "service", { skn: "nobody" })],
  ["is none", () => "token"],
])("$cbs: a token that %s is answered 401, and opens nothing", async (_what, token) => {
  const connection = openAmqp(emulator, { username: "anonymous" });
  expect(await putToken(connection, token())).toBe(401);
  expect(await closedWith(feedback(connection), "receiver")).toBe("amqp:unauthorized-access");
});

test.each<[string, string, () => string, boolean]>([
  [
    "a policy of IoT Hub with its token",
    "service@sas.root.contoso",
    () => serviceToken(emulator, HUB, "service"),
    true,
  ],
  ["a policy of Event Hubs with its key", "service", () => keyOf("service"), true],
  ["a wrong key", "service", () => KEY, false],
  [
    "a token of another policy",
    "service@sas.root.contoso",
    () => serviceToken(emulator, HUB, "service", { skn: "device" }),
    false,
  ],
  ["a policy without the right", "registryRead", () => keyOf("registryRead"), false],
])("SASL PLAIN: %s", async (_what, username, password, good) => {
  const connection = openAmqp(emulator, { username, password: password() });
  const receiver = feedback(connection);
  const outcome = await Promise.race([
    next(receiver, "receiver_error").then(() => false),
    next(connection, "connection_error").then(() => false),
    // An answer without a source is the first half of a refusal.
    next(receiver, "receiver_open").then(() => receiver.source?.address !== undefined),
  ]);
  expect(outcome).toBe(good);
});

test("SASL MSSBCBS, and no SASL at all", async () => {
  const mechanisms = {
    MSSBCBS: { start: (callback: (error?: Error, response?: string) => void) => callback(undefined, "") },
  };
  for (const options of [{ sasl_mechanisms: mechanisms }, {}])
    expect(await putToken(openAmqp(emulator, options), serviceToken(emulator, HUB, "service"))).toBe(200);
});

test("the address of IoT Hub's events leads to the Event Hubs-compatible endpoint", async () => {
  const receiver = (await asService()).open_receiver("/messages/events/$management");
  await next(receiver, "receiver_error");
  expect(receiver.error).toMatchObject({ condition: "amqp:link:redirect" });
  const { info } = receiver.error as { info?: Record<string, unknown> };
  expect(info).toMatchObject({
    hostname: HUB,
    "network-host": HUB,
    port: emulator.amqpsPort,
    address: `amqps://${HUB}:${emulator.amqpsPort}/iothub-ehub-contoso/$management`,
  });
});

test("addresses that lead nowhere, or the other way", async () => {
  const connection = await asService();
  expect(await closedWith(connection.open_receiver("/nowhere"), "receiver")).toBe("amqp:not-found");
  expect(await closedWith(connection.open_receiver("/messages/devicebound"), "receiver")).toBe(
    "amqp:not-allowed",
  );
  expect(await closedWith(connection.open_sender(FEEDBACK), "sender")).toBe("amqp:not-allowed");
  const partition = "iothub-ehub-contoso/ConsumerGroups/$Default/Partitions/9";
  expect(await closedWith(connection.open_receiver(partition), "receiver")).toBe(
    "com.microsoft:argument-out-of-range",
  );
  const filter = rhea.filter.selector("amqp.annotation.x-opt-offset > '1' OR 1 = 1");
  const selector = { "apache.org:selector-filter:string": Object.values(filter)[0] };
  const source = { address: partition.replace("9", "0"), filter: selector };
  expect(await closedWith(connection.open_receiver({ source } as never), "receiver")).toBe(
    "com.microsoft:argument-error",
  );
});

test("readers of a partition: five share it; a higher owner level puts the others out", async () => {
  const connection = await asService();
  const read = (epoch?: number) =>
    connection.open_receiver({
      source: "iothub-ehub-contoso/ConsumerGroups/$Default/Partitions/0",
      ...(epoch === undefined ? {} : { properties: { "com.microsoft:epoch": rhea.types.wrap_long(epoch) } }),
    });
  const shared = Array.from({ length: 5 }, () => read());
  await Promise.all(shared.map((receiver) => next(receiver, "receiver_open")));
  expect(await closedWith(read(), "receiver")).toBe("amqp:resource-limit-exceeded");
  const ends = Promise.all(shared.map((receiver) => closedWith(receiver, "receiver")));
  const owner = read(1);
  expect(new Set(await ends)).toEqual(new Set(["amqp:link:stolen"]));
  expect(await closedWith(read(), "receiver")).toBe("amqp:link:stolen");
  expect(await closedWith(read(0), "receiver")).toBe("amqp:link:stolen");
  const stolen = closedWith(owner, "receiver");
  read(1);
  expect(await stolen).toBe("amqp:link:stolen");
});

test("a reader is sent no more than its credit, and all of it once it gives more", async () => {
  const device = await openHub(emulator, "dev");
  for (let count = 0; count < 300; count++)
    await device.publish("devices/dev/messages/events/", String(count), 0);
  await device.ping();
  const connection = await asService();
  const partition = emulator.telemetry.length;
  expect(partition).toBe(300);
  const bodies: string[] = [];
  const receivers = ["0", "1", "2", "3"].map((id) => {
    const receiver = connection.open_receiver({
      source: `iothub-ehub-contoso/ConsumerGroups/$Default/Partitions/${id}`,
      credit_window: 0,
    });
    receiver.on("message", ({ message }) => bodies.push(message!.body.content.toString()));
    return receiver;
  });
  await Promise.all(receivers.map((receiver) => next(receiver, "receiver_open")));
  for (const receiver of receivers) receiver.add_credit(3);
  // An answer comes behind what was sent before it.
  const settle = () => putToken(connection, serviceToken(emulator, HUB, "service"));
  while (bodies.length < 3) await settle();
  await settle();
  expect(bodies).toEqual(["0", "1", "2"]);
  for (const receiver of receivers) receiver.add_credit(1000);
  while (bodies.length < 300) await settle();
  expect(bodies).toEqual(Array.from({ length: 300 }, (_, index) => String(index)));
  await device.disconnect();
  connection.close();
  await once(connection, "connection_close");
});
