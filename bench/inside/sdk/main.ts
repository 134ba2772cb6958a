// SPDX-License-Identifier: MIT
/**
 * The Moddable SDK's ECMA-419 MQTT client: the SDK's own file, loaded from the SDK at run time, in the same engine as
 * ours. What it needs of the SDK's natives is stood in for in script, and the cost of that taken off.
 */
import type { Ask, XsTools } from "../../../hosts/xs/inside/globals";
import { measure, type PreparedOperations, type XsCost } from "../measure";
import { SDK_CLIENT } from "./calls";
import { type MqttClientClass, packetOperations, steps } from "./client";
import { standIns } from "./natives";
import { FakeSocket } from "./sockets";
// The SDK's client imports it.
import "./time";

/** What `main` answers. */
export interface SdkCosts {
  /** By the names of ours.ts. */
  readonly packets: Readonly<Record<string, XsCost>>;
  /** By the names of session.ts. */
  readonly steps: Readonly<Record<string, XsCost>>;
  /** What was written, for comparison with ours. */
  readonly written: Readonly<Record<string, readonly number[]>>;
}

export default function main(_call: Ask, tools: XsTools): Uint8Array {
  const Client = tools.importNow(SDK_CLIENT).default as MqttClientClass;
  const answer: SdkCosts = {
    packets: measure(tools, packetOperations(Client), standIns()),
    steps: measure(tools, steps(Client), standIns()),
    written: { ...writtenBy(packetOperations(Client)), ...writtenBy(steps(Client)) },
  };
  return new TextEncoder().encode(JSON.stringify(answer));
}

function writtenBy(operations: PreparedOperations): Record<string, number[]> {
  const packets: Record<string, number[]> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const { prepare, run } =
      typeof operation === "function" ? { prepare: undefined, run: operation } : operation;
    prepare?.();
    const written: number[] = [];
    FakeSocket.sink = (bytes) => written.push(...bytes);
    run();
    FakeSocket.sink = undefined;
    packets[name] = written;
  }
  return packets;
}
