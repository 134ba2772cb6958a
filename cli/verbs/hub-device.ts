// SPDX-License-Identifier: MIT
/** `berth hub device …`: identities. Options as `az iot hub device-identity` has them. */
import { wholeNumber } from "../options";
import type { Document, ServiceClient } from "../service/client";
import { done, needed, oneOf, optional, part, record, rows, type Verb, verb } from "./verb";

/** The device that a verb is about. */
export const DEVICE_ID = needed("-d, --device-id <id>", "the device");
/** How many of a list. */
export const TOP = optional("--top <count>", "at most this many", wholeNumber(1, 1_000_000));
const AUTH = oneOf("--auth-method <method>", "how it proves itself", [
  "shared_private_key",
  "x509_thumbprint",
]);
const STATUS = oneOf("--status <status>", "may it connect", ["enabled", "disabled"]);
const CHANGES = [
  AUTH,
  STATUS,
  optional("--status-reason <text>", "why, for people"),
  optional("--primary-key <base64>", "of the device; made when it has none"),
  optional("--secondary-key <base64>", "the second one"),
  optional("--primary-thumbprint <hex>", "of its certificate, SHA-1 or SHA-256"),
  optional("--secondary-thumbprint <hex>", "the second one"),
];

export interface DeviceFlags {
  readonly deviceId: string;
}

interface ChangeFlags extends DeviceFlags {
  readonly authMethod?: string;
  readonly status?: string;
  readonly statusReason?: string;
  readonly primaryKey?: string;
  readonly secondaryKey?: string;
  readonly primaryThumbprint?: string;
  readonly secondaryThumbprint?: string;
}

const COLUMNS = ["deviceId", "status", "connectionState", "authentication.type", "cloudToDeviceMessageCount"];

/** The table. */
export const HUB_DEVICE: readonly Verb[] = [
  verb<{ top?: number }>({
    words: "hub device list",
    about: "the devices of a hub",
    service: "hub",
    options: [TOP],
    run: async (hub, { top = 1000 }) => rows(await hub.pages("GET", `/devices`, undefined, top), COLUMNS),
  }),
  verb<DeviceFlags>({
    words: "hub device show",
    about: "an identity, its keys included",
    service: "hub",
    options: [DEVICE_ID],
    run: async (hub, { deviceId }) => record(await hub.get(pathOf(deviceId))),
  }),
  verb<ChangeFlags>({
    words: "hub device create",
    about: "make a device that needs no DPS",
    service: "hub",
    makesDevice: true,
    options: [DEVICE_ID, ...CHANGES],
    run: async (hub, flags) =>
      record(
        await hub.put(pathOf(flags.deviceId), {
          deviceId: flags.deviceId,
          status: "enabled",
          ...changesOf(flags),
        }),
      ),
  }),
  verb<ChangeFlags>({
    words: "hub device update",
    about: "change an identity: status, keys, thumbprints",
    service: "hub",
    options: [DEVICE_ID, ...CHANGES],
    run: async (hub, flags) => record(await change(hub, flags.deviceId, changesOf(flags))),
  }),
  verb<DeviceFlags>({
    words: "hub device delete",
    about: "delete a device: its twin, what waits for it, its connection",
    service: "hub",
    options: [DEVICE_ID],
    run: async (hub, { deviceId }) => {
      await hub.delete(pathOf(deviceId), { "if-match": "*" });
      return done(`deleted ${deviceId}`);
    },
  }),
  ...(["enable", "disable"] as const).map((word) =>
    verb<DeviceFlags>({
      words: `hub device ${word}`,
      about:
        word === "enable"
          ? "let a device connect again"
          : "let a device connect no longer, and end its connection",
      service: "hub",
      options: [DEVICE_ID],
      run: async (hub, { deviceId }) => {
        const identity = await change(hub, deviceId, { status: `${word}d` });
        return done(`${word}d ${deviceId}`, identity);
      },
    }),
  ),
  verb<DeviceFlags & { keyType: string }>({
    words: "hub device connection-string",
    about: "print what a device without DPS is configured with",
    service: "hub",
    options: [
      DEVICE_ID,
      oneOf("--key-type <type>", "which of its keys", ["primary", "secondary"]).default("primary"),
    ],
    run: async (hub, { deviceId, keyType }) => {
      const { authentication } = (await hub.get(pathOf(deviceId))) as { authentication: Document };
      const keys = authentication.symmetricKey as Document | undefined;
      const key = keys?.[`${keyType}Key`];
      const proof = typeof key === "string" ? `SharedAccessKey=${key}` : "x509=true";
      const connectionString = `HostName=${hub.place.host};DeviceId=${deviceId};${proof}`;
      return { value: { connectionString }, lines: () => [connectionString] };
    },
  }),
];

function pathOf(deviceId: string): string {
  return `/devices/${part(deviceId)}`;
}

/** Writes the identity that is there, changed; refused when somebody else has changed it meanwhile. */
async function change(hub: ServiceClient, deviceId: string, changes: Document): Promise<Document> {
  const { authentication, ...identity } = (await hub.get(pathOf(deviceId))) as {
    authentication: Document;
    etag: string;
  };
  const { authentication: changed, ...rest } = changes as { authentication?: Document };
  const body = { ...identity, ...rest, authentication: { ...authentication, ...changed } };
  return hub.put(pathOf(deviceId), body, { "if-match": `"${identity.etag}"` });
}

function changesOf(flags: ChangeFlags): Document {
  const {
    status,
    statusReason,
    authMethod,
    primaryKey,
    secondaryKey,
    primaryThumbprint,
    secondaryThumbprint,
  } = flags;
  const byThumbprint =
    authMethod === undefined ? primaryThumbprint !== undefined : authMethod === "x509_thumbprint";
  const byKey = authMethod === "shared_private_key" || primaryKey !== undefined || secondaryKey !== undefined;
  const authentication = byThumbprint
    ? { type: "selfSigned", x509Thumbprint: defined({ primaryThumbprint, secondaryThumbprint }) }
    : byKey
      ? { type: "sas", symmetricKey: defined({ primaryKey, secondaryKey }) }
      : undefined;
  return defined({ status, statusReason, authentication });
}

function defined(members: Readonly<Record<string, unknown>>): Document {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
