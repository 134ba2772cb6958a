// SPDX-License-Identifier: MIT
/**
 * One server of the bench in a process of its own: `emulator`, `stored`, an emulator with a state, or `bare`, a TLS server of Node.js that answers without a
 * thought what MQTT would answer, the floor of all that Node.js can do. Input: JSON, the argument behind the kind.
 */
import { createServer } from "node:tls";
import type { Started } from "./list";
import { deviceId, type ServerInput } from "./load";

const [kind, text = ""] = process.argv.slice(2);
const input = JSON.parse(text) as ServerInput;

async function emulator(): Promise<number> {
  const { Emulator } = await import("../../emulator/emulator");
  const { hub, key, devices, authorityDirectory } = input;
  const running = await Emulator.start({
    authorityDirectory,
    configuration: {
      idScope: "0ne00000000",
      iotHubs: [{ name: hub }],
      enrollments: [],
      enrollmentGroups: [],
    },
  });
  const symmetricKey = { primaryKey: key };
  for (let index = 0; index < devices; index++)
    running.devices.create(hub, deviceId(index), { type: "symmetricKey", symmetricKey });
  return running.port;
}

async function stored(): Promise<Started> {
  const { Emulator } = await import("../../emulator/emulator");
  const { openAuthority } = await import("../../emulator/certificate-authority");
  const { hub, stateDirectory, authorityDirectory } = input;
  // Keys that are made are no cost of a state.
  await openAuthority(authorityDirectory, [hub, "berth.azure-devices-provisioning.net"], Date.now());
  const start = performance.now();
  const running = await Emulator.start({
    authorityDirectory,
    stateDirectory: stateDirectory!,
    configuration: {
      idScope: "0ne00000000",
      iotHubs: [{ name: hub }],
      enrollments: [],
      enrollmentGroups: [],
    },
  });
  const took = performance.now() - start;
  const owner = running.connectionStrings.find(({ policy }) => policy === "iothubowner")!;
  const [, key = ""] = /SharedAccessKey=(.*)$/.exec(owner.connectionString) ?? [];
  return { port: running.port, httpsPort: running.httpsPort, ca: running.ca.pem, key, took };
}

function bare(): Promise<number> {
  const connack = Buffer.from([0x20, 2, 0, 0]);
  const server = createServer({
    cert: input.certificate,
    key: input.privateKey,
    maxVersion: "TLSv1.2",
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      if (chunk[0] === 0x10) socket.write(connack);
      // The identifier stands at the same place in each PUBLISH of the clients.
      else socket.write(Buffer.from([0x40, 2, chunk[input.identifierAt]!, chunk[input.identifierAt + 1]!]));
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

process.on("disconnect", () => process.exit());
process.send?.(await { bare, stored, emulator }[kind as "bare" | "stored" | "emulator"]());
