// SPDX-License-Identifier: MIT
/** A tap between a device and its transport: decodes each MQTT packet, in both directions, and counts. */
import mqtt, { type Packet, type Parser } from "mqtt-packet";
import { type Tap, tapTransport } from "../hosts/transport-tap";
import type { TransportBinding } from "../src/host";
import type { Style } from "./output";
import { type PacketLine, packetLine } from "./packet-line";

/** MQTT 3.1.1 in the terms of mqtt-packet. */
const PROTOCOL = Object.freeze({ protocolVersion: 4 });

/** A packet that has passed the tap. */
export interface TappedPacket extends PacketLine {
  readonly direction: "sent" | "received";
  /** Server name of the connection. */
  readonly peer: string;
  /** Bytes of the MQTT packet, without TLS. */
  readonly bytes: number;
  /** Milliseconds since the timeline began. */
  readonly time: number;
}

/** What has passed a timeline. Bytes are those of MQTT, without TLS. */
export interface Traffic {
  connections: number;
  /** How often the device had sent something and then waited for the server. */
  roundTrips: number;
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
}

/** Packets of one device, over all its connections. */
export class Timeline {
  readonly traffic: Traffic = {
    connections: 0,
    roundTrips: 0,
    packetsSent: 0,
    packetsReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };
  readonly #onPacket: (packet: TappedPacket) => void;
  readonly #now: () => number;
  readonly #start: number;

  /**
   * @param now monotonic milliseconds
   * @param start what times count from: the same for devices whose lines stand together
   */
  constructor(
    onPacket: (packet: TappedPacket) => void,
    now: () => number = () => performance.now(),
    start: number = now(),
  ) {
    this.#onPacket = onPacket;
    this.#now = now;
    this.#start = start;
  }

  /** `binding` with this timeline in between. */
  tap(binding: TransportBinding): TransportBinding {
    return tapTransport(binding, (peer) => this.connection(peer));
  }

  /** A new connection to `peer`. */
  connection(peer: string): Tap {
    this.traffic.connections += 1;
    let waiting = false;
    const decoder = (direction: TappedPacket["direction"]) => {
      const parser: Parser = mqtt.parser(PROTOCOL);
      let broken = false;
      parser.on("packet", (packet: Packet) => {
        if (direction === "received" && waiting) this.traffic.roundTrips += 1;
        waiting = direction === "sent";
        this.#count(direction, peer, packetLine(packet), packetBytes(packet));
      });
      parser.on("error", () => {
        broken = true;
      });
      return (bytes: Uint8Array) => {
        if (!broken) parser.parse(Buffer.from(bytes));
        if (broken)
          this.#count(
            direction,
            peer,
            { type: "?", topic: undefined, detail: "no MQTT 3.1.1" },
            bytes.length,
          );
      };
    };
    return { sent: decoder("sent"), received: decoder("received") };
  }

  #count(direction: TappedPacket["direction"], peer: string, line: PacketLine, bytes: number): void {
    if (direction === "sent") {
      this.traffic.packetsSent += 1;
      this.traffic.bytesSent += bytes;
    } else {
      this.traffic.packetsReceived += 1;
      this.traffic.bytesReceived += bytes;
    }
    this.#onPacket({
      direction,
      peer,
      bytes,
      time: Math.round((this.#now() - this.#start) * 1000) / 1000,
      ...line,
    });
  }
}

/** Fixed header and body: MQTT 3.1.1, section 2.2. */
function packetBytes(packet: Packet): number {
  const body = packet.length ?? 0;
  return 1 + (body < 128 ? 1 : body < 16_384 ? 2 : body < 2_097_152 ? 3 : 4) + body;
}

const ARROWS = Object.freeze({ sent: "→", received: "←" });

/** The colour of a packet's line. */
export function timelineStyle({ direction }: Pick<TappedPacket, "direction">): Style {
  return direction === "sent" ? "cyan" : "green";
}

/** The packet as a line: time, direction, server, type, bytes, then topic and details. */
export function timelineRow(packet: TappedPacket, label = "", peer = packet.peer): string {
  const time = `${(packet.time / 1000).toFixed(3)} s`.padStart(10);
  const head = `${time}  ${label}${ARROWS[packet.direction]} ${peer}  ${packet.type.padEnd(11)}${`${packet.bytes} B`.padStart(7)}`;
  return `${head}  ${[packet.topic, packet.detail].filter(Boolean).join("  ")}`.trimEnd();
}
