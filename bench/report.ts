// SPDX-License-Identifier: MIT
/** The table of a run. */
import type { BundleSize } from "./bundles";
import type { LifeFigures } from "./inside/life";
import type { NodeFigures } from "./node";
import type { XsCosts } from "./xs";

export interface Results {
  readonly versions: Readonly<Record<string, string>>;
  readonly xs: { readonly ours: XsCosts; readonly mqttPacket: XsCosts };
  readonly node: NodeFigures;
  readonly life: LifeFigures;
  readonly bundles: Readonly<Record<string, BundleSize>>;
}

/** What a packet is to cost at most, computrons. */
const GOALS: Readonly<Record<string, number>> = Object.freeze({
  "encode CONNECT, 120-character user, 180-character password": 1_350,
  "encode PUBLISH QoS 1, topic encoded before": 500,
  "encode PUBLISH QoS 1, 42-character topic, 40 bytes": 500,
  "decode PUBLISH QoS 1, 91-character topic, 400 bytes": 800,
});

const format = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function whole(value: number | undefined): string {
  return value === undefined ? "" : format.format(value);
}

/** `ours` as a part of `theirs`. */
function ratio(ours: number, theirs: number | undefined): string {
  return theirs ? (ours / theirs).toFixed(3) : "";
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, i) => (i === 0 ? (row[i] ?? "").padEnd(width) : (row[i] ?? "").padStart(width))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

/** All tables as Markdown, which a terminal shows as well. */
export function tables({ versions, xs, node, life, bundles }: Results): string {
  const packets = Object.entries(xs.ours).map(([name, cost]) => {
    const theirs = xs.mqttPacket[name];
    return [
      name,
      whole(cost.computrons),
      whole(GOALS[name]),
      whole(theirs?.computrons),
      ratio(cost.computrons, theirs?.computrons),
      whole(cost.bytes),
      whole(theirs?.bytes),
      ratio(cost.bytes, theirs?.bytes),
    ];
  });
  const onNode = Object.entries(node.ours).map(([name, cost]) => {
    const theirs = node.mqttPacket[name];
    return [
      name,
      whole(cost.nanoseconds),
      whole(theirs?.nanoseconds),
      ratio(cost.nanoseconds, theirs?.nanoseconds),
      whole(cost.bytes),
      whole(theirs?.bytes),
    ];
  });
  const { provisioning, telemetry } = life;
  const lives = [
    ["provisioning to the hub's CONNACK: computrons", whole(provisioning.computrons)],
    ["bytes allocated", whole(provisioning.bytes)],
    ["most bytes that live between two events", whole(provisioning.peakBytes)],
    ["collections of garbage in the memory of firmware/manifest.json", whole(provisioning.collections)],
    ["packets sent, received", `${provisioning.packetsOut}, ${provisioning.packetsIn}`],
    ["bytes of MQTT sent, received", `${provisioning.bytesOut}, ${provisioning.bytesIn}`],
    ["telemetry of 40 bytes, from send to PUBACK: computrons", whole(telemetry.computrons)],
    ["bytes allocated", whole(telemetry.bytes)],
  ];
  const sizes = Object.entries(bundles).map(([name, size]) => [
    name,
    whole(size.minified),
    whole(size.gzipped),
  ]);
  return [
    "## A packet on XS\n",
    "Computrons (steps of the engine) and bytes allocated, both exact. Peer: mqtt-packet with polyfills.\n",
    table(["", "computrons", "goal", "peer", "ratio", "bytes", "peer", "ratio"], packets),
    "\n## A life on XS\n",
    table(["", ""], lives),
    "\n## A packet on Node\n",
    "Nanoseconds and bytes of one run: they vary, the figures above do not. Peer: mqtt-packet.\n",
    table(["", "ns", "peer", "ratio", "bytes", "peer"], onNode),
    "\n## Script\n",
    table(["", "minified bytes", "gzipped"], sizes),
    `\n${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
  ].join("\n");
}
