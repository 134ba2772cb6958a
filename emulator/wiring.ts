// SPDX-License-Identifier: MIT
/** Turns what the parts observe into events and counts. */
import type { IConnectPacket } from "mqtt-packet";
import type { DpsObserver } from "./dps/endpoint";
import type { Emulator } from "./emulator";
import type { Counts } from "./events";
import type { Refusal } from "./front-door";
import type { HubObserver } from "./hub/endpoint";
import type { Connection } from "./mqtt/broker";
import type { RegistrationRecord } from "./state";

/** The observers of every part. @param kept how many telemetry messages stay in memory */
export function observers(emulator: Emulator, counts: Counts, kept: number) {
  const { events } = emulator;
  const connected = (endpoint: string, { id, sessionPresent }: Connection) => {
    counts.connections.set(endpoint, counts.connectionsOf(endpoint) + 1);
    events.emit("connect", { endpoint, id, sessionPresent });
  };
  const closed = (endpoint: string, { id, closeReason }: Connection) =>
    events.emit("disconnect", { endpoint, id, reason: closeReason ?? "the client closed the connection" });

  const onProblem = (error: Error) => events.emit("problem", error);
  const dps: DpsObserver = {
    onProblem,
    onConnected: (connection) => connected("dps", connection),
    onClosed: (connection) => closed("dps", connection),
    onRequest(request, registrationId) {
      if (request === "register") counts.registrations++;
      else counts.polls++;
      events.emit("registration", { registrationId, request });
    },
    onCertificateRequest: (registrationId) => events.emit("certificateRequest", { registrationId }),
    onResponse(request, registrationId, { status, body, retryAfter }) {
      const { status: outcome = "error", errorCode } = (
        typeof body === "object" && body !== null ? body : {}
      ) as {
        status?: string;
        errorCode?: number;
      };
      events.emit("response", {
        registrationId,
        request,
        status,
        outcome,
        ...(errorCode === undefined ? {} : { errorCode }),
        ...(retryAfter === undefined ? {} : { retryAfter }),
      });
    },
  };
  const hub: HubObserver = {
    onProblem,
    onConnected: connected,
    onClosed: closed,
    onTelemetry(message) {
      counts.telemetry++;
      emulator.telemetry.push(message);
      if (emulator.telemetry.length > kept) emulator.telemetry.shift();
      events.emit("telemetry", message);
    },
    onDelivered(name, deviceId, { sequence }) {
      counts.delivered++;
      events.emit("delivered", { hub: name, deviceId, sequence });
    },
    onReported: (name, deviceId, patch) => events.emit("reported", { hub: name, deviceId, patch }),
  };
  return {
    dps,
    hub,
    onAssigned(record: RegistrationRecord) {
      counts.assignments++;
      events.emit("assigned", record);
    },
    onRefused(connect: Pick<IConnectPacket, "clientId">, { endpoint, returnCode, reason }: Refusal) {
      counts.refused++;
      events.emit("refuse", { endpoint, id: connect.clientId, returnCode, reason });
    },
  };
}
