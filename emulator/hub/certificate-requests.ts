// SPDX-License-Identifier: MIT
/** What a device asks of its hub under `$iothub/credentials/`. Source: Microsoft's unified device SDK (sources of October 2026). */
import * as v from "valibot";
import { errorBody } from "../azure-error";
import type { Clock } from "../clock";
import type { FaultInjector } from "../faults";
import { type Issuer, RequestRefused } from "../issuer";
import { parseJson, readJson } from "../json-reader";
import type { Connection } from "../mqtt/broker";
import type { DeviceRecord } from "../records";
import { maybe, object, text } from "../shapes";
import { CREDENTIALS_RESPONSE_FILTER } from "./topics";

const REQUEST = object({ id: text(128), csr: v.unknown(), replace: maybe(text(128)) }, "all");

interface Answer {
  status: number;
  body?: unknown;
  /** Seconds. */
  retryAfter?: number;
}

export class CertificateRequests {
  readonly #hub: string;
  readonly #issuer: Issuer;
  readonly #clock: Clock;
  readonly #faults: FaultInjector;
  /** The request under way of a device: one at a time, also over its connections. */
  readonly #active = new Map<string, string>();

  constructor(hub: string, issuer: Issuer, clock: Clock, faults: FaultInjector) {
    this.#hub = hub;
    this.#issuer = issuer;
    this.#clock = clock;
    this.#faults = faults;
  }

  /** Answers 202 and, in the end, 200; or says why not. */
  request(connection: Connection, device: DeviceRecord, requestId: string, payload: Buffer): void {
    const { authentication, deviceId } = device;
    let read: { csr: unknown; replace?: string };
    try {
      const { id, ...rest } = readJson(REQUEST, parseJson(payload.toString(), "the body"), "the body");
      if (id !== deviceId) throw new Error("id is not the device that is connected");
      if (authentication.type !== "issued") throw new Error("the device was not issued a certificate by DPS");
      read = rest;
    } catch (error) {
      this.#send(connection, requestId, this.#error(400, 400_004, (error as Error).message));
      return;
    }
    if (this.#active.has(deviceId) && read.replace !== "*") {
      this.#send(connection, requestId, this.#error(409, 409_005, "Another request is active."));
      return;
    }
    this.#active.set(deviceId, requestId);
    const commonName = authentication.type === "issued" ? authentication.commonName : deviceId;
    const rule = this.#faults.strike("issueCertificate", connection.link.context);
    // Under way: the certificate comes later.
    this.#send(connection, requestId, { status: 202 });
    const answer: Promise<Answer> =
      rule?.action === "status"
        ? Promise.resolve({
            ...this.#error(rule.status!, rule.status! * 1000 + 1, "A fault was injected."),
            ...(rule.body === undefined ? {} : { body: rule.body }),
            ...(rule.retryAfter === undefined ? {} : { retryAfter: rule.retryAfter }),
          })
        : this.#issue(read.csr, commonName);
    answer
      .then((result) =>
        connection.link.answer(rule, () => {
          if (this.#active.get(deviceId) === requestId) this.#active.delete(deviceId);
          this.#send(connection, requestId, result);
        }),
      )
      .catch((error: Error) => connection.close(error.message));
  }

  async #issue(csr: unknown, commonName: string): Promise<Answer> {
    try {
      return { status: 200, body: { certificates: await this.#issuer.issue(this.#hub, csr, commonName) } };
    } catch (error) {
      if (!(error instanceof RequestRefused)) throw error;
      return this.#error(400, 400_040, error.message);
    }
  }

  #error(status: number, errorCode: number, message: string): Answer {
    return { status, body: errorBody(errorCode, message, this.#clock.now()) };
  }

  #send(connection: Connection, requestId: string, { status, body, retryAfter }: Answer): void {
    const qos = connection.granted(CREDENTIALS_RESPONSE_FILTER);
    if (qos === undefined || connection.link.destroyed) return;
    const wait = retryAfter === undefined ? "" : `&retry-after=${retryAfter}`;
    connection.outbox.send({
      topic: `$iothub/credentials/res/${status}/?$rid=${requestId}${wait}`,
      payload: Buffer.from(body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body)),
      qos: 0,
    });
  }
}
