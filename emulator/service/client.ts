// SPDX-License-Identifier: MIT
/** The connection that a request came by. */
import type { TLSSocket } from "node:tls";
import type { X509Certificate } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { clientChain } from "../client-certificate";

/** The client's certificates, leaf first; empty when it sent none. */
export function chainOf(context: Context): readonly X509Certificate[] {
  return clientChain(socketOf(context));
}

/** Ends the connection without an answer. */
export function cut(context: Context): void {
  socketOf(context).destroy();
}

/** Headers as they came, in the letters of the client: name, value, name, value. */
export function rawHeaders(context: Context): readonly string[] {
  return (context.env as HttpBindings).incoming.rawHeaders;
}

function socketOf(context: Context): TLSSocket {
  return (context.env as HttpBindings).incoming.socket as TLSSocket;
}
