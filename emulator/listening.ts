// SPDX-License-Identifier: MIT
import type { Server } from "node:net";

/** Starts to listen; resolves with the port. @throws the socket's error, for example EADDRINUSE */
export function listening(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address ? address.port : port);
    });
  });
}
