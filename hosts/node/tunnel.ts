// SPDX-License-Identifier: MIT
/** A TCP connection that an HTTP proxy has opened to a server; TLS begins on it. */
import { connect, type Socket } from "node:net";
import { asBerthError, BerthError } from "../../src/error";
import { HttpConnect, type ProxyServer } from "../sockets/http-connect";
import { text } from "./text";
import { PHASE, transportError } from "./tls-errors";

/**
 * @param target the server as the proxy is to find it
 * @param through called with the socket, on which nothing has been read beyond the proxy's answer
 * @param failed called once at most, and never after `through`
 * @returns the socket, to be destroyed by whoever wants it no longer
 */
export function openTunnel(
  proxy: ProxyServer,
  target: { readonly address: string; readonly port: number },
  through: (socket: Socket) => void,
  failed: (error: BerthError) => void,
): Socket {
  const conversation = new HttpConnect(proxy, text);
  const socket = connect({ host: proxy.host, port: proxy.port, noDelay: true });
  let isConnected = false;
  const over = (): void => {
    socket
      .removeAllListeners("connect")
      .removeAllListeners("data")
      .removeAllListeners("end")
      .removeAllListeners("close");
    socket.removeListener("error", onError);
  };
  const fail = (error: BerthError): void => {
    over();
    // What it says when it is destroyed is for nobody.
    socket.on("error", () => {});
    socket.destroy();
    failed(error);
  };
  const onError = (error: Error): void => {
    if (isConnected) fail(conversation.ended());
    else {
      const { code, message } = transportError(error, PHASE.connecting);
      fail(new BerthError(code, `the proxy ${conversation.name}: ${aboutOf(message)}`));
    }
  };
  socket.on("connect", () => {
    isConnected = true;
    socket.write(conversation.request(target.address, target.port));
  });
  socket.on("data", (bytes) => {
    try {
      if (!conversation.take(bytes, bytes.length)) return;
    } catch (error) {
      fail(asBerthError(error));
      return;
    }
    over();
    socket.pause();
    through(socket);
  });
  socket.on("error", onError);
  socket.on("end", () => fail(conversation.ended()));
  socket.on("close", () => fail(conversation.ended()));
  return socket;
}

/** What stands in brackets behind the meaning of a code. */
function aboutOf(message: string): string {
  return /\((.*)\)$/.exec(message)?.[1] ?? message;
}
