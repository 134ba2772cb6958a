// SPDX-License-Identifier: MIT
/**
 * `issueCertificate` of a hub: asks for a certificate in place of the one that the connection was made with.
 * Wire: Microsoft's unified device SDK. Request `{"id","csr"}` with QoS 1; 202 while the hub works on it, then 200 with
 * `certificates`. One request at a time.
 */
import { Alarm } from "../alarm";
import type { HubFeature, HubFeatureHost, HubMessage } from "../azure/hub/feature";
import { hubFailure } from "../azure/hub/failure";
import { type JsonObject, parseJsonObject } from "../azure/json";
import { parseResponseTopic } from "../azure/response-topic";
import { BerthError, invalidArgument } from "../error";
import type { InboundPublish } from "../mqtt/reader";

const RESPONSES = "$iothub/credentials/res/";
const FILTERS = Object.freeze([`${RESPONSES}#`]);
const NO_FILTERS: readonly string[] = Object.freeze([]);
/** For each answer, milliseconds. */
const ANSWER_TIMEOUT = 120_000;
/** A request of this device that the hub still works on, from before a restart for example. */
const REQUEST_ACTIVE = 409_005;

/** Where a certificate is asked for. */
export function issueCertificateTopic(requestId: string): string {
  return `$iothub/credentials/POST/issueCertificate/?$rid=${requestId}`;
}

export interface RenewalHandler {
  /** Does the hub that is connected to next issue certificates? Those that know the device by one do. */
  issues(): boolean;
  /** The connection is up. */
  onOpened(): void;
  /** The request in base64. @throws BerthError */
  request(): string;
  onIssued(certificates: unknown): void;
  /** @param retryAfter milliseconds, as the hub told; undefined where it did not */
  onFailed(error: BerthError, retryAfter: number | undefined): void;
}

/** The feature. `IssuedCertificate` says when. */
export class CertificateRenewal implements HubFeature {
  readonly #handler: RenewalHandler;
  #host: HubFeatureHost | undefined;
  /** Of the answer, or of the next look. */
  #alarm: Alarm | undefined;
  #filters = NO_FILTERS;
  #open = false;
  #wanted = false;
  /** Of the request that waits for its answer; empty while none does. */
  #requestId = "";
  #requests = 0;
  /** The hub may work on an earlier request still, whose answer is lost. */
  #replaces = false;
  /** A hub has refused the filter. */
  #isRefused = false;
  #next: HubMessage | undefined;

  constructor(handler: RenewalHandler) {
    this.#handler = handler;
  }

  attach(host: HubFeatureHost): void {
    if (this.#host) throw invalidArgument("the certificate belongs to another device");
    this.#host = host;
    this.#alarm = new Alarm(host.timers, (error) => host.report(error));
    this.#requests = Math.floor(host.random() * 0x7fffffff);
  }

  /** Asked for at the beginning of a connection, and the same until its end. */
  filters(): readonly string[] {
    // How many there may be is judged before there is a connection.
    if (!this.#host) return FILTERS;
    if (!this.#open) this.#filters = !this.#isRefused && this.#handler.issues() ? FILTERS : NO_FILTERS;
    return this.#filters;
  }

  opened(): void {
    this.#open = true;
    this.#handler.onOpened();
  }

  get busy(): boolean {
    return this.#requestId !== "";
  }

  /** The connection there is can ask for a certificate. */
  get canAsk(): boolean {
    return this.#open && this.#filters.length > 0;
  }

  /** The hub has refused a filter: it is not asked again in this run. */
  refused(): void {
    this.#isRefused = true;
  }

  /** Asks for a certificate on the connection that there is. */
  ask(): void {
    if (!this.canAsk || this.#requestId !== "") return;
    this.#wanted = true;
    this.#host?.wake();
  }

  /** Does `work` after `delay` milliseconds, unless the connection has ended by then. */
  after(delay: number, work: () => void): void {
    if (this.#open) this.#alarm?.set(delay, work);
  }

  closed(): void {
    this.#replaces = this.#replaces || this.#requestId !== "";
    this.#open = this.#wanted = false;
    this.#requestId = "";
    this.#next = undefined;
    this.#alarm?.cancel();
  }

  moved(): void {
    this.#replaces = false;
  }

  first(deviceId: string): HubMessage | undefined {
    if (this.#next || !this.#wanted) return this.#next;
    this.#requests += 1;
    let csr: string;
    try {
      csr = this.#handler.request();
    } catch (error) {
      this.#wanted = false;
      this.#handler.onFailed(error as BerthError, undefined);
      return undefined;
    }
    const body = JSON.stringify({ id: deviceId, csr, replace: this.#replaces ? "*" : undefined });
    this.#next = {
      topic: issueCertificateTopic(this.#requests.toString(16)),
      payload: this.#host?.text.encode(body) as Uint8Array,
      // An answer comes on this connection or not at all.
      QoS: 0,
    };
    return this.#next;
  }

  sent(): void {
    this.#next = undefined;
    this.#wanted = false;
    this.#requestId = this.#requests.toString(16);
    this.#wait();
  }

  take(publish: InboundPublish): boolean {
    const { topic } = publish;
    if (!topic.startsWith(RESPONSES)) return false;
    const response = parseResponseTopic(topic, RESPONSES);
    if (!response || this.#requestId === "" || response.requestId !== this.#requestId) return true;
    if (response.status === 202) {
      this.#wait();
      return true;
    }
    const body = this.#object(publish.payload);
    if (response.status === 200) this.#issued(body);
    else {
      const error = hubFailure(response, body, "the request for a certificate");
      this.#replaces = error.errorCode === REQUEST_ACTIVE;
      const told =
        response.retryAfter ?? (typeof body?.retryAfter === "number" ? body.retryAfter : undefined);
      this.#failed(error, told === undefined || !(told >= 0) ? undefined : Math.min(told, 86_400) * 1000);
    }
    return true;
  }

  tooLarge(topic: string, error: BerthError): boolean {
    if (!topic.startsWith(RESPONSES)) return false;
    if (this.#requestId !== "") this.#failed(error, undefined);
    return true;
  }

  #wait(): void {
    this.#alarm?.set(ANSWER_TIMEOUT, () => {
      this.#replaces = true;
      this.#failed(new BerthError("hub-timeout", "the request for a certificate"), undefined);
    });
  }

  #issued(body: JsonObject | undefined): void {
    this.#over();
    this.#replaces = false;
    this.#handler.onIssued(body?.certificates);
  }

  #failed(error: BerthError, retryAfter: number | undefined): void {
    this.#over();
    this.#handler.onFailed(error, retryAfter);
  }

  #over(): void {
    this.#requestId = "";
    this.#alarm?.cancel();
  }

  #object(payload: Uint8Array): JsonObject | undefined {
    try {
      return parseJsonObject(this.#host?.text.decode(payload) ?? "");
    } catch {
      return undefined;
    }
  }
}
