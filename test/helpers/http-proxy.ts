// SPDX-License-Identifier: MIT
/** An HTTP proxy: Node's own parser reads what comes, so that it judges what devices send. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

export interface ProxyOptions {
  /** `USER:PASSWORD`; whoever has another one, or none, gets 407. */
  readonly credentials?: string;
  /** What is written in place of an answer, and ends it; undefined: none. */
  readonly answers?: (target: string) => string | undefined;
}

/** Goes to any address; keep it on the loopback. */
export class HttpProxy {
  /** `HOST:PORT` of each request, in order. */
  readonly targets: string[] = [];
  /** What of the headers belongs to proxies. */
  readonly headers: Record<string, unknown>[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: ProxyOptions) {
    this.#server = createServer().on("connect", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#keep(socket);
      this.targets.push(request.url ?? "");
      const { host, "proxy-authorization": authorization } = request.headers;
      this.headers.push({ host, authorization });
      const wanted = options.credentials && `Basic ${Buffer.from(options.credentials).toString("base64")}`;
      const answer = options.answers?.(request.url ?? "");
      if (answer !== undefined) socket.end(answer);
      else if (wanted !== undefined && authorization !== wanted) {
        socket.end(
          'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
        );
      } else this.#open(request.url ?? "", socket, head);
    });
    this.#server.on("connection", (socket: Socket) => this.#keep(socket));
  }

  static async start(options: ProxyOptions = {}): Promise<HttpProxy> {
    const proxy = new HttpProxy(options);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #open(target: string, socket: Socket, head: Buffer): void {
    const { hostname, port } = new URL(`tcp://${target}`);
    const server = connect(Number(port), hostname.replace(/^\[|\]$/g, ""), () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) server.write(head);
      server.pipe(socket).pipe(server);
    });
    this.#keep(server);
    server.on("close", () => socket.destroy());
  }
}
