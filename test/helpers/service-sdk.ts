// SPDX-License-Identifier: MIT
/** Microsoft's SDKs in a process of their own, which trusts the emulator's CA and finds its hosts. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Emulator } from "../../emulator/emulator";

/** A call that the SDK let fail. */
export class SdkError extends Error {
  readonly status: number | undefined;
  readonly body: string | undefined;
  /** What AMQP said. */
  readonly reason: string | undefined;

  constructor({
    name,
    message,
    status,
    body,
    reason,
  }: { name: string; message: string; status?: number; body?: string; reason?: string }) {
    super(message);
    this.name = name;
    this.status = status;
    this.body = body;
    this.reason = reason;
  }
}

/** The SDKs; every call is noted in `passed` when it comes back well. */
export class ServiceSdk {
  /** `Class.method` of each call that came back. */
  readonly passed = new Set<string>();
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  /** Names of kept objects to their classes. */
  readonly #kept = new Map<string, string>();
  #next = 0;
  #noise = "";

  constructor(emulator: Emulator) {
    const here = join(process.cwd(), "test", "interop");
    this.#child = spawn(
      process.execPath,
      [
        "--no-deprecation",
        "--require",
        join(here, "resolve-to-loopback.cjs"),
        "--require",
        join(here, "redirect-https.cjs"),
        join(here, "microsoft-service.cjs"),
      ],
      {
        env: {
          PATH: process.env.PATH,
          NODE_EXTRA_CA_CERTS: emulator.ca.path,
          EMULATOR_ADDRESS: "127.0.0.1",
          EMULATOR_HTTPS_PORT: String(emulator.httpsPort),
          EMULATOR_AMQPS_PORT: String(emulator.amqpsPort),
        },
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
    this.#child.stderr!.on("data", (chunk: Buffer) => {
      this.#noise += chunk.toString();
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      const { id, result, error } = JSON.parse(line);
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error) waiting?.reject(new SdkError(error));
      else waiting?.resolve(result);
    });
    this.#child.on("close", () => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the SDK's process ended; its standard error: ${this.#noise}`));
    });
  }

  /** Makes a client of `className`, to be called `name`. @param transport of a `Client` */
  async client(
    name: string,
    className: string,
    connectionString: string,
    transport?: "Amqp" | "AmqpWs" | "DeviceHttp",
  ): Promise<void> {
    this.#kept.set(name, className);
    await this.#send({
      object: className,
      method: "fromConnectionString",
      args: [connectionString, ...(transport ? [{ class: transport }] : [])],
      as: name,
    });
    this.passed.add(`${className}.fromConnectionString`);
  }

  /** Makes an `EventHubConsumerClient`, to be called `name`. */
  async consumer(name: string, group: string, connectionString: string, options = {}): Promise<void> {
    this.#kept.set(name, "EventHubConsumerClient");
    await this.#send({
      object: "EventHubConsumerClient",
      method: "new",
      args: [group, connectionString, options],
      as: name,
    });
  }

  /** Calls a method of a client. @throws SdkError */
  // biome-ignore lint/suspicious/noExplicitAny: what Microsoft's SDKs return is for the test to say.
  async call(object: string, method: string, ...args: unknown[]): Promise<any> {
    const result = await this.#send({ object, method, args });
    this.passed.add(`${this.#kept.get(object)}.${method}`);
    return result;
  }

  /** Calls a method and keeps what it returns, an object of `className`, as `name`. @throws SdkError */
  async keep(
    name: string,
    className: string,
    object: string,
    method: string,
    ...args: unknown[]
  ): Promise<void> {
    this.#kept.set(name, className);
    await this.#send({ object, method, args, as: name });
    this.passed.add(`${this.#kept.get(object)}.${method}`);
  }

  /** The public methods of a class. */
  methodsOf(className: string): Promise<string[]> {
    return this.#send({ object: className, method: "methods of the class", args: [] }) as Promise<string[]>;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#child.once("close", () => resolve());
      this.#child.kill();
    });
  }

  #send(request: object): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }
}
