// SPDX-License-Identifier: MIT
/**
 * The MQTT server of one endpoint (DPS, or one hub): aedes, with Azure's rules in its hooks. One broker an endpoint
 * keeps clients and topics of different hubs apart, because a client identifier is unique within a hub only.
 */
import { Aedes, type Client, type PublishPacket } from "aedes";
import type { IConnectPacket } from "mqtt-packet";
import type { Link } from "./link";
import { Outbox } from "./outbox";
import { PacketType } from "./packet-framer";
import { SessionStore, type SubscriptionStore } from "./session-store";

/** The longest keep-alive that Azure honours, in seconds; half as much again and the connection ends. */
const LONGEST_KEEP_ALIVE = 1177;

/** One accepted connection. */
export class Connection {
  /** Client identifier: the registration id in lower case, or the device id. */
  readonly id: string;
  readonly link: Link;
  readonly connect: IConnectPacket;
  readonly outbox: Outbox;
  /** Active subscriptions: topic filter to granted QoS. */
  readonly subscriptions = new Map<string, 0 | 1>();
  /** True once the emulator resumed a stored session. */
  sessionPresent = false;
  /** Why it ended, for the event; set by whoever ends it first. */
  closeReason: string | undefined;

  constructor(id: string, link: Link, connect: IConnectPacket) {
    this.id = id;
    this.link = link;
    this.connect = connect;
    this.outbox = new Outbox(link);
  }

  /** Ends the connection; MQTT 3.1.1 has no way to tell the client why. */
  close(reason: string): void {
    this.closeReason ??= reason;
    this.link.destroy();
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
  /** SUBACK has been sent for these filters. */
  subscribed(connection: Connection, filters: readonly string[]): void;
  closed(connection: Connection): void;
}

/** How a message was published. */
export interface PublishFlags {
  qos: number;
  retain: boolean;
  dup: boolean;
  will: boolean;
}

/** One broker with the connections of one endpoint. */
export class Broker {
  readonly connections = new Map<string, Connection>();
  readonly #aedes: Aedes;
  readonly #handler: EndpointHandler;
  readonly #store: SubscriptionStore;
  readonly #links = new WeakMap<object, Connection>();
  readonly #maximumSubscriptions: number;

  private constructor(
    aedes: Aedes,
    handler: EndpointHandler,
    store: SubscriptionStore,
    maximumSubscriptions: number,
  ) {
    this.#aedes = aedes;
    this.#handler = handler;
    this.#store = store;
    this.#maximumSubscriptions = maximumSubscriptions;
    this.#install();
  }

  /** Starts a broker. @param maximumSubscriptions above it a filter is refused by SUBACK 0x80 */
  static async start(
    handler: EndpointHandler,
    store: SubscriptionStore,
    maximumSubscriptions: number,
  ): Promise<Broker> {
    const aedes = await Aedes.createBroker({ persistence: new SessionStore(store), maxClientsIdLength: 128 });
    return new Broker(aedes, handler, store, maximumSubscriptions);
  }

  /** Serves a connection whose CONNECT was accepted; an older one with the same identifier is dropped. */
  attach(connection: Connection): void {
    const older = this.connections.get(connection.id);
    if (older) older.closeReason ??= "a second connection of the same identity (MQTT 3.1.1 section 3.1.4)";
    this.#links.set(connection.link, connection);
    connection.link.once("close", () => {
      if (this.connections.get(connection.id) === connection) this.connections.delete(connection.id);
      this.#handler.closed(connection);
    });
    this.#aedes.handle(connection.link);
  }

  /** Looks at a packet of the client before aedes does. False keeps it from aedes. */
  filterPacket(connection: Connection, type: number, packet: Buffer): boolean {
    if (type === PacketType.PUBACK && packet.length === 4)
      connection.outbox.acknowledge(packet.readUInt16BE(2));
    if (type === PacketType.DISCONNECT) connection.closeReason ??= "DISCONNECT";
    // QoS 2 belongs to no exchange that Azure accepts.
    if (type === PacketType.PUBREC || type === PacketType.PUBREL || type === PacketType.PUBCOMP) {
      connection.close("a QoS 2 packet");
      return false;
    }
    return true;
  }

  /** Drops every connection and stops. */
  stop(): Promise<void> {
    return new Promise((resolve) => this.#aedes.close(() => resolve()));
  }

  #of(client: Client): Connection {
    return this.#links.get(client.conn)!;
  }

  #install(): void {
    const aedes = this.#aedes;
    aedes.preConnect = (client, packet, done) => {
      packet.clientId = this.#of(client).id;
      packet.keepalive = packet.keepalive
        ? Math.min(packet.keepalive, LONGEST_KEEP_ALIVE)
        : LONGEST_KEEP_ALIVE;
      done(null, true);
    };
    // The front door has checked the credentials before it handed the connection over.
    aedes.authenticate = (_client, _user, _password, done) => done(null, true);
    aedes.authorizeSubscribe = (client, subscription, done) => {
      const connection = this.#of(client);
      const known = connection.subscriptions.has(subscription.topic);
      const full = !known && connection.subscriptions.size >= this.#maximumSubscriptions;
      if (full || !this.#handler.acceptsFilter(connection, subscription.topic)) {
        return done(null, null);
      }
      subscription.qos = subscription.qos === 0 ? 0 : 1;
      connection.subscriptions.set(subscription.topic, subscription.qos);
      // Before CONNACK only the subscriptions of a stored session come by here.
      if (!client.connected) connection.sessionPresent = true;
      done(null, subscription);
    };
    aedes.authorizePublish = (client, packet, done) => {
      if (!client) return done(null);
      done(this.#receive(this.#of(client), packet, client.closed));
    };
    aedes.on("clientReady", (client) => {
      const connection = this.#of(client);
      this.connections.set(connection.id, connection);
      this.#handler.connected(connection);
    });
    aedes.on("subscribe", (subscriptions, client) => {
      const connection = this.#of(client);
      this.#keep(connection);
      const filters = subscriptions.map((subscription) => subscription.topic);
      this.#handler.subscribed(
        connection,
        filters.filter((filter) => connection.subscriptions.has(filter)),
      );
    });
    aedes.on("unsubscribe", (filters, client) => {
      // aedes also unsubscribes a client that goes; its stored session keeps them.
      if (client.closed) return;
      const connection = this.#of(client);
      for (const filter of filters) connection.subscriptions.delete(filter);
      this.#keep(connection);
    });
    const failed = (client: Client, error: Error) => {
      const connection = this.#of(client);
      connection.closeReason ??= error.message;
    };
    aedes.on("clientError", failed);
    aedes.on("connectionError", failed);
  }

  /** Stores the subscriptions of a session that outlives its connection. */
  #keep({ id, connect, subscriptions }: Connection): void {
    if (!connect.clean) this.#store.save(id, Object.fromEntries(subscriptions));
  }

  /** @param will the client has gone without DISCONNECT, and this is its will */
  #receive(connection: Connection, packet: PublishPacket, will: boolean): Error | null {
    try {
      if (packet.qos === 2 && !will)
        throw new Error("a PUBLISH of QoS 2, which Azure answers by closing the connection");
      this.#handler.received(connection, packet.topic, Buffer.from(packet.payload as Uint8Array), {
        qos: packet.qos,
        retain: packet.retain,
        dup: packet.dup,
        will,
      });
      return null;
    } catch (error) {
      connection.closeReason ??= (error as Error).message;
      return error as Error;
    }
  }
}
