// SPDX-License-Identifier: MIT
/** The figures of Node: times and bytes of one run on this computer, not exact. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export interface NodeCost {
  /** Median of several rounds. */
  readonly nanoseconds: number;
  readonly bytes: number;
}

export interface NodeFigures {
  readonly ours: Readonly<Record<string, NodeCost>>;
  readonly mqttPacket: Readonly<Record<string, NodeCost>>;
  /** A QoS 1 message from publish to PUBACK, by whole clients on a connection in memory. */
  readonly message: { readonly session: NodeCost; readonly mqttJs: NodeCost };
}

const CHILD = fileURLToPath(new URL("./node-child.ts", import.meta.url));

export async function figuresOnNode(): Promise<NodeFigures> {
  const flags = ["--expose-gc", "--max-semi-space-size=512", "--min-semi-space-size=512", "--import", "tsx"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, CHILD], {
    cwd: fileURLToPath(new URL("../", import.meta.url)),
  });
  return JSON.parse(stdout) as NodeFigures;
}
