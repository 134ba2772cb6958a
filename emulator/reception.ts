// SPDX-License-Identifier: MIT
/** Decides about a CONNECT: which endpoint, and whether its credentials hold. */
import type { X509Certificate } from "node:crypto";
import { isDpsError } from "./dps/bodies";
import type { DpsDoor } from "./dps/door";
import type { DpsEndpoint } from "./dps/endpoint";
import type { EnrollmentRegistry } from "./enrollment-registry";
import { type Admission, ConnackCode, type Refusal } from "./front-door";
import { authenticateDevice } from "./hub/authentication";
import type { DeviceRegistry } from "./hub/device-registry";
import type { HubEndpoint } from "./hub/endpoint";
import type { Issuer } from "./issuer";
import { type Broker, Connection } from "./mqtt/broker";
import type { ConnectPacket } from "./mqtt/client-packets";
import type { Link } from "./mqtt/link";
import { type DpsUserName, type HubUserName, parseUserName } from "./user-name";

/** What the decision rests on. */
export interface ReceptionOptions {
  enrollments: EnrollmentRegistry;
  door: DpsDoor;
  devices: DeviceRegistry;
  dps: { endpoint: DpsEndpoint; broker: Broker };
  hub(name: string): { endpoint: HubEndpoint; broker: Broker } | undefined;
  refusal: "connack" | "response";
  /** Seconds. */
  expiryGrace: number;
  issuer: Issuer;
  now(): number;
}

/** The doorkeeper. */
export class Reception {
  readonly #options: ReceptionOptions;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Decides about one CONNECT. @param chain the client's certificates, leaf first; empty when it sent none */
  admit(connect: ConnectPacket, chain: readonly X509Certificate[], link: Link): Admission | Refusal {
    const user = parseUserName(connect.username);
    if ("problem" in user) return { returnCode: ConnackCode.BAD_CREDENTIALS, reason: user.problem };
    return user.kind === "dps"
      ? this.#admitToDps(user, connect, chain, link)
      : this.#admitToHub(user, connect, chain, link);
  }

  #admitToDps(
    user: DpsUserName,
    connect: ConnectPacket,
    chain: readonly X509Certificate[],
    link: Link,
  ): Admission | Refusal {
    const { enrollments, door, dps, refusal } = this.#options;
    const refuse = (returnCode: number, reason: string): Refusal => {
      const enrollment = enrollments.placeFor(user.registrationId);
      return { returnCode, reason, endpoint: "dps", ...(enrollment ? { enrollment } : {}) };
    };
    if (connect.clientId.toLowerCase() !== user.registrationId.toLowerCase()) {
      return refuse(
        ConnackCode.IDENTIFIER_REJECTED,
        "the client identifier is not the registration id of the user name",
      );
    }
    const wrong = door.problemOf(user);
    if (wrong?.field === "scope")
      return refuse(ConnackCode.NOT_AUTHORIZED, `the user name holds ${wrong.problem}`);
    if (wrong) return refuse(ConnackCode.NOT_AUTHORIZED, wrong.problem);
    const admitted = door.admit(user, passwordOf(connect), chain);
    if (isDpsError(admitted.caller) && refusal === "connack")
      return refuse(ConnackCode.NOT_AUTHORIZED, admitted.caller.message);
    const connection = new Connection(admitted.registrationId, link, { ...connect, clean: true });
    dps.endpoint.admit(connection, admitted);
    return { broker: dps.broker, connection, endpoint: "dps" };
  }

  #admitToHub(
    user: HubUserName,
    connect: ConnectPacket,
    chain: readonly X509Certificate[],
    link: Link,
  ): Admission | Refusal {
    const refuse = (returnCode: number, reason: string): Refusal => ({
      returnCode,
      reason,
      endpoint: user.hub,
    });
    const hub = this.#options.hub(user.hub);
    if (!hub) return refuse(ConnackCode.NOT_AUTHORIZED, `no hub ${user.hub} here`);
    if (connect.clientId !== user.deviceId) {
      return refuse(
        ConnackCode.IDENTIFIER_REJECTED,
        "the client identifier is not the device id of the user name",
      );
    }
    const device = this.#options.devices.get(user.hub, user.deviceId);
    const credentials = { hub: user.hub, deviceId: user.deviceId, password: passwordOf(connect), chain };
    const result = authenticateDevice(device, credentials, this.#options.now(), this.#options.issuer);
    if ("problem" in result) return refuse(ConnackCode.NOT_AUTHORIZED, result.problem);
    const connection = new Connection(user.deviceId, link, connect);
    hub.endpoint.admit(connection, {
      expiry: result.expiry === undefined ? undefined : result.expiry + this.#options.expiryGrace * 1000,
      modelId: user.modelId,
    });
    return { broker: hub.broker, connection, endpoint: user.hub };
  }
}

function passwordOf(connect: ConnectPacket): string {
  return connect.password === undefined ? "" : Buffer.from(connect.password).toString("utf8");
}
