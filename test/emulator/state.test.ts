// SPDX-License-Identifier: MIT
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createRootCertificate,
  createServerCertificate,
} from "../../emulator/certificates";
import { Emulator } from "../../emulator/emulator";
import { StateStore } from "../../emulator/state";
import { formatState } from "../../emulator/state-document";
import { configuration, HUB, KEY, open, openHub, provision, startEmulator } from "../helpers/emulator-client";

const BOUND = "devices/dev-1/messages/devicebound/#";
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-state-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("registrations, identities, twins, waiting messages and sessions survive a restart", async () => {
  const first = await startEmulator({ stateDirectory: directory });
  const before = (await provision(first, "dev-1", undefined, { modelId: "dtmi:a:b;1" })).body
    .registrationState!;
  await first.updateDesired(HUB, "dev-1", { period: 5 });
  const device = await openHub(first, "dev-1", { clean: false, model: "dtmi:a:b;2" });
  await device.subscribe(BOUND);
  await first.sendCloudToDevice(HUB, "dev-1", "unacknowledged");
  const { packet } = await device.message(false);
  await device.drop();
  await first.sendCloudToDevice(HUB, "dev-1", "waiting");
  await first.stop();
  for (const name of ["state.mdb", "state.mdb-lock"])
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);

  const second = await startEmulator({ stateDirectory: directory });
  expect(second.twin(HUB, "dev-1")).toMatchObject({ desired: { period: 5 }, desiredVersion: 2 });
  expect(second.registration("dev-1")!.modelId).toBe("dtmi:a:b;1");
  expect(second.devices.get(HUB, "dev-1")!.modelId).toBe("dtmi:a:b;2");
  const again = await openHub(second, "dev-1", { clean: false });
  expect(again.sessionPresent).toBe(true);
  const resent = await again.message();
  expect([resent.text, resent.packet.dup, resent.packet.messageId]).toEqual([
    "unacknowledged",
    true,
    packet.messageId,
  ]);
  expect((await again.message()).text).toBe("waiting");
  const state = (await provision(second)).body.registrationState!;
  expect(state).toMatchObject({ assignedHub: HUB, substatus: "deviceDataMigrated" });
  expect(state.createdDateTimeUtc).toBe(before.createdDateTimeUtc);
  await second.stop();
});

test("a registration by certificate keeps it over a restart", async () => {
  const keyType = "ec-p256";
  const root = await createRootCertificate({ commonName: "r", keyType });
  const leaf = await createDeviceCertificate({ commonName: "unit-1", keyType }, root);
  const x509 = { signingCertificates: { primary: { certificate: root.certificatePem } } };
  const enrollmentGroups = [{ enrollmentGroupId: "g", attestation: { type: "x509" as const, x509 } }];
  const options = { stateDirectory: directory, configuration: configuration({ enrollmentGroups }) };
  const first = await startEmulator(options);
  await provision(first, "unit-1", { cert: leaf.certificatePem, key: leaf.privateKeyPem });
  const record = first.registration("unit-1")!;
  expect(record.x509).toMatchObject({
    enrollmentGroupId: "g",
    certificateInfo: { subjectName: "CN=unit-1" },
  });
  await first.stop();
  const second = await startEmulator(options);
  expect(second.registration("unit-1")).toEqual(record);
  expect(second.registration("unit-2")).toBeUndefined();
  await second.stop();
});

test("the CA of a state directory is kept, so that devices go on trusting it", async () => {
  const options = { configuration: configuration(), stateDirectory: directory };
  const first = await Emulator.start(options);
  const { path, pem } = first.ca;
  expect(readFileSync(path, "utf8")).toBe(pem);
  await first.stop();
  const second = await Emulator.start(options);
  expect(second.ca.pem).toBe(pem);
  await second.stop();
});

test("without a state directory nothing is left behind", async () => {
  const emulator = await Emulator.start({ configuration: configuration() });
  const { path } = emulator.ca;
  expect(readFileSync(path, "utf8")).toBe(emulator.ca.pem);
  await emulator.stop();
  expect(() => readFileSync(path)).toThrow("ENOENT");
});

test.each([
  ["cut off", '{"version":1,"registr', "is not JSON"],
  [
    "of another version",
    '{"version":2,"registrations":[],"hubs":[]}',
    "version must be a whole number from 1 to 1",
  ],
  [
    "of another shape",
    '{"version":1,"registrations":[{"registrationId":7}],"hubs":[]}',
    "registrations[0].registrationId must be",
  ],
])("a state file that is %s stops the start and is left as it is", async (_name, text, message) => {
  const file = join(directory, "state.json");
  writeFileSync(file, text);
  await expect(startEmulator({ stateDirectory: directory })).rejects.toThrow(message);
  await expect(startEmulator({ stateDirectory: directory })).rejects.toThrow(
    `${file} (delete it to start without registrations)`,
  );
  expect(readFileSync(file, "utf8")).toBe(text);
});

const onLinux = process.platform === "linux" ? test : test.skip;
onLinux(
  "a state that cannot be written is told to the device as 500 and once by an event, and the next try may succeed",
  async () => {
    const program = fileURLToPath(new URL("./full-disk.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", program, directory]);
    const { refused, full, told, unanswered, room, problems, stop } = JSON.parse(stdout);
    expect(refused).toMatchObject({
      status: 500,
      body: { errorCode: 500000, message: "Internal server error." },
    });
    expect(full).toEqual(["$iothub/twin/res/500/?$rid=1", "$iothub/twin/res/500/?$rid=2"]);
    const message = expect.stringContaining(`cannot write ${join(directory, "state.mdb")}: `);
    expect(told).toEqual([{ code: "EFBIG", message }]);
    expect(unanswered).toBe("not answered");
    expect(room).toEqual(["$iothub/twin/res/204/?$rid=3&$version=4", "assigned"]);
    // Told again, because it had been mended.
    expect(problems).toBe(2);
    // The stop frees all else, and says that what is in memory was lost.
    expect(stop).toEqual(message);
    const next = await startEmulator({ stateDirectory: directory });
    expect(next.twin(HUB, "dev-1").reported).toEqual({ a: 3 });
    await next.stop();
  },
);

test("a second emulator in a state directory is refused, and one that was killed blocks nobody", async () => {
  const first = await startEmulator({ stateDirectory: directory });
  await provision(first);
  const before = readFileSync(join(directory, "state.mdb"));
  const refusal = `${directory} is in use by process ${process.pid}; stop it, or take another directory`;
  await expect(startEmulator({ stateDirectory: directory })).rejects.toThrow(refusal);
  expect(readFileSync(join(directory, "state.mdb"))).toEqual(before);
  expect((await provision(first)).body.status).toBe("assigned");
  await first.stop();
  // What a process that was killed leaves, with the number of one that lives.
  writeFileSync(join(directory, "holder.pid"), `${process.ppid}\n`);
  await (await startEmulator({ stateDirectory: directory })).stop();
});

test("emulators that start at the same time in one CA directory have one CA", async () => {
  const authorityDirectory = join(directory, "ca");
  const emulators = await Promise.all([1, 2, 3].map(() => startEmulator({ authorityDirectory })));
  expect(new Set(emulators.map(({ ca }) => ca.pem)).size).toBe(1);
  expect(emulators.map(({ ca }) => ca.replaced)).toEqual([false, false, false]);
  for (const emulator of emulators) await (await open(emulator)).drop();
  await Promise.all(emulators.map((emulator) => emulator.stop()));
});

test("a state.json that holds a twin too deep to be written again is refused by name", async () => {
  const first = await startEmulator({ stateDirectory: directory });
  first.devices.create(HUB, "dev-1", { type: "symmetricKey", symmetricKey: { primaryKey: KEY } });
  await first.stop();
  const other = join(directory, "other");
  mkdirSync(other);
  const file = join(other, "state.json");
  const text = JSON.stringify(JSON.parse(formatState((await StateStore.read(directory))!.document())));
  const deep = text.replace('"reported":{}', `"reported":{"a":${"[".repeat(5000)}${"]".repeat(5000)}}`);
  writeFileSync(file, deep);
  await expect(startEmulator({ stateDirectory: other })).rejects.toThrow(
    `${file} (delete it to start without registrations): hubs[0].devices[0].twin.reported`,
  );
  expect(readFileSync(file, "utf8")).toBe(deep);
});

test("a message queued after a restart is not taken for one queued before", async () => {
  const first = await startEmulator({ stateDirectory: directory });
  await provision(first);
  await first.sendCloudToDevice(HUB, "dev-1", "before");
  await first.stop();
  const second = await startEmulator({ stateDirectory: directory });
  await second.sendCloudToDevice(HUB, "dev-1", "after");
  const device = await openHub(second);
  await device.subscribe(BOUND);
  expect([(await device.message()).text, (await device.message()).text]).toEqual(["before", "after"]);
  await second.stop();
});

test("a port that is taken is told by the start, and nothing stays open", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  const { port } = holder.address() as { port: number };
  await expect(startEmulator({ port })).rejects.toThrow("EADDRINUSE");
  await new Promise((resolve) => holder.close(resolve));
});

test("stop ends every connection, and may be called twice", async () => {
  const emulator = await startEmulator();
  const idle = await open(emulator);
  await provision(emulator);
  const device = await openHub(emulator);
  await Promise.all([emulator.stop(), emulator.stop()]);
  await Promise.all([idle.closed, device.closed]);
  await expect(open(emulator)).rejects.toThrow();
});

test("a client that does not send CONNECT in time is dropped", async () => {
  const emulator = await startEmulator({ connectTimeout: 1000 });
  await (await open(emulator)).closed;
  await emulator.stop();
});

test("a server certificate of one's own is served", async () => {
  const root = await createRootCertificate({ commonName: "r" });
  const leaf = await createServerCertificate({ commonName: "x", dnsNames: ["other.example"] }, root);
  const emulator = await startEmulator({ serverCertificate: leaf });
  await expect(open(emulator)).rejects.toThrow("unable to verify");
  await emulator.stop();
});

test("TLS below 1.2 is refused, and 1.3 is not offered by default", async () => {
  const emulator = await startEmulator();
  const client = await open(
    emulator,
    await createDeviceCertificate({ commonName: "d" }).then((device) => ({
      cert: device.certificatePem,
      key: device.privateKeyPem,
    })),
  );
  expect((client.socket as TLSSocket).getProtocol()).toBe("TLSv1.2");
  await client.drop();
  await emulator.stop();
});

test("a state or a CA that is no text, or too large for one, is named and left as it is", async () => {
  const latin1 = Buffer.from('{"version":1,"registrations":["caf\xe9"]}', "latin1");
  writeFileSync(join(directory, "state.json"), latin1);
  const start = () => Emulator.start({ configuration: configuration(), stateDirectory: directory });
  await expect(start()).rejects.toThrow(
    `${join(directory, "state.json")} (delete it to start without registrations) line 1 is not in UTF-8`,
  );
  expect(readFileSync(join(directory, "state.json"))).toEqual(latin1);
  rmSync(join(directory, "state.json"));
  const root = join(directory, "ca", "root.pem");
  await (await start()).stop();
  for (const [content, problem] of [
    [latin1, "line 1 is not in UTF-8"],
    [Buffer.alloc(2 ** 20 + 1, 0x20), "has more than 1 MB"],
  ] as const) {
    writeFileSync(root, content);
    await expect(start()).rejects.toThrow(`${root} ${problem}`);
    expect(readFileSync(root)).toEqual(content);
  }
});
