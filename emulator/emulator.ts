// SPDX-License-Identifier: MIT
/** A local Device Provisioning Service and its IoT Hubs on one TLS port. */
import { randomBytes, type X509Certificate } from "node:crypto";
import { EventEmitter } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { type DirectoryLock, lockDirectory } from "../hosts/node/directory-lock";
import { type Authority, DPS_SERVICE_HOST, openAuthority } from "./certificate-authority";
import { systemClock } from "./clock";
import type { EnrollmentGroup, IndividualEnrollment } from "./configuration";
import { DpsDoor } from "./dps/door";
import { DpsEndpoint } from "./dps/endpoint";
import { RegistrationService } from "./dps/registration-service";
import { DpsRequests } from "./dps/requests";
import { EnrollmentRegistry } from "./enrollment-registry";
import { Counts, type EmulatorEvents } from "./events";
import { FaultInjector } from "./faults";
import { FrontDoor } from "./front-door";
import type { CloudToDeviceMessage } from "./hub/cloud-to-device";
import { readStorage } from "./hub/blob-storage";
import { EventLog } from "./hub/event-log";
import type { FileNotification } from "./hub/feedback";
import { FileUploads } from "./hub/file-uploads";
import { DeviceRegistry } from "./hub/device-registry";
import { HubEndpoint, type Telemetry } from "./hub/endpoint";
import { Issuer } from "./issuer";
import type { MethodResult } from "./hub/methods";
import type { JsonObject } from "./json-reader";
import { Broker } from "./mqtt/broker";
import type { EmulatorOptions } from "./options";
import { Reception } from "./reception";
import { connectionString, eventsConnectionString, settlePolicies } from "./service/access-policies";
import { type AmqpHub, entityOf } from "./service/amqp/nodes";
import { Readers } from "./service/amqp/event-sender";
import { AmqpServer } from "./service/amqp/server";
import { startPage } from "./service/page/start-page";
import type { PageServer } from "./service/page/page-server";
import { createServices, type Services } from "./service/services";
import { TlsListener } from "./tls-listener";
import type { RegistrationRecord, Twin } from "./records";
import { ServedCertificate } from "./served-certificate";
import { SettableClock } from "./settable-clock";
import { StateStore } from "./state";
import { observers } from "./wiring";

/** Milliseconds of an issued certificate's life. Azure has 1 to 90 days. */
const CERTIFICATE_LIFETIME = 30 * 86_400_000;
/** The largest packet of a client: 256 KB of body, the longest topic, and the headers. */
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
  /** The port of AMQP for services. */
  amqpsPort = 0;
  readonly #options: EmulatorOptions;
  readonly #state: StateStore;
  readonly #endpoints = new Map<string, HubEndpoint>();
  readonly #logs = new Map<string, EventLog>();
  readonly #brokers: Broker[] = [];
  #authority!: Authority;
  #certificates!: ServedCertificate;
  #frontDoor: FrontDoor | undefined;
  #listener: TlsListener | undefined;
  #services: Services | undefined;
  #page: PageServer | undefined;
  #amqp: AmqpServer | undefined;
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
  get certificates(): ServedCertificate {
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
   * What a reader of a hub's telemetry is given: `Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…`,
   * for each policy that may.
   */
  get eventsConnectionStrings(): { host: string; policy: string; connectionString: string }[] {
    return this.#state.policies
      .filter(({ host, rights }) => this.hubs.includes(host) && rights.includes("ServiceConnect"))
      .map((policy) => ({
        host: policy.host,
        policy: policy.keyName,
        connectionString: eventsConnectionString(policy, this.amqpsPort),
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
    const endpoint = this.#endpoint(hub);
    const sequence = ++this.#sequence;
    endpoint.enqueue(device, message, sequence, maximumQueue);
    this.devices.touched(hub, device);
    await this.#state.settled();
    this.events.emit("queued", {
      hub,
      deviceId,
      sequence,
      body: Buffer.from(body),
      properties: properties ?? {},
    });
    endpoint.deliver(deviceId);
    return sequence;
  }

  /** Tells services that a device has uploaded a file. @throws Error when there is no such hub */
  notifyOfFile(hub: string, notification: FileNotification): void {
    this.#endpoint(hub).fileNotifications.add(notification);
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
    for (const endpoint of this.#endpoints.values()) endpoint.stop();
    await this.#page?.stop();
    await this.#amqp?.stop();
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
    const watch = observers(this.events, this.telemetry, this.counts, (message) => this.#log(message));
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
    const requests = new DpsRequests(service, this.faults, watch.dps, clock, this.enrollments);
    const dps = new DpsEndpoint(requests, watch.dps);
    const door = new DpsDoor({
      idScope: this.idScope,
      enrollments: this.enrollments,
      refusalCode: options.dps?.refusalCode ?? 401002,
      requireClientAuth: options.dps?.requireClientAuth ?? false,
      now,
      onUnknownApiVersion: (user) => this.events.emit("unknownApiVersion", user),
    });
    // DPS treats every session as a clean one, whatever the flag says.
    const dpsBroker = new Broker(dps, { load: () => undefined, save: async () => {} }, 1);
    this.#brokers.push(dpsBroker);
    const hubBrokers = new Map<string, Broker>();
    for (const name of this.hubs) {
      this.#logs.set(name, new EventLog(options.hub?.partitions ?? 4, clock.now()));
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
      enrollments: this.enrollments,
      door,
      devices: this.devices,
      dps: { endpoint: dps, broker: dpsBroker },
      hub: (name) => {
        const endpoint = this.#endpoints.get(name);
        const broker = hubBrokers.get(name);
        return endpoint && broker && { endpoint, broker };
      },
      refusal: options.dps?.refusal ?? "connack",
      expiryGrace: options.hub?.expiryGrace ?? 0,
      issuer,
      now,
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
        this.#amqp?.show(pair ?? kept);
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
      registrations: { door, requests, service },
      endpoints: this.#endpoints,
      issuer,
      storages: new Map(
        options.configuration.iotHubs.flatMap(({ name, storage }) => {
          if (!storage) return [];
          const { connectionString: text, containerName: container } = storage;
          const account = readStorage(text);
          if ("problem" in account) throw new Error(`storage.connectionString of ${name} ${account.problem}`);
          return [[name, { storage: account, container, uploads: new FileUploads(now) }]];
        }),
      ),
      root: this.#authority.rootPem,
      hubs,
      dps: serviceHost,
      names: this.#names(),
      controlToken: this.controlToken,
      keepEvents: options.keepEvents ?? options.page !== undefined,
      send: (hub, deviceId, { body, properties, lifetime, system }) =>
        this.sendCloudToDevice(hub, deviceId, body, properties, lifetime, system),
      health: () => {
        const { port, httpsPort, amqpsPort } = this;
        return { idScope, hubs, dps: serviceHost, port, httpsPort, amqpsPort };
      },
      clock,
    });
    // What Azure's own clients ask for, and what others do; the query only says that no client certificate follows.
    for (const path of ["/$iothub/websocket", "/mqtt"])
      this.#services.server.upgrade(path, "mqtt", (caller) => frontDoor.serve(caller));
    this.#amqp = new AmqpServer(
      {
        hubs: new Map(hubs.map((name) => [name, this.#amqpHub(name)])),
        readers: new Readers(),
        policies: () => this.#state.policies,
        clock,
        connectTimeout,
        port: () => this.amqpsPort,
        onRefused: (host, path, reason) => events.emit("serviceRefused", { host, path, reason }),
        onStranger,
        onProblem: watch.onProblem,
      },
      kept,
    );
    const amqp = this.#amqp;
    // Of IoT Hub, and of Event Hubs.
    for (const path of ["/$iothub/websocket", "/$servicebus/websocket"])
      this.#services.server.upgrade(path, "AMQPWSB10", (caller) => amqp.serve(caller));
    this.amqpsPort = await amqp.listen(options.amqpsPort ?? 0, host);
    this.httpsPort = await this.#services.server.listen(options.httpsPort ?? 0, host);
    if (options.page) {
      const { server, address } = await startPage(options.page.port ?? 0, {
        host,
        names: options.names ?? [],
        key: this.#state.policies.find((one) => one.host === serviceHost)!.primaryKey,
        pair: isLoopback(host) ? undefined : this.#authority,
        fetch: this.#services.fetch,
        target: { port: () => this.port, rootPem: () => this.#certificates.rootPem },
      });
      this.#page = server;
      this.pageAddress = address;
    }
    // The keys of the policies, when they are new.
    await this.#state.settled();
  }

  #amqpHub(name: string): AmqpHub {
    const endpoint = this.#endpoint(name);
    return {
      name,
      entity: entityOf(name),
      log: this.#logs.get(name)!,
      feedback: endpoint.feedback,
      fileNotifications: endpoint.fileNotifications,
      hasDevice: (deviceId) => this.devices.get(name, deviceId) !== undefined,
      send: async (deviceId, { body, properties, lifetime, system }) => {
        await this.sendCloudToDevice(name, deviceId, body, properties, lifetime, system);
      },
    };
  }

  /** Keeps telemetry for those who read events. */
  #log(message: Telemetry): void {
    const { generationId = "1", authentication } = this.devices.get(message.hub, message.deviceId) ?? {};
    this.#logs.get(message.hub)?.append(message, {
      generationId,
      authentication: authentication?.type === "symmetricKey" ? "sas" : "x509",
    });
  }

  /** Names and addresses beside those that every emulator has. */
  #names(): string[] {
    const { host = "127.0.0.1", names = [] } = this.#options;
    const own = isWildcard(host) ? [] : [host];
    const second = this.hubs.flatMap((hub) => secondName(hub) ?? []);
    return [...this.hubs, ...second, this.serviceHost, ...own, ...names].map((name) => name.toLowerCase());
  }

  #defaultAuthorityDirectory(): string {
    if (this.#options.stateDirectory !== undefined) return join(this.#options.stateDirectory, "ca");
    this.#temporary = mkdtempSync(join(tmpdir(), "berth-emulator-"));
    return this.#temporary;
  }

  #sessionsOf(hub: string) {
    return {
      load: (deviceId: string) => this.devices.get(hub, deviceId)?.session,
      save: async (deviceId: string, subscriptions: Record<string, number> | undefined) => {
        const device = this.devices.get(hub, deviceId);
        if (!device) return;
        if (subscriptions) device.session = subscriptions;
        else delete device.session;
        this.devices.touched(hub, device);
        await this.#state.settled();
      },
    };
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

/** The name of a hub with TLS 1.3: `{hub}.device.azure-devices.net`. Undefined for a name that is none of Azure's. */
function secondName(hub: string): string | undefined {
  const parts = /^([^.]+)\.(azure-devices\.[a-z]+)$/i.exec(hub);
  return parts ? `${parts[1]}.device.${parts[2]}` : undefined;
}

/** Does it stand for every address of this computer? */
function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
