// SPDX-License-Identifier: MIT
/** The hostile chains over TLS 1.3, which NodeTransport prefers, with node:tls as the server. RFC 8446 section 4.4.2. */
import { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { expect, test } from "@jest/globals";
import type { HostileCase } from "../helpers/hostile-case";
import { PAYLOAD, verdictFor } from "../helpers/hostile-case";
import { type HostileOutcome, nodeClient } from "../helpers/hostile-client";
import { HOST, hostilePki } from "../helpers/hostile-pki";
import { chainCases } from "./all-cases";
import { keptConstraintCases } from "./constraint-cases";
import { goodCases } from "./good-cases";

/** Runs the chain of `one`; tells what the server could decrypt, too. */
async function visit(one: HostileCase): Promise<HostileOutcome & { readonly decrypted: number }> {
  const pki = await hostilePki();
  const { chain, key } = await one.plan(pki);
  let decrypted = 0;
  let closed = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = createServer(
    {
      cert: chain.map((der) => new X509Certificate(der).toString()).join(""),
      key: key.export({ type: "pkcs8", format: "pem" }),
      minVersion: "TLSv1.3",
      ciphers: "DEFAULT@SECLEVEL=0",
    },
    (socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        decrypted += data.length;
        socket.write(data);
      });
    },
  );
  server.on("tlsClientError", () => undefined);
  server.on("connection", (socket) => socket.once("close", closed));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const outcome = await nodeClient.open({
      host: one.host ?? HOST,
      address: "127.0.0.1",
      port: (server.address() as AddressInfo).port,
      roots: (one.roots?.(pki) ?? [pki.root]).map(({ pem }) => pem),
      payload: PAYLOAD,
      answerLength: PAYLOAD.length,
    });
    await over;
    return { ...outcome, decrypted };
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

test("an honest chain works", async () => {
  const outcome = await visit(goodCases[0]!);
  expect(outcome).toMatchObject({ established: true, code: undefined, decrypted: PAYLOAD.length });
});

/** What a server of node:tls cannot be given. */
const NO_CERTIFICATE = /cannot be read|cut short/;

for (const one of [...chainCases, ...keptConstraintCases]) {
  if (NO_CERTIFICATE.test(one.name)) continue;
  test(`over TLS 1.3: ${one.name}`, async () => {
    const outcome = await visit(one);
    const verdict = verdictFor(one, nodeClient);
    expect(outcome).toMatchObject(
      verdict.kind === "works"
        ? { established: true, code: undefined, decrypted: PAYLOAD.length }
        : { established: false, code: verdict.code, decrypted: 0 },
    );
  });
}
