// SPDX-License-Identifier: MIT
/**
 * Devices over TLS at the emulator, at Mosquitto, and at a bare TLS server of Node.js: memory while they wait, and CPU time
 * while all send at once. One after another in one run, the clients in processes of their own.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "mqtt-packet";
import { type Authority, openAuthority } from "../../emulator/certificate-authority";
import { hubToken, hubUser, HUB, KEY } from "../../test/helpers/emulator-client";

export const SERVERS = ["emulator", "mosquitto", "bare"] as const;
export type ServerKind = (typeof SERVERS)[number];

/** What a server of Node.js is told. */
export interface ServerInput {
  readonly hub: string;
  readonly key: string;
  readonly devices: number;
  readonly authorityDirectory: string;
  /** Of the kind `stored`. */
  readonly stateDirectory?: string;
  readonly certificate: string;
  readonly privateKey: string;
  /** Where the packet identifier stands in a PUBLISH. */
  readonly identifierAt: number;
}

/** What a process with many clients is told. */
export interface ClientsInput {
  readonly hub: string;
  readonly port: number;
  readonly root: string;
  /** Of each device, base64. */
  readonly connects: readonly string[];
  readonly publishes: readonly string[];
}

/** What it is to do. */
export interface ClientsOrder {
  readonly connect?: number;
  readonly send?: number;
}

export interface LoadFigures {
  /** Resident set in bytes, by connected devices. */
  readonly resident: Readonly<Record<number, number>>;
  /** After all have sent. */
  readonly residentAfter: number;
  /** CPU seconds of the server. */
  readonly cpuConnecting: number;
  readonly cpuSending: number;
  /** Seconds until all messages were acknowledged; the clients need the same cores. */
  readonly sending: number;
}

export interface LoadResults {
  readonly devices: number;
  readonly messages: number;
  readonly servers: Readonly<Partial<Record<ServerKind, LoadFigures>>>;
}

/** All of one length, so that a PUBLISH has its identifier at one place. */
export function deviceId(index: number): string {
  return `dev-${String(index).padStart(6, "0")}`;
}

/** Processes with clients. */
const PROCESSES = 2;
const FLAGS = ["--import", "tsx"];
const TICKS = 100;
/** Milliseconds for what a server puts off. */
const SETTLE = 2000;
const PAYLOAD = JSON.stringify({ temperature: 21.5, humidity: 40, note: "x".repeat(64) });

/** @param devices that connect. @param messages of each. @param kinds which servers */
export async function loadOf(
  devices: number,
  messages: number,
  kinds: readonly ServerKind[],
  log: (line: string) => void,
): Promise<LoadResults> {
  const directory = mkdtempSync(join(tmpdir(), "berth-bench-"));
  try {
    const authorityDirectory = join(directory, "ca");
    const authority = await openAuthority(authorityDirectory, [HUB], Date.now());
    const servers: Partial<Record<ServerKind, LoadFigures>> = {};
    for (const kind of kinds) {
      log(`${devices} devices at ${kind}`);
      const { server, port } = await startServer(kind, directory, authority, devices);
      try {
        servers[kind] = await measure(server.pid!, port, authority, devices, messages);
      } finally {
        server.kill();
        await once(server, "exit");
      }
    }
    return { devices, messages, servers };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure(
  pid: number,
  port: number,
  { rootPem }: Authority,
  devices: number,
  messages: number,
): Promise<LoadFigures> {
  const size = devices / PROCESSES;
  const clients = await Promise.all(
    Array.from({ length: PROCESSES }, (_, process) => startClients(port, rootPem, process * size, size)),
  );
  const all = (order: ClientsOrder) => Promise.all(clients.map((child) => command(child, order)));
  try {
    const resident: Record<number, number> = {};
    const rest = async (connected: number) => {
      await new Promise((resolve) => setTimeout(resolve, SETTLE));
      resident[connected] = residentOf(pid);
    };
    // What the first ones cost is not a device's.
    await all({ connect: 5 });
    await rest(10);
    const before = cpuOf(pid);
    for (const connected of [1000, devices]) {
      await all({ connect: Math.min(size, connected / PROCESSES) });
      await rest(connected);
    }
    const connected = cpuOf(pid);
    const start = performance.now();
    await all({ send: messages });
    const sending = (performance.now() - start) / 1000;
    const cpuSending = cpuOf(pid) - connected;
    await rest(-1);
    const { [-1]: residentAfter = 0, ...waiting } = resident;
    return { resident: waiting, residentAfter, cpuConnecting: connected - before, cpuSending, sending };
  } finally {
    for (const child of clients) child.disconnect();
    await Promise.all(clients.map((child) => child.exitCode ?? once(child, "exit")));
  }
}

async function startServer(
  kind: ServerKind,
  directory: string,
  { serverChainPem, serverKeyPem, rootPath }: Authority,
  devices: number,
): Promise<{ server: ChildProcess; port: number }> {
  if (kind !== "mosquitto") {
    const input: ServerInput = {
      hub: HUB,
      key: KEY,
      devices,
      authorityDirectory: join(rootPath, ".."),
      certificate: serverChainPem,
      privateKey: serverKeyPem,
      identifierAt: identifierAt(),
    };
    const server = fork(file("./server.ts"), [kind, JSON.stringify(input)], { execArgv: FLAGS });
    const [port] = (await once(server, "message")) as [number];
    return { server, port };
  }
  const port = await freePort();
  const folder = join(directory, "mosquitto");
  mkdirSync(folder, { recursive: true });
  const [chain, key, settings] = ["chain.pem", "key.pem", "mosquitto.conf"].map((name) => join(folder, name));
  writeFileSync(chain!, serverChainPem);
  writeFileSync(key!, serverKeyPem, { mode: 0o600 });
  const lines = [
    `user ${userInfo().username}`,
    `listener ${port} 127.0.0.1`,
    `certfile ${chain}`,
    `keyfile ${key}`,
    "tls_version tlsv1.2",
    "allow_anonymous true",
    "persistence false",
    "log_dest none",
  ];
  writeFileSync(settings!, `${lines.join("\n")}\n`);
  const PATH = `${process.env.PATH}:/usr/sbin`;
  const server = spawn("mosquitto", ["-c", settings!], { stdio: "ignore", env: { ...process.env, PATH } });
  await once(server, "spawn");
  await listening(port);
  return { server, port };
}

async function startClients(port: number, root: string, from: number, count: number): Promise<ChildProcess> {
  const ids = Array.from({ length: count }, (_, index) => deviceId(from + index));
  const input: ClientsInput = {
    hub: HUB,
    port,
    root,
    connects: ids.map((id) => connectPacket(id).toString("base64")),
    publishes: ids.map((id) => publishPacket(id).toString("base64")),
  };
  // Longer than a line of arguments may be.
  const folder = mkdtempSync(join(tmpdir(), "berth-bench-clients-"));
  writeFileSync(join(folder, "input.json"), JSON.stringify(input));
  try {
    const child = fork(file("./clients.ts"), [join(folder, "input.json")], { execArgv: FLAGS });
    await once(child, "message");
    return child;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function command(child: ChildProcess, order: ClientsOrder): Promise<void> {
  child.send(order);
  const ended = once(child, "exit").then(([status]) => {
    throw new Error(`the clients ended with ${status}`);
  });
  await Promise.race([once(child, "message"), ended]);
}

export function connectPacket(id: string, username = hubUser(id), password = hubToken(id)): Buffer {
  return generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 1177,
    clientId: id,
    username,
    password: Buffer.from(password),
  });
}

function publishPacket(id: string): Buffer {
  return generate({
    cmd: "publish",
    topic: `devices/${id}/messages/events/`,
    payload: PAYLOAD,
    qos: 1,
    dup: false,
    retain: false,
    messageId: 1,
  });
}

function identifierAt(): number {
  return publishPacket(deviceId(0)).indexOf(PAYLOAD) - 2;
}

/** The resident set of a process, in bytes. */
export function residentOf(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

/** Seconds, of user and system. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const socket = connect(port, "127.0.0.1");
    const isThere = await Promise.race([
      once(socket, "connect").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("mosquitto does not listen");
}

function file(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
