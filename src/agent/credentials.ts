// SPDX-License-Identifier: MIT
/** The credentials of a device's list, as one; what one of them throws is reported and costs no connection. */
import { base64 } from "../base64";
import type { HubFeature } from "../azure/hub/feature";
import { asBerthError, type BerthError, invalidArgument } from "../error";
import type { Host, Trust } from "../host";
import type { Credential, CredentialHost } from "./credential";
import type { Identity } from "./identity";

export class Credentials {
  readonly #list: readonly Credential[];
  readonly #host: Host;
  readonly #identity: Identity;
  readonly #report: (error: BerthError) => void;

  /** @throws BerthError `invalid-argument` for what is no list, a platform without certificates, and as `Credential` */
  constructor(
    list: readonly Credential[],
    host: Host,
    identity: Identity,
    calls: Pick<CredentialHost, "report" | "tell" | "reconnect" | "register">,
  ) {
    if (!Array.isArray(list)) throw invalidArgument("credentials is no array");
    this.#list = list;
    this.#host = host;
    this.#identity = identity;
    this.#report = calls.report;
    const { certificates } = host;
    if (list.length === 0) return;
    if (!certificates) {
      throw invalidArgument(
        "credentials need a platform with certificates: on boards manifest_certificates.json",
      );
    }
    for (const one of list) one.attach({ host, certificates, identity, ...calls });
  }

  get features(): HubFeature[] {
    return this.#list.flatMap(({ feature }) => (feature ? [feature] : []));
  }

  get needsDps(): boolean {
    return this.#list.some(({ needsDps }) => needsDps === true);
  }

  /** Platform and identity of the next connection. */
  next(server: "dps" | "hub"): { readonly host: Host; readonly identity: Identity } {
    const host = this.#host;
    let trust: Trust = {};
    this.#each((one) => {
      trust = { ...trust, ...one.show(server) };
    });
    if (!trust.certificate && !trust.roots) return { host, identity: this.#identity };
    const options = host.certificates?.transportOptions(trust);
    return {
      host: { ...host, transport: { ...host.transport, ...options } },
      identity: trust.certificate ? { ...this.#identity, attestation: "x509" } : this.#identity,
    };
  }

  /** The request for a certificate, in base64. */
  request(): string | undefined {
    let request: string | undefined;
    this.#each((one) => {
      const der = one.request?.();
      if (der) request = base64(der, this.#host.text);
    });
    return request;
  }

  start(): void {
    this.#each((one) => one.start?.());
  }

  issued(chain: unknown): void {
    this.#each((one) => one.issued?.(chain));
  }

  connected(): void {
    this.#each((one) => one.connected?.());
  }

  stood(): void {
    this.#each((one) => one.stood?.());
  }

  /** @returns the error that `error` is to the device */
  failed(error: BerthError): BerthError {
    let known = error;
    this.#each((one) => {
      known = one.failed?.(error) ?? known;
    });
    return known;
  }

  /** @throws BerthError `store-failed` */
  forget(): void {
    for (const one of this.#list) one.forget?.();
  }

  #each(work: (one: Credential) => void): void {
    for (const one of this.#list) {
      try {
        work(one);
      } catch (error) {
        this.#report(asBerthError(error));
      }
    }
  }
}
