// SPDX-License-Identifier: MIT
/** The tests in C, and hostile bytes for the engine: mutations of what a real server sends. Under sanitizers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "@jest/globals";
import type { CertificateAndKey } from "../../../emulator/certificates";
import { parseConnectTo } from "../../../hosts/sockets/connect-to";
import { derOf, NativeProcess, native, withNative, withNativeEach } from "../../helpers/native";
import { issue, startServer } from "../node/tls-server";

/** Calls `work` with a file that holds the root in DER. */
async function withRootFile<T>(
  work: (file: string, directory: string, root: CertificateAndKey) => T,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "berth-fuzz-"));
  try {
    const root = await issue({ subject: "Test Root" });
    const file = join(directory, "root.der");
    writeFileSync(file, Buffer.from(derOf(root.certificatePem), "base64"));
    return await work(file, directory, root);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

withNativeEach([0, 1])("the checks in C, %i", (index) =>
  withRootFile((file) => {
    const { status, stdout, stderr } = spawnSync(native?.checks[index] ?? "", [file], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d{3} checks passed\n$/),
      stderr: "",
    });
  }),
);

/** All that the server sends until the connection stands. */
async function recordFlight(root: CertificateAndKey, server: CertificateAndKey): Promise<Buffer> {
  const tls = await startServer({
    cert: server.certificatePem,
    key: server.privateKeyPem,
    maxVersion: "TLSv1.2",
  });
  const parts: Buffer[] = [];
  const proxy = createServer((socket) => {
    const upstream = connect(tls.port, "127.0.0.1");
    for (const one of [socket, upstream]) one.on("error", () => undefined);
    socket.pipe(upstream).pipe(socket);
    upstream.on("data", (data) => parts.push(data));
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const client = new NativeProcess({
    run: "connection",
    server: "hub.example",
    port,
    host: {
      stateDirectory: "/tmp",
      roots: [derOf(root.certificatePem)],
      connectTo: parseConnectTo(`:127.0.0.1:${port}`),
    },
  });
  await client.next("writable");
  await client.stop();
  await tls.stop();
  await new Promise<void>((resolve) => proxy.close(() => resolve()));
  return Buffer.concat(parts);
}

withNative("the engine survives hostile bytes, and none of them opens it", () =>
  withRootFile(async (rootFile, directory, root) => {
    const server = await issue({ subject: "hub.example", issuer: root, names: ["hub.example"] });
    const flight = join(directory, "flight");
    writeFileSync(flight, await recordFlight(root, server));
    const seed = String(Number(process.env.BERTH_SEED ?? 1));
    const { status, stdout, stderr } = spawnSync(native?.fuzz ?? "", [rootFile, "3000", seed, flight], {
      encoding: "utf8",
    });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "3000 inputs\n", stderr: "" });
  }),
);
