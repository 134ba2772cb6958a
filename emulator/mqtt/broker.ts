// SPDX-License-Identifier: MIT
/**
 * The MQTT server of one endpoint (DPS, or one hub): sessions, subscriptions, keep-alive. One an endpoint keeps clients
 * and topics of different hubs apart, because a client identifier is unique within a hub only.
 */
import { generate } from "mqtt-packet";
import { type ClientPacket, type ConnectPacket, readPacket } from "./client-packets";
import { connack, type Link } from "./link";
import { Outbox } from "./outbox";
import { PacketType } from "./packet-framer";

/** The longest keep-alive that Azure honours, in seconds; half as much again and the connection ends. */
const LONGEST_KEEP_ALIVE = 1177;

/** Topic filter to granted QoS. */
export type Subscriptions = Record<string, number>;

/** Where the subscriptions of CleanSession 0 clients live between connections. */
export interface SubscriptionStore {
  load(clientId: string): Subscriptions | undefined;
  /** Undefined forgets the session. What it returns settles when that is kept; undefined: at once. */
  save(clientId: string, subscriptions: Subscriptions | undefined): Promise<void> | undefined;
}

/** One accepted connection. */
export class Connection {
  /** Client identifier: the registration id in lower case, or the device id. */
  readonly id: string;
  readonly link: Link;
  /** CleanSession. */
  readonly clean: boolean;
  /** Seconds; 0 for none. */
  readonly keepAlive: number;
  /** Undefined when there is none, and once the client has said DISCONNECT. */
  will: ConnectPacket["will"];
  readonly outbox: Outbox;
  /** Active subscriptions: topic filter to granted QoS. */
  readonly subscriptions = new Map<string, 0 | 1>();
  /** True once the emulator resumed a stored session. */
  sessionPresent = false;

  /** @param connect is let go, and its credentials with it */
  constructor(id: string, link: Link, connect: Pick<ConnectPacket, "clean" | "keepalive" | "will">) {
    this.id = id;
    this.link = link;
    this.clean = connect.clean;
    this.keepAlive = connect.keepalive;
    this.will = connect.will;
    this.outbox = new Outbox(link);
  }

  /** Ends the connection; MQTT 3.1.1 has no way to tell the client why. */
  close(reason: string): void {
    this.link.destroy(reason);
  }

  /** The QoS granted for `filter`, undefined when it is not subscribed to. */
  granted(filter: string): 0 | 1 | undefined {
    return this.subscriptions.get(filter);
  }
}

/** What an endpoint decides. A method that throws ends the connection with the error's message as the reason. */
export interface EndpointHandler {
  /** May this filter be subscribed to? False answers SUBACK 0x80. */
  acceptsFilter(connection: Connection, filter: string): boolean;
  /** A PUBLISH of QoS 0 or 1, or the will. PUBACK follows when it returns; a throw ends the connection without. */
  received(connection: Connection, topic: string, payload: Buffer, flags: PublishFlags): void;
  /** CONNACK has been sent, and stored subscriptions are active again. */
  connected(connection: Connection): void;
  /** SUBACK has been sent. */
  subscribed(connection: Connection): void;
  /** Follows `connected`. */
  closed(connection: Connection): void;
}

/** How a message was published. */
export interface PublishFlags {
  qos: number;
  retain: boolean;
  dup: boolean;
  will: boolean;
}

/** The connections of one endpoint. */
export class Broker {
  readonly #connections = new Map<string, Connection>();
  readonly #handler: EndpointHandler;
  readonly #store: SubscriptionStore;
  readonly #maximumSubscriptions: number;

  /** @param maximumSubscriptions above it a filter is refused by SUBACK 0x80 */
  constructor(handler: EndpointHandler, store: SubscriptionStore, maximumSubscriptions: number) {
    this.#handler = handler;
    this.#store = store;
    this.#maximumSubscriptions = maximumSubscriptions;
  }

  /** Serves a connection whose CONNECT was accepted; an older one with the same identifier is dropped. */
  attach(connection: Connection): void {
    const { id, link, keepAlive } = connection;
    this.#connections.get(id)?.close("a second connection of the same identity (MQTT 3.1.1 section 3.1.4)");
    this.#connections.set(id, connection);
    let accepted = false;
    link.once("close", () => {
      if (this.#connections.get(id) === connection) this.#connections.delete(id);
      if (!accepted) return;
      this.#publishWill(connection);
      this.#handler.closed(connection);
    });
    this.#resume(connection);
    link.send(connack(0, connection.sessionPresent), () => {
      accepted = true;
      link.limitSilence(1500 * Math.min(keepAlive || LONGEST_KEEP_ALIVE, LONGEST_KEEP_ALIVE));
      this.#handler.connected(connection);
    });
  }

  /** Takes a packet of an accepted connection. @throws ProtocolError, or what the endpoint throws: the end of it */
  receive(connection: Connection, bytes: Buffer): void {
    const packet = readPacket(bytes);
    const { link } = connection;
    switch (packet.type) {
      case "publish": {
        const { topic, payload, qos, retain, dup, messageId } = packet;
        this.#handler.received(connection, topic, payload, { qos, retain, dup, will: false });
        if (qos === 1) link.send(answer(PacketType.PUBACK, messageId));
        break;
      }
      case "puback":
        connection.outbox.acknowledge(packet.messageId);
        break;
      case "subscribe":
        this.#subscribe(connection, packet);
        break;
      case "unsubscribe":
        for (const filter of packet.filters) connection.subscriptions.delete(filter);
        this.#keep(connection, () => link.send(answer(PacketType.UNSUBACK, packet.messageId)));
        break;
      case "pingreq":
        link.send(Buffer.from([PacketType.PINGRESP << 4, 0]));
        break;
      case "disconnect":
        // The will goes with it [MQTT-3.14.4-3].
        connection.will = undefined;
        connection.close("DISCONNECT");
    }
  }

  /** Drops every connection. */
  stop(): void {
    for (const connection of [...this.#connections.values()]) connection.close("the emulator stops");
  }

  #resume(connection: Connection): void {
    const { id, clean, subscriptions } = connection;
    const stored = this.#store.load(id);
    if (clean) {
      if (stored) this.#store.save(id, undefined)?.catch(() => {});
      return;
    }
    for (const [filter, qos] of Object.entries(stored ?? {})) {
      if (this.#mayHold(connection, filter)) subscriptions.set(filter, qos === 0 ? 0 : 1);
    }
    connection.sessionPresent = subscriptions.size > 0;
  }

  #subscribe(connection: Connection, packet: ClientPacket & { type: "subscribe" }): void {
    const { subscriptions, link } = connection;
    const granted = packet.filters.map(({ topic, qos }) => {
      if (!this.#mayHold(connection, topic)) return 0x80;
      subscriptions.set(topic, qos);
      return qos;
    });
    this.#keep(connection, () => {
      link.send(generate({ cmd: "suback", messageId: packet.messageId, granted }));
      if (!link.destroyed) this.#handler.subscribed(connection);
    });
  }

  #mayHold(connection: Connection, filter: string): boolean {
    const { subscriptions } = connection;
    const full = !subscriptions.has(filter) && subscriptions.size >= this.#maximumSubscriptions;
    return !full && this.#handler.acceptsFilter(connection, filter);
  }

  /** Stores the subscriptions of a session that outlives its connection; the client is answered when they are kept. */
  #keep({ id, link, clean, subscriptions }: Connection, answer: () => void): void {
    const kept = clean ? undefined : this.#store.save(id, Object.fromEntries(subscriptions));
    if (kept) kept.then(answer).catch(() => link.destroy("the session could not be stored"));
    else answer();
  }

  #publishWill(connection: Connection): void {
    const { will } = connection;
    if (!will) return;
    try {
      const { topic, payload, qos, retain } = will;
      this.#handler.received(connection, topic, payload, { qos, retain, dup: false, will: true });
    } catch {
      // A topic that the endpoint does not know; the connection has ended already.
    }
  }
}

/** A packet that is nothing but a packet identifier. */
function answer(type: number, messageId: number): Buffer {
  return Buffer.from([type << 4, 2, messageId >> 8, messageId & 0xff]);
}
