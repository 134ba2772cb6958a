// SPDX-License-Identifier: MIT
/** Azurite, Microsoft's double of Azure Storage, in a process of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Azurite {
  connectionString: string;
  stop(): Promise<void>;
}

/** The key that every Azurite has. */
const KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/** Starts one on a free port of 127.0.0.1. @param cert file of its chain, which names that address @param key file */
export async function startAzurite(cert: string, key: string): Promise<Azurite> {
  const location = mkdtempSync(join(tmpdir(), "berth-azurite-"));
  const child = spawn(
    process.execPath,
    [
      join(process.cwd(), "node_modules", "azurite", "dist", "src", "blob", "main.js"),
      // azure-iot-device names an encryption, which a strict one refuses.
      "--loose",
      ...["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"],
      ...["--blobHost", "127.0.0.1", "--blobPort", "0", "--cert", cert, "--key", key],
    ],
    { cwd: location, env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let said = "";
  const port = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4096);
      const [, found] = /listens on https:\/\/127\.0\.0\.1:(\d+)/.exec(said) ?? [];
      if (found) resolve(found);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void ended.then(() => reject(new Error(`Azurite ended: ${said}`)));
  });
  const account = "devstoreaccount1";
  return {
    connectionString: `DefaultEndpointsProtocol=https;AccountName=${account};AccountKey=${KEY};BlobEndpoint=https://127.0.0.1:${port}/${account}`,
    async stop() {
      child.kill();
      await ended;
      rmSync(location, { recursive: true, force: true });
    },
  };
}
