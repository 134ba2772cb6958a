// SPDX-License-Identifier: MIT
/**
 * The connection that there is, to DPS or to a hub: two transports have no room beside each other. Remembers when a
 * server last answered, and which of them has met an eager client with silence.
 */
import type { Host } from "../host";
import type { Assignment } from "../storage/assignment";
import type { Credentials } from "./credentials";
import { HubConnection, type HubConnectionHandler, type HubOptions } from "./hub-connection";
import type { HubFeatures } from "./hub-features";
import type { Identity } from "./identity";
import { Provisioner, type ProvisionerHandler, type ProvisioningOptions } from "./provisioner";
import type { Way, Ways } from "./ways";

export class Connections {
  readonly #credentials: Credentials;
  readonly #features: HubFeatures;
  readonly #ways: Ways | undefined;
  #provisioner: Provisioner | undefined;
  #hub: HubConnection | undefined;
  /** By which way that connection leaves, where there are several. */
  #wayOfNow: string | undefined;
  #heardAt = 0;
  /** An eager connection to DPS has ended without a word of it. */
  #dpsRefusesEager = false;
  /** The hub of which the last eager connection ended so. */
  #hubRefusingEager: string | undefined;

  constructor(credentials: Credentials, features: HubFeatures, ways: Ways | undefined) {
    this.#credentials = credentials;
    this.#features = features;
    this.#ways = ways;
  }

  get provisioner(): Provisioner | undefined {
    return this.#provisioner;
  }

  get hub(): HubConnection | undefined {
    return this.#hub;
  }

  /** Ticks of the last answer of a server, or what `expect` was given. */
  get heardAt(): number {
    return Math.max(this.#heardAt, this.#answeredAt);
  }

  /** The connection that there is has brought an answer. */
  get answered(): boolean {
    return this.#answeredAt >= 0;
  }

  /** A run begins: ticks from which silence counts. */
  begin(at: number): void {
    this.#heardAt = at;
  }

  /** No answer is to be missed before `at`, ticks. */
  expect(at: number): void {
    this.#heardAt = Math.max(this.#heardAt, at);
  }

  /**
   * @param operationId as `Provisioner`
   * @param csr as `Provisioner`
   * @throws BerthError as `Provisioner`, `invalid-argument` for a certificate or a root that cannot be used
   */
  toDps(
    options: ProvisioningOptions,
    handler: ProvisionerHandler,
    operationId: string | undefined,
    csr: string | undefined,
  ): void {
    this.close();
    const { host, identity, way } = this.#leave("dps");
    const eager = options.eager === true && !this.#dpsRefusesEager;
    const onError: ProvisionerHandler["onError"] = (error) => {
      if (!this.answered) this.#ways?.failed(error.code);
      // An error with a status is the server's word.
      if (this.#provisioner?.unanswered && error.status === undefined) this.#dpsRefusesEager = true;
      handler.onError(error);
    };
    this.#provisioner = new Provisioner(
      host,
      identity,
      { ...optionsBy(options, way), eager },
      { ...handler, onError },
      operationId,
      csr,
    );
  }

  /** @throws BerthError as `HubConnection`, `invalid-argument` as `toDps` */
  toHub(assignment: Assignment, options: HubOptions, handler: HubConnectionHandler): void {
    this.close();
    this.#features.address(assignment);
    const { host, identity, way } = this.#leave("hub");
    const eager = options.eager === true && this.#hubRefusingEager !== assignment.hub;
    const onError: HubConnectionHandler["onError"] = (error) => {
      if (!this.answered) this.#ways?.failed(error.code);
      if (this.#hub?.unanswered && error.status === undefined) this.#hubRefusingEager = assignment.hub;
      handler.onError(error);
    };
    this.#hub = new HubConnection(
      host,
      identity,
      assignment,
      { ...optionsBy(options, way), eager },
      this.#features,
      { ...handler, onError },
    );
  }

  /** A server has accepted the device. @returns by which way, where there are several */
  accepted(): string | undefined {
    this.#ways?.worked();
    return this.#wayOfNow;
  }

  /** Ends the connection to the hub, if that is what there is. */
  closeHub(): void {
    this.#hub?.close();
    this.#hub = undefined;
  }

  /** Ends what there is; no callback follows. */
  close(): void {
    this.#heardAt = this.heardAt;
    if (this.answered) this.#ways?.worked();
    this.#provisioner?.close();
    this.#provisioner = undefined;
    this.closeHub();
  }

  /** Platform and identity of the next connection, and its way where there are several. */
  #leave(server: "dps" | "hub"): {
    readonly host: Host;
    readonly identity: Identity;
    readonly way: Way | undefined;
  } {
    const { host, identity } = this.#credentials.next(server);
    const way = this.#ways?.next(host, identity);
    this.#wayOfNow = way?.name;
    return { host: way ? { ...host, transport: way.transport } : host, identity, way };
  }

  /** Ticks of the last answer on the connection there is; -1 before any. */
  get #answeredAt(): number {
    return Math.max(this.#provisioner?.heardAt ?? -1, this.#hub?.heardAt ?? -1);
  }
}

interface Reach {
  readonly port?: number;
  readonly connectTimeout?: number;
}

function optionsBy<Options extends Reach>(options: Options, way: Way | undefined): Options {
  if (!way) return options;
  const { port = options.port, connectTimeout = options.connectTimeout } = way;
  return {
    ...options,
    ...(port !== undefined && { port }),
    ...(connectTimeout !== undefined && { connectTimeout }),
  };
}
