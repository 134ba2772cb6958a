// SPDX-License-Identifier: MIT
/**
 * Where connections come in. It reads CONNECT, finds the endpoint by the user name, lets it check the credentials, and hands the
 * connection to that endpoint's broker. Source: "IoT Hub MQTT support" and "Communicate with DPS using the MQTT protocol".
 */
import type { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Clock } from "./clock";
import type { EnrollmentPlace } from "./enrollment-registry";
import type { FaultInjector } from "./faults";
import { flawOr, handshakeFailure } from "./handshake-failure";
import type { Broker, Connection } from "./mqtt/broker";
import { type ConnectPacket, readConnect } from "./mqtt/client-packets";
import { connack, Link, type PacketWatch } from "./mqtt/link";

/** CONNACK return codes, MQTT 3.1.1 table 3.1. */
export const ConnackCode = Object.freeze({
  ACCEPTED: 0,
  UNACCEPTABLE_PROTOCOL: 1,
  IDENTIFIER_REJECTED: 2,
  SERVER_UNAVAILABLE: 3,
  BAD_CREDENTIALS: 4,
  NOT_AUTHORIZED: 5,
});

/** MQTT 3.1.1. */
const PROTOCOL_LEVEL = 4;
/** mosquitto sets this bit of the level to tell a broker that it is one as well. */
const BRIDGE_MARK = 0x80;

/** Why a CONNECT is refused. */
export interface Refusal {
  returnCode: number;
  /** For people; never holds a credential. */
  reason: string;
  /** `dps`, or the hub's name, as far as the user name told. */
  endpoint?: string;
  /** What the decision rests on, where there is one. */
  enrollment?: EnrollmentPlace;
}

/** A connection that may be served. */
export interface Admission {
  broker: Broker;
  connection: Connection;
  /** `dps`, or the hub's name. */
  endpoint: string;
}

/** What the front door needs from the emulator. */
export interface FrontDoorOptions {
  faults: FaultInjector;
  /** Decides about a CONNECT. */
  admit(connect: ConnectPacket, chain: readonly X509Certificate[], link: Link): Admission | Refusal;
  onRefused(connection: number, connect: ConnectPacket, refusal: Refusal): void;
  /** A connection ended before its CONNECT was understood. @param reason in words */
  onStranger(address: string, reason: string, connection: number): void;
  watch: PacketWatch;
  clock: Clock;
  /** Milliseconds that a client may take until CONNECT. */
  connectTimeout: number;
  /** The largest packet of a client, in bytes. */
  maximumPacket: number;
}

/** A connection that MQTT may come through: TLS, or another transport. */
export interface Caller {
  /** The bytes of MQTT; whom it is handed to owns it. */
  stream: Duplex;
  /** For people. */
  address: string;
  /** The client's certificates, leaf first; empty when it sent none. */
  chain(): readonly X509Certificate[];
  /** What is wrong with the certificate that the client was shown, where that was asked for. */
  flaw?: string | undefined;
  /** Ends it by a TCP RST, where there is one. */
  reset(): void;
}

/** Serves MQTT to whoever is let in. */
export class FrontDoor {
  readonly #options: FrontDoorOptions;
  /** Whose CONNECT has not come. */
  readonly #strangers = new Set<Link>();
  #stopping = false;
  #count = 0;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  /** Ends the connections that no broker has. */
  stop(): void {
    this.#stopping = true;
    for (const link of [...this.#strangers]) link.destroy("the emulator stops");
  }

  /** Serves one connection. */
  serve({ stream, address, chain, flaw, reset }: Caller): void {
    const { clock, faults, maximumPacket, connectTimeout, onStranger, watch } = this.#options;
    let admission: Admission | undefined;
    const link: Link = new Link({
      number: ++this.#count,
      watch,
      stream,
      clock,
      faults,
      maximumPacket,
      reset,
      onPacket: (packet) => {
        if (admission) return admission.broker.receive(admission.connection, packet);
        const connect = readConnect(packet);
        known();
        link.off("close", gone);
        admission = this.#open(link, connect, chain());
      },
    });
    this.#strangers.add(link);
    let broken: Error | undefined;
    stream.on("error", (error) => {
      broken = error;
    });
    const stopTimer = clock.schedule(() => link.destroy("no CONNECT came in time"), connectTimeout);
    const known = () => {
      stopTimer();
      this.#strangers.delete(link);
    };
    const gone = () => {
      known();
      if (this.#stopping) return;
      const ended = broken
        ? handshakeFailure(broken, flaw)
        : `the client closed the connection before CONNECT${flawOr(flaw, "does it trust the root?")}`;
      onStranger(address, link.reason ?? ended, link.number);
    };
    link.once("close", gone);
  }

  /** Handles CONNECT. Undefined when the connection is refused. */
  #open(link: Link, connect: ConnectPacket, chain: readonly X509Certificate[]): Admission | undefined {
    const result =
      connect.protocolVersion === PROTOCOL_LEVEL
        ? this.#options.admit(connect, chain, link)
        : wrongLevel(connect.protocolVersion);
    if ("returnCode" in result) {
      link.identify({ id: connect.clientId, ...(result.endpoint ? { endpoint: result.endpoint } : {}) });
      this.#options.onRefused(link.number, connect, result);
      link.end(connack(result.returnCode), result.reason);
      return undefined;
    }
    link.identify({ id: result.connection.id, endpoint: result.endpoint });
    result.broker.attach(result.connection);
    return result;
  }
}

function wrongLevel(level: number): Refusal {
  const reason =
    level & BRIDGE_MARK
      ? `the protocol level ${level} is a bridge's; give it try_private false (mosquitto.conf)`
      : `the protocol level is not ${PROTOCOL_LEVEL}; speak MQTT 3.1.1`;
  return { returnCode: ConnackCode.UNACCEPTABLE_PROTOCOL, reason };
}
