// SPDX-License-Identifier: MIT
/** A TCP proxy in front of the emulator, one a device: delays, stalls, resets at a byte, damages, swallows, repeats. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Random } from "../../random";

/** What becomes of one connection. */
export type ProxyFault =
  | "none"
  | "refused"
  | "delayed"
  | "stalled"
  | "reset"
  | "half open"
  | "damaged"
  | "sent twice";

const FAULTS: readonly ProxyFault[] = Object.freeze([
  "none",
  "none",
  "refused",
  "delayed",
  "stalled",
  "reset",
  "reset",
  "half open",
  "damaged",
  "sent twice",
]);

/** Milliseconds. */
const SETTLED = 100;

export class BadProxy {
  readonly #random: Random;
  readonly #target: () => number;
  readonly #onFault: (fault: ProxyFault) => void;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** Connections of the device that it has not ended. */
  readonly #standing = new Set<Socket>();
  /** The most that ever stood beside each other. */
  mostStanding = 0;
  /** No faults any more. */
  isCalm = false;

  /** @param target the emulator's port, now */
  constructor(random: Random, target: () => number, onFault: (fault: ProxyFault) => void) {
    this.#random = random;
    this.#target = target;
    this.#onFault = onFault;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** @returns its port */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Ends what is broken, and breaks nothing more. */
  calm(): void {
    this.isCalm = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(device: Socket): void {
    const fault = this.isCalm ? "none" : this.#random.pick(FAULTS);
    // Of a TLS connection with its first messages.
    const at = this.#random.spread(1, 20_000);
    const isDown = this.#random.chance(0.5);
    this.#watch(device);
    // FIN is the device's end of it, whatever is still on its way to it.
    const left = (): void => void this.#standing.delete(device);
    device.on("end", left).on("close", left);
    this.#standing.add(device);
    const others = [...this.#standing];
    // The end of the one before may wait to be read in this turn of the event loop.
    setTimeout(() => setImmediate(() => setImmediate(() => this.#count(others))), SETTLED);
    if (fault !== "none") this.#onFault(fault);
    if (fault === "refused") {
      device.resetAndDestroy();
      return;
    }
    const server = this.#open();
    const twice = fault === "sent twice" ? this.#open() : undefined;
    // What the second one is answered is nobody's.
    twice?.resume();
    const delay = fault === "delayed" ? this.#random.spread(1, 200) : 0;
    this.#pass(device, server, { fault: isDown ? "none" : fault, at, delay, twice });
    this.#pass(server, device, { fault: isDown ? fault : "none", at, delay });
    device.on("close", () => {
      server.destroy();
      twice?.destroy();
    });
    server.on("close", () => device.destroy());
  }

  /** @param at what stood when one of them was accepted */
  #count(at: readonly Socket[]): void {
    const stand = at.filter((socket) => this.#standing.has(socket)).length;
    this.mostStanding = Math.max(this.mostStanding, stand);
  }

  #open(): Socket {
    const socket = connect(this.#target(), "127.0.0.1");
    this.#watch(socket);
    return socket;
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    // The other end is told by `close`.
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
  }

  #pass(
    from: Socket,
    to: Socket,
    { fault, at, delay, twice }: { fault: ProxyFault; at: number; delay: number; twice?: Socket | undefined },
  ): void {
    let passed = 0;
    // What is held up is read all the same: the end of the connection is to be seen.
    const waiting: Buffer[] = [];
    const flush = (): void => {
      to.write(Buffer.concat(waiting));
      waiting.length = 0;
    };
    from.on("data", (chunk: Buffer) => {
      const before = passed;
      passed += chunk.length;
      const hits = before <= at && at < passed;
      const local = at - before;
      let bytes = chunk;
      if (fault === "half open" && passed > at) return;
      if (fault === "damaged" && hits) {
        bytes = Buffer.from(chunk);
        bytes[local] = (bytes[local] as number) ^ 0x10;
      }
      if (fault === "reset" && hits) {
        to.write(chunk.subarray(0, local));
        from.resetAndDestroy();
        to.resetAndDestroy();
        return;
      }
      twice?.write(bytes);
      const stall = fault === "stalled" && hits ? this.#random.spread(100, 3_000) : delay;
      if (stall === 0 && waiting.length === 0) to.write(bytes);
      else if (waiting.push(bytes) === 1) setTimeout(flush, stall);
    });
    from.on("end", () => to.end());
  }
}
