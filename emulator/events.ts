// SPDX-License-Identifier: MIT
/** What an emulator reports and counts. Nothing here ever holds a key, a token or a password. */

import type { EnrollmentPlace } from "./enrollment-registry";
import type { FaultRule } from "./faults";
import type { HubObserver, Telemetry } from "./hub/endpoint";
import type { RegistrationRecord } from "./records";
import type { DpsUserName } from "./user-name";

/** The events of `Emulator.events`, each with one argument. `endpoint` is `dps` or a hub's name. */
export interface EmulatorEvents {
  /** CONNACK 0 was sent. */
  connect: [{ connection: number; endpoint: string; id: string; sessionPresent: boolean }];
  /** A CONNECT was refused. */
  refuse: [
    {
      connection: number;
      endpoint: string | undefined;
      id: string;
      returnCode: number;
      reason: string;
      /** The enrollment that the decision rests on, where there is one. */
      enrollment?: EnrollmentPlace;
    },
  ];
  /** A request over HTTPS or AMQP was refused: its token, or what a device showed. */
  serviceRefused: [{ host: string; path: string; reason: string }];
  /** A connection ended before its CONNECT was understood: TLS failed, another protocol, or nothing came in time. */
  stranger: [{ connection?: number; address: string; reason: string }];
  /** A request to DPS. */
  registration: [{ registrationId: string; request: "register" | "poll" }];
  /** A response of DPS; `outcome` is the body's `status`, or `error`. */
  response: [
    {
      registrationId: string;
      request: "register" | "poll";
      status: number;
      outcome: string;
      errorCode?: number;
      /** Why, of a refusal: the message that the device is told. */
      reason?: string;
      /** Of a refusal: the enrollment that it rests on. */
      enrollment?: EnrollmentPlace;
      /** Seconds that the device was told to wait. */
      retryAfter?: number;
    },
  ];
  assigned: [RegistrationRecord];
  telemetry: [Telemetry];
  /** A cloud-to-device message waits for its device. */
  queued: [
    {
      hub: string;
      deviceId: string;
      sequence: number;
      body: Buffer;
      properties: Record<string, string | null>;
    },
  ];
  /** A cloud-to-device message was acknowledged (QoS 1) or sent (QoS 0). */
  delivered: [{ hub: string; deviceId: string; sequence: number }];
  /** Reported properties changed. */
  reported: Parameters<HubObserver["onReported"]>;
  /** Desired properties changed. */
  desired: Parameters<HubObserver["onDesired"]>;
  /** A direct method is called. `call` counts those of a hub. */
  method: Parameters<HubObserver["onMethod"]>;
  /** What came of it: the device's `status` and `payload`, or `errorCode` and `reason` of the hub. */
  methodResult: Parameters<HubObserver["onMethodResult"]>;
  disconnect: [{ connection: number; endpoint: string; id: string; reason: string }];
  fault: [{ rule: FaultRule; id?: string; endpoint?: string }];
  /** Something of the emulator's own failed, for example a write of the state (told once until one succeeds); it goes on. */
  problem: [Error];
  /** A registration asks for a certificate, and its enrollment names nobody who issues: it is answered without one. */
  certificateRequest: [{ registrationId: string }];
  /** A certificate was issued to a device. @param by `dps`, or the hub; `notAfter` in milliseconds since 1970 */
  certificateIssued: [{ by: string; id: string; notAfter: number }];
  /** The device speaks an API version that is not among the known ones. */
  unknownApiVersion: [DpsUserName];
  /**
   * An MQTT packet as it came or left, with its credentials: `packetRecord` makes it fit to be shown. Nothing is done for
   * it while nobody listens.
   */
  packet: [WirePacket];
}

/** A packet on its way. */
export interface WirePacket {
  /** Counts the connections of this start. */
  connection: number;
  /** Seen from the emulator. */
  direction: "received" | "sent";
  /** Who is served; unknown until CONNECT was understood. */
  endpoint?: string;
  id?: string;
  /** The packet; less than the whole of it where a fault cut it. It is only lent. */
  bytes: Buffer;
}

/** Totals since the start. */
export class Counts {
  registrations = 0;
  polls = 0;
  assignments = 0;
  telemetry = 0;
  delivered = 0;
  refused = 0;
  /** Accepted connections by endpoint: `dps` or a hub's name. */
  readonly connections = new Map<string, number>();

  /** Accepted connections of one endpoint. */
  connectionsOf(endpoint: string): number {
    return this.connections.get(endpoint) ?? 0;
  }
}
