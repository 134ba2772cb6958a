// SPDX-License-Identifier: MIT
/**
 * What the emulator costs: `node --expose-gc --import tsx bench/emulator.ts`. CONNECTs a second at DPS beside 1,000 groups,
 * of devices that come for the first time and of those that come again, on streams in memory, so that TLS is not counted;
 * and the memory of 1,000 devices that wait at their hub over TLS, in a process that has the emulator alone.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { connect as tlsConnect, type TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { generate } from "mqtt-packet";
import { Emulator } from "../emulator/emulator";
import { deriveDeviceKey, newSymmetricKey } from "../emulator/shared-access-signature";
import {
  configuration,
  dpsToken,
  dpsUser,
  HUB,
  hubToken,
  hubUser,
  KEY,
  SCOPE,
} from "../test/helpers/emulator-client";

const GROUPS = 1000;
const DEVICES = 1000;
/** Each comes twice. */
const COMERS = 500;

interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

/** The emulator's side of the memory. */
async function serve(): Promise<void> {
  const emulator = await Emulator.start({ configuration: configuration() });
  for (let index = 0; index < DEVICES; index++)
    emulator.devices.create(HUB, `dev-${index}`, { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  process.on("message", () => {
    // Twice, for what finalisers let go.
    globalThis.gc?.();
    setImmediate(() => {
      globalThis.gc?.();
      process.send?.(process.memoryUsage());
    });
  });
  process.on("disconnect", () => emulator.stop().then(() => process.exit()));
  process.send?.({ port: emulator.port, ca: emulator.ca.pem });
}

function connectPacket(clientId: string, username: string, password: string): Buffer {
  return generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 1177,
    clientId,
    username,
    password: Buffer.from(password),
  });
}

/** CONNACK has to accept. */
async function accepted(stream: NodeJS.ReadableStream): Promise<void> {
  const [connack] = (await once(stream, "data")) as [Buffer];
  if (connack[3] !== 0) throw new Error(`CONNACK ${connack[3]}`);
}

async function connectRates(groups: number): Promise<{ first: number; again: number }> {
  const keys = Array.from({ length: groups }, () => newSymmetricKey());
  const last = Buffer.from(keys.at(-1) as string, "base64");
  const emulator = await Emulator.start({
    configuration: {
      idScope: SCOPE,
      iotHubs: [{ name: HUB }],
      enrollments: [],
      enrollmentGroups: keys.map((primaryKey, index) => ({
        enrollmentGroupId: `g-${index}`,
        attestation: { type: "symmetricKey", symmetricKey: { primaryKey } },
      })),
    },
  });
  const packets = Array.from({ length: COMERS }, (_, index) => {
    const id = `sn-${index}`;
    return connectPacket(id, dpsUser(id), dpsToken(id, deriveDeviceKey(last, id)));
  });
  const round = async () => {
    const start = performance.now();
    for (const packet of packets) {
      const [here, there] = duplexPair();
      emulator.serve(there);
      here.write(packet);
      await accepted(here);
      here.end();
    }
    return (COMERS / (performance.now() - start)) * 1000;
  };
  const rates = { first: await round(), again: await round() };
  await emulator.stop();
  return rates;
}

async function memoryOfDevices(): Promise<{ empty: Memory; full: Memory }> {
  const child = fork(fileURLToPath(import.meta.url), ["serve"], {
    execArgv: ["--expose-gc", "--import", "tsx"],
  });
  const [{ port, ca }] = (await once(child, "message")) as [{ port: number; ca: string }];
  const memory = async () => {
    child.send("memory");
    return ((await once(child, "message")) as [Memory])[0];
  };
  const sockets: TLSSocket[] = [];
  const connect = async (id: string) => {
    const socket = tlsConnect({ host: "127.0.0.1", port, ca, servername: HUB });
    sockets.push(socket);
    socket.write(connectPacket(id, hubUser(id), hubToken(id)));
    await accepted(socket);
  };
  // What the first one costs is not a device's.
  await connect("dev-0");
  const empty = await memory();
  for (let index = 1; index <= DEVICES - 1; index += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, DEVICES - index) }, (_, more) => connect(`dev-${index + more}`)),
    );
  const full = await memory();
  for (const socket of sockets) socket.destroy();
  child.disconnect();
  await once(child, "exit");
  return { empty, full };
}

async function main(): Promise<void> {
  const one = await connectRates(1);
  const many = await connectRates(GROUPS);
  const rate = ({ first, again }: { first: number; again: number }) =>
    `${first.toFixed(0)} the first time, ${again.toFixed(0)} again: ${(again / first).toFixed(2)} times as many`;
  console.log(`CONNECTs a second beside 1 group: ${rate(one)}`);
  console.log(`CONNECTs a second beside ${GROUPS} groups: ${rate(many)}`);
  const { empty, full } = await memoryOfDevices();
  for (const part of ["rss", "heapUsed", "external"] as const) {
    const [before, after] = [empty[part] / 1e6, full[part] / 1e6];
    const each = ((full[part] - empty[part]) / (DEVICES - 1) / 1024).toFixed(1);
    console.log(
      `${part}: ${before.toFixed(1)} MB, with ${DEVICES} devices ${after.toFixed(1)} MB: ${each} KiB each`,
    );
  }
}

await (process.argv[2] === "serve" ? serve() : main());
