// SPDX-License-Identifier: MIT
/** `berth hub twin …`, `berth hub query`, `berth hub method invoke`. Options as `az iot hub` has them. */
import { wholeNumber } from "../options";
import { BerthError } from "../../src/error";
import { DEVICE_ID, type DeviceFlags, TOP } from "./hub-device";
import { jsonObject, jsonValue, needed, optional, part, record, rows, type Verb, verb } from "./verb";

const pathOf = (deviceId: string) => `/twins/${part(deviceId)}`;

/** The table. */
export const HUB_TWIN: readonly Verb[] = [
  verb<DeviceFlags>({
    words: "hub twin show",
    about: "the twin of a device",
    service: "hub",
    options: [DEVICE_ID],
    run: async (hub, { deviceId }) => record(await hub.get(pathOf(deviceId))),
  }),
  verb<DeviceFlags & { desired?: object; tags?: object }>({
    words: "hub twin update",
    about: "merge into desired properties and tags; null removes a member",
    service: "hub",
    options: [
      DEVICE_ID,
      optional("--desired <json>", "a JSON object, or @FILE", jsonObject("--desired")),
      optional("--tags <json>", "a JSON object, or @FILE", jsonObject("--tags")),
    ],
    run: async (hub, { deviceId, desired, tags }) => {
      if (!desired && !tags)
        throw new BerthError("invalid-argument", "nothing to change; give --desired, --tags, or both");
      const patch = { ...(tags && { tags }), ...(desired && { properties: { desired } }) };
      return record(await hub.patch(pathOf(deviceId), patch, { "if-match": "*" }));
    },
  }),
  verb<DeviceFlags & { twin: object }>({
    words: "hub twin replace",
    about: "replace desired properties and tags as a whole",
    service: "hub",
    options: [
      DEVICE_ID,
      needed(
        "-j, --twin <json>",
        `{"tags":{…},"properties":{"desired":{…}}}, or @FILE with it`,
        jsonObject("--twin"),
      ),
    ],
    run: async (hub, { deviceId, twin }) =>
      record(await hub.put(pathOf(deviceId), twin, { "if-match": "*" })),
  }),
  verb<DeviceFlags & MethodFlags>({
    words: "hub method invoke",
    about: "call a direct method, and print the answer",
    service: "hub",
    options: [
      DEVICE_ID,
      needed("--method-name <name>", "the method"),
      optional("--method-payload <json>", "JSON, or @FILE; default: null", jsonValue("--method-payload")),
      optional("--timeout <seconds>", "for the answer; default: 30", wholeNumber(5, 300)),
      optional(
        "--connect-timeout <seconds>",
        "for a device that is away to come; default: 0",
        wholeNumber(0, 300),
      ),
    ],
    run: async (hub, { deviceId, methodName, methodPayload, timeout, connectTimeout }) =>
      record(
        await hub.post(`${pathOf(deviceId)}/methods`, {
          methodName,
          payload: methodPayload ?? null,
          ...(timeout !== undefined && { responseTimeoutInSeconds: timeout }),
          ...(connectTimeout !== undefined && { connectTimeoutInSeconds: connectTimeout }),
        }),
      ),
  }),
  verb<{ queryCommand: string; top?: number }>({
    words: "hub query",
    about: "ask for twins by IoT Hub's SQL",
    service: "hub",
    options: [
      needed("-q, --query-command <sql>", `for example "SELECT deviceId FROM devices WHERE tags.floor = 2"`),
      TOP,
    ],
    run: async (hub, { queryCommand, top = 1000 }) => {
      const found = await hub.pages("POST", "/devices/query", { query: queryCommand }, top);
      const isTwin = found.every((one) => "deviceEtag" in one);
      const columns = isTwin
        ? ["deviceId", "status", "connectionState", "modelId", "version"]
        : [...new Set(found.flatMap((one) => Object.keys(one)))];
      return rows(found, columns);
    },
  }),
];

interface MethodFlags {
  readonly methodName: string;
  readonly methodPayload?: unknown;
  readonly timeout?: number;
  readonly connectTimeout?: number;
}
