// SPDX-License-Identifier: MIT
/** Turns what the parts observe into events and counts. */
import type { EventEmitter } from "node:events";
import type { ConnectionObserver } from "./dps/endpoint";
import type { DpsObserver } from "./dps/requests";
import type { Counts, EmulatorEvents } from "./events";
import type { Refusal } from "./front-door";
import type { HubObserver, Telemetry } from "./hub/endpoint";
import type { Connection } from "./mqtt/broker";
import type { ConnectPacket } from "./mqtt/client-packets";
import type { Link } from "./mqtt/link";
import type { RegistrationRecord } from "./records";
import { StateError } from "./state";

/** Telemetry messages kept in `Emulator.telemetry`, and bytes of their bodies. */
const KEPT_MESSAGES = 1000;
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * The observers of every part.
 * @param telemetry gets the last messages, oldest first
 * @param log keeps a message for those who read events
 */
export function observers(
  events: EventEmitter<EmulatorEvents>,
  telemetry: Telemetry[],
  counts: Counts,
  log: (message: Telemetry) => void,
) {
  let keptBytes = 0;
  const connected = (endpoint: string, { id, link, sessionPresent }: Connection) => {
    counts.connections.set(endpoint, counts.connectionsOf(endpoint) + 1);
    events.emit("connect", { connection: link.number, endpoint, id, sessionPresent });
  };
  const closed = (endpoint: string, { id, link }: Connection) =>
    events.emit("disconnect", {
      connection: link.number,
      endpoint,
      id,
      reason: link.reason ?? "the client closed the connection",
    });

  // The state's own failures are told by the state: once, however many were to be stored.
  const onProblem = (error: Error) => {
    if (!(error instanceof StateError)) events.emit("problem", error);
  };
  const dps: DpsObserver & ConnectionObserver = {
    onProblem,
    onConnected: (connection) => connected("dps", connection),
    onClosed: (connection) => closed("dps", connection),
    onRequest(request, registrationId) {
      if (request === "register") counts.registrations++;
      else counts.polls++;
      events.emit("registration", { registrationId, request });
    },
    onCertificateRequest: (registrationId) => events.emit("certificateRequest", { registrationId }),
    onResponse(request, registrationId, { status, body, retryAfter }, enrollment) {
      const {
        status: outcome = "error",
        message,
        registrationState: { errorMessage } = {},
        errorCode,
      } = (typeof body === "object" && body !== null ? body : {}) as {
        status?: string;
        errorCode?: number;
        message?: string;
        registrationState?: { errorCode?: number; errorMessage?: string };
      };
      const reason = message ?? errorMessage;
      events.emit("response", {
        registrationId,
        request,
        status,
        outcome,
        ...(errorCode === undefined ? {} : { errorCode }),
        ...(reason === undefined ? {} : { reason }),
        ...(enrollment ? { enrollment } : {}),
        ...(retryAfter === undefined ? {} : { retryAfter }),
      });
    },
  };
  const hub: HubObserver = {
    onConnected: connected,
    onClosed: closed,
    onTelemetry(message) {
      counts.telemetry++;
      log(message);
      telemetry.push(message);
      keptBytes += message.body.length;
      while (telemetry.length > KEPT_MESSAGES || keptBytes > KEPT_BYTES)
        keptBytes -= telemetry.shift()?.body.length ?? 0;
      events.emit("telemetry", message);
    },
    onDelivered(name, deviceId, { sequence }) {
      counts.delivered++;
      events.emit("delivered", { hub: name, deviceId, sequence });
    },
    onReported: (change) => events.emit("reported", change),
    onDesired: (change) => events.emit("desired", change),
    onMethod: (call) => events.emit("method", call),
    onMethodResult: (result) => events.emit("methodResult", result),
  };
  return {
    dps,
    hub,
    onProblem,
    onAssigned(record: RegistrationRecord) {
      counts.assignments++;
      events.emit("assigned", record);
    },
    onRefused(connection: number, connect: ConnectPacket, { endpoint, ...refusal }: Refusal) {
      counts.refused++;
      events.emit("refuse", { connection, endpoint, id: connect.clientId, ...refusal });
    },
    onStranger: (address: string, reason: string, connection?: number) =>
      events.emit("stranger", { ...(connection === undefined ? {} : { connection }), address, reason }),
    /** Nobody who listens costs nothing. */
    watch({ number, context }: Link, direction: "received" | "sent", bytes: Buffer) {
      if (events.listenerCount("packet") > 0)
        events.emit("packet", { connection: number, direction, ...context, bytes });
    },
  };
}
