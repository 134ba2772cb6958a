// SPDX-License-Identifier: MIT
/**
 * The device twin: reported properties out, desired properties in.
 * Source: "Understand and use device twins in IoT Hub", "Communicate with an IoT hub using the MQTT protocol".
 *
 * - What is reported is merged into one patch that waits: the last value wins, null deletes. It outlives connections
 *   and has a bound in bytes. One patch is on its way at a time; one without an answer waits again, below what came later.
 * - Desired properties are told in the order of their version. Changes are sent only to a device that is connected,
 *   so the twin is read after each SUBSCRIBE, and again when a version is missing: then all of them are told at once.
 */

import { Alarm } from "../../alarm";
import { backoffDelay } from "../../backoff";
import { BerthError, handlerFailed, inRange, invalidArgument } from "../../error";
import { NO_BYTES } from "../../mqtt/packets";
import type { InboundPublish } from "../../mqtt/reader";
import { asJsonObject, type JsonObject, parseJsonObject } from "../json";
import { utf8Length } from "../percent";
import { parseResponseTopic, queryValue, type ResponseTopic, wholeNumber } from "../response-topic";
import { hubFailure } from "./failure";
import type { HubFeature, HubFeatureHost, HubMessage } from "./feature";
import { checkPatch, mergePatches } from "./twin-patch";

const RESPONSES = "$iothub/twin/res/";
const DESIRED = "$iothub/twin/PATCH/properties/desired/";
const FILTERS = Object.freeze([`${RESPONSES}#`, `${DESIRED}#`]);

/** Desired properties with their version. */
export interface DesiredProperties {
  /** Without `$version`; of a change only what changed, null what was deleted. */
  readonly desired: JsonObject;
  readonly version: number;
  /** These are all there are: after a connection, or when a change was missed. */
  readonly complete: boolean;
}

/** Both sides as the hub has them. */
export interface TwinDocument {
  readonly desired: JsonObject;
  readonly reported: JsonObject;
  readonly desiredVersion: number;
  readonly reportedVersion: number;
}

export interface TwinOptions {
  /** Desired properties: all at the first connection, then changes. An exception is reported; it counts as told. */
  readonly onDesired?: ((properties: DesiredProperties) => void) | undefined;
  /** The hub has taken what was reported. @param version of the reported properties */
  readonly onReported?: ((version: number) => void) | undefined;
  /** Bytes of JSON that wait for the hub at most. Default 4,096, at most 32,768, the hub's own bound. */
  readonly maximumReported?: number | undefined;
  /** Milliseconds for each answer of the hub. Default 30,000. */
  readonly answerTimeout?: number | undefined;
}

/** Gets the twin, or why there is none. */
export type OnTwin = (error: BerthError | null, twin?: TwinDocument) => void;

const LARGEST_REPORTED = 32_768;
const MOST_READERS = 4;
const BACKOFF = Object.freeze({ base: 2_000, cap: 60_000 });
/** The topic of a report is no longer than this. */
const LONGEST_TOPIC = 80;

/** Where reported properties go. */
export function reportedTopic(requestId: string): string {
  return `$iothub/twin/PATCH/properties/reported/?$rid=${requestId}`;
}

/** Where the twin is asked for. */
export function twinTopic(requestId: string): string {
  return `$iothub/twin/GET/?$rid=${requestId}`;
}

/** One kind of request: at most one waits for its answer, and tries again with growing delays. */
class Request {
  /** Of the request that waits for its answer; empty while none does. */
  id = "";
  /** Failed tries in a row. */
  attempts = 0;
  /** For the answer, or for the next try. */
  readonly alarm: Alarm;
  /** The next try waits for its time. */
  resting = false;

  constructor(alarm: Alarm) {
    this.alarm = alarm;
  }

  reset(): void {
    this.id = "";
    this.attempts = 0;
    this.resting = false;
    this.alarm.cancel();
  }
}

/** The feature, for a device's list. */
export class Twin implements HubFeature {
  readonly #options: TwinOptions;
  readonly #answerTimeout: number;
  #attached: HubFeatureHost | undefined;
  /** Bytes of what waits and what is on its way. */
  #maximum: number;
  #open = false;
  #closing = false;
  #requests = 0;
  /** What waits to be reported: one patch, or more where one could not say the same. */
  #pending: Patch[] = [];
  /** What was reported and not answered yet. */
  #reported: Patch | undefined;
  #report!: Request;
  #read!: Request;
  /** The twin is to be read. */
  #wanted = false;
  readonly #readers: OnTwin[] = [];
  /** The version of the desired properties that were told last; -1 for none. */
  #known = -1;
  /** The highest version of a change that was set aside while the twin was being read. */
  #seen = -1;
  /** What `first` returned. */
  #next: HubMessage | undefined;
  #nextId = "";

  /** @throws BerthError `invalid-argument` for an option out of range */
  constructor(options: TwinOptions = {}) {
    this.#options = options;
    inRange(options.maximumReported, 2, LARGEST_REPORTED, "twin.maximumReported");
    inRange(options.answerTimeout, 1, 2_147_483_647, "twin.answerTimeout");
    this.#maximum = options.maximumReported ?? 4_096;
    this.#answerTimeout = options.answerTimeout ?? 30_000;
  }

  attach(host: HubFeatureHost): void {
    if (this.#attached) throw invalidArgument("the twin belongs to another device");
    this.#attached = host;
    this.#maximum = Math.min(this.#maximum, host.largest - LONGEST_TOPIC);
    const request = (): Request => new Request(new Alarm(host.timers, (error) => host.report(error)));
    this.#report = request();
    this.#read = request();
  }

  /**
   * Reports properties: merged into what waits, sent when there is a connection.
   * @returns false when there is no room: nothing of `patch` was taken
   * @throws BerthError `invalid-argument` for what IoT Hub never takes, or for a twin without a device
   */
  report(patch: JsonObject): boolean {
    checkPatch(patch);
    const host = this.#host;
    const pending = joined(this.#pending, patchOf(patch));
    let bytes = this.#reported?.bytes ?? 0;
    for (const waiting of pending) bytes += waiting.bytes;
    if (bytes > this.#maximum) return false;
    this.#pending = pending;
    this.#next = undefined;
    host.wake();
    return true;
  }

  /**
   * Reads the twin, now or when there is a connection.
   * @returns false when 4 calls wait already
   * @throws BerthError `invalid-argument` for a twin without a device
   */
  read(onTwin: OnTwin): boolean {
    const host = this.#host;
    if (this.#readers.length >= MOST_READERS) return false;
    this.#readers.push(onTwin);
    this.#wanted = true;
    host.wake();
    return true;
  }

  filters(): readonly string[] {
    return this.#options.onDesired ? FILTERS : RESPONSES_ONLY;
  }

  newSession(): void {
    this.moved();
  }

  opened(): void {
    this.#open = true;
    this.#seen = -1;
    // The answer to a reader may have been lost with the connection before.
    if (this.#options.onDesired || this.#readers.length > 0) this.#wanted = true;
  }

  closing(): void {
    this.#closing = true;
    this.#next = undefined;
  }

  get busy(): boolean {
    return this.#read.id !== "" || this.#report.id !== "";
  }

  closed(): void {
    this.#open = this.#closing = false;
    this.#next = undefined;
    this.#unsend();
    this.#report.reset();
    this.#read.reset();
  }

  moved(): void {
    // Another twin, with versions of its own.
    this.#known = this.#seen = -1;
  }

  forget(): number {
    this.#pending = [];
    this.#next = undefined;
    this.moved();
    // What was reported is no message.
    return 0;
  }

  take(publish: InboundPublish): boolean {
    const { topic } = publish;
    if (topic.startsWith(RESPONSES)) {
      const response = parseResponseTopic(topic, RESPONSES);
      if (response) this.#answered(response, this.#object(publish.payload));
      return true;
    }
    if (!topic.startsWith(DESIRED)) return false;
    this.#changed(versionOf(topic), this.#object(publish.payload));
    return true;
  }

  tooLarge(topic: string, error: BerthError): boolean {
    if (topic.startsWith(DESIRED)) {
      this.#changed(versionOf(topic), undefined);
      return true;
    }
    if (!topic.startsWith(RESPONSES)) return false;
    const response = parseResponseTopic(topic, RESPONSES);
    // A smaller one does not come by asking again: with the next connection.
    if (response && response.requestId === this.#read.id) {
      this.#readFailed(error);
    }
    return true;
  }

  first(): HubMessage | undefined {
    if (this.#next || !this.#open || this.#closing) return this.#next;
    if (this.#wanted && this.#read.id === "" && !this.#read.resting) {
      this.#next = { topic: twinTopic(this.#newId()), payload: NO_BYTES, QoS: 0 };
    } else if (this.#pending.length > 0 && this.#report.id === "" && !this.#report.resting) {
      const payload = this.#host.text.encode(JSON.stringify(this.#pending[0]?.patch));
      this.#next = { topic: reportedTopic(this.#newId()), payload, QoS: 0 };
    }
    return this.#next;
  }

  sent(): void {
    const isRead = this.#next?.payload === NO_BYTES;
    const request = isRead ? this.#read : this.#report;
    request.id = this.#nextId;
    this.#next = undefined;
    if (isRead) this.#wanted = false;
    else this.#reported = this.#pending.shift();
    request.alarm.set(this.#answerTimeout, () =>
      this.#failed(request, new BerthError("hub-timeout", "the twin")),
    );
  }

  get #host(): HubFeatureHost {
    if (!this.#attached) throw invalidArgument("the twin belongs to no device yet");
    return this.#attached;
  }

  #newId(): string {
    this.#requests += 1;
    this.#nextId = this.#requests.toString(16);
    return this.#nextId;
  }

  #object(payload: Uint8Array): JsonObject | undefined {
    try {
      return parseJsonObject(this.#host.text.decode(payload));
    } catch {
      return undefined;
    }
  }

  #answered(response: ResponseTopic, body: JsonObject | undefined): void {
    if (response.requestId === "") return;
    const request = [this.#read, this.#report].find(({ id }) => id === response.requestId);
    // An answer to an earlier request.
    if (!request) return;
    if (response.status >= 300) this.#failed(request, hubFailure(response, body, "the twin"));
    else if (request === this.#read) this.#twin(body);
    else this.#taken(response.version);
  }

  /** The hub has what was reported. */
  #taken(version: number | undefined): void {
    this.#report.reset();
    this.#reported = undefined;
    if (version !== undefined) this.#tell("onReported", () => this.#options.onReported?.(version));
    this.#host.wake();
  }

  #twin(body: JsonObject | undefined): void {
    const desired = asJsonObject(body?.desired);
    const reported = asJsonObject(body?.reported);
    if (!desired || !reported) {
      const error = new BerthError("hub-malformed", "the twin is no object of two objects");
      this.#failed(this.#read, error);
      return;
    }
    this.#read.reset();
    const [desiredProperties, desiredVersion] = split(desired);
    const [reportedProperties, reportedVersion] = split(reported);
    this.#tellReaders(null, {
      desired: desiredProperties,
      reported: reportedProperties,
      desiredVersion,
      reportedVersion,
    });
    // One of them has ended the connection.
    if (!this.#open) return;
    // The answer was made before a change that has come: what it says is old.
    if (desiredVersion < this.#seen) this.#again(this.#read);
    else if (desiredVersion !== this.#known) this.#desired(desiredProperties, desiredVersion, true);
    this.#host.wake();
  }

  #changed(version: number | undefined, body: JsonObject | undefined): void {
    if (version === undefined || !Number.isSafeInteger(version) || !this.#options.onDesired) return;
    const reading = this.#wanted || this.#read.id !== "";
    if (!reading && version <= this.#known) return;
    if (!reading && body && version === this.#known + 1) {
      this.#desired(split(body)[0], version, false);
      return;
    }
    this.#seen = Math.max(this.#seen, version);
    this.#wanted = true;
    this.#host.wake();
  }

  #desired(desired: JsonObject, version: number, complete: boolean): void {
    this.#known = version;
    this.#tell("onDesired", () => this.#options.onDesired?.({ desired, version, complete }));
  }

  /** 429, 5xx and silence are tried again; what the hub refuses is not. */
  #failed(request: Request, error: BerthError): void {
    if (error.retriable) {
      if (request === this.#report) this.#unsend();
      this.#again(request, error.retryAfter);
    } else if (request === this.#read) this.#readFailed(error);
    else {
      this.#reported = undefined;
      request.reset();
    }
    this.#host.report(error);
    this.#host.wake();
  }

  #readFailed(error: BerthError): void {
    this.#read.reset();
    this.#wanted = false;
    this.#tellReaders(error);
  }

  /** Lets `request` rest for a while. */
  #again(request: Request, retryAfter?: number): void {
    if (request === this.#read) this.#wanted = true;
    request.id = "";
    request.resting = true;
    const delay = backoffDelay(BACKOFF, request.attempts, this.#host.random(), retryAfter);
    request.attempts += 1;
    request.alarm.set(delay, () => {
      request.resting = false;
      this.#host.wake();
    });
  }

  /** What was reported waits again, below what came later. */
  #unsend(): void {
    if (!this.#reported) return;
    const pending = [this.#reported];
    this.#pending = this.#pending.reduce<Patch[]>(joined, pending);
    this.#reported = undefined;
    this.#next = undefined;
  }

  /** Those that wait now: one may ask again from inside. Once one of them has ended the connection the rest wait on. */
  #tellReaders(error: BerthError | null, twin?: TwinDocument): void {
    for (let left = this.#readers.length; left > 0 && this.#open; left -= 1) {
      const reader = this.#readers.shift();
      this.#tell("onTwin", () => reader?.(error, twin));
    }
  }

  #tell(handler: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#host.report(handlerFailed(handler, error));
    }
  }
}

/** A patch, and its bytes as JSON. */
interface Patch {
  readonly patch: JsonObject;
  readonly bytes: number;
}

function patchOf(patch: JsonObject): Patch {
  return { patch, bytes: utf8Length(JSON.stringify(patch)) };
}

/** `later` behind `patches`, as a part of the last of them where that can be. */
function joined(patches: readonly Patch[], later: Patch): Patch[] {
  const last = patches.at(-1);
  const merged = last && mergePatches(last.patch, later.patch);
  return merged ? [...patches.slice(0, -1), patchOf(merged)] : [...patches, later];
}

const RESPONSES_ONLY = Object.freeze([`${RESPONSES}#`]);

/** The version that the topic of a change carries. */
function versionOf(topic: string): number | undefined {
  return wholeNumber(queryValue(topic.slice(topic.indexOf("?") + 1), "$version"));
}

/** Properties without `$version` and `$metadata`, and the version. */
function split(properties: JsonObject): [JsonObject, number] {
  const { $version, $metadata: _, ...rest } = properties;
  return [rest, typeof $version === "number" ? $version : 0];
}
