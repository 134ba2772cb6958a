// SPDX-License-Identifier: MIT
/** The connection is lost after every single byte, either way, at DPS and at the hub: the device gets there all the same. */
import { expect, test } from "@jest/globals";
import { assigningDps, hub } from "../../../simulator/services";
import { VirtualAzure } from "../../../simulator/virtual-azure";
import { nodeText, VirtualTime } from "../../../simulator/virtual-host";
import { AgentState } from "../../../src/agent/agent";
import type { Transport, TransportBinding, TransportOptions } from "../../../src/host";
import { AssignmentStore } from "../../../src/storage/assignment-store";
import { bytes, DPS, HUB, world } from "../../helpers/agent-world";

/** Cuts the `connection`th transport after so many bytes; counts them where it does not get that far. */
class Cutter {
  count = 0;
  readonly #direction: "read" | "write";
  readonly #connection: number;
  readonly #after: number;
  #connections = 0;

  constructor(direction: "read" | "write", connection: number, after: number) {
    this.#direction = direction;
    this.#connection = connection;
    this.#after = after;
  }

  wrap(binding: TransportBinding): TransportBinding {
    const cutter = this;
    const Inner = binding.io as new (options: TransportOptions) => Transport;
    return {
      io: class implements Transport {
        readonly #inner: Transport;
        readonly #options: TransportOptions;
        readonly #mine: boolean;

        constructor(options: TransportOptions) {
          this.#options = options;
          this.#mine = cutter.#connections++ === cutter.#connection;
          this.#inner = new Inner(options);
        }

        read(target: Uint8Array): number {
          if (!this.#mine || cutter.#direction === "write") return this.#inner.read(target);
          const left = cutter.#after - cutter.count;
          const count = this.#inner.read(target.subarray(0, Math.min(left, target.length)));
          cutter.count += count;
          if (cutter.count === cutter.#after) this.#cut();
          return count;
        }

        write(data: Uint8Array, start = 0, end = data.length): number {
          if (!this.#mine || cutter.#direction === "read") return this.#inner.write(data, start, end);
          const left = cutter.#after - cutter.count;
          const part = Math.min(end - start, left);
          cutter.count += part;
          const room = this.#inner.write(data, start, start + part);
          if (cutter.count === cutter.#after) this.#cut();
          return room;
        }

        close(): void {
          this.#inner.close();
        }

        #cut(): void {
          this.#inner.close();
          time.set(() => this.#options.onError(), 0);
        }
      },
    };
  }
}

let time: VirtualTime;

/** @returns how many bytes went that way on that connection */
function liveThrough(direction: "read" | "write", connection: number, after: number): number {
  time = new VirtualTime();
  const azure = new VirtualAzure(time);
  const cutter = new Cutter(direction, connection, after);
  const { agent, store, errors, log } = world({
    time,
    azure,
    host: { transport: cutter.wrap(azure.binding()) },
  });
  azure.servers.set(DPS, assigningDps(HUB));
  azure.servers.set(HUB, hub());
  for (const text of ["1", "2", "3"]) agent.send(bytes(text));
  agent.start();
  time.advance(120_000);
  expect(agent.state).toBe(AgentState.RUNNING);
  expect(agent.pending).toBe(0);
  expect(log.filter((line) => line.startsWith("acknowledged"))).toHaveLength(3);
  expect(new AssignmentStore(store, nodeText).read()?.hub).toBe(HUB);
  for (const { error } of errors) expect(error.code).toBe("connection-lost");
  return cutter.count;
}

test.each<["read" | "write", number, string]>([
  ["write", 0, "to DPS"],
  ["read", 0, "from DPS"],
  ["write", 1, "to the hub"],
  ["read", 1, "from the hub"],
])("%s, connection %i: after every byte %s", (direction, connection) => {
  let after = 1;
  while (liveThrough(direction, connection, after) === after) after += 1;
  // The last run was not cut: all bytes of an undisturbed life have been covered.
  expect(after).toBeGreaterThan(connection === 1 && direction === "read" ? 15 : 200);
});
