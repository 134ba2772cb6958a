// SPDX-License-Identifier: MIT
/** An XS machine that takes ES modules. */
import { readFileSync } from "node:fs";
import type { Engine } from "./engine";
import type { ModuleGraph } from "./modules";
import { type XsReply, XsWorker, type XsWorkerOptions } from "./worker";

const LOADER = new URL("./inside/loader.js", import.meta.url);

export class XsMachine {
  readonly #worker: XsWorker;

  private constructor(worker: XsWorker) {
    this.#worker = worker;
  }

  /** Starts a machine in a process of its own. @throws XsError, XsExited */
  static async start(engine: Engine, options?: XsWorkerOptions): Promise<XsMachine> {
    const worker = new XsWorker(engine, options);
    await worker.evaluate(readFileSync(LOADER, "utf8"));
    return new XsMachine(worker);
  }

  /**
   * Loads modules without running them.
   * @throws XsError, XsExited
   */
  async add({ sources, resolutions }: Omit<ModuleGraph, "entry">): Promise<void> {
    await this.#send({ sources, resolutions });
  }

  /**
   * Imports the entry of `graph` and calls the function that it exports by default. Where that returns a function,
   * it gets what `deliver` sends from then on and nothing more can be loaded; where it returns bytes, they are
   * the reply.
   * @throws XsError, XsExited
   */
  import({ entry, sources, resolutions }: ModuleGraph): Promise<XsReply> {
    return this.#send({ entry, sources, resolutions });
  }

  /** @throws XsError, XsExited */
  deliver(bytes: Uint8Array): Promise<XsReply> {
    return this.#worker.deliver(bytes);
  }

  /** Ends the machine when it has done what it was sent. Idempotent. */
  close(): Promise<void> {
    return this.#worker.close();
  }

  /** Ends the machine at once. Idempotent. */
  kill(): Promise<void> {
    return this.#worker.kill();
  }

  #send(request: object): Promise<XsReply> {
    return this.#worker.deliver(Buffer.from(JSON.stringify(request)));
  }
}
