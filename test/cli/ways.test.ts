// SPDX-License-Identifier: MIT
/** The ways by which a device leaves, on each engine, against an emulator in this process. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { DeviceEngine, EngineHost } from "../../cli/device-engine";
import { type DeviceRunOptions, runDevice } from "../../cli/device-run";
import { nativeEngineOf } from "../../cli/native-engine";
import { nodeEngine } from "../../cli/node-engine";
import type { CliEvent } from "../../cli/output";
import { Timeline } from "../../cli/timeline";
import { createDeviceCertificate, thumbprintsOf } from "../../emulator/certificates";
import { Emulator } from "../../emulator/emulator";
import { parseConnectTo } from "../../hosts/sockets/connect-to";
import { DPS_HOST } from "../../src/azure/dps";
import type { BerthError } from "../../src/error";
import { authorityDirectory, configuration, HUB, KEY, SCOPE } from "../helpers/emulator-client";
import { HttpProxy } from "../helpers/http-proxy";
import { native, withNative } from "../helpers/native";

const NO = "HTTP/1.1 403 Forbidden\r\n\r\n";
let emulator: Emulator;
let directory: string;
const proxies: HttpProxy[] = [];

const begin = async (options: Partial<Parameters<typeof Emulator.start>[0]> = {}): Promise<void> => {
  emulator = await Emulator.start({
    configuration: configuration(),
    dps: { immediate: true },
    authorityDirectory,
    ...options,
  });
};
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-test-"));
});
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()));
  await emulator.stop();
  rmSync(directory, { recursive: true, force: true });
});

const proxied = async (...parameters: Parameters<typeof HttpProxy.start>): Promise<HttpProxy> => {
  const proxy = await HttpProxy.start(...parameters);
  proxies.push(proxy);
  return proxy;
};
/** A port on which nobody listens. */
const closedPort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

interface Run {
  readonly more?: Partial<DeviceRunOptions>;
  readonly transports?: readonly string[];
  readonly proxy?: string;
  /** Where 8883 and 443 are. */
  readonly address?: string;
  readonly tcpPort?: number;
  readonly id?: string;
  /** In place of `KEY`. */
  readonly proof?: Pick<EngineHost, "symmetricKey" | "certificate" | "key">;
}

/** One life of a device, to its first message. */
async function run(
  engine: DeviceEngine,
  { more, transports, proxy, address = "127.0.0.1", tcpPort = emulator.port, id = "dev-1", proof }: Run = {},
): Promise<{ error: BerthError | undefined; codes: unknown[]; connected: CliEvent[]; text: string }> {
  const events: CliEvent[] = [];
  const lines: string[] = [];
  const { error } = await runDevice({
    engine,
    device: {
      stateDirectory: join(directory, "state"),
      roots: [emulator.ca.pem],
      ...(proof ?? { symmetricKey: KEY }),
      connectTo: parseConnectTo(`:443:${address}:${emulator.httpsPort},:8883:${address}:${tcpPort}`),
      transports,
      proxy,
    },
    identity: {
      idScope: SCOPE,
      registrationId: id,
      attestation: proof?.certificate ? "x509" : "symmetricKey",
    },
    endpoint: DPS_HOST,
    port: 8883,
    hubPort: 8883,
    telemetry: 1,
    interval: 0,
    timeout: 30_000,
    eager: false,
    onEvent: (event, line) => {
      events.push(event);
      lines.push(JSON.stringify(event), line);
    },
    ...more,
  });
  return {
    error,
    codes: events.filter(({ event }) => event === "error").map(({ code }) => code),
    connected: events.filter(({ event }) => event === "connected"),
    text: lines.join("\n"),
  };
}

/** It ends at the first error. */
async function failure(engine: DeviceEngine, how: Run): Promise<{ code: unknown; text: string }> {
  const stop = new AbortController();
  let code: unknown;
  const lines: string[] = [];
  await run(engine, {
    ...how,
    more: {
      signal: stop.signal,
      ...how.more,
      onEvent: (event, line) => {
        lines.push(line);
        if (event.event !== "error") return;
        code ??= event.code;
        stop.abort();
      },
    },
  });
  return { code, text: lines.join("\n") };
}

describe.each([
  { name: "node", test, engine: nodeEngine },
  { name: "native", test: withNative as typeof test, engine: nativeEngineOf(native?.host ?? "", 10_000) },
])("on $name", ({ test, engine }) => {
  test("WebSocket with a symmetric key: packets as ever, and as many", async () => {
    await begin();
    const packets: string[] = [];
    const timeline = new Timeline(({ type, direction, peer }) =>
      packets.push(`${direction} ${type} ${peer}`),
    );
    const life = await run(engine, { transports: ["websocket"], more: { telemetry: 20, timeline } });
    expect({ error: life.error, codes: life.codes }).toEqual({ error: undefined, codes: [] });
    expect(life.connected).toMatchObject([{ hub: HUB, transport: "websocket" }]);
    expect(emulator.counts.telemetry).toBe(20);
    expect(packets[0]).toBe(`sent CONNECT ${DPS_HOST}`);
    expect(packets.at(-1)).toBe(`sent DISCONNECT ${HUB}`);
  });

  test("WebSocket with a certificate", async () => {
    await begin();
    const pair = await createDeviceCertificate({ commonName: "pump-7", keyType: "ec-p256" });
    const { sha256Thumbprint } = thumbprintsOf(pair.certificatePem);
    emulator.setEnrollment({
      registrationId: "pump-7",
      attestation: {
        type: "x509",
        x509: { clientCertificates: { primary: { info: { sha256Thumbprint } } } },
      },
    });
    const proof = { certificate: pair.certificatePem, key: pair.privateKeyPem };
    const life = await run(engine, { transports: ["websocket"], id: "pump-7", proof });
    expect({ error: life.error, codes: life.codes }).toEqual({ error: undefined, codes: [] });
    expect(life.connected).toMatchObject([{ deviceId: "pump-7", transport: "websocket" }]);
  });

  test("8883 is closed: the next one, which the second start remembers", async () => {
    await begin();
    const how = { transports: ["tcp", "websocket"], tcpPort: await closedPort() };
    const first = await run(engine, how);
    expect(first).toMatchObject({ error: undefined, codes: ["connect-failed"] });
    expect(first.connected).toMatchObject([{ source: "dps", transport: "websocket" }]);
    const second = await run(engine, how);
    expect(second).toMatchObject({ error: undefined, codes: [] });
    expect(second.connected).toMatchObject([{ source: "stored", transport: "websocket" }]);
    // The record is damaged: it is set aside.
    const record = readdirSync(join(directory, "state")).filter((name) => name.includes("transport"));
    expect(record).toHaveLength(1);
    writeFileSync(join(directory, "state", String(record[0])), "damaged");
    expect(await run(engine, how)).toMatchObject({ error: undefined, codes: ["connect-failed"] });
  });

  test("a refusal leads no other way", async () => {
    await begin();
    let requests = 0;
    emulator.events.on("refuse", () => (requests += 1));
    const proof = { symmetricKey: Buffer.alloc(32, 1).toString("base64") };
    const { error } = await run(engine, { transports: ["tcp", "websocket"], proof });
    expect(error?.code).toBe("connack-not-authorized");
    expect(requests).toBe(1);
  });

  test("a proxy, without credentials and with credentials", async () => {
    await begin();
    const open = await proxied();
    expect((await run(engine, { proxy: `http://127.0.0.1:${open.port}` })).error).toBeUndefined();
    const target = `127.0.0.1:${emulator.port}`;
    expect(open.targets).toEqual([target, target]);
    expect(open.headers[0]).toEqual({ host: target });

    const closed = await proxied({ credentials: "us er:p@ss:wörd" });
    const proxy = `http://us%20er:p%40ss%3Aw%C3%B6rd@localhost:${closed.port}`;
    const second = await run(engine, { transports: ["websocket"], proxy });
    expect(second.error).toBeUndefined();
    expect(closed.targets).toEqual([`127.0.0.1:${emulator.httpsPort}`]);
    expect(second.connected).toMatchObject([{ transport: "websocket" }]);
  });

  test("a proxy that wants other credentials is for a person to mend", async () => {
    await begin();
    const closed = await proxied({ credentials: "user:other" });
    for (const [user, about] of [
      ["", "none are given"],
      ["user:sesame@", "it refuses those"],
    ] as const) {
      const life = await run(engine, { proxy: `http://${user}127.0.0.1:${closed.port}` });
      expect(life.error).toMatchObject({ code: "proxy-authentication", status: 407 });
      expect(life.error?.message).toContain(about);
      expect(life.text).not.toContain("sesame");
    }
    expect(closed.targets).toHaveLength(2);
  });

  test("a proxy that opens 443 alone, one that closes, one that is none, one that is not there", async () => {
    await begin();
    const strict = await proxied({
      answers: (target) => (target.endsWith(`:${emulator.port}`) ? NO : undefined),
    });
    const transports = ["tcp", "websocket"];
    const life = await run(engine, { transports, proxy: `http://127.0.0.1:${strict.port}` });
    expect(life).toMatchObject({ error: undefined, codes: ["proxy-refused"] });
    expect(life.connected).toMatchObject([{ transport: "websocket" }]);

    for (const [answer, code] of [
      ["", "proxy-refused"],
      ["220 mail.example ESMTP\r\n\r\n", "proxy-malformed"],
      ["HTTP/1.1 200 ok\r\n\r\nand more", "proxy-malformed"],
    ] as const) {
      const proxy = await proxied({ answers: () => answer });
      expect((await failure(engine, { proxy: `http://127.0.0.1:${proxy.port}` })).code).toBe(code);
    }
    const nobody = `http://127.0.0.1:${await closedPort()}`;
    expect(await failure(engine, { proxy: nobody })).toEqual({
      code: "connect-failed",
      text: expect.stringContaining("the proxy 127.0.0.1:"),
    });
  });

  test("a gateway in the hub's place: its name is verified, user name and token are the hub's", async () => {
    await begin({ names: ["edge-1.example"] });
    const life = await run(engine, { more: { gateway: "edge-1.example" } });
    expect(life.error).toBeUndefined();
    expect(life.connected).toMatchObject([{ hub: HUB }]);
    expect((await failure(engine, { more: { gateway: "edge-2.example" } })).code).toBe("tls-name-mismatch");
  });

  test("the hub's second name", async () => {
    await begin({ maxTlsVersion: "TLSv1.3" });
    const peers = new Set<string>();
    const timeline = new Timeline(({ peer }) => peers.add(peer));
    const life = await run(engine, { more: { secondName: true, timeline } });
    expect(life.error).toBeUndefined();
    expect([...peers]).toEqual([DPS_HOST, "contoso.device.azure-devices.net"]);
    expect(life.connected).toMatchObject([{ hub: HUB }]);
  });

  const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === "::1"),
  );
  (hasIpv6 ? test : test.skip)("IPv6: an emulator at ::1, over TCP and over WebSocket", async () => {
    await begin({ host: "::1" });
    expect((await run(engine, { address: "[::1]" })).error).toBeUndefined();
    const second = await run(engine, { transports: ["websocket"], address: "[::1]" });
    expect(second.connected).toMatchObject([{ source: "stored", transport: "websocket" }]);
    const proxy = await proxied();
    const third = await run(engine, { address: "[::1]", proxy: `http://127.0.0.1:${proxy.port}` });
    expect({ error: third.error, targets: proxy.targets }).toEqual({
      error: undefined,
      targets: [`[::1]:${emulator.port}`],
    });
  });
});
