// SPDX-License-Identifier: MIT
/** A feature of the hub in virtual time, with what it sends and reports; the test plays connection and hub. */
import type { HubFeature } from "../../src/azure/hub/feature";
import type { BerthError } from "../../src/error";
import { nodeText, VirtualTime } from "../../simulator/virtual-host";

export interface Sent {
  readonly topic: string;
  readonly body: string;
}

export class FeatureWorld {
  readonly time = new VirtualTime();
  readonly reports: { readonly code: string; readonly application: boolean; readonly error: BerthError }[] =
    [];
  readonly sent: Sent[] = [];
  readonly #feature: HubFeature;
  #connected = false;
  #addressed = false;
  /** Messages that the connection takes now. */
  room = Number.POSITIVE_INFINITY;

  constructor(feature: HubFeature, largest = 4_000) {
    this.#feature = feature;
    let seed = 1;
    feature.attach({
      text: nodeText,
      clock: this.time,
      timers: this.time,
      random: () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return seed / 2 ** 32;
      },
      largest,
      wake: () => this.pump(),
      report: (error) => {
        this.reports.push({ code: error.code, application: error.code === "handler-failed", error });
      },
    });
  }

  connect(sessionPresent = true): void {
    this.#connected = true;
    if (!this.#addressed) this.#feature.moved?.();
    this.#addressed = true;
    if (!sessionPresent) this.#feature.newSession?.();
    this.#feature.opened?.("device-1");
    this.pump();
  }

  disconnect(): void {
    this.#connected = false;
    this.#feature.closed?.();
  }

  pump(): void {
    if (!this.#connected) return;
    for (
      let next = this.#feature.first("device-1");
      next && this.room > 0;
      next = this.#feature.first("device-1")
    ) {
      this.room -= 1;
      this.sent.push({ topic: String(next.topic), body: nodeText.decode(next.payload) });
      this.#feature.sent();
    }
  }

  /** What the hub sends. @returns whether the feature took it */
  receive(topic: string, body: string | Uint8Array = ""): boolean {
    const payload = typeof body === "string" ? nodeText.encode(body) : body;
    const publish = {
      topic,
      QoS: 0,
      duplicate: false,
      retain: false,
      id: 0,
      byteLength: payload.length,
      offset: 0,
      payload,
    };
    return this.#feature.take(publish as never, "device-1");
  }

  /** The messages since the last call. */
  take(): Sent[] {
    return this.sent.splice(0);
  }

  /** The request id of the only message since the last call. */
  requestId(): string {
    const [message, ...more] = this.take();
    if (!message || more.length > 0)
      throw new Error(`not one message: ${JSON.stringify([message, ...more])}`);
    return /\$rid=([^&]+)/.exec(message.topic)?.[1] ?? "";
  }
}
