// SPDX-License-Identifier: MIT
/**
 * A process with many devices, over real TLS: told by its parent what they are, it tells how far they are, and ends when the
 * parent says so or is gone.
 */
import { clock } from "../../../hosts/node/clock";
import { random } from "../../../hosts/node/random";
import { NodeSigner } from "../../../hosts/node/signer";
import { text } from "../../../hosts/node/text";
import { timers } from "../../../hosts/node/timers";
import { NodeTransport } from "../../../hosts/node/transport";
import { Agent } from "../../../src/agent/agent";
import type { Host } from "../../../src/host";
import { SmallStore } from "../small-store";

/** What the parent tells, once. */
export interface RealInput {
  readonly members: readonly { readonly registrationId: string; readonly symmetricKey: string }[];
  readonly idScope: string;
  readonly port: number;
  readonly root: string;
  /** Milliseconds; of the agents. */
  readonly startSpread: number;
}

/** How far the devices are. */
export interface RealProgress {
  readonly connected: number;
  readonly acknowledged: number;
}

/** At the end. */
export interface RealResult extends RealProgress {
  /** Milliseconds from a device's start to its first CONNACK of the hub, of those that had one. */
  readonly times: readonly number[];
  /** How often devices reported which error. */
  readonly errors: Readonly<Record<string, number>>;
  /** More than before there were devices. */
  readonly residentBytes: number;
  readonly cpuSeconds: number;
}

export type RealMessage = { readonly progress: RealProgress } | { readonly result: RealResult };

const HELLO = text.encode('{"uptime":1}');
const TOLD_EVERY = 250;

export function serve(): void {
  process.once("message", (input: RealInput) => begin(input));
  // The parent's terminal sends the signal to all; the parent is the one that ends the run.
  process.on("SIGINT", () => undefined);
  process.on("disconnect", () => process.exit());
}

function begin({ members, idScope, port, root, startSpread }: RealInput): void {
  const start = performance.now();
  const before = process.memoryUsage.rss();
  const times: number[] = [];
  const errors: Record<string, number> = {};
  let connected = 0;
  let acknowledged = 0;
  const agents = members.map(({ registrationId, symmetricKey }) => {
    const host: Host = {
      text,
      clock,
      timers,
      store: new SmallStore(),
      random,
      signer: new NodeSigner(symmetricKey),
      transport: {
        io: NodeTransport,
        roots: [root],
        connectTo: [{ host: "", address: "127.0.0.1", toPort: port }],
      },
    };
    let first = true;
    const agent: Agent = new Agent(
      host,
      {
        onConnected: () => {
          if (!first) return;
          first = false;
          connected += 1;
          times.push(Math.round(performance.now() - start));
          agent.send(HELLO);
        },
        onAcknowledged: () => {
          acknowledged += 1;
        },
        onError: ({ error }) => {
          errors[error.code] = (errors[error.code] ?? 0) + 1;
        },
      },
      { identity: { idScope, registrationId, attestation: "symmetricKey" }, startSpread },
    );
    return agent;
  });
  for (const agent of agents) agent.start();
  const tell = (message: RealMessage, then = (): void => undefined): void =>
    void process.send?.(message, then);
  setInterval(() => tell({ progress: { connected, acknowledged } }), TOLD_EVERY);
  process.once("message", () => {
    const { user, system } = process.cpuUsage();
    const residentBytes = process.memoryUsage.rss() - before;
    for (const agent of agents) agent.stop();
    const result = {
      connected,
      acknowledged,
      times,
      errors,
      residentBytes,
      cpuSeconds: (user + system) / 1e6,
    };
    tell({ result }, () => process.exit());
  });
}
