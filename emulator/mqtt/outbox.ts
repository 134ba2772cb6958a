// SPDX-License-Identifier: MIT
/**
 * PUBLISH packets from the service to one device. They do not go through aedes: the hub's queue of a device is
 * durable, is not bound to a subscription or session, and resends with DUP under the same packet identifier
 * (MQTT 3.1.1 section 4.4), which aedes 1.2 does not.
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

/** The sending side of one connection. */
export class Outbox {
  readonly #link: Link;
  readonly #pending = new Map<number, () => void>();
  #nextId = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * Writes a PUBLISH.
   * @param onAcknowledged called once: at PUBACK for QoS 1, straight away for QoS 0
   * @returns the packet identifier; 0 for QoS 0
   */
  send(message: OutgoingMessage, onAcknowledged: () => void = () => {}): number {
    const messageId = message.qos === 0 ? 0 : (message.packetId ?? this.#allocate());
    const packet = generate({
      cmd: "publish",
      topic: message.topic,
      payload: message.payload,
      qos: message.qos,
      dup: message.dup ?? false,
      retain: false,
      ...(message.qos === 0 ? {} : { messageId }),
    });
    if (message.qos === 1) this.#pending.set(messageId, onAcknowledged);
    if (!this.#link.destroyed && this.#link.writable) this.#link.write(packet);
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

  #allocate(): number {
    do {
      this.#nextId = (this.#nextId % 65_535) + 1;
    } while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }
}
