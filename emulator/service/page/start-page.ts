// SPDX-License-Identifier: MIT
/** Starts the page, and says by which address it is opened. */
import { createHmac } from "node:crypto";
import { readPage } from "./page-files";
import { PageServer, type PageServerOptions } from "./page-server";

/** What it is started with. */
export interface StartPageOptions extends Pick<PageServerOptions, "pair" | "fetch" | "target"> {
  /** The address to listen on. */
  host: string;
  /** Names that others reach it by. */
  names: readonly string[];
  /** A secret that is kept with the state: a page that is open finds the emulator again after a restart. */
  key: string;
}

/**
 * @param port 0 takes a free one
 * @returns the server, and its address with the token of the session, in the part that browsers send nowhere
 * @throws the socket's error; Error when the page was not built
 */
export async function startPage(
  port: number,
  { host, names, key, ...options }: StartPageOptions,
): Promise<{ server: PageServer; address: string }> {
  const token = createHmac("sha256", key).update("session of the page").digest("base64url");
  const known = ["localhost", "127.0.0.1", "::1", host, ...names].map(inAddress);
  const server = new PageServer({ ...options, files: readPage(), token, names: known });
  const taken = await server.listen(port, host);
  const name = host === "0.0.0.0" || host === "::" ? (names[0] ?? "localhost") : host;
  const scheme = options.pair ? "https" : "http";
  return { server, address: `${scheme}://${inAddress(name)}:${taken}/#key=${token}` };
}

/** A name or address as a URL has it. */
function inAddress(name: string): string {
  return name.includes(":") ? `[${name}]` : name.toLowerCase();
}
