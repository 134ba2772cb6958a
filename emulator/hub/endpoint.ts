// SPDX-License-Identifier: MIT
/** One IoT Hub over MQTT. Source: "Communicate with an IoT hub using MQTT" (Azure documents). */
import type { Clock } from "../clock";
import type { JsonObject } from "../json-reader";
import type { Connection, EndpointHandler, PublishFlags } from "../mqtt/broker";
import { type Properties, parsePropertyBag } from "../property-bag";
import type { DeviceRecord, QueuedMessage, StateStore } from "../state";
import { beginSession, deliver } from "./cloud-to-device";
import type { DeviceRegistry } from "./device-registry";
import { MethodCalls, type MethodResult } from "./methods";
import { DESIRED_FILTER, isHubFilter, METHOD_FILTER, parseDeviceTopic, TWIN_RESPONSE_FILTER } from "./topics";
import { parsePatch, patchSection, twinDocument } from "./twin";
import { stampTwin } from "./twin-metadata";

/** The largest body of a device-to-cloud message, in bytes. */
const LARGEST_TELEMETRY = 256 * 1024;

/** Answers a request that the emulator failed to carry out. */
const INTERNAL_ERROR = { errorCode: 500000, message: "Internal server error." };

/** A device-to-cloud message. */
export interface Telemetry {
  hub: string;
  deviceId: string;
  body: Buffer;
  /** Application properties and system properties (`$.ct`, `$.ce`, `mqtt-retain`, ...), decoded. */
  properties: Properties;
  qos: number;
  /** The sender thinks it sent it before. */
  dup: boolean;
  /** Milliseconds since 1970. */
  enqueuedTime: number;
}

/** What the endpoint tells the emulator. */
export interface HubObserver {
  onConnected(hub: string, connection: Connection): void;
  onClosed(hub: string, connection: Connection): void;
  onTelemetry(message: Telemetry): void;
  onDelivered(hub: string, deviceId: string, message: QueuedMessage): void;
  onReported(hub: string, deviceId: string, patch: JsonObject): void;
}

/** The MQTT side of a hub. */
export class HubEndpoint implements EndpointHandler {
  readonly name: string;
  readonly #devices: DeviceRegistry;
  readonly #state: StateStore;
  readonly #observer: HubObserver;
  readonly #clock: Clock;
  readonly #methods: MethodCalls;
  readonly #served = new Map<string, { connection: Connection; delivered: Set<number> }>();
  readonly #expiries = new WeakMap<Connection, number>();
  readonly #cancels = new WeakMap<Connection, () => void>();
  /** Who waits for a device to take methods. */
  readonly #waiting = new Set<{ deviceId: string; ready: () => void }>();

  constructor(name: string, devices: DeviceRegistry, state: StateStore, observer: HubObserver, clock: Clock) {
    this.name = name;
    this.#devices = devices;
    this.#state = state;
    this.#observer = observer;
    this.#clock = clock;
    this.#methods = new MethodCalls(clock);
  }

  /** Notes when the connection has to end. @param expiry milliseconds since 1970; undefined for never */
  admit(connection: Connection, expiry: number | undefined): void {
    if (expiry !== undefined) this.#expiries.set(connection, expiry);
  }

  acceptsFilter(connection: Connection, filter: string): boolean {
    return isHubFilter(connection.id, filter);
  }

  connected(connection: Connection): void {
    const device = this.#devices.get(this.name, connection.id);
    if (!device) {
      connection.close("the device was deleted");
      return;
    }
    const expiry = this.#expiries.get(connection);
    if (expiry !== undefined) {
      const close = () => connection.close("the shared access signature has expired");
      this.#cancels.set(connection, this.#clock.schedule(close, expiry - this.#clock.now()));
    }
    beginSession(device, connection);
    this.#served.set(connection.id, { connection, delivered: new Set() });
    this.#observer.onConnected(this.name, connection);
    this.deliver(connection.id);
  }

  subscribed(connection: Connection): void {
    this.deliver(connection.id);
    if (this.takesMethods(connection.id))
      for (const one of this.#waiting) if (one.deviceId === connection.id) one.ready();
  }

  isConnected(deviceId: string): boolean {
    return this.#served.has(deviceId);
  }

  get connectedCount(): number {
    return this.#served.size;
  }

  /** Is it connected, and subscribed to methods? */
  takesMethods(deviceId: string): boolean {
    return this.#served.get(deviceId)?.connection.granted(METHOD_FILTER) !== undefined;
  }

  /** Waits until a device takes methods, for `timeout` milliseconds at most; false when it does not. */
  awaitMethods(deviceId: string, timeout: number): Promise<boolean> {
    if (this.takesMethods(deviceId) || timeout <= 0) return Promise.resolve(this.takesMethods(deviceId));
    return new Promise((resolve) => {
      const waiter = { deviceId, ready: () => end(true) };
      const end = (result: boolean) => {
        this.#waiting.delete(waiter);
        cancel();
        resolve(result);
      };
      const cancel = this.#clock.schedule(() => end(false), timeout);
      this.#waiting.add(waiter);
    });
  }

  closed(connection: Connection): void {
    this.#cancels.get(connection)?.();
    if (this.#served.get(connection.id)?.connection === connection) this.#served.delete(connection.id);
    this.#observer.onClosed(this.name, connection);
  }

  received(connection: Connection, topic: string, payload: Buffer, flags: PublishFlags): void {
    const device = this.#devices.get(this.name, connection.id);
    const parsed = parseDeviceTopic(connection.id, topic);
    if (!device || !parsed) throw new Error("a PUBLISH to a topic that the hub does not know");
    if (parsed.kind === "telemetry") this.#receiveTelemetry(connection.id, parsed.bag, payload, flags);
    else if (parsed.kind === "methodResult")
      this.#methods.finish(connection, parsed.requestId, parsed.status, payload);
    else if (parsed.kind === "twinGet")
      this.#reply(connection, `200/?$rid=${parsed.requestId}`, twinDocument(device.twin));
    else this.#report(connection, device, parsed.requestId, payload);
  }

  /** Sends a device what waits for it, if it is connected and subscribed. */
  deliver(deviceId: string): void {
    const device = this.#devices.get(this.name, deviceId);
    const served = this.#served.get(deviceId);
    if (!device || !served) return;
    deliver(device, served.connection, served.delivered, this.#clock.now(), (message) => {
      this.#save();
      this.#observer.onDelivered(this.name, deviceId, message);
    });
    this.#save();
  }

  /** Drops the connection of a device. False when it has none. */
  disconnect(deviceId: string, reason: string): boolean {
    const served = this.#served.get(deviceId);
    served?.connection.close(reason);
    return served !== undefined;
  }

  /**
   * Changes desired properties and tells a subscribed device.
   * @throws Error when there is no such device, RangeError when a twin may not hold what would come of it
   */
  async updateDesired(deviceId: string, patch: JsonObject): Promise<number> {
    const device = this.#devices.get(this.name, deviceId);
    if (!device) throw new Error(`no device ${deviceId} in ${this.name}`);
    device.twin.desired = patchSection(device.twin.desired, patch, "desired");
    const version = ++device.twin.desiredVersion;
    stampTwin(device.twin, "desired", patch, this.#clock.now());
    await this.#state.changed();
    const connection = this.#served.get(deviceId)?.connection;
    const qos = connection?.granted(DESIRED_FILTER);
    if (connection && qos !== undefined) {
      const payload = Buffer.from(JSON.stringify({ ...patch, $version: version }));
      connection.outbox.send({
        topic: `$iothub/twin/PATCH/properties/desired/?$version=${version}`,
        payload,
        qos,
      });
    }
    return version;
  }

  /**
   * Calls a direct method of a connected device.
   * @param timeout milliseconds
   * @throws Error when the device is not connected, has not subscribed to methods, or does not answer in time
   */
  async invokeMethod(
    deviceId: string,
    name: string,
    payload: unknown,
    timeout = 30_000,
  ): Promise<MethodResult> {
    const connection = this.#served.get(deviceId)?.connection;
    const qos = connection?.granted(METHOD_FILTER);
    if (!connection || qos === undefined)
      throw new Error(`${deviceId} is not connected, or takes no direct methods`);
    return this.#methods.call(connection, qos, name, payload, timeout);
  }

  #receiveTelemetry(deviceId: string, bag: string, body: Buffer, flags: PublishFlags): void {
    if (body.length > LARGEST_TELEMETRY) throw new Error("a telemetry message of more than 256 KB");
    const properties = parsePropertyBag(bag);
    // A hub keeps no retained messages; it hands the flag on as a property.
    if (flags.retain) properties.set("mqtt-retain", "true");
    if (flags.will) properties.set("iothub-MessageType", "Will");
    const enqueuedTime = this.#clock.now();
    const { qos, dup } = flags;
    this.#observer.onTelemetry({ hub: this.name, deviceId, body, properties, qos, dup, enqueuedTime });
  }

  #report(connection: Connection, device: DeviceRecord, requestId: string, payload: Buffer): void {
    let patch: JsonObject;
    try {
      patch = parsePatch(payload);
      device.twin.reported = patchSection(device.twin.reported, patch, "reported");
    } catch (error) {
      this.#reply(connection, `400/?$rid=${requestId}`, {
        errorCode: 400004,
        message: (error as Error).message,
      });
      return;
    }
    const version = ++device.twin.reportedVersion;
    stampTwin(device.twin, "reported", patch, this.#clock.now());
    this.#observer.onReported(this.name, device.deviceId, patch);
    this.#state
      .changed()
      .then(() => this.#reply(connection, `204/?$rid=${requestId}&$version=${version}`))
      .catch(() => this.#reply(connection, `500/?$rid=${requestId}`, INTERNAL_ERROR));
  }

  #reply(connection: Connection, suffix: string, body?: unknown): void {
    const qos = connection.granted(TWIN_RESPONSE_FILTER);
    if (qos === undefined) return;
    const payload = Buffer.from(body === undefined ? "" : JSON.stringify(body));
    connection.outbox.send({ topic: `$iothub/twin/res/${suffix}`, payload, qos });
  }

  /** Delivery progress is worth keeping, but nobody waits for it; a failure is told by the state itself. */
  #save(): void {
    this.#state.changed().catch(() => {});
  }
}
