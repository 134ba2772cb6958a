// SPDX-License-Identifier: MIT
/** One IoT Hub over MQTT. Source: "Communicate with an IoT hub using MQTT" (Azure documents). */
import type { SettableClock } from "../settable-clock";
import type { FaultInjector } from "../faults";
import type { JsonObject } from "../json-reader";
import type { Connection, EndpointHandler, PublishFlags } from "../mqtt/broker";
import { type Properties, parsePropertyBag } from "../property-bag";
import type { DeviceRecord, QueuedMessage } from "../records";
import type { StateStore } from "../state";
import type { Issuer } from "../issuer";
import { CertificateRequests } from "./certificate-requests";
import {
  beginSession,
  type CloudToDeviceMessage,
  deliver,
  dropExpired,
  enqueue,
  type UnderWay,
} from "./cloud-to-device";
import type { DeviceRegistry } from "./device-registry";
import {
  asksForFeedback,
  type FeedbackRecord,
  type FileNotification,
  feedbackOn,
  type Outcome,
} from "./feedback";
import { MessageLocks } from "./message-locks";
import { MethodCalls, type MethodResult } from "./methods";
import { MethodFailed } from "./method-failed";
import { ServiceQueue } from "./service-queue";
import { DESIRED_FILTER, isHubFilter, parseDeviceTopic } from "./topics";
import { patchSection } from "./twin";
import { stampTwin } from "./twin-metadata";
import { TwinRequests } from "./twin-requests";

/** The largest body of a device-to-cloud message, in bytes. */
export const LARGEST_TELEMETRY = 256 * 1024;

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
  /** `dt-dataschema`: the model id that the device connected with. */
  dataSchema?: string;
  /** `dt-subject`: the component that it comes from, which the device sends as `$.sub`. */
  subject?: string;
}

/** What came with the CONNECT of a device. */
export interface HubAdmission {
  /** When the connection has to end: milliseconds since 1970; undefined for never. */
  expiry: number | undefined;
  modelId: string | undefined;
}

/** A part of a twin has changed. */
interface TwinChange {
  hub: string;
  deviceId: string;
  patch: JsonObject;
  version: number;
}

/** A direct method, called. */
interface MethodCall {
  hub: string;
  deviceId: string;
  /** Counts those of a hub. */
  call: number;
  name: string;
}

/** What the endpoint tells the emulator. */
export interface HubObserver {
  onConnected(hub: string, connection: Connection): void;
  onClosed(hub: string, connection: Connection): void;
  onTelemetry(message: Telemetry): void;
  onDelivered(hub: string, deviceId: string, message: QueuedMessage): void;
  onReported(change: TwinChange): void;
  onDesired(change: TwinChange): void;
  onMethod(call: MethodCall & { payload: unknown }): void;
  /** The device's answer, or what the hub says in its place. */
  onMethodResult(
    result: MethodCall & ({ status: number; payload: unknown } | { errorCode: number; reason: string }),
  ): void;
}

/** The MQTT side of a hub. */
export class HubEndpoint implements EndpointHandler {
  readonly name: string;
  readonly #devices: DeviceRegistry;
  readonly #state: StateStore;
  readonly #observer: HubObserver;
  readonly #clock: SettableClock;
  readonly #methods: MethodCalls;
  readonly #twins: TwinRequests;
  readonly #certificates: CertificateRequests;
  readonly #served = new Map<string, { connection: Connection; delivered: Set<number> }>();
  readonly #admissions = new WeakMap<Connection, HubAdmission>();
  readonly #cancels = new WeakMap<Connection, () => void>();
  /** What became of cloud-to-device messages, for services that asked. */
  readonly feedback: ServiceQueue<FeedbackRecord>;
  /** Uploaded files, for services. */
  readonly fileNotifications: ServiceQueue<FileNotification>;
  /** Devices with messages whose end somebody waits for, and when the first one comes. */
  readonly #watched = new Set<string>();
  readonly #locks: MessageLocks;
  #nextExpiry: { at: number; cancel(): void } | undefined;
  #calls = 0;

  constructor(
    name: string,
    devices: DeviceRegistry,
    state: StateStore,
    observer: HubObserver,
    clock: SettableClock,
    faults: FaultInjector,
    issuer: Issuer,
  ) {
    this.name = name;
    this.#devices = devices;
    this.#state = state;
    this.#observer = observer;
    this.#clock = clock;
    this.#methods = new MethodCalls(clock, (deviceId) => this.#served.get(deviceId)?.connection);
    this.#twins = new TwinRequests(name, state, clock, faults);
    this.#certificates = new CertificateRequests(name, issuer, clock, faults);
    this.feedback = new ServiceQueue(clock);
    this.fileNotifications = new ServiceQueue(clock);
    this.#locks = new MessageLocks(clock, (deviceId) => this.deliver(deviceId));
  }

  /** Notes what came with CONNECT. */
  admit(connection: Connection, admission: HubAdmission): void {
    this.#admissions.set(connection, admission);
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
    const { expiry, modelId } = this.#admissions.get(connection) ?? {};
    this.#admissions.delete(connection);
    if (device.modelId !== modelId) {
      if (modelId === undefined) delete device.modelId;
      else device.modelId = modelId;
      this.#devices.touched(this.name, device);
    }
    if (expiry !== undefined) {
      const close = () => connection.close("the shared access signature has expired");
      this.#cancels.set(connection, this.#clock.at(close, expiry));
    }
    if (beginSession(device, connection)) this.#devices.touched(this.name, device);
    this.#served.set(connection.id, { connection, delivered: new Set() });
    this.#observer.onConnected(this.name, connection);
    this.#arrived(connection.id);
  }

  subscribed(connection: Connection): void {
    this.#arrived(connection.id);
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
    if (parsed.kind === "telemetry") this.#receiveTelemetry(device, parsed.bag, payload, flags);
    else if (parsed.kind === "methodResult")
      this.#methods.finish(connection, parsed.requestId, parsed.status, payload);
    else if (parsed.kind === "issueCertificate")
      this.#certificates.request(connection, device, parsed.requestId, payload);
    else if (parsed.kind === "twinGet") this.#twins.get(connection, device, parsed.requestId);
    else
      this.#twins.report(connection, device, parsed.requestId, payload, (patch, version) =>
        this.#observer.onReported({ hub: this.name, deviceId: device.deviceId, patch, version }),
      );
  }

  /** Takes a device-to-cloud message, whatever it came by. @param about `dataSchema`: the model id of its connection */
  takeTelemetry(
    deviceId: string,
    properties: Properties,
    body: Buffer,
    { qos, dup, dataSchema }: { qos: number; dup: boolean; dataSchema?: string | undefined },
  ): void {
    const subject = properties.get("$.sub");
    this.#observer.onTelemetry({
      hub: this.name,
      deviceId,
      body,
      properties,
      qos,
      dup,
      enqueuedTime: this.#clock.now(),
      ...(dataSchema === undefined ? {} : { dataSchema }),
      ...(subject ? { subject } : {}),
    });
  }

  /** Puts a message into the queue of a device; `deliver` sends it. @throws MessageTooLarge, QueueFull */
  enqueue(device: DeviceRecord, message: CloudToDeviceMessage, sequence: number, maximumQueue: number): void {
    const queued = enqueue(
      device,
      message,
      sequence,
      this.#clock.now(),
      maximumQueue,
      this.#underWay(device),
      (other, outcome) => this.#settled(device, other, outcome),
    );
    if (!asksForFeedback(queued, "Expired")) return;
    this.#watched.add(device.deviceId);
    this.#watchUntil(queued.expiry);
  }

  /** Sends a device what waits for it, if it is connected and subscribed. */
  deliver(deviceId: string): void {
    const device = this.#devices.get(this.name, deviceId);
    const served = this.#served.get(deviceId);
    if (!device || !served) return;
    // Delivery progress is worth keeping, but nobody waits for it.
    const touched = () => this.#devices.touched(this.name, device);
    const changed = deliver(
      device,
      served.connection,
      served.delivered,
      this.#clock.now(),
      ({ sequence }) => this.#locks.has(sequence),
      (message, outcome) => {
        touched();
        this.#settled(device, message, outcome);
      },
    );
    if (changed) touched();
  }

  /**
   * Hands out the first message that nobody has, for as long as the device may take to settle it.
   * @returns undefined when there is none
   */
  receive(device: DeviceRecord): { message: QueuedMessage; token: string } | undefined {
    const underWay = this.#underWay(device);
    dropExpired(device, this.#clock.now(), underWay, (message, outcome) => {
      this.#devices.touched(this.name, device);
      this.#settled(device, message, outcome);
    });
    const message = device.queue.find((one) => !underWay(one));
    if (!message) return undefined;
    message.deliveryCount++;
    this.#devices.touched(this.name, device);
    return { message, token: this.#locks.lock(device.deviceId, message.sequence) };
  }

  /** Settles what `receive` has handed out, or gives it back. False when its lock is over. */
  settle(device: DeviceRecord, token: string, how: "complete" | "reject" | "abandon"): boolean {
    const sequence = this.#locks.release(device.deviceId, token);
    const message = device.queue.find((one) => one.sequence === sequence);
    if (!message) return false;
    if (how === "abandon") {
      this.deliver(device.deviceId);
      return true;
    }
    device.queue = device.queue.filter((one) => one !== message);
    this.#devices.touched(this.name, device);
    this.#settled(device, message, how === "complete" ? "Success" : "Rejected");
    return true;
  }

  /** Empties the queue of a device; returns how many messages went. The caller stores the state. */
  purge(device: DeviceRecord): number {
    const gone = device.queue;
    device.queue = [];
    for (const message of gone) this.#settled(device, message, "Purged");
    return gone.length;
  }

  /** Stops what still waits for a time to come. */
  stop(): void {
    this.#nextExpiry?.cancel();
    this.#locks.clear();
  }

  isConnected(deviceId: string): boolean {
    return this.#served.has(deviceId);
  }

  get connectedCount(): number {
    return this.#served.size;
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
    this.#devices.touched(this.name, device);
    await this.#state.settled();
    this.#observer.onDesired({ hub: this.name, deviceId, patch, version });
    const connection = this.#served.get(deviceId)?.connection;
    if (connection?.granted(DESIRED_FILTER) !== undefined) {
      const payload = Buffer.from(JSON.stringify({ ...patch, $version: version }));
      connection.outbox.send({
        topic: `$iothub/twin/PATCH/properties/desired/?$version=${version}`,
        payload,
        qos: 0,
      });
    }
    return version;
  }

  /** Calls a direct method. @throws MethodFailed as `MethodCalls.call`; 404001 when there is no such device */
  async invokeMethod(
    deviceId: string,
    name: string,
    payload: unknown,
    timeout?: number,
    connectTimeout?: number,
  ): Promise<MethodResult> {
    if (!this.#devices.get(this.name, deviceId))
      throw new MethodFailed(404001, `Device ${deviceId} not registered in ${this.name}.`);
    const about = { hub: this.name, deviceId, call: ++this.#calls, name };
    this.#observer.onMethod({ ...about, payload: payload ?? null });
    try {
      const result = await this.#methods.call(deviceId, name, payload, timeout, connectTimeout);
      this.#observer.onMethodResult({ ...about, status: result.status, payload: result.payload ?? null });
      return result;
    } catch (error) {
      if (error instanceof MethodFailed)
        this.#observer.onMethodResult({ ...about, errorCode: error.errorCode, reason: error.message });
      throw error;
    }
  }

  /** What a device has now: over MQTT, or by a lock. */
  #underWay({ deviceId }: DeviceRecord): UnderWay {
    const delivered = this.#served.get(deviceId)?.delivered;
    return ({ sequence }) => this.#locks.has(sequence) || delivered?.has(sequence) === true;
  }

  /** A message has left its queue. */
  #settled(device: DeviceRecord, message: QueuedMessage, outcome: Outcome): void {
    if (outcome === "Success") this.#observer.onDelivered(this.name, device.deviceId, message);
    const record = feedbackOn(device, message, outcome, this.#clock.now());
    if (record) this.feedback.add(record);
  }

  #watchUntil(at: number): void {
    if (this.#nextExpiry && this.#nextExpiry.at <= at) return;
    this.#nextExpiry?.cancel();
    const cancel = this.#clock.at(() => this.#dropExpired(), at);
    this.#nextExpiry = { at, cancel };
  }

  /** Of those that somebody waits for. */
  #dropExpired(): void {
    this.#nextExpiry = undefined;
    for (const deviceId of this.#watched) {
      const device = this.#devices.get(this.name, deviceId);
      if (device)
        dropExpired(device, this.#clock.now(), this.#underWay(device), (message, outcome) => {
          this.#devices.touched(this.name, device);
          this.#settled(device, message, outcome);
        });
      const waiting = device?.queue.filter((message) => asksForFeedback(message, "Expired")) ?? [];
      if (waiting.length === 0) this.#watched.delete(deviceId);
      else this.#watchUntil(Math.min(...waiting.map(({ expiry }) => expiry)));
    }
  }

  /** What waits for a device may go. */
  #arrived(deviceId: string): void {
    this.deliver(deviceId);
    this.#methods.arrived(deviceId);
  }

  #receiveTelemetry(device: DeviceRecord, bag: string, body: Buffer, flags: PublishFlags): void {
    if (body.length > LARGEST_TELEMETRY) throw new Error("a telemetry message of more than 256 KB");
    const properties = parsePropertyBag(bag);
    // A hub keeps no retained messages; it hands the flag on as a property.
    if (flags.retain) properties.set("mqtt-retain", "true");
    if (flags.will) properties.set("iothub-MessageType", "Will");
    this.takeTelemetry(device.deviceId, properties, body, { ...flags, dataSchema: device.modelId });
  }
}
