// SPDX-License-Identifier: MIT
/**
 * What becomes of a message whose handler throws: it counts as taken, or is fetched again a bounded number of times.
 *
 * A hub delivers a message without PUBACK again on the next connection, up to its own limit (10 at first), and the
 * telemetry of each of those connections with it: so the default is to take it. The count outlives connections.
 */
import { type BerthError, handlerFailed, invalidArgument } from "../error";
import type { InboundPublish } from "../mqtt/reader";

export class Inbox {
  readonly #redeliveries: number;
  /** The handler has thrown for a fragment: the rest of that message is not handed over. */
  #failing = false;
  /** Deliveries in a row of which no message that failed has come through. */
  #failures = 0;
  /** The message that failed last. */
  #failed = "";

  /** @throws BerthError `invalid-argument` */
  constructor(redeliveries = 0) {
    if (!(Number.isInteger(redeliveries) && redeliveries >= 0 && redeliveries <= 100)) {
      throw invalidArgument("hub.redeliveries is not 0 to 100");
    }
    this.#redeliveries = redeliveries;
  }

  /**
   * Calls the application.
   * @param handler its name
   * @returns `handler-failed` when it threw
   */
  hand(publish: InboundPublish, handler: string, call: () => void): BerthError | undefined {
    if (publish.offset === 0) this.#failing = false;
    else if (this.#failing) return undefined;
    try {
      call();
    } catch (error) {
      this.#failing = true;
      return handlerFailed(handler, error);
    }
    const complete = publish.offset + publish.payload.length === publish.byteLength;
    if (complete && this.#failures > 0 && this.#failed === nameOf(publish)) this.#failures = 0;
    return undefined;
  }

  /** Is the message that has just failed to be fetched again? */
  fetchesAgain(publish: InboundPublish): boolean {
    // A hub sends one without QoS never again.
    const again = publish.QoS > 0 && this.#failures < this.#redeliveries;
    this.#failures = again ? this.#failures + 1 : 0;
    this.#failed = nameOf(publish);
    return again;
  }
}

/** The packet identifier is another on each connection; the topic has the message id, if it has one. */
function nameOf({ topic, byteLength }: InboundPublish): string {
  return `${byteLength} ${topic}`;
}
