// SPDX-License-Identifier: MIT
import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { expect, test } from "@jest/globals";
import { startServer } from "../../bench/handshake/servers";

test.each(["rsa-2048", "ec-p256"] as const)("the %s server resumes a session by its number", async (type) => {
  const server = await startServer(type);
  const open = (session?: Buffer): Promise<Buffer | undefined> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        {
          host: "127.0.0.1",
          port: server.port,
          servername: server.name,
          ca: new X509Certificate(server.root).toString(),
          ...(session && { session }),
        },
        () => {
          expect(socket.isSessionReused()).toBe(session !== undefined);
          // A number, no ticket.
          expect(socket.getTLSTicket()).toBeUndefined();
          const made = socket.getSession();
          socket.end();
          socket.on("close", () => resolve(made));
        },
      );
      socket.on("error", reject);
    });
  try {
    await open(await open());
    expect(server.seen).toEqual({ full: 1, resumed: 1 });
    expect(server.suite()).toBe(`TLS_ECDHE_${type === "ec-p256" ? "ECDSA" : "RSA"}_WITH_AES_128_GCM_SHA256`);
  } finally {
    server.stop();
  }
});
