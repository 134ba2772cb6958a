// SPDX-License-Identifier: MIT
/** A network that answers in place of the servers, and then does not: over real sockets, on Node.js. */
import { createServer, type Server, connect, type Socket, type AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, expect, test } from "@jest/globals";
import { createDeviceCertificate } from "../../emulator/certificates";
import { parseConnectTo } from "../../hosts/sockets/connect-to";
import { nodeText } from "../../simulator/virtual-host";
import { EndToEnd } from "../helpers/end-to-end";

let world: EndToEnd;
let gate: Server;
let portal: Server;
const sockets = new Set<Socket>();
afterEach(async () => {
  await world.stop();
  for (const socket of sockets) socket.destroy();
  for (const server of [gate, portal]) await new Promise((done) => server.close(done));
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return (server.address() as AddressInfo).port;
}

function kept<Kind extends Socket>(socket: Kind): Kind {
  sockets.add(socket);
  socket.on("error", () => {});
  return socket;
}

async function portalOf(kind: "HTTP" | "TLS"): Promise<Server> {
  if (kind === "HTTP") {
    return createServer((socket) =>
      kept(socket).end("HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n"),
    );
  }
  const { certificatePem, privateKeyPem } = await createDeviceCertificate({ commonName: "portal.example" });
  return createTlsServer({ cert: certificatePem, key: privateKeyPem }, kept);
}

test.each([
  ["HTTP", "tls-failed"],
  ["TLS", "tls-untrusted"],
] as const)(
  "a captive network that speaks %s: %s, and the device connects once it is gone",
  async (kind, code) => {
    world = await EndToEnd.start();
    portal = await portalOf(kind);
    let target = await listen(portal);
    gate = createServer((socket) => {
      const onward = kept(connect(target, "127.0.0.1"));
      kept(socket).pipe(onward).pipe(socket);
      socket.on("close", () => onward.destroy());
      onward.on("close", () => socket.destroy());
    });
    const device = world.boot({ host: { connectTo: parseConnectTo(`:127.0.0.1:${await listen(gate)}`) } });
    device.agent.send(nodeText.encode("held"));
    await device.until(({ errors }) => errors.length >= 3);
    expect(new Set(device.codes)).toEqual(new Set([code]));
    target = world.emulator.port;
    await device.until(({ acknowledged }) => acknowledged === 1);
    expect(world.emulator.telemetry.map(({ body }) => body.toString())).toEqual(["held"]);
  },
);
