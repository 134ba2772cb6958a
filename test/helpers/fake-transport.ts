// SPDX-License-Identifier: MIT
/** A session on a transport whose every byte, room and failure a test decides, in virtual time. */
import mqtt, { type Packet } from "mqtt-packet";
import { asBerthError, type BerthError } from "../../src/error";
import type { TransportBinding, TransportOptions } from "../../src/host";
import { Session, type SessionHandler, type SessionHost, type SessionOptions } from "../../src/mqtt/session";
import { concat } from "./bytes";
import { parsePackets } from "./oracle";
import { RecordingTransport } from "./recording-transport";
import { nodeText, VirtualTime } from "../../simulator/virtual-host";

/** Speaks in packets of `mqtt-packet`. */
export class FakeTransport extends RecordingTransport {
  #taken = 0;

  /** Packets come from the server. */
  receivePackets(...packets: readonly Packet[]): void {
    this.receive(...packets.map((packet) => Uint8Array.from(mqtt.generate(packet))));
  }

  /** Packets written since the last call; expects whole ones. */
  takePackets(): Packet[] {
    const parts = this.writes.slice(this.#taken);
    this.#taken = this.writes.length;
    return parsePackets(concat(...parts));
  }

  /** `takePackets` in short: `publish 1 dup`, `puback 7`, `pingreq`. */
  take(): string[] {
    return this.takePackets().map(short);
  }
}

function short(packet: Packet): string {
  const id = packet.messageId === undefined ? "" : ` ${packet.messageId}`;
  return `${packet.cmd}${id}${packet.cmd === "publish" && packet.dup ? " dup" : ""}`;
}

export const CONNACK: Packet = Object.freeze({ cmd: "connack", returnCode: 0, sessionPresent: false });
export const PINGRESP: Packet = Object.freeze({ cmd: "pingresp" });

export function puback(messageId: number): Packet {
  return { cmd: "puback", messageId };
}

export function inbound(topic: string, payload: string, messageId = 0): Packet {
  const qos = messageId ? 1 : 0;
  return { cmd: "publish", topic, payload, qos, dup: false, retain: false, ...(messageId && { messageId }) };
}

export interface SessionWorld {
  readonly session: Session;
  readonly transport: FakeTransport;
  readonly time: VirtualTime;
  /** One line a callback. */
  readonly log: string[];
  readonly errors: BerthError[];
}

/** Called after each callback has been put into the log. */
export type Reactions = Partial<{
  [Name in Exclude<keyof SessionHandler, "onOpen">]: (
    session: Session,
    ...given: Parameters<SessionHandler[Name]>
  ) => void;
}>;

export interface SessionWorldOptions extends Partial<SessionOptions> {
  readonly time?: VirtualTime;
  /** Of the handler; not in the log. */
  readonly onOpen?: () => void;
}

/** A session whose transport is not up yet. */
export function openSession(options: SessionWorldOptions = {}, reactions: Reactions = {}): SessionWorld {
  const { time = new VirtualTime(), onOpen, ...rest } = options;
  const transports: FakeTransport[] = [];
  const host: SessionHost = {
    text: nodeText,
    clock: time,
    timers: time,
    transport: recordingBinding(transports),
  };
  const log: string[] = [];
  const errors: BerthError[] = [];
  const handler: SessionHandler = {
    ...(onOpen && { onOpen }),
    onConnected(present) {
      log.push(`connected ${present}`);
      reactions.onConnected?.(session, present);
    },
    onMessage(publish) {
      const { topic, offset, byteLength, payload } = publish;
      log.push(`message ${topic} ${offset}+${payload.length}/${byteLength}`);
      reactions.onMessage?.(session, publish);
    },
    onOversize(publish) {
      const { topic, size, maximum } = publish;
      log.push(`oversize ${topic} ${size}/${maximum}`);
      reactions.onOversize?.(session, publish);
    },
    onAcknowledged(id, message) {
      log.push(`acknowledged ${id}`);
      reactions.onAcknowledged?.(session, id, message);
    },
    onSubscribed(id, returnCodes) {
      log.push(`subscribed ${id} [${returnCodes.join()}]`);
      reactions.onSubscribed?.(session, id, returnCodes);
    },
    onWritable() {
      log.push("writable");
      reactions.onWritable?.(session);
    },
    onError(error) {
      errors.push(asBerthError(error));
      log.push(`error ${error.code}`);
      reactions.onError?.(session, error);
    },
  };
  const session: Session = new Session(host, handler, { host: "broker.test", id: "device-1", ...rest });
  return { session, transport: transports[0] as FakeTransport, time, log, errors };
}

/** A binding whose transports are put into `made`. */
export function recordingBinding(made: FakeTransport[]): TransportBinding {
  return {
    io: class extends FakeTransport {
      constructor(options: TransportOptions) {
        super(options);
        made.push(this);
      }
    },
  };
}

/** A session that is connected, its log empty and CONNECT taken. */
export function connectedSession(options: SessionWorldOptions = {}, reactions: Reactions = {}): SessionWorld {
  const world = openSession(options, reactions);
  world.transport.writable();
  world.transport.receivePackets(CONNACK);
  world.transport.takePackets();
  world.log.length = 0;
  return world;
}
