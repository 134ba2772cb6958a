// SPDX-License-Identifier: MIT
/** Lack of memory at every point of a TLS connection's life, against a server of Node's, under sanitizers. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "@jest/globals";
import {
  createDeviceCertificate,
  createRootCertificate,
  createServerCertificate,
  type KeyType,
} from "../../../emulator/certificates";
import { derOf, native, withNativeEach } from "../../helpers/native";
import { startServer } from "../node/tls-server";

const NAME = "hub.example";

withNativeEach<[KeyType, boolean]>([
  ["rsa-2048", true],
  ["ec-p256", false],
])(
  "wherever memory is lacking with %s (client certificate: %p) it is out-of-memory, and passes",
  async (keyType, client) => {
    const root = await createRootCertificate({ commonName: "Root", keyType });
    const server = await createServerCertificate({ commonName: NAME, keyType, dnsNames: [NAME] }, root);
    const device = await createDeviceCertificate({ commonName: "device", keyType }, root);
    const directory = mkdtempSync(join(tmpdir(), "berth-starve-"));
    const fileOf = (name: string, pem: string) => {
      const file = join(directory, name);
      writeFileSync(file, Buffer.from(derOf(pem), "base64"));
      return file;
    };
    const { port, stop } = await startServer(
      {
        ...{ cert: server.certificatePem, key: server.privateKeyPem, maxVersion: "TLSv1.2" },
        ...(client && { ca: root.certificatePem, requestCert: true, rejectUnauthorized: true }),
      },
      (socket) => socket.pipe(socket),
    );
    try {
      const own = [fileOf("device", device.certificatePem), fileOf("key", device.privateKeyPem)];
      const child = spawn(
        native?.starve ?? "",
        ["paths", `127.0.0.1:${port}`, NAME, fileOf("root", root.certificatePem), ...(client ? own : [])],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      const [said, faults, [status]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, "close"),
      ]);
      expect({ status, said, faults }).toEqual({
        status: 0,
        said: expect.stringMatching(
          /^\d+ allocations, \d{3,} refused: \d{3,} lives ended in out-of-memory, \d+ went on\n$/,
        ),
        faults: "",
      });
    } finally {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    }
  },
  120_000,
);
