// SPDX-License-Identifier: MIT
/** Decides about a CONNECT: which endpoint, and whether its credentials hold. */
import type { X509Certificate } from "node:crypto";
import { authenticate } from "./dps/authentication";
import { isDpsError } from "./dps/bodies";
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
import { type DpsUserName, type HubUserName, KNOWN_DPS_API_VERSIONS, parseUserName } from "./user-name";

/** What the decision rests on. */
export interface ReceptionOptions {
  idScope: string;
  enrollments: EnrollmentRegistry;
  devices: DeviceRegistry;
  dps: { endpoint: DpsEndpoint; broker: Broker };
  hub(name: string): { endpoint: HubEndpoint; broker: Broker } | undefined;
  refusal: "connack" | "response";
  /** `errorCode` of a refusal by a 401 response. */
  refusalCode: number;
  requireClientAuth: boolean;
  /** Seconds. */
  expiryGrace: number;
  issuer: Issuer;
  now(): number;
  onUnknownApiVersion(user: DpsUserName): void;
}

/** The API version of DPS from which on a registration may ask for a certificate; before, `csr` means nothing. */
const ISSUANCE_SINCE = "2025-07-01";

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
    const { enrollments, dps, refusal, refusalCode, now } = this.#options;
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
    if (user.idScope !== this.#options.idScope)
      return refuse(
        ConnackCode.NOT_AUTHORIZED,
        `the user name holds the ID scope ${JSON.stringify(user.idScope.slice(0, 64))}, not ${this.#options.idScope}`,
      );
    if (user.apiVersion < "2018")
      return refuse(ConnackCode.NOT_AUTHORIZED, "DPS had no API version before 2018");
    if (!KNOWN_DPS_API_VERSIONS.includes(user.apiVersion)) this.#options.onUnknownApiVersion(user);
    const credentials = { registrationId: user.registrationId, password: passwordOf(connect), chain };
    const caller = authenticate(enrollments, this.#options, credentials, now());
    if (isDpsError(caller) && refusal === "connack")
      return refuse(ConnackCode.NOT_AUTHORIZED, caller.message);
    const connection = new Connection(user.registrationId.toLowerCase(), link, { ...connect, clean: true });
    const is401 = isDpsError(caller) && caller.status === 401;
    dps.endpoint.admit(
      connection,
      is401 ? { ...caller, errorCode: refusalCode } : caller,
      user.apiVersion >= ISSUANCE_SINCE,
    );
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
