// SPDX-License-Identifier: MIT
/** A local Device Provisioning Service and its IoT Hubs on one TLS port. */
import { createHmac, randomBytes, type X509Certificate } from "node:crypto";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type DirectoryLock, lockDirectory } from "../hosts/node/directory-lock";
import { type Authority, DPS_SERVICE_HOST, openAuthority } from "./certificate-authority";
import { systemClock } from "./clock";
import type { EnrollmentGroup, IndividualEnrollment } from "./configuration";
import { DpsEndpoint } from "./dps/endpoint";
import { RegistrationService } from "./dps/registration-service";
import { EnrollmentRegistry } from "./enrollment-registry";
import { Counts, type EmulatorEvents } from "./events";
import { FaultInjector } from "./faults";
import { FrontDoor } from "./front-door";
import { type CloudToDeviceMessage, enqueue } from "./hub/cloud-to-device";
import { DeviceRegistry } from "./hub/device-registry";
import { HubEndpoint, type Telemetry } from "./hub/endpoint";
import { Issuer } from "./issuer";
import type { MethodResult } from "./hub/methods";
import type { JsonObject } from "./json-reader";
import { Broker } from "./mqtt/broker";
import type { EmulatorOptions, PageOptions } from "./options";
import { Reception } from "./reception";
import { connectionString, settlePolicies } from "./service/access-policies";
import { readPage } from "./service/page/page-files";
import { PageServer } from "./service/page/page-server";
import { createServices, type Services } from "./service/services";
import { TlsListener } from "./tls-listener";
import type { RegistrationRecord, Twin } from "./records";
import { ServedCertificate } from "./served-certificate";
import { SettableClock } from "./settable-clock";
import { StateStore } from "./state";
import { observers } from "./wiring";

/** The largest packet of a client: 256 KB of body, the longest topic, and the headers. */
/** Milliseconds of an issued certificate's life. Azure has 1 to 90 days. */
const CERTIFICATE_LIFETIME = 30 * 86_400_000;
const MAXIMUM_PACKET = 256 * 1024 + 65_535 + 16;

/** A running emulator. */
export class Emulator {
  /** What happens, as it happens; see `EmulatorEvents`. */
  readonly events = new EventEmitter<EmulatorEvents>();
  readonly counts = new Counts();
  /** The last telemetry messages, oldest first: at most 1,000, and 16 MB. */
  readonly telemetry: Telemetry[] = [];
  /** Add rules while it runs. */
  readonly faults: FaultInjector;
  /** Add, replace and remove enrollments while it runs; such changes are not stored. */
  readonly enrollments: EnrollmentRegistry;
  /** Device identities of the hubs. */
  readonly devices: DeviceRegistry;
  /** The time that it goes by: set it wrong, or on. */
  readonly clock: SettableClock;
  readonly idScope: string;
  /** Host names. */
  readonly hubs: readonly string[];
  /** Host name of DPS for services. */
  readonly serviceHost: string;
  /** What the control API asks for; undefined where only this computer can ask. */
  readonly controlToken: string | undefined;
  /** The port it listens on. */
  port = 0;
  /** The port of the APIs for services. */
  httpsPort = 0;
  /** The address of the page, with the token of its session; undefined without the option `page`. */
  pageAddress: string | undefined;
  readonly #options: EmulatorOptions;
  readonly #state: StateStore;
  readonly #endpoints = new Map<string, HubEndpoint>();
  readonly #brokers: Broker[] = [];
  #authority!: Authority;
  #certificates!: ServedCertificate;
  #frontDoor: FrontDoor | undefined;
  #listener: TlsListener | undefined;
  #services: Services | undefined;
  #page: PageServer | undefined;
  #temporary: string | undefined;
  #sequence: number;
  readonly #lock: DirectoryLock | undefined;
  #stopped: Promise<void> | undefined;

  private constructor(options: EmulatorOptions, lock: DirectoryLock | undefined, state: StateStore) {
    this.#lock = lock;
    const { configuration } = options;
    this.#options = options;
    this.clock = new SettableClock(options.clock ?? systemClock);
    this.idScope = configuration.idScope;
    this.hubs = configuration.iotHubs.map((hub) => hub.name);
    this.faults = new FaultInjector(options.faults, options.seed);
    this.enrollments = new EnrollmentRegistry(configuration);
    this.serviceHost = configuration.serviceOperationsHostName ?? DPS_SERVICE_HOST;
    const { host = "127.0.0.1", controlToken } = options;
    this.controlToken =
      controlToken ?? (isLoopback(host) ? undefined : randomBytes(24).toString("base64url"));
    this.#state = state;
    settlePolicies(this.#state, [
      ...configuration.iotHubs.map(({ name, authorizationPolicies = [] }) => ({
        host: name,
        kind: "hub" as const,
        configured: authorizationPolicies,
      })),
      { host: this.serviceHost, kind: "dps", configured: configuration.authorizationPolicies ?? [] },
    ]);
    this.#state.onFailing = (error) => this.events.emit("problem", error);
    this.#sequence = this.#state.lastSequence;
    this.enrollments.groupBefore = (id) => state.registrations.get(id.toLowerCase())?.enrollmentGroupId;
    this.enrollments.apply(this.#state.enrollments.values());
    this.devices = new DeviceRegistry(this.#state);
  }

  /**
   * Starts one and waits until it listens.
   * @throws DocumentError when the stored state is damaged; the socket's error (EADDRINUSE: take another port or stop
   * what holds it); DirectoryInUse when another emulator works in the state directory; the file system's error when that
   * cannot be used
   */
  static async start(options: EmulatorOptions): Promise<Emulator> {
    const { stateDirectory } = options;
    const lock = stateDirectory === undefined ? undefined : await lockDirectory(stateDirectory);
    let emulator: Emulator | undefined;
    let state: StateStore | undefined;
    try {
      state = stateDirectory === undefined ? new StateStore() : await StateStore.open(stateDirectory);
      emulator = new Emulator(options, lock, state);
      await emulator.#start();
      return emulator;
    } catch (error) {
      // What stopped the start is told, whatever fails on the way out.
      await (emulator?.stop() ?? state?.close())?.catch(() => {});
      lock?.release();
      throw error;
    }
  }

  /**
   * Serves MQTT on a stream of the caller's own, as on one that has come through TLS: from another transport, or, on a
   * clock that is moved by hand, from a device in virtual time.
   * @param from an address for `stranger`, and the certificates that the client has shown, leaf first
   */
  serve(
    stream: Duplex,
    { address = "a stream", chain = [] }: { address?: string; chain?: readonly X509Certificate[] } = {},
  ): void {
    this.#frontDoor?.serve({ stream, address, chain: () => chain, reset: () => stream.destroy() });
  }

  /** The certificate that servers show: replace it by another, or by a wrong one, for as long as it runs. */
  get certificates(): Omit<ServedCertificate, "constructor"> {
    return this.#certificates;
  }

  /** What happened to the files of the state when they were opened, in words: taken over, set aside. */
  get notices(): readonly string[] {
    return this.#state.notices;
  }

  /** The root certificate that clients must trust; `replaced` when it took the place of another one at this start. */
  get ca(): { path: string; pem: string; replaced: boolean } {
    const { rootPath, rootPem, rootReplaced } = this.#authority;
    return { path: rootPath, pem: rootPem, replaced: rootReplaced };
  }

  /**
   * What a service is given: `HostName=…;SharedAccessKeyName=…;SharedAccessKey=…`, for each policy of each hub and of DPS.
   * The keys are made at the first start, and kept with the state.
   */
  get connectionStrings(): { host: string; policy: string; connectionString: string }[] {
    return this.#state.policies.map((policy) => ({
      host: policy.host,
      policy: policy.keyName,
      connectionString: connectionString(policy),
    }));
  }

  /**
   * Queues a message for a device and sends it when the device is there.
   * @returns its sequence number, which the event `delivered` names
   * @throws Error when there is no such device, RangeError when the body is too large or the queue is full
   */
  async sendCloudToDevice(
    hub: string,
    deviceId: string,
    body: CloudToDeviceMessage["body"],
    properties?: CloudToDeviceMessage["properties"],
    lifetime?: number,
    system?: CloudToDeviceMessage["system"],
  ): Promise<number> {
    const device = this.#device(hub, deviceId);
    const message: CloudToDeviceMessage = {
      body,
      ...(properties === undefined ? {} : { properties }),
      ...(lifetime === undefined ? {} : { lifetime }),
      ...(system === undefined ? {} : { system }),
    };
    const maximumQueue = this.#options.hub?.maximumQueue ?? 50;
    const { sequence } = enqueue(device, message, ++this.#sequence, this.#now(), maximumQueue);
    this.devices.touched(hub, device);
    await this.#state.settled();
    this.events.emit("queued", {
      hub,
      deviceId,
      sequence,
      body: Buffer.from(body),
      properties: properties ?? {},
    });
    this.#endpoint(hub).deliver(deviceId);
    return sequence;
  }

  /**
   * Changes desired properties; returns their new version.
   * @throws Error when there is no such device, RangeError when a twin may not hold what would come of it
   */
  updateDesired(hub: string, deviceId: string, patch: JsonObject): Promise<number> {
    return this.#endpoint(hub).updateDesired(deviceId, patch);
  }

  /**
   * Calls a direct method.
   * @param timeout milliseconds for the answer; 30,000 by default
   * @param connectTimeout milliseconds for a device that is away to come; 0 by default
   * @throws MethodFailed with Azure's status and errorCode when the device is unknown (404001), is away or takes no
   * methods (404103), does not answer (504101), or the payload has more than 128 KB (413001)
   */
  invokeMethod(
    hub: string,
    deviceId: string,
    name: string,
    payload?: unknown,
    timeout?: number,
    connectTimeout?: number,
  ): Promise<MethodResult> {
    return this.#endpoint(hub).invokeMethod(deviceId, name, payload, timeout, connectTimeout);
  }

  /** The twin of a device; a copy. @throws Error when there is no such device */
  twin(hub: string, deviceId: string): Twin {
    return structuredClone(this.#device(hub, deviceId).twin);
  }

  /** Drops a device's connection to its hub; false when it has none. @throws Error when there is no such hub */
  disconnect(hub: string, deviceId: string, reason = "asked for"): boolean {
    return this.#endpoint(hub).disconnect(deviceId, reason);
  }

  /** Adds or replaces an individual enrollment. @throws RangeError as the configuration: device id, initial twin */
  setEnrollment(enrollment: IndividualEnrollment): void {
    this.enrollments.setIndividual(enrollment);
  }

  /** Adds or replaces an enrollment group. @throws RangeError when a twin may not hold the initial one */
  setEnrollmentGroup(group: EnrollmentGroup): void {
    this.enrollments.setGroup(group);
  }

  /** What DPS knows of a registration, the certificate that proved it included; a copy. Undefined when there is none. */
  registration(registrationId: string): RegistrationRecord | undefined {
    return structuredClone(this.#state.registrations.get(registrationId.toLowerCase()));
  }

  /** Forgets a registration, so that the next one counts as the first; false when there is none. */
  async deleteRegistration(registrationId: string): Promise<boolean> {
    const found = this.#state.registrations.delete(registrationId.toLowerCase());
    await this.#state.settled();
    return found;
  }

  /**
   * Closes every connection, frees the port and stores the state. May be called twice.
   * @throws StateError when the state could not be stored; all else has been done then
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    for (const broker of this.#brokers) broker.stop();
    await this.#page?.stop();
    await this.#services?.server.stop();
    this.#frontDoor?.stop();
    await this.#listener?.stop();
    try {
      await this.#state.close();
    } finally {
      if (this.#temporary !== undefined) rmSync(this.#temporary, { recursive: true, force: true });
      this.#lock?.release();
    }
  }

  async #start(): Promise<void> {
    const options = this.#options;
    const { clock } = this;
    const now = () => clock.now();
    const authorityDirectory = options.authorityDirectory ?? this.#defaultAuthorityDirectory();
    this.#authority = await openAuthority(authorityDirectory, this.#names(), clock.now());
    const issuer = new Issuer(
      this.#authority.issuing,
      this.#authority.rootPem,
      clock,
      options.dps?.certificateLifetime ?? CERTIFICATE_LIFETIME,
    );
    issuer.onIssued = (by, id, notAfter) => this.events.emit("certificateIssued", { by, id, notAfter });
    const watch = observers(this.events, this.telemetry, this.counts);
    this.faults.onStrike = (rule, context) => this.events.emit("fault", { rule, ...context });
    this.devices.onRemoved = (hub, deviceId, reason) =>
      this.#endpoints.get(hub)?.disconnect(deviceId, reason);
    const service = new RegistrationService({
      hubs: options.configuration.iotHubs,
      devices: this.devices,
      state: this.#state,
      behaviour: options.dps ?? {},
      now,
      baseDirectory: options.baseDirectory ?? process.cwd(),
      issuer,
      onAssigned: watch.onAssigned,
      ...(options.customAllocation === undefined ? {} : { customAllocation: options.customAllocation }),
    });
    const dps = new DpsEndpoint(service, this.faults, watch.dps, clock, this.enrollments);
    // DPS treats every session as a clean one, whatever the flag says.
    const dpsBroker = new Broker(dps, { load: () => undefined, save: () => {} }, 1);
    this.#brokers.push(dpsBroker);
    const hubBrokers = new Map<string, Broker>();
    for (const name of this.hubs) {
      const endpoint = new HubEndpoint(
        name,
        this.devices,
        this.#state,
        watch.hub,
        clock,
        this.faults,
        issuer,
      );
      const broker = new Broker(endpoint, this.#sessionsOf(name), options.hub?.maximumSubscriptions ?? 5);
      this.#endpoints.set(name, endpoint);
      this.#brokers.push(broker);
      hubBrokers.set(name, broker);
    }
    const reception = new Reception({
      idScope: this.idScope,
      enrollments: this.enrollments,
      devices: this.devices,
      dps: { endpoint: dps, broker: dpsBroker },
      hub: (name) => {
        const endpoint = this.#endpoints.get(name);
        const broker = hubBrokers.get(name);
        return endpoint && broker && { endpoint, broker };
      },
      refusal: options.dps?.refusal ?? "connack",
      refusalCode: options.dps?.refusalCode ?? 401002,
      requireClientAuth: options.dps?.requireClientAuth ?? false,
      expiryGrace: options.hub?.expiryGrace ?? 0,
      issuer,
      now,
      onUnknownApiVersion: (user) => this.events.emit("unknownApiVersion", user),
    });
    const connectTimeout = options.connectTimeout ?? 30_000;
    const { onRefused, onStranger } = watch;
    const { faults } = this;
    const frontDoor = new FrontDoor({
      faults,
      admit: (connect, chain, link) => reception.admit(connect, chain, link),
      onRefused,
      onStranger,
      watch: watch.watch,
      clock,
      connectTimeout,
      maximumPacket: MAXIMUM_PACKET,
    });
    this.#frontDoor = frontDoor;
    const { serverCertificate } = options;
    const kept = serverCertificate
      ? {
          serverChainPem: serverCertificate.certificatePem,
          serverKeyPem: serverCertificate.privateKeyPem,
        }
      : this.#authority;
    const listener = new TlsListener({
      pair: kept,
      faults,
      clock,
      handshakeTimeout: connectTimeout,
      maxVersion: options.maxTlsVersion ?? "TLSv1.2",
      onCaller: (caller) => frontDoor.serve(caller),
      onStranger,
    });
    this.#listener = listener;
    this.#certificates = new ServedCertificate({
      authority: this.#authority,
      kept,
      names: ["localhost", "127.0.0.1", ...this.#names()],
      now: () => clock.now() - clock.skew,
      show: (pair) => {
        listener.show(pair ?? kept);
        this.#services?.server.show(pair);
      },
    });
    const host = options.host ?? "127.0.0.1";
    this.port = await listener.listen(options.port ?? 0, host);
    const { idScope, hubs, serviceHost, events, devices, enrollments } = this;
    this.#services = createServices({
      pair: kept,
      certificates: this.#certificates,
      events,
      faults,
      state: this.#state,
      devices,
      enrollments,
      endpoints: this.#endpoints,
      hubs,
      dps: serviceHost,
      names: this.#names(),
      controlToken: this.controlToken,
      keepEvents: options.keepEvents ?? options.page !== undefined,
      send: (hub, deviceId, { body, properties, lifetime, system }) =>
        this.sendCloudToDevice(hub, deviceId, body, properties, lifetime, system),
      health: () => ({ idScope, hubs, dps: serviceHost, port: this.port, httpsPort: this.httpsPort }),
      clock,
    });
    this.httpsPort = await this.#services.server.listen(options.httpsPort ?? 0, host);
    if (options.page) await this.#startPage(host, options.page, this.#services);
    // The keys of the policies, when they are new.
    await this.#state.settled();
  }

  async #startPage(host: string, { port = 0 }: PageOptions, { fetch }: Services): Promise<void> {
    const isLocal = isLoopback(host);
    const { policies } = this.#state;
    // Made from a key that is kept, so that a page that is open finds the emulator again after a restart.
    const { primaryKey } = policies.find((one) => one.host === this.serviceHost)!;
    const token = createHmac("sha256", primaryKey).update("session of the page").digest("base64url");
    this.#page = new PageServer({
      files: readPage(),
      token,
      names: ["localhost", "127.0.0.1", "[::1]", host, ...(this.#options.names ?? [])].map((name) =>
        name.toLowerCase(),
      ),
      pair: isLocal ? undefined : this.#authority,
      fetch,
      target: { port: () => this.port, rootPem: () => this.#certificates.rootPem },
    });
    const taken = await this.#page.listen(port, host);
    const name = host === "0.0.0.0" || host === "::" ? (this.#options.names?.[0] ?? "localhost") : host;
    const authority = name.includes(":") ? `[${name}]:${taken}` : `${name}:${taken}`;
    this.pageAddress = `${isLocal ? "http" : "https"}://${authority}/#key=${token}`;
  }

  /** Names and addresses beside those that every emulator has. */
  #names(): string[] {
    const { host = "127.0.0.1", names = [] } = this.#options;
    const own = isWildcard(host) ? [] : [host];
    return [...this.hubs, this.serviceHost, ...own, ...names].map((name) => name.toLowerCase());
  }

  #defaultAuthorityDirectory(): string {
    if (this.#options.stateDirectory !== undefined) return join(this.#options.stateDirectory, "ca");
    this.#temporary = mkdtempSync(join(tmpdir(), "berth-emulator-"));
    return this.#temporary;
  }

  #sessionsOf(hub: string) {
    return {
      load: (deviceId: string) => this.devices.get(hub, deviceId)?.session,
      save: (deviceId: string, subscriptions: Record<string, number> | undefined) => {
        const device = this.devices.get(hub, deviceId);
        if (!device) return;
        if (subscriptions) device.session = subscriptions;
        else delete device.session;
        this.devices.touched(hub, device);
      },
    };
  }

  #now(): number {
    return this.clock.now();
  }

  #endpoint(hub: string): HubEndpoint {
    const endpoint = this.#endpoints.get(hub);
    if (!endpoint) throw new Error(`no hub ${hub}; there are ${this.hubs.join(", ")}`);
    return endpoint;
  }

  #device(hub: string, deviceId: string) {
    const device = this.devices.get(hub, deviceId);
    if (!device) throw new Error(`no device ${deviceId} in ${hub}; it is created when DPS assigns it`);
    return device;
  }
}

/** Does it stand for every address of this computer? */
function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
