// SPDX-License-Identifier: MIT
/**
 * PUBLISH packets from the service to one device. A hub's queue of a device is durable, is not bound to a subscription
 * or session, and is resent with DUP under the same packet identifier (MQTT 3.1.1 section 4.4).
 */
import { generate } from "mqtt-packet";
import type { Link } from "./link";

/** One message to a device. */
export interface OutgoingMessage {
  topic: string;
  payload: Buffer;
  /** The granted QoS of the subscription that it falls under. */
  qos: 0 | 1;
  /** Set with `packetId` when a former connection of the same session did not acknowledge it. */
  dup?: boolean;
  packetId?: number;
}

/** Messages of QoS 1 that may wait for PUBACK; the connection of a device that lets more wait is closed. */
const MOST_PENDING = 2000;

/** The sending side of one connection. */
export class Outbox {
  readonly #link: Link;
  readonly #pending = new Map<number, () => void>();
  #nextId = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Sends a PUBLISH.
   * @param onAcknowledged called once: at PUBACK for QoS 1, straight away for QoS 0
   * @returns the packet identifier; 0 for QoS 0; undefined when the connection has ended, by this message too
   */
  send(message: OutgoingMessage, onAcknowledged: () => void = () => {}): number | undefined {
    if (this.#link.destroyed) return undefined;
    const messageId = message.qos === 0 ? 0 : (message.packetId ?? this.#allocate());
    if (messageId === undefined) {
      this.#link.destroy(`${MOST_PENDING} messages wait for PUBACK`);
      return undefined;
    }
    if (message.qos === 1) this.#pending.set(messageId, onAcknowledged);
    this.#link.send(
      generate({
        cmd: "publish",
        topic: message.topic,
        payload: message.payload,
        qos: message.qos,
        dup: message.dup ?? false,
        retain: false,
        ...(message.qos === 0 ? {} : { messageId }),
      }),
    );
    if (message.qos === 0) onAcknowledged();
    return messageId;
  }

  /** Takes a PUBACK of the device; one that answers nothing is ignored. */
  acknowledge(packetId: number): void {
    const callback = this.#pending.get(packetId);
    this.#pending.delete(packetId);
    callback?.();
  }

  /** Keeps identifiers of a resumed session from being given out again. */
  reserve(packetIds: Iterable<number>): void {
    for (const id of packetIds) this.#pending.set(id, () => {});
  }

  /** An identifier that is free; undefined when too many are not. */
  #allocate(): number | undefined {
    if (this.#pending.size >= MOST_PENDING) return undefined;
    do {
      this.#nextId = (this.#nextId % 65_535) + 1;
    } while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }
}
