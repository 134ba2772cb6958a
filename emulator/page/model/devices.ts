// SPDX-License-Identifier: MIT
/** Devices of all hubs, by their service APIs; read anew when events tell of a change. */
import { signal } from "@preact/signals";
import { ask, HUB_VERSION, request } from "../link/api";
import { health } from "./emulator";
import { devicesChanged } from "./history";

/** An identity, as far as the page looks at it. */
export interface Identity {
  deviceId: string;
  etag: string;
  status: "enabled" | "disabled";
  statusReason: string | null;
  connectionState: "Connected" | "Disconnected";
  connectionStateUpdatedTime: string;
  lastActivityTime: string;
  cloudToDeviceMessageCount: number;
  authentication: { type: string };
}

/** With its hub. */
export interface Device extends Identity {
  hub: string;
}

/** A twin. */
export interface Twin {
  deviceId: string;
  version: number;
  modelId: string;
  tags: Record<string, unknown>;
  properties: { desired: Record<string, unknown>; reported: Record<string, unknown> };
}

/** Undefined until they were read. */
export const devices = signal<readonly Device[] | undefined>(undefined);
/** Of one hub; what a hub has beyond that is not read. */
export const MOST_LISTED = 1000;

/** Reads the devices of every hub. @throws ApiError */
export async function loadDevices(): Promise<void> {
  const hubs = health.peek()?.hubs ?? [];
  const lists = await Promise.all(
    hubs.map(async (hub) => {
      const found = await ask<Identity[]>(hub, "GET", `/devices?top=${MOST_LISTED}&${HUB_VERSION}`);
      return found.map((identity) => ({ ...identity, hub }));
    }),
  );
  devices.value = lists.flat().sort((one, other) => (one.deviceId < other.deviceId ? -1 : 1));
}

/** @throws ApiError 404 where there is none */
export async function deviceOf(hub: string, id: string): Promise<Device> {
  return { ...(await ask<Identity>(hub, "GET", pathOf("devices", id))), hub };
}

/** @throws ApiError */
export function twinOf(hub: string, id: string): Promise<Twin> {
  return ask(hub, "GET", pathOf("twins", id));
}

/** @throws ApiError */
export function patchDesired(hub: string, id: string, desired: unknown): Promise<Twin> {
  return ask(hub, "PATCH", pathOf("twins", id), { properties: { desired } });
}

/** @throws ApiError */
export async function setStatus(hub: string, id: string, status: Device["status"]): Promise<void> {
  const body = { deviceId: id, status };
  await request(hub, "PUT", pathOf("devices", id), { body, headers: { "if-match": "*" } });
  devicesChanged.value++;
}

/** @throws ApiError */
export async function deleteDevice(hub: string, id: string): Promise<void> {
  await request(hub, "DELETE", pathOf("devices", id), { headers: { "if-match": "*" } });
  devicesChanged.value++;
}

/** What a device answered. @throws ApiError when it is away or does not answer */
export function invokeMethod(hub: string, id: string, methodName: string, payload: unknown, seconds: number) {
  const body = { methodName, payload, responseTimeoutInSeconds: seconds };
  return ask<{ status: number; payload: unknown }>(
    hub,
    "POST",
    `/twins/${encodeURIComponent(id)}/methods?${HUB_VERSION}`,
    body,
  );
}

/** @returns its sequence number @throws ApiError */
export async function sendMessage(
  hub: string,
  id: string,
  body: string,
  properties: Record<string, string>,
): Promise<number> {
  const path = `/messages/${encodeURIComponent(hub)}/${encodeURIComponent(id)}`;
  return (await ask<{ sequence: number }>("localhost", "POST", path, { body, properties })).sequence;
}

/** Ends its connection. @throws ApiError 404 when it has none */
export async function disconnect(hub: string, id: string): Promise<void> {
  await ask("localhost", "DELETE", `/connections/${encodeURIComponent(hub)}/${encodeURIComponent(id)}`);
}

function pathOf(what: "devices" | "twins", id: string): string {
  return `/${what}/${encodeURIComponent(id)}?${HUB_VERSION}`;
}
