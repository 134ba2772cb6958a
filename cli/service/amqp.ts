// SPDX-License-Identifier: MIT
/**
 * AMQP 1.0 to a hub: what Azure has no HTTPS for. SASL PLAIN with a token at IoT Hub, with the key at its Event
 * Hubs-compatible endpoint. Source: "IoT Hub support for AMQP", "AMQP 1.0 in Azure Event Hubs" (Azure documents).
 */
import { checkServerIdentity } from "node:tls";
import rhea, {
  type Connection,
  type ConnectionOptions,
  type EventContext,
  type Message,
  type Receiver,
} from "rhea";
import { NodeSigner } from "../../hosts/node/signer";
import { text } from "../../hosts/node/text";
import { connectTarget } from "../../hosts/sockets/connect-to";
import { sasToken } from "../../src/azure/sas";
import { type Place, tokenExpiry } from "./client";
import type { ServiceCredentials } from "./connection-string";
import { ServiceFailure } from "./failure";

const AMQPS_PORT = 5671;
/** Milliseconds until a connection stands, and for each answer. */
const PATIENCE = 15_000;
/** Events that may be under way on a partition. */
const CREDIT = 300;

/** Where the events of a hub are read. */
export interface EventsPlace {
  readonly host: string;
  readonly port: number;
  /** What Event Hubs call the entity path. */
  readonly entity: string;
}

/** An error of AMQP, of a link or a connection. */
interface AmqpError {
  readonly condition?: string;
  readonly description?: string;
  readonly info?: Readonly<Record<string, unknown>>;
}

/** A connection to a hub, or to where its events are. */
export class AmqpClient {
  readonly #connection: Connection;
  /** For messages. */
  readonly #where: string;
  readonly #host: string;
  readonly #remedy: string;
  readonly #failed: Promise<never>;
  #fail!: (error: unknown) => void;

  private constructor(connection: Connection, host: string, where: string, remedy: string) {
    this.#connection = connection;
    this.#host = host;
    this.#where = where;
    this.#remedy = remedy;
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits is told.
    this.#failed.catch(() => {});
    connection.on("disconnected", ({ error }: EventContext) => this.#fail(this.#failure(error)));
    connection.on("connection_error", ({ error }: EventContext) => this.#fail(this.#failure(error)));
    connection.on("error", (error: Error) => this.#fail(this.#failure(error)));
  }

  /** To a hub. @throws ServiceFailure when it cannot be reached, or refuses */
  static toHub({ host, policy, key }: ServiceCredentials, place: Omit<Place, "host">): Promise<AmqpClient> {
    const token = { resource: host, expiry: tokenExpiry(place), policy };
    const password = sasToken(token, new NodeSigner(key), text);
    return AmqpClient.#open(host, AMQPS_PORT, place, `${policy}@sas.root.${host.split(".")[0]}`, password);
  }

  /** To where the events of a hub are. @throws as `toHub` */
  static toEvents(
    { host, port }: EventsPlace,
    { policy, key }: ServiceCredentials,
    place: Omit<Place, "host">,
  ): Promise<AmqpClient> {
    return AmqpClient.#open(host, port, place, policy, key);
  }

  static async #open(
    host: string,
    port: number,
    place: Omit<Place, "host">,
    username: string,
    password: string,
  ): Promise<AmqpClient> {
    const target = connectTarget(place.connectTo, host, port);
    const serverName = place.serverName ?? host;
    const options = {
      transport: "tls",
      host: target.address,
      port: target.port,
      servername: serverName,
      checkServerIdentity: (_name: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
        checkServerIdentity(serverName, certificate),
      ca: [...place.roots],
      hostname: host,
      // By it the server finds the policy of a name and a key; rhea would tell the server's name in TLS.
      sasl_init_hostname: host,
      username,
      password,
      reconnect: false,
      idle_time_out: 120_000,
    };
    const container = rhea.create_container();
    const connection = container.create_connection(options as unknown as ConnectionOptions);
    const client = new AmqpClient(connection, host, `${target.address}:${target.port}`, place.remedy);
    const opened = new Promise<void>((resolve) => connection.once("connection_open", () => resolve()));
    connection.connect();
    try {
      await client.#within(opened, "connect");
    } catch (error) {
      connection.close();
      throw error;
    }
    return client;
  }

  /** Sends a message, whose body are bytes, to a device. @throws ServiceFailure when the hub does not take it */
  async sendToDevice(deviceId: string, message: Message): Promise<void> {
    const sender = this.#connection.open_sender({ target: { address: "/messages/devicebound" } });
    const settled = new Promise<void>((resolve, reject) => {
      sender.once("accepted", () => resolve());
      sender.once("rejected", ({ delivery }: EventContext) =>
        reject(
          this.#failure((delivery?.remote_state as { error?: AmqpError } | undefined)?.error, "rejected"),
        ),
      );
      sender.once("released", () => reject(this.#failure(undefined, "released")));
      sender.once("sender_error", () => reject(this.#failure(sender.error as AmqpError | undefined)));
      sender.once("sendable", () =>
        sender.send({
          ...message,
          body: rhea.message.data_section(message.body),
          to: `/devices/${encodeURIComponent(deviceId)}/messages/devicebound`,
        }),
      );
    });
    await this.#within(settled, "take the message");
  }

  /** Where the events of the hub are: it redirects who asks for them. @throws ServiceFailure */
  async eventsPlace(): Promise<EventsPlace> {
    const receiver = this.#connection.open_receiver({ source: { address: "/messages/events/$management" } });
    const redirected = new Promise<EventsPlace>((resolve, reject) => {
      receiver.once("receiver_error", () => {
        const error = receiver.error as unknown as AmqpError | undefined;
        const { hostname, port, address } = error?.info ?? {};
        const [, entity] = /^\w+:\/\/[^/]+\/([^/]+)/.exec(String(address)) ?? [];
        if (error?.condition === "amqp:link:redirect" && typeof hostname === "string" && entity !== undefined)
          resolve({ host: hostname, port: typeof port === "number" ? port : AMQPS_PORT, entity });
        else reject(this.#failure(error));
      });
      receiver.once("receiver_open", () => {
        if (receiver.source?.address) reject(this.#failure(undefined, "no redirect to the events"));
      });
    });
    return this.#within(redirected, "say where its events are");
  }

  /** The partitions of an entity. @throws ServiceFailure */
  async partitions(entity: string): Promise<string[]> {
    const replies = this.#connection.open_receiver({
      source: { address: "$management" },
      target: { address: "berth" },
    });
    const answered = new Promise<string[]>((resolve, reject) => {
      replies.once("receiver_error", () => reject(this.#failure(replies.error as AmqpError | undefined)));
      replies.once("message", ({ message }: EventContext) => {
        const { partition_ids: ids } = (message?.body ?? {}) as { partition_ids?: unknown };
        if (Array.isArray(ids)) resolve(ids.map(String));
        else
          reject(
            this.#failure(
              undefined,
              String(message?.application_properties?.["status-description"] ?? "no partitions"),
            ),
          );
      });
    });
    const requests = this.#connection.open_sender({ target: { address: "$management" } });
    requests.once("sendable", () =>
      requests.send({
        message_id: "1",
        reply_to: "berth",
        application_properties: { operation: "READ", name: entity, type: "com.microsoft:eventhub" },
        body: undefined,
      }),
    );
    return this.#within(answered, "name its partitions");
  }

  /**
   * Reads the events of a partition from a time on, until the connection is closed; settles when the reading has begun.
   * @param from milliseconds since 1970, by the hub's clock; undefined for what comes from now on
   * @throws ServiceFailure when it is refused
   */
  read(
    entity: string,
    group: string,
    partition: string,
    from: number | undefined,
    onEvent: (message: Message) => void,
  ): Promise<void> {
    const selector = rhea.types.wrap_described(
      rhea.types.wrap_string(
        `amqp.annotation.${from === undefined ? "x-opt-offset > '@latest'" : `x-opt-enqueued-time > '${from}'`}`,
      ),
      0x468c00000004,
    );
    const receiver: Receiver = this.#connection.open_receiver({
      source: {
        address: `${entity}/ConsumerGroups/${group}/Partitions/${partition}`,
        filter: { "apache.org:selector-filter:string": selector },
      },
      credit_window: CREDIT,
    });
    receiver.on("message", ({ message }: EventContext) => {
      if (message) onEvent(message);
    });
    receiver.once("receiver_error", () => this.#fail(this.#failure(receiver.error as AmqpError | undefined)));
    const opened = new Promise<void>((resolve) =>
      // One that is refused is opened without a source, and closed.
      receiver.once("receiver_open", () => receiver.source?.address && resolve()),
    );
    return this.#within(opened, `open partition ${partition}`);
  }

  /** Rejects with a ServiceFailure when the connection ends. */
  get ended(): Promise<never> {
    return this.#failed;
  }

  close(): void {
    this.#connection.close();
  }

  #within<T>(work: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(this.#failure(undefined, `it did not ${what} in ${PATIENCE / 1000} s`)),
        PATIENCE,
      );
    });
    return Promise.race([work, late, this.#failed]).finally(() => clearTimeout(timer));
  }

  #failure(error: unknown, otherwise = "the connection has ended"): ServiceFailure {
    const { condition, description, code, message } = (error ?? {}) as AmqpError & {
      code?: string;
      message?: string;
    };
    const name = condition ?? code ?? "amqp";
    const unauthorized = /unauthorized|sasl/i.test(`${name} ${message ?? ""}`);
    const next = unauthorized
      ? `; ${this.#remedy}`
      : name === "ECONNREFUSED"
        ? "; nothing listens there: start it, or correct --connect-to (HOST:5671:ADDRESS:PORT for AMQP)"
        : "";
    return new ServiceFailure(
      name,
      `${this.#host} (${this.#where}): ${description ?? message ?? otherwise}${next}`,
      {
        retriable: !unauthorized,
      },
    );
  }
}
