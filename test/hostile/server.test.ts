// SPDX-License-Identifier: MIT
/** The suite's own foundations: the hostile server is right where its plan is honest, and it sees what it must see. */
import { connect as connectTcp } from "node:net";
import { connect } from "node:tls";
import { expect, test } from "@jest/globals";
import { PAYLOAD } from "../helpers/hostile-case";
import { nodeClient } from "../helpers/hostile-client";
import { HOST, hostilePki, served } from "../helpers/hostile-pki";
import { CONTENT, HANDSHAKE, uint, vector } from "../helpers/hostile-tls-bytes";
import { type HostilePlan, type HostileReport, HostileServer } from "../helpers/hostile-tls-server";
import { chainCases, hostileCases } from "./all-cases";
import { nativeExceptions } from "./native-exceptions";

interface Visit {
  readonly echo: string;
  readonly protocol: string | null;
  readonly cipher: string;
  readonly authorized: boolean;
  readonly report: HostileReport;
}

/** A client of stock node:tls that verifies, but minds nothing of what it finds. */
async function carelessVisit(plan: HostilePlan, ca: readonly string[] = []): Promise<Visit> {
  const server = await HostileServer.start(plan);
  try {
    const seen = await new Promise<Omit<Visit, "report">>((resolve, reject) => {
      const socket = connect({
        host: "127.0.0.1",
        port: server.port,
        servername: HOST,
        ca: [...ca],
        rejectUnauthorized: false,
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      socket.once("error", reject);
      socket.once("secureConnect", () => socket.write(PAYLOAD));
      socket.once("data", (data) => {
        const { authorized } = socket;
        resolve({
          echo: data.toString(),
          protocol: socket.getProtocol(),
          cipher: socket.getCipher().name,
          authorized,
        });
        socket.destroy();
      });
    });
    return { ...seen, report: await server.report() };
  } finally {
    await server.stop();
  }
}

test.each(["ECDSA", "RSA"])(
  "a stock client finds nothing wrong with an honest server with %s",
  async (kind) => {
    const { leaf, rsaLeaf, intermediate, root } = await hostilePki();
    const visit = await carelessVisit(served(kind === "RSA" ? rsaLeaf : leaf, intermediate), [root.pem]);
    expect(visit).toMatchObject({
      echo: PAYLOAD.toString(),
      protocol: "TLSv1.2",
      cipher: `ECDHE-${kind}-AES128-GCM-SHA256`,
      authorized: true,
      report: {
        messages: [HANDSHAKE.clientHello, HANDSHAKE.clientKeyExchange, HANDSHAKE.finished],
        clientFinished: true,
        earlyApplicationBytes: 0,
        applicationData: PAYLOAD,
        failure: undefined,
      },
    });
  },
);

/** What OpenSSL stumbles over in the handshake itself, whatever it is told to verify. */
const NOT_EVEN_CARELESS =
  /^(EC leaf without digitalSignature|a certificate that cannot be read|a certificate cut short|an intermediate that .*)$/;

for (const { name, plan } of chainCases) {
  if (NOT_EVEN_CARELESS.test(name)) continue;
  test(`only who verifies is safe from: ${name}`, async () => {
    const { echo, report } = await carelessVisit(await plan(await hostilePki()));
    expect(echo).toBe(PAYLOAD.toString());
    expect(report.applicationData).toEqual(PAYLOAD);
  });
}

test("application data in clear is seen", async () => {
  const { leaf, intermediate } = await hostilePki();
  const server = await HostileServer.start(served(leaf, intermediate));
  const record = Buffer.concat([uint(CONTENT.applicationData, 1), uint(0x0303, 2), vector(2, PAYLOAD)]);
  const socket = connectTcp(server.port, "127.0.0.1", () => socket.end(record));
  socket.on("error", () => undefined);
  const report = await server.report();
  await server.stop();
  expect(report.applicationBytes).toBe(PAYLOAD.length);
  expect(report.earlyApplicationBytes).toBe(PAYLOAD.length);
  expect(report.wire.includes(PAYLOAD)).toBe(true);
});

test("every case has a name of its own, and exceptions are about cases that there are", () => {
  const names = hostileCases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining(Object.keys({ ...nodeClient.exceptions, ...nativeExceptions(0) })),
  );
});
