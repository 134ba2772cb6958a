// SPDX-License-Identifier: MIT
/** What DPS and a hub answer. Shares no code with `src/`, so that each checks the other. */
import type { Behaviour, VirtualConnection } from "./virtual-azure";

const DPS_PREFIX = "$dps/registrations/res/";

/** Answers a request to DPS in place of the usual way; false leaves it to that. */
export type DpsRequestHandler = (connection: VirtualConnection, topic: string, requestId: string) => boolean;

/** Answers like DPS: 202 once, then `hub` for the device. Every PUBLISH is acknowledged first. */
export function assigningDps(hub: string, deviceId = "device-1", special?: DpsRequestHandler): Behaviour {
  return (connection, packet) => {
    if (packet.cmd === "connect") connection.connack();
    if (packet.cmd === "subscribe") {
      connection.send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [1] });
    }
    if (packet.cmd !== "publish") return;
    if (packet.messageId) connection.send({ cmd: "puback", messageId: packet.messageId });
    const requestId = requestIdOf(packet.topic);
    if (special?.(connection, packet.topic, requestId)) return;
    if (isRegistration(packet.topic)) {
      answerDps(connection, 202, requestId, { operationId: "op.1", status: "assigning" }, 3);
    } else answerDps(connection, 200, requestId, assignedBody(hub, deviceId));
  };
}

export function isRegistration(topic: string): boolean {
  return topic.includes("iotdps-register");
}

export function assignedBody(hub: string, deviceId: string, more: object = {}): object {
  const registrationState = {
    assignedHub: hub,
    deviceId,
    status: "assigned",
    substatus: "initialAssignment",
    ...more,
  };
  return { operationId: "op.1", status: "assigned", registrationState };
}

export function answerDps(
  connection: VirtualConnection,
  status: number,
  requestId: string,
  body: unknown,
  retryAfter?: number,
): void {
  const after = retryAfter === undefined ? "" : `&retry-after=${retryAfter}`;
  connection.publish(`${DPS_PREFIX}${status}/?$rid=${requestId}${after}`, JSON.stringify(body));
}

export function requestIdOf(topic: string): string {
  return /\$rid=([^&]*)/.exec(topic)?.[1] ?? "";
}

/** Answers like a hub: CONNACK with `returnCode`, PUBACK, SUBACK, PINGRESP. */
export function hub(returnCode: () => number = () => 0, sessionPresent = false): Behaviour {
  return (connection, packet) => {
    if (packet.cmd === "connect") connection.connack(returnCode(), sessionPresent && returnCode() === 0);
    else if (packet.cmd === "pingreq") connection.send({ cmd: "pingresp" });
    else if (packet.cmd === "subscribe") {
      connection.send({
        cmd: "suback",
        messageId: packet.messageId ?? 0,
        granted: packet.subscriptions.map(() => 1),
      });
    } else if (packet.cmd === "publish" && packet.messageId) {
      connection.send({ cmd: "puback", messageId: packet.messageId });
    }
  };
}
