// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { Hono } from "hono";
import type { Emulator } from "../../../emulator/emulator";
import { openApi } from "../../../emulator/service/control/openapi";
import { type ControlContext, controlRoutes } from "../../../emulator/service/control/routes";
import { HUB, open as openMqtt, openHub, provision, startEmulator } from "../../helpers/emulator-client";
import { ask, open } from "../../helpers/https-client";

let emulator: Emulator;
beforeAll(async () => {
  emulator = await startEmulator();
});
afterAll(() => emulator.stop());
beforeEach(() => emulator.faults.clear());

/** The records of an event stream, one by one. */
async function* recordsOf(accept: string) {
  const response = await open(emulator, "GET", "/events", { host: "localhost", headers: { accept } });
  expect(response.headers["content-type"]).toBe(accept);
  try {
    for await (const line of createInterface({ input: response }))
      if (line !== "" && !line.startsWith("id: ")) yield JSON.parse(line.replace(/^data: /, ""));
  } finally {
    response.destroy();
  }
}

test("health says that it is ready, since when, and where", async () => {
  expect((await ask(emulator, "GET", "/health", { host: "localhost" })).json).toMatchObject({
    status: "ready",
    since: expect.stringMatching(/^\d{4}-.*Z$/),
    hubs: [HUB],
    port: emulator.port,
    httpsPort: emulator.httpsPort,
  });
  expect((await ask(emulator, "GET", "/root.pem", { host: "127.0.0.1" })).text).toBe(emulator.ca.pem);
});

test.each(["application/x-ndjson", "text/event-stream"])("events as %s", async (accept) => {
  await provision(emulator);
  const records = recordsOf(accept);
  expect((await records.next()).value).toMatchObject({ event: "listening" });
  const device = await openHub(emulator);
  await device.publish("devices/dev-1/messages/events/colour=blue", "hello");
  await device.disconnect();
  const seen = [];
  while (seen.length < 3) seen.push((await records.next()).value);
  await records.return(undefined);
  expect(seen).toMatchObject([
    { event: "connect", endpoint: HUB, id: "dev-1" },
    { event: "telemetry", hub: HUB, deviceId: "dev-1", payload: "hello", properties: { colour: "blue" } },
    { event: "disconnect", endpoint: HUB, id: "dev-1" },
  ]);
});

test("faults: add, list, strike, remove, clear", async () => {
  const rule = { step: "connack", action: "returnCode", returnCode: 3, count: 1 };
  const added = await ask(emulator, "POST", "/faults", { body: rule });
  expect(added).toMatchObject({ status: 201, json: { id: expect.any(Number) } });
  const { id } = added.json;
  expect((await ask(emulator, "GET", "/faults")).json).toEqual([{ id, rule, left: 1 }]);
  await provision(emulator).catch((error: Error) => expect(error.message).toBe("CONNACK 3"));
  expect((await ask(emulator, "GET", "/faults")).json).toEqual([{ id, rule, left: 0 }]);
  expect((await ask(emulator, "DELETE", `/faults/${id}`)).status).toBe(204);
  expect((await ask(emulator, "DELETE", `/faults/${id}`)).status).toBe(404);
  await ask(emulator, "POST", "/faults", { body: { step: "poll", action: "drop" } });
  expect((await ask(emulator, "DELETE", "/faults")).status).toBe(204);
  expect((await ask(emulator, "GET", "/faults")).json).toEqual([]);
  const wrong = await ask(emulator, "POST", "/faults", { body: { step: "poll", action: "status", typo: 1 } });
  expect(wrong).toMatchObject({
    status: 400,
    json: {
      Message: expect.stringMatching(/^ErrorCode:ArgumentInvalid;the body: typo is not a known field/),
    },
  });
});

test("a device's connection is ended", async () => {
  await provision(emulator);
  const device = await openHub(emulator);
  const gone = once(emulator.events, "disconnect");
  expect((await ask(emulator, "DELETE", `/connections/${HUB}/dev-1`)).status).toBe(204);
  expect((await gone)[0]).toMatchObject({ id: "dev-1", reason: "asked for" });
  await device.drop();
  expect((await ask(emulator, "DELETE", `/connections/${HUB}/dev-1`)).status).toBe(404);
  expect((await ask(emulator, "DELETE", "/connections/other.example/dev-1")).status).toBe(404);
});

test("where others can reach it, all but health asks for a token", async () => {
  const guarded = await startEmulator({ controlToken: "open sesame" });
  const status = async (path: string, authorization?: string) =>
    (await ask(guarded, "GET", path, authorization === undefined ? {} : { headers: { authorization } }))
      .status;
  expect(await status("/health")).toBe(200);
  expect(await status("/faults")).toBe(401);
  expect(await status("/events", "Bearer open")).toBe(401);
  expect(await status("/faults", "Bearer open sesame")).toBe(200);
  await guarded.stop();
});

test("a page of another site is kept out, by Origin and by Host", async () => {
  const foreign = { headers: { origin: "https://evil.example" } };
  expect((await ask(emulator, "GET", "/health", foreign)).status).toBe(403);
  expect((await ask(emulator, "DELETE", "/faults", foreign)).status).toBe(403);
  // Its own page, by the name that it was loaded from.
  const own = { headers: { origin: `https://${HUB}` } };
  expect((await ask(emulator, "DELETE", "/faults", own)).status).toBe(204);
  const otherPort = { headers: { origin: `https://${HUB}:444` } };
  expect((await ask(emulator, "DELETE", "/faults", otherPort)).status).toBe(403);
  const plain = { headers: { origin: `http://${HUB}` } };
  expect((await ask(emulator, "DELETE", "/faults", plain)).status).toBe(403);
  const rebound = { hostHeader: `evil.example:${emulator.httpsPort}` };
  expect((await ask(emulator, "DELETE", "/faults", rebound)).status).toBe(403);
  expect((await ask(emulator, "GET", "/nothing")).status).toBe(404);
});

test("names of one's own are in the certificate, and taken as Host", async () => {
  const named = await startEmulator({ names: ["Emulator.test", "127.0.0.9"] });
  expect((await ask(named, "GET", "/health", { host: "emulator.test" })).status).toBe(200);
  expect((await ask(named, "GET", "/health", { hostHeader: "127.0.0.9" })).status).toBe(200);
  await named.stop();
  const other = { hostHeader: "emulator.test" };
  expect((await ask(emulator, "GET", "/health", other)).status).toBe(403);
});

test("OpenAPI describes the routes, no more and no less", () => {
  const app = new Hono();
  controlRoutes({} as ControlContext)(app);
  const routes = app.routes.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}`);
  const described = Object.entries(openApi().paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(described.sort()).toEqual(routes.sort());
});

test("HTTP on the MQTT port, and MQTT on this one, harm neither", async () => {
  const client = await openMqtt({ port: emulator.httpsPort, ca: emulator.ca } as Emulator);
  await client.send({ cmd: "pingreq" });
  await client.drop();
  expect((await ask(emulator, "GET", "/health")).status).toBe(200);
});
