// SPDX-License-Identifier: MIT
/**
 * What aedes keeps of a session between connections: its subscriptions, in the emulator's own state, so that they
 * survive a restart. Messages to devices never pass through aedes (see outbox.ts), nothing is retained, QoS 2 is
 * refused and wills go straight to the endpoint: the rest of the interface has nothing to hold.
 */
import { Readable } from "node:stream";

/** Topic filter to granted QoS. */
export type Subscriptions = Record<string, number>;

/** Where the subscriptions of CleanSession 0 clients live. */
export interface SubscriptionStore {
  load(clientId: string): Subscriptions | undefined;
  /** Undefined forgets the session. */
  save(clientId: string, subscriptions: Subscriptions | undefined): void;
}

interface Subscription {
  topic: string;
  qos: number;
}
interface ClientId {
  id: string;
}

/** The persistence interface of aedes 1.x. */
export class SessionStore {
  readonly #store: SubscriptionStore;

  constructor(store: SubscriptionStore) {
    this.#store = store;
  }

  async setup(): Promise<void> {}
  async destroy(): Promise<void> {}

  async subscriptionsByClient(client: ClientId): Promise<Subscription[]> {
    return Object.entries(this.#store.load(client.id) ?? {}).map(([topic, qos]) => ({ topic, qos }));
  }

  // broker.ts keeps what was granted: aedes hands over a SUBSCRIBE as it came, with the filters that are refused.
  async addSubscriptions(): Promise<void> {}
  async removeSubscriptions(): Promise<void> {}

  async cleanSubscriptions(client: ClientId): Promise<void> {
    if (this.#store.load(client.id)) this.#store.save(client.id, undefined);
  }

  async subscriptionsByTopic(): Promise<Subscription[]> {
    return [];
  }
  async storeRetained(): Promise<void> {}
  createRetainedStreamCombi(): Readable {
    return Readable.from([]);
  }
  async outgoingEnqueueCombi(): Promise<void> {}
  async outgoingClearMessageId(): Promise<void> {}
  outgoingStream(): Readable {
    return Readable.from([]);
  }
  async cleanIncoming(): Promise<void> {}
  async putWill(): Promise<void> {}
  async delWill(): Promise<void> {}
  streamWill(): Readable {
    return Readable.from([]);
  }
}
