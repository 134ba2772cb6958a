// SPDX-License-Identifier: MIT
/** The sending side of a link: never more than the client has given credit for, and can take. */
import type { Delivery } from "rhea";
import type { CountedSender, GuardedSession } from "./rhea";
import type { AmqpSocket } from "./socket";

/** Deliveries that may wait inside rhea, for the session's window. */
const MOST_PENDING = 64;
/** Bytes that are handed to rhea in one turn. */
const MOST_A_TURN = 256 * 1024;

/** One link. */
export class Outlet {
  readonly sender: CountedSender;
  readonly #socket: AmqpSocket;
  /** Sends what there is, as far as `room` goes. True when there is more. */
  readonly #pump: () => boolean;
  /** Given to rhea, and not sent. */
  #pending: Delivery[] = [];
  #turn = 0;
  #awake = false;
  #closed = false;

  constructor(sender: CountedSender, socket: AmqpSocket, pump: () => boolean) {
    this.sender = sender;
    this.#socket = socket;
    this.#pump = pump;
  }

  /** Messages that may be sent now. */
  get room(): number {
    const { outgoing } = this.sender.session as GuardedSession;
    this.#pending = this.#pending.filter(({ id }) => id >= outgoing.next_pending_delivery);
    const waits =
      this.#closed || this.#socket.congested || this.#turn > MOST_A_TURN || !this.sender.sendable();
    return waits ? 0 : Math.min(this.sender.credit, MOST_PENDING) - this.#pending.length;
  }

  /** Sends a message in its encoded form. */
  send(message: Buffer): Delivery {
    const delivery = this.sender.send(message, undefined, 0);
    this.#pending.push(delivery);
    this.#turn += message.length;
    return delivery;
  }

  /** Sends, soon, what there is. */
  readonly wake = (): void => {
    if (this.#awake || this.#closed) return;
    this.#awake = true;
    setImmediate(() => {
      this.#awake = false;
      this.#turn = 0;
      if (this.#closed) return;
      const more = this.#pump();
      // The client takes back what credit is left.
      if (!more && this.sender._draining) this.sender.set_drained(true);
      // Without progress it is for the client, by a flow, or for the socket to go on.
      if (more && this.#turn > 0) this.wake();
    });
  };

  close(): void {
    this.#closed = true;
  }
}
