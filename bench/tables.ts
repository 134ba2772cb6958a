// SPDX-License-Identifier: MIT
/** The tables of a run. */
import type { BundleSize } from "./bundles";
import type { HandshakeFigures } from "./handshake/figures";
import type { ImageFigures, ModuleSize } from "./image";
import type { XsCost } from "./inside/measure";
import { ratio, table, whole } from "./markdown";
import type { MemoryFigures, MemoryResults } from "./memory/memory";
import type { NodeFigures } from "./node";
import type { Results, XsFigures } from "./results";
import type { StartCost } from "./start";
import { MESSAGES, type OnTheWire, RETRY_AFTER } from "./wire/wire";

/** What a packet is to cost at most, computrons. */
const GOALS: Readonly<Record<string, number>> = Object.freeze({
  "encode CONNECT, 120-character user, 180-character password": 1_350,
  "encode PUBLISH QoS 1, topic encoded before": 500,
  "encode PUBLISH QoS 1, 42-character topic, 40 bytes": 500,
  "decode PUBLISH QoS 1, 91-character topic, 400 bytes": 800,
});

/** Peers know no topics that were encoded before. */
const SAME_PACKET: Readonly<Record<string, string>> = Object.freeze({
  "encode PUBLISH QoS 1, topic encoded before": "encode PUBLISH QoS 1, 42-character topic, 40 bytes",
});

const STAND_INS = [
  "The SDK's client is its own file, examples/io/tcp/mqttclient/mqttclient.js, loaded from the SDK into the engine from",
  "npm. Stood in for in script: ArrayBuffer.fromString and String.fromArrayBuffer (by this engine's native TextEncoder and",
  "TextDecoder), trace, the modules timer and time, the resolver, and the socket. What these take more than a call of a",
  'native is measured and taken off, computrons and bytes alike; the column "as run" has it still in it. The SDK has no',
  "codec apart from its client: its column holds what the client does of its own at a packet, which is little; the next",
  "table has whole clients on both sides.",
].join("\n");

/** What a step of `Session` has that the SDK's client has not. */
const BOUGHT: readonly string[] = Object.freeze([
  "constructor: options checked, a window of messages in flight, a time limit for the connection;",
  "CONNACK: 512 steps wipe the credentials from the output buffer; flags and return code checked;",
  "SUBSCRIBE, SUBACK: the filter checked, the answer matched by identifier and count, and waited for with a time limit;",
  "PUBLISH: the message kept until PUBACK to be sent again, its identifier never one in use, a time limit for the answer;",
  "PUBACK: flags, length and identifier checked, the message found and handed back;",
  "each: an exception of transport or application ends the connection and never reaches the platform.",
]);

/** All that was measured, as Markdown. */
export function tables({
  xs,
  node,
  memory,
  wire,
  handshake,
  bundles,
  start,
  image,
  versions,
  computer,
}: Results): string {
  return [
    ...(xs ? [packets(xs), steps(xs), message(xs), life(xs)] : []),
    ...(node ? [onNode(node)] : []),
    ...(memory ? [inMemory(memory)] : []),
    ...(wire ? [onWire(wire)] : []),
    ...(handshake ? [handshakes(handshake)] : []),
    ...(bundles ? [sizes(bundles)] : []),
    ...(image ? [inFlash(image)] : []),
    ...(start ? [starts(start)] : []),
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    computer,
  ].join("\n\n");
}

function asRun(cost: XsCost | undefined): number | undefined {
  return cost && cost.computrons + (cost.standIns ?? 0);
}

function packets({ ours, mqttPacket, sdk }: XsFigures): string {
  const rows: string[][] = [];
  const above: string[] = [];
  for (const [name, cost] of Object.entries(ours)) {
    const peer = SAME_PACKET[name] ?? name;
    const [theirs, sdks] = [mqttPacket[peer], sdk?.packets[peer]];
    const limits = [theirs?.computrons, sdks?.computrons].filter((limit) => limit !== undefined);
    if (limits.some((limit) => cost.computrons >= limit)) above.push(name);
    rows.push([
      name,
      whole(cost.computrons),
      whole(GOALS[name]),
      whole(theirs?.computrons),
      ratio(cost.computrons, theirs?.computrons),
      ...(sdk ? [whole(sdks?.computrons), ratio(cost.computrons, sdks?.computrons), whole(asRun(sdks))] : []),
      whole(cost.bytes),
      whole(theirs?.bytes),
      ...(sdk ? [whole(sdks?.bytes)] : []),
    ]);
  }
  const head = [
    ...["", "computrons", "goal", "mqtt-packet", "ratio"],
    ...(sdk ? ["SDK", "ratio", "as run"] : []),
    ...["bytes", "mqtt-packet", ...(sdk ? ["SDK"] : [])],
  ];
  return [
    "## A packet on XS\n",
    "Computrons (steps of the engine) and bytes allocated: counts, the same in each run; the tool runs them twice and",
    "compares. mqtt-packet with polyfills, and without its table of 65,536 buffers, in its favour. All sources without",
    "line numbers, as in a release build.",
    ...(sdk ? ["", STAND_INS] : []),
    "",
    table(head, rows),
    "",
    above.length > 0
      ? `Not below both peers in computrons: ${above.join("; ")}.`
      : "Every packet is below its peers in computrons.",
  ].join("\n");
}

function steps({ session, sdk }: XsFigures): string {
  const rows = Object.entries(session).map(([name, cost]) => {
    const theirs = sdk?.steps[name];
    return [
      name,
      whole(cost.computrons),
      ...(sdk
        ? [whole(theirs?.computrons), ratio(cost.computrons, theirs?.computrons), whole(asRun(cost))]
        : []),
      ...(sdk ? [whole(asRun(theirs))] : []),
      whole(cost.bytes),
      ...(sdk ? [whole(theirs?.bytes), ratio(cost.bytes, theirs?.bytes)] : []),
    ];
  });
  const head = sdk
    ? ["", "computrons", "SDK", "ratio", "as run", "SDK as run", "bytes", "SDK", "ratio"]
    : ["", "computrons", "bytes"];
  return [
    "## A whole client on XS\n",
    "Our `Session` and the SDK's client, each on a socket that does nothing. Stand-ins are taken off on both sides, and",
    'are in the columns "as run".\n',
    table(head, rows),
    "",
    "Where ours takes more steps, this is what they buy:\n",
    ...BOUGHT.map((line) => `- ${line}`),
  ].join("\n");
}

function message({ life, ours, mqttPacket, session, sdk }: XsFigures): string {
  const publish = "encode PUBLISH QoS 1, 42-character topic, 40 bytes";
  const puback = "decode PUBACK";
  const cycle = "the same with its PUBACK";
  const sum = (costs: Readonly<Record<string, XsCost>>, name: string): [number, number] => [
    (costs[name]?.computrons ?? 0) + (costs[puback]?.computrons ?? 0),
    (costs[name]?.bytes ?? 0) + (costs[puback]?.bytes ?? 0),
  ];
  const rows: [string, number | undefined, number | undefined][] = [
    ["packets only: ours, topic encoded before", ...sum(ours, "encode PUBLISH QoS 1, topic encoded before")],
    ["packets only: mqtt-packet", ...sum(mqttPacket, publish)],
    ["client: ours, `Session`", session[cycle]?.computrons, session[cycle]?.bytes],
    ...(sdk
      ? ([["client: the SDK's", sdk.steps[cycle]?.computrons, sdk.steps[cycle]?.bytes]] as [
          string,
          number | undefined,
          number | undefined,
        ][])
      : []),
    ["device: ours, `Agent`, with outbox and properties", life.telemetry.computrons, life.telemetry.bytes],
  ];
  return [
    "## A telemetry message on XS\n",
    "40 bytes at QoS 1, from send to PUBACK, with all others done.\n",
    table(
      ["", "computrons", "bytes"],
      rows.map(([name, computrons, bytes]) => [name, whole(computrons), whole(bytes)]),
    ),
  ].join("\n");
}

function life({ life: { provisioning } }: XsFigures): string {
  const rows = [
    ["computrons", whole(provisioning.computrons)],
    ["bytes allocated", whole(provisioning.bytes)],
    ["most bytes that live between two events", whole(provisioning.peakBytes)],
    ["collections of garbage in the memory of firmware/manifest.json", whole(provisioning.collections)],
    ["packets sent, received", `${provisioning.packetsOut}, ${provisioning.packetsIn}`],
    ["bytes of MQTT sent, received", `${provisioning.bytesOut}, ${provisioning.bytesIn}`],
  ];
  return [
    "## A provisioning on XS\n",
    "From the start of `Agent` without a stored assignment to the hub's CONNACK. Peers need Node for this.\n",
    table(["", ""], rows),
  ].join("\n");
}

function onNode({ ours, mqttPacket, message }: NodeFigures): string {
  const rows = Object.entries(ours).map(([name, cost]) => {
    const theirs = mqttPacket[SAME_PACKET[name] ?? name];
    return [
      name,
      whole(cost.nanoseconds),
      whole(theirs?.nanoseconds),
      ratio(cost.nanoseconds, theirs?.nanoseconds),
      whole(cost.bytes),
      whole(theirs?.bytes),
    ];
  });
  const { session, mqttJs } = message;
  return [
    "## On Node\n",
    "Nanoseconds and bytes of one run on one computer: they vary. Ours and the peer take turns; medians.\n",
    table(["a packet", "ns", "mqtt-packet", "ratio", "bytes", "mqtt-packet"], rows),
    "",
    table(
      ["a whole client", "ns", "MQTT.js", "ratio", "bytes", "MQTT.js", "ratio"],
      [
        [
          "QoS 1 message of 40 bytes, publish to PUBACK, connection in memory",
          whole(session.nanoseconds),
          whole(mqttJs.nanoseconds),
          ratio(session.nanoseconds, mqttJs.nanoseconds),
          whole(session.bytes),
          whole(mqttJs.bytes),
          ratio(session.bytes, mqttJs.bytes),
        ],
      ],
    ),
  ].join("\n");
}

function inMemory({ devices, ours, microsoft, bare }: MemoryResults): string {
  const row = (name: string, of: (figures: MemoryFigures) => number): string[] => [
    name,
    ...[ours, microsoft, bare].map((figures) => megabytes(of(figures))),
    ratio(of(ours), of(microsoft)),
  ];
  return [
    `## ${devices} devices on Node\n`,
    "Megabytes that they take of one process, each connected to its hub and with one message sent; medians of processes of",
    "their own. Microsoft's: azure-iot-device-mqtt, unmodified. Bare: as many TLS sockets of Node with one context for all",
    "and nothing else, which is the least that a device can take on it.\n",
    table(
      ["", "ours", "Microsoft's", "bare", "ratio"],
      [
        row("resident", ({ resident }) => resident),
        row("of V8's heap", ({ heap }) => heap),
        row("of buffers", ({ external }) => external),
      ],
    ),
  ].join("\n");
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function inFlash({ modules, slots }: ImageFigures): string {
  const features = [...new Set(modules.map(({ feature }) => feature))].map((feature) => {
    const own = modules.filter((module) => module.feature === feature);
    return [feature, own.length, sum(own, "bytes"), sum(own, "code")] as const;
  });
  const telemetry = modules.filter(({ feature }) => feature === "core" || feature === "host");
  const all = [
    ...features,
    [
      "an app that only sends telemetry: core, host",
      telemetry.length,
      sum(telemetry, "bytes"),
      sum(telemetry, "code"),
    ],
  ] as const;
  return [
    "## In the device's flash\n",
    "Bytes of our modules as the SDK's xsc compiles them for a release; of the code that is linked, names are shared.\n",
    table(
      ["", "modules", "bytes", "of it code"],
      all.map(([name, ...figures]) => [name, ...figures.map(whole)]),
    ),
    "",
    `Preloaded, they are ${whole(slots.firmware)} slots in ROM for the firmware, and ${whole(slots.features)} for the features`,
    "that it leaves out, 16 bytes each on ESP32.\n",
    table(
      ["the largest", "bytes", "of it code"],
      modules.slice(0, LARGEST).map(({ name, bytes, code }) => [name, whole(bytes), whole(code)]),
    ),
  ].join("\n");
}

/** Rows of modules. */
const LARGEST = 12;

function sum(modules: readonly ModuleSize[], of: "bytes" | "code"): number {
  return modules.reduce((total, module) => total + module[of], 0);
}

function onWire({ ours, eager, microsoft }: OnTheWire): string {
  const row = (name: string, of: (figures: OnTheWire["ours"]) => number): string[] => [
    name,
    ...[ours, eager, microsoft].map((figures) => whole(of(figures))),
    ratio(of(ours), of(microsoft)),
  ];
  return [
    "## A provisioning on the wire\n",
    `Provision by DPS with a SAS token, connect to the hub, send ${MESSAGES} messages at QoS 1 one by one, disconnect: all against`,
    "the same emulator through the same counter. Microsoft's: azure-iot-provisioning-device-mqtt and",
    "azure-iot-device-mqtt, unmodified. Eager: ours with what MQTT lets follow CONNECT before CONNACK.\n",
    table(
      ["", "ours", "eager", "Microsoft's", "ratio"],
      [
        row("connections, each TCP and TLS", ({ connections }) => connections),
        row("round trips of MQTT", ({ roundTrips }) => roundTrips),
        row("packets sent", ({ packetsSent }) => packetsSent),
        row("packets received", ({ packetsReceived }) => packetsReceived),
        row("bytes of MQTT sent", ({ bytesSent }) => bytesSent),
        row("bytes of MQTT received", ({ bytesReceived }) => bytesReceived),
        row("bytes of TCP sent, with TLS", ({ tcpSent }) => tcpSent),
        row("bytes of TCP received, with TLS", ({ tcpReceived }) => tcpReceived),
        row("elapsed ms", ({ elapsed }) => elapsed),
      ],
    ),
    "",
    `Elapsed varies. It holds the ${RETRY_AFTER} s that DPS asks to wait; ours adds up to 1 s of chance, so that a fleet does not ask as one.`,
  ].join("\n");
}

function handshakes({ handshakes: all, hmac, rounds, suites }: HandshakeFigures): string {
  const rows = (["rsa", "ec"] as const).flatMap((kind) =>
    ["full", "resumed"].map((how) => {
      const cost = all[`${kind} ${how}`];
      return [
        `${kind === "rsa" ? "RSA-2048" : "EC P-256"}, ${how}`,
        ...[cost?.microseconds, cost?.chunks, cost?.slots, cost?.c].map(whole),
      ];
    }),
  );
  return [
    "## TLS and HMAC: mbedTLS in C\n",
    "In an app on the SDK for Linux, against servers of Node.js: TLS 1.2, leaf and intermediate,",
    `${suites.rsa} and ${suites.ec}, sessions resumed by number. Microseconds of`,
    `processor time of the client's own work, TCP included, medians of ${rounds}. Bytes at the handshake: chunks and slots of XS in`,
    "a heap that grows only when it must (slots have 32 bytes here, 16 on ESP32); C is what malloc gave beside, 33 KB of it",
    "the two record buffers of Debian's mbedTLS (20 KB with ESP-IDF's settings).\n",
    table(["a handshake", "µs", "chunks", "slots", "C"], rows),
    "",
    table(
      ["HMAC-SHA256 of 100 bytes", "µs"],
      [
        ["key set up before", hmac.alone.toFixed(2)],
        ["with its key", hmac.withKey.toFixed(2)],
      ],
    ),
  ].join("\n");
}

function sizes(bundles: Readonly<Record<string, BundleSize>>): string {
  return [
    "## Script\n",
    "Bundled and minified by esbuild; for Node without Node's own modules.\n",
    table(
      ["", "minified bytes", "gzipped"],
      Object.entries(bundles).map(([name, size]) => [name, whole(size.minified), whole(size.gzipped)]),
    ),
  ].join("\n");
}

function starts(costs: Readonly<Record<string, StartCost>>): string {
  return [
    "## Start of the command\n",
    "Milliseconds of one run on one computer: they vary. Both take turns; medians.\n",
    table(
      ["", "from dist/", "from the sources, through tsx", "ratio"],
      Object.entries(costs).map(([name, { built, sources }]) => [
        name,
        whole(built),
        whole(sources),
        ratio(built, sources),
      ]),
    ),
  ].join("\n");
}
