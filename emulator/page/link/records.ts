// SPDX-License-Identifier: MIT
/** Events of the emulator as `/events` sends them; `EmulatorEvents` says what each means. */

/** Where an enrollment stands. */
export interface Place {
  kind: "individual" | "group";
  id: string;
  source?: string;
  line?: number;
}

/** The decoded part of a packet; which members there are depends on its type. */
export interface PacketFields {
  clientId?: string;
  userName?: string;
  password?: string;
  cleanSession?: boolean;
  keepAlive?: number;
  returnCode?: number;
  sessionPresent?: boolean;
  topic?: string;
  qos?: number;
  dup?: boolean;
  retain?: boolean;
  packetIdentifier?: number;
  payloadSize?: number;
  payload?: string;
  filters?: (string | { topic: string; qos: number })[];
  granted?: number[];
  problem?: string;
}

interface Base {
  seq: number;
  time: string;
}

/** A packet. */
export interface PacketEvent extends Base {
  event: "packet";
  connection: number;
  direction: "received" | "sent";
  endpoint?: string;
  id?: string;
  type: string;
  size: number;
  base64: string;
  fields: PacketFields;
}

/** All that the page looks at. */
export type EventRecord =
  | PacketEvent
  | (Base & { event: "connect"; connection: number; endpoint: string; id: string })
  | (Base & { event: "disconnect"; connection: number; endpoint: string; id: string; reason: string })
  | (Base & {
      event: "refuse";
      connection: number;
      endpoint?: string;
      id: string;
      returnCode: number;
      reason: string;
      enrollment?: Place;
    })
  | (Base & { event: "stranger"; connection?: number; address: string; reason: string })
  | (Base & {
      event: "response";
      registrationId: string;
      request: "register" | "poll";
      status: number;
      outcome: string;
      errorCode?: number;
      reason?: string;
      enrollment?: Place;
      retryAfter?: number;
    })
  | (Base & {
      event: "assigned";
      registrationId: string;
      assignedHub: string;
      deviceId: string;
      substatus: string;
    })
  | (Base & {
      event: "telemetry";
      hub: string;
      deviceId: string;
      bytes: number;
      payload?: string;
      base64?: string;
      properties: Record<string, string | null>;
      qos: number;
    })
  | (Base & { event: "reported" | "desired"; hub: string; deviceId: string; patch: object; version: number })
  | (Base & { event: "method"; hub: string; deviceId: string; call: number; name: string; payload: unknown })
  | (Base & {
      event: "methodResult";
      hub: string;
      deviceId: string;
      call: number;
      name: string;
      status?: number;
      payload?: unknown;
      errorCode?: number;
      reason?: string;
    })
  | (Base & { event: "queued" | "delivered"; hub: string; deviceId: string; sequence: number })
  | (Base & {
      event: "fault";
      step: string;
      action: string;
      id?: string;
      endpoint?: string;
      status?: number;
      returnCode?: number;
      delayMs?: number;
    })
  | (Base & { event: "problem"; message: string })
  | (Base & { event: "missed"; count: number });

/** The records of an event. */
export type Of<E extends EventRecord["event"]> = Extract<EventRecord, { event: E }>;

/** A step on the way back. */
export type Trouble = Of<"connect"> | Of<"disconnect"> | Of<"refuse"> | Of<"fault"> | Of<"response">;

/** What ended an attempt before CONNECT: nobody knows whose it was. */
export type EarlyTrouble = Of<"fault"> | Of<"stranger">;
