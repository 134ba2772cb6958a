// SPDX-License-Identifier: MIT
/** The page's port: what it gives to whom, and how much a browser loads first. */
import { readFileSync } from "node:fs";
import { type IncomingHttpHeaders, request as send } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { WebSocket } from "ws";
import type { Emulator } from "../../../emulator/emulator";
import { PAGE_DIRECTORY } from "../../../emulator/service/page/page-files";
import { refreshPage } from "../../../scripts/dist-state";
import { HUB, provision } from "../../helpers/emulator-client";
import { startWithPage } from "./browser";

let emulator: Emulator;
let port: number;
let token: string;
beforeAll(async () => {
  expect(refreshPage()).toBe(true);
  emulator = await startWithPage();
  const address = new URL(emulator.pageAddress!);
  port = Number(address.port);
  token = address.hash.replace("#key=", "");
});
afterAll(() => emulator.stop());

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** As a browser or somebody else may ask. */
function ask(path: string, { method = "GET", headers = {}, body }: Asked = {}) {
  return new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((resolve, reject) => {
    const request = send(
      { host: "127.0.0.1", port, path, method, headers, agent: false },
      async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode!, headers: response.headers, text });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

const session = () => ({ authorization: `Bearer ${token}` });

test("the first view has less than 200 KB compressed, in files that are named by their content", async () => {
  const { text } = await ask("/");
  const names = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(1);
  const sizes = names.map((name) => gzipSync(readFileSync(PAGE_DIRECTORY + name)).length);
  const total = sizes.reduce((sum, size) => sum + size, gzipSync(text).length);
  expect(total).toBeLessThan(200 * 1024);
  for (const name of names.filter((one) => one.startsWith("/assets/")))
    expect((await ask(name)).headers["cache-control"]).toContain("immutable");
});

test("its policy lets nothing in from elsewhere, and no other page frame it", async () => {
  for (const path of ["/", "/at/localhost/health"]) {
    const { headers } = await ask(path, { headers: session() });
    const policy = headers["content-security-policy"] as string;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
  }
  const { text } = await ask("/");
  expect(text).not.toMatch(/(?:src|href)="(?!\/)/);
});

test("files are given to anybody here, APIs to the session alone", async () => {
  expect((await ask("/")).status).toBe(200);
  for (const path of ["/at/localhost/health", "/health", "/at/localhost/faults", `/at/${HUB}/devices`]) {
    expect((await ask(path)).status).toBe(401);
    expect((await ask(path, { headers: { authorization: "Bearer wrong" } })).status).toBe(401);
  }
  await provision(emulator, "kitchen");
  const devices = await ask(`/at/${HUB}/devices?api-version=2021-04-12`, { headers: session() });
  expect(JSON.parse(devices.text)).toMatchObject([{ deviceId: "kitchen" }]);
  const body = JSON.stringify({ step: "poll", action: "drop" });
  const added = await ask("/at/localhost/faults", { method: "POST", headers: session(), body });
  expect(added.status).toBe(201);
  expect((await ask("/at/localhost/faults", { method: "DELETE", headers: session() })).status).toBe(204);
  expect((await ask("/at/evil.example/faults", { headers: session() })).status).toBe(403);
  expect((await ask("/../../package.json", { headers: session() })).status).toBe(404);
});

test("a body that is too large is refused, and so is what is no request", async () => {
  const body = "x".repeat(5 * 1024 * 1024);
  const large = await ask("/at/localhost/faults", { method: "POST", headers: session(), body });
  expect(large.status).toBe(413);
  expect((await ask("/", { headers: { "x-padding": "x".repeat(20_000) } })).status).toBe(431);
  expect((await ask("/")).status).toBe(200);
});

test("the session is no key for the HTTPS port", async () => {
  const { ask: askHttps } = await import("../../helpers/https-client");
  const answer = await askHttps(emulator, "GET", "/devices?api-version=2021-04-12", { headers: session() });
  expect(answer.status).toBe(401);
});

test.each([
  ["a name that leads here (DNS rebinding)", { host: "evil.example" }],
  ["another site's page", { origin: "https://evil.example" }],
  ["another port's page", { origin: "http://127.0.0.1:1" }],
  ["a page without an origin (a frame, a file)", { origin: "null" }],
])("%s is kept out, even with the token", async (_name, headers) => {
  for (const path of ["/", "/at/localhost/faults"])
    expect(
      (await ask(path, { headers: { ...session(), ...(headers as Record<string, string>) } })).status,
    ).toBe(403);
});

/** What the relay says first, or how the WebSocket failed. */
function relay(origin: string | undefined, first: string, path = "/client"): Promise<string> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, origin === undefined ? {} : { origin });
    socket.on("open", () => socket.send(first));
    socket.on("message", (data) => {
      resolve(String(data));
      socket.close();
    });
    socket.on("error", (error) => resolve(error.message));
  });
}

test("the client by hand is for the page alone, and for the session alone", async () => {
  const own = `http://127.0.0.1:${port}`;
  const opening = JSON.stringify({ token });
  expect(JSON.parse(await relay(own, opening))).toMatchObject({ open: { version: "TLSv1.2" } });
  for (const origin of [undefined, "https://evil.example", `https://127.0.0.1:${port}`])
    expect(await relay(origin, opening)).toBe("Unexpected server response: 403");
  expect(await relay(own, opening, "/other")).toBe("Unexpected server response: 403");
  for (const wrong of ['{"token":"wrong"}', "[]", "no JSON", '{"token":"x","more":1}'])
    expect(JSON.parse(await relay(own, wrong))).toHaveProperty("closed");
  const pair = JSON.stringify({ token, certificate: "no PEM", key: "no PEM" });
  expect(JSON.parse(await relay(own, pair))).toMatchObject({
    closed: expect.stringMatching(/^certificate or key: /),
  });
});

test("where others can reach it, it is served over TLS, and the address names it", async () => {
  const open = await startWithPage({ host: "0.0.0.0", names: ["board-room.test"] });
  const address = new URL(open.pageAddress!);
  expect(address.origin).toBe(`https://board-room.test:${address.port}`);
  const { request } = await import("node:https");
  const status = (host: string) =>
    new Promise((resolve, reject) => {
      const { port } = address;
      const options = {
        host: "127.0.0.1",
        port,
        servername: "board-room.test",
        ca: open.ca.pem,
        headers: { host },
      };
      request(options, ({ statusCode }) => resolve(statusCode))
        .on("error", reject)
        .end();
    });
  expect(await status(address.host)).toBe(200);
  expect(await status("evil.example")).toBe(403);
  await open.stop();
});

test("without a page there is none", async () => {
  const { startEmulator } = await import("../../helpers/emulator-client");
  const plain = await startEmulator();
  expect(plain.pageAddress).toBeUndefined();
  expect(plain.events.listenerCount("packet")).toBe(0);
  await plain.stop();
});
