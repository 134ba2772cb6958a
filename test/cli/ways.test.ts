// SPDX-License-Identifier: MIT
/** The ways by which a device leaves, on each engine, as a process, against an emulator in this one. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest } from "@jest/globals";
import { createDeviceCertificate, thumbprintsOf } from "../../emulator/certificates";
import { Emulator } from "../../emulator/emulator";
import { configuration, HUB, KEY, SCOPE } from "../helpers/emulator-client";
import { HttpProxy } from "../helpers/http-proxy";
import { BerthProcess, type Ended, type Event, eventsOf } from "./command";
import { ENGINES, type EngineUnderTest } from "./engines";

jest.setTimeout(60_000);

let emulator: Emulator;
let directory: string;
const running: BerthProcess[] = [];
const proxies: HttpProxy[] = [];

const begin = async (options: Partial<Parameters<typeof Emulator.start>[0]> = {}): Promise<void> => {
  emulator = await Emulator.start({ configuration: configuration(), dps: { immediate: true }, ...options });
};
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(async () => {
  for (const one of running) one.kill("SIGKILL");
  await Promise.all(running.splice(0).map((one) => one.ended));
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
  await emulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

const proxied = async (...parameters: Parameters<typeof HttpProxy.start>): Promise<HttpProxy> => {
  const proxy = await HttpProxy.start(...parameters);
  proxies.push(proxy);
  return proxy;
};
const file = (name: string, content: string): string => {
  writeFileSync(join(directory, name), content);
  return join(directory, name);
};
/** A port on which nobody listens. */
const closedPort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** The device `dev-1`: 8883 and 443 are the emulator's. */
async function run(
  { name, environment }: Pick<EngineUnderTest, "name" | "environment">,
  more: readonly string[],
  { address = "127.0.0.1", tcpPort = emulator.port, secret = {} as Record<string, string>, id = "dev-1" } = {},
): Promise<Ended & { events: Event[] }> {
  const words = ["device", "--engine", name, "--json", "--id-scope", SCOPE, "--registration-id", id];
  words.push("--connect-to", `:443:${address}:${emulator.httpsPort}`);
  words.push("--connect-to", `:8883:${address}:${tcpPort}`);
  words.push("--timeout", "50", "--state", join(directory, "state"));
  words.push("--ca", file("ca.pem", emulator.ca.pem));
  const key: Record<string, string> = more.includes("--cert") ? {} : { BERTH_SYMMETRIC_KEY: KEY };
  const device = new BerthProcess([...words, ...more], { ...key, ...secret, ...environment });
  running.push(device);
  const ended = await device.ended;
  return { ...ended, events: eventsOf(ended.out) };
}

const connected = ({ events }: { events: readonly Event[] }): Event[] =>
  events.filter(({ event }) => event === "connected");
const codes = ({ events, err }: { events: readonly Event[]; err: string }): unknown[] =>
  [...events, ...eventsOf(err)].filter(({ event }) => event === "error").map(({ code }) => code);

describe.each(ENGINES)("on $name", (engine) => {
  const { test } = engine;

  test("WebSocket with a symmetric key: packets as ever, and as many", async () => {
    await begin();
    const result = await run(engine, ["--transport", "websocket", "--telemetry", "20", "--trace"]);
    expect({ status: result.status, err: result.err }).toEqual({ status: 0, err: "" });
    expect(connected(result)).toMatchObject([{ hub: HUB, transport: "websocket" }]);
    expect(emulator.counts.telemetry).toBe(20);
    const packets = result.events.filter(({ event }) => event === "packet");
    expect(packets[0]).toMatchObject({ type: "CONNECT", direction: "sent" });
    expect(packets.at(-1)).toMatchObject({ type: "DISCONNECT", direction: "sent", peer: HUB });
  });

  test("WebSocket with a certificate", async () => {
    await begin();
    const pair = await createDeviceCertificate({ commonName: "pump-7", keyType: "ec-p256" });
    const { sha256Thumbprint } = thumbprintsOf(pair.certificatePem);
    emulator.setEnrollment({
      registrationId: "pump-7",
      attestation: { type: "x509", x509: { clientCertificates: { primary: { info: { sha256Thumbprint } } } } },
    });
    const proof = ["--cert", file("cert.pem", pair.certificatePem), "--key", file("key.pem", pair.privateKeyPem)];
    const result = await run(engine, ["--transport", "websocket", ...proof], { id: "pump-7" });
    expect({ status: result.status, err: result.err }).toEqual({ status: 0, err: "" });
    expect(connected(result)).toMatchObject([{ deviceId: "pump-7", transport: "websocket" }]);
  });

  test("8883 is closed: the next one, which the second start remembers", async () => {
    await begin();
    const tcpPort = await closedPort();
    const order = ["--transport", "tcp,websocket"];
    const first = await run(engine, order, { tcpPort });
    expect({ status: first.status, codes: codes(first) }).toEqual({ status: 0, codes: ["connect-failed"] });
    expect(connected(first)).toMatchObject([{ source: "dps", transport: "websocket" }]);
    const second = await run(engine, order, { tcpPort });
    expect({ status: second.status, codes: codes(second) }).toEqual({ status: 0, codes: [] });
    expect(connected(second)).toMatchObject([{ source: "stored", transport: "websocket" }]);
    // The record is damaged: it is set aside.
    const record = readdirSync(join(directory, "state")).find((name) => name.includes("transport"));
    file(join("state", record ?? "none"), "damaged");
    const third = await run(engine, order, { tcpPort });
    expect({ status: third.status, codes: codes(third) }).toEqual({ status: 0, codes: ["connect-failed"] });
  });

  test("a refusal leads no other way", async () => {
    await begin();
    const wrong = { secret: { BERTH_SYMMETRIC_KEY: Buffer.alloc(32, 1).toString("base64") } };
    const result = await run(engine, ["--transport", "tcp,websocket"], wrong);
    expect({ status: result.status, codes: codes(result) }).toEqual({
      status: 1,
      codes: ["connack-not-authorized"],
    });
    expect(emulator.counts.connectionsOf("dps")).toBe(0);
  });

  test("no WebSocket at the port is told with its status", async () => {
    await begin({ dps: { immediate: true }, connectTimeout: 500 });
    const tcp = ["--transport", `websocket:8883`, "--timeout", "3"];
    expect(codes(await run(engine, tcp))).toContain("connection-lost");
  });

  test("a proxy, without credentials and with those of the environment", async () => {
    await begin();
    const open = await proxied();
    const first = await run(engine, ["--proxy", `http://127.0.0.1:${open.port}`]);
    expect({ status: first.status, err: first.err }).toEqual({ status: 0, err: "" });
    const target = `127.0.0.1:${emulator.port}`;
    expect(open.targets).toEqual([target, target]);
    expect(open.headers[0]).toEqual({ host: target });

    const closed = await proxied({ credentials: "us er:p@ss:wörd" });
    const url = `http://us%20er:p%40ss%3Aw%C3%B6rd@localhost:${closed.port}`;
    const more = ["--transport", "websocket"];
    const second = await run(engine, more, { secret: { BERTH_PROXY: url } });
    expect({ status: second.status, err: second.err }).toEqual({ status: 0, err: "" });
    expect(closed.targets).toEqual([`127.0.0.1:${emulator.httpsPort}`]);
    expect(connected(second)).toMatchObject([{ transport: "websocket" }]);
  });

  test("a proxy that says no, in each way of its own", async () => {
    await begin();
    const closed = await proxied({ credentials: "user:other" });
    for (const [user, about] of [
      ["", "none are given"],
      ["user:sesame@", "it refuses those"],
    ] as const) {
      const result = await run(engine, ["--proxy", `http://${user}127.0.0.1:${closed.port}`]);
      expect({ status: result.status, codes: codes(result) }).toEqual({
        status: 1,
        codes: ["proxy-authentication"],
      });
      expect(result.err + result.out).toContain(about);
      expect(result.err + result.out).not.toContain("sesame");
    }
    for (const [answer, code] of [
      ["HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-refused"],
      ["", "proxy-refused"],
      ["220 mail.example ESMTP\r\n\r\n", "proxy-malformed"],
      ["HTTP/1.1 200 ok\r\n\r\nand more", "proxy-malformed"],
      [`HTTP/1.1 200 ok\r\nX: ${"y".repeat(8_000)}`, "proxy-malformed"],
    ] as const) {
      const proxy = await proxied({ answer });
      const result = await run(engine, ["--proxy", `http://127.0.0.1:${proxy.port}`, "--timeout", "2"]);
      expect([answer, codes(result)[0]]).toEqual([answer, code]);
    }
  });

  test("a proxy that is not there is told as the proxy", async () => {
    await begin();
    const result = await run(engine, ["--proxy", `http://127.0.0.1:${await closedPort()}`, "--timeout", "1"]);
    expect(codes(result)[0]).toBe("connect-failed");
    expect(result.out + result.err).toContain("the proxy 127.0.0.1:");
  });

  test("a proxy that opens 443 alone: the order leads through", async () => {
    await begin();
    const strict = await proxied({ answer: "HTTP/1.1 403 Forbidden\r\n\r\n" });
    const result = await run(engine, [
      "--proxy",
      `http://127.0.0.1:${strict.port}`,
      "--transport",
      "tcp,websocket",
      "--timeout",
      "3",
    ]);
    expect(strict.targets.slice(0, 2)).toEqual([
      `127.0.0.1:${emulator.port}`,
      `127.0.0.1:${emulator.httpsPort}`,
    ]);
    expect(codes(result)).toContain("proxy-refused");
  });

  test("a gateway in the hub's place: its name is verified, user name and token are the hub's", async () => {
    await begin({ names: ["edge-1.example"] });
    const result = await run(engine, ["--gateway", "edge-1.example"]);
    expect({ status: result.status, err: result.err }).toEqual({ status: 0, err: "" });
    expect(connected(result)).toMatchObject([{ hub: HUB }]);
    const other = await run(engine, ["--gateway", "edge-2.example", "--timeout", "1"]);
    expect(codes(other)[0]).toBe("tls-name-mismatch");
  });

  test("the hub's second name", async () => {
    await begin({ maxTlsVersion: "TLSv1.3" });
    const result = await run(engine, ["--second-name", "--trace"]);
    expect({ status: result.status, err: result.err }).toEqual({ status: 0, err: "" });
    const peers = result.events.filter(({ event }) => event === "packet").map(({ peer }) => peer);
    expect(peers.at(-1)).toBe("contoso.device.azure-devices.net");
    expect(connected(result)).toMatchObject([{ hub: HUB }]);
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));
  (hasIpv6 ? test : test.skip)("IPv6: an emulator at ::1, by an address as a literal", async () => {
    await begin({ host: "::1" });
    const result = await run(engine, ["--transport", "tcp,websocket"], { address: "[::1]" });
    expect({ status: result.status, err: result.err }).toEqual({ status: 0, err: "" });
    const second = await run(engine, ["--transport", "websocket"], { address: "[::1]" });
    expect(connected(second)).toMatchObject([{ source: "stored", transport: "websocket" }]);
  });
});
