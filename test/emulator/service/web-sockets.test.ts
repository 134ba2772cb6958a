// SPDX-License-Identifier: MIT
import { createServer } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import WebSocket, { type ClientOptions } from "ws";
import { type Authority, openAuthority } from "../../../emulator/certificate-authority";
import { HttpsServer } from "../../../emulator/service/https-server";
import { authorityDirectory } from "../../helpers/emulator-client";

const NAME = "contoso.azure-devices.net";
let authority: Authority;
let server: HttpsServer;
let port: number;

beforeEach(async () => {
  authority = await openAuthority(authorityDirectory, [NAME], Date.now());
  server = new HttpsServer(authority, [NAME], () => new Response("plain"), new Set([NAME]));
  server.upgrade("/$iothub/websocket", "echo", ({ stream, host }) => {
    stream.write(`${host}:`);
    stream.pipe(stream);
  });
  server.upgrade("/$iothub/websocket", "silent", () => {});
  port = await server.listen(0, "127.0.0.1");
});
afterEach(() => server.stop());

function open(
  path: string,
  protocols: string[],
  { host = NAME, ...options }: ClientOptions = {},
): Promise<WebSocket> {
  const socket = new WebSocket(`wss://127.0.0.1:${port}${path}`, protocols, {
    ca: authority.rootPem,
    headers: { host },
    ...options,
    ...({ servername: NAME } as object),
  });
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve(socket));
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response) =>
      reject(new Error(`status ${response.statusCode}`)),
    );
  });
}

/** So many bytes that come. */
async function read(socket: WebSocket, count: number): Promise<string> {
  let text = "";
  for await (const [data] of { [Symbol.asyncIterator]: () => eventsOf(socket) }) {
    text += data;
    if (text.length >= count) break;
  }
  return text;
}
async function* eventsOf(socket: WebSocket) {
  for (;;) yield (await once(socket, "message")) as [Buffer];
}

test("the path and the subprotocol choose who serves; a query is left aside", async () => {
  const socket = await open("/$iothub/websocket?iothub-no-client-cert=true", ["unknown", "echo"]);
  expect(socket.protocol).toBe("echo");
  const answer = read(socket, NAME.length + 6);
  socket.send("hello");
  expect(await answer).toBe(`${NAME}:hello`);
  socket.close();
  await once(socket, "close");
});

test.each<[string, string, string[], ClientOptions, string]>([
  ["another path", "/", ["echo"], {}, "status 404"],
  ["no subprotocol that is served", "/$iothub/websocket", ["mqtt"], {}, "status 400"],
  ["no subprotocol", "/$iothub/websocket", [], {}, "status 400"],
  ["another Host", "/$iothub/websocket", ["echo"], { host: "evil.example" }, "status 403"],
  [
    "a page of another site",
    "/$iothub/websocket",
    ["echo"],
    { origin: "https://evil.example" },
    "status 403",
  ],
  ["an opaque origin", "/$iothub/websocket", ["echo"], { origin: "null" }, "status 403"],
])("refused: %s", async (_what, path, protocols, options, error) => {
  await expect(open(path, protocols, options)).rejects.toThrow(error);
});

test("clients that are no page and send the server's own origin come in", async () => {
  const socket = await open("/$iothub/websocket", ["echo"], { origin: `https://${NAME}` });
  socket.terminate();
});

test("a message that is too large ends its connection only", async () => {
  const socket = await open("/$iothub/websocket", ["echo"]);
  socket.on("error", () => {});
  socket.send(Buffer.alloc(1024 * 1024 + 1));
  const [code] = await once(socket, "close");
  expect(code).toBe(1009);
  (await open("/$iothub/websocket", ["silent"])).terminate();
});

test("stopping cuts what is open", async () => {
  const socket = await open("/$iothub/websocket", ["silent"]);
  await Promise.all([once(socket, "close"), server.stop()]);
  const again = createServer();
  await new Promise<void>((resolve) => again.listen(port, "127.0.0.1", resolve));
  again.close();
});
