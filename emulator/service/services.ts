// SPDX-License-Identifier: MIT
/** Everything on the HTTPS port, put together. */
import type { EventEmitter } from "node:events";
import { DPS_HOST } from "../certificate-authority";
import type { EnrollmentRegistry } from "../enrollment-registry";
import type { EmulatorEvents } from "../events";
import type { FaultInjector } from "../faults";
import type { DeviceRegistry } from "../hub/device-registry";
import type { CloudToDeviceMessage } from "../hub/cloud-to-device";
import type { HubEndpoint } from "../hub/endpoint";
import type { Issuer } from "../issuer";
import type { ServedCertificate, ServerPair } from "../served-certificate";
import type { SettableClock } from "../settable-clock";
import { StateError, type StateStore } from "../state";
import { SESSION } from "./api";
import { serviceApp } from "./app";
import { EventStreams } from "./control/event-stream";
import { controlRoutes } from "./control/routes";
import type { DpsDevices } from "./dps/device-registrations";
import { dpsRoutes } from "./dps/routes";
import { HttpsServer } from "./https-server";
import type { FileStorage } from "./hub/device-files";
import { Activity } from "./hub/activity";
import { hubRoutes } from "./hub/routes";

/** What the services work with. */
export interface ServicesOptions {
  /** The chain and key of the server. */
  pair: ServerPair;
  certificates: ServedCertificate;
  events: EventEmitter<EmulatorEvents>;
  faults: FaultInjector;
  state: StateStore;
  devices: DeviceRegistry;
  enrollments: EnrollmentRegistry;
  registrations: Pick<DpsDevices, "door" | "requests" | "service">;
  endpoints: ReadonlyMap<string, HubEndpoint>;
  issuer: Issuer;
  /** By hub. */
  storages: ReadonlyMap<string, FileStorage>;
  /** A root that they are trusted by, beside the public ones: PEM. */
  root: string;
  hubs: readonly string[];
  /** Host name of DPS for services. */
  dps: string;
  /** Names and addresses that the port is reached by beside those of hubs and DPS, in lower case. */
  names: readonly string[];
  controlToken: string | undefined;
  /** Keeps events for those who listen later. */
  keepEvents: boolean;
  /** Queues a cloud-to-device message; its sequence number. @throws RangeError when it is too large, or the queue full */
  send(hub: string, deviceId: string, message: CloudToDeviceMessage): Promise<number>;
  /** Of `/health`, beside `status` and `since`. */
  health(): object;
  clock: SettableClock;
}

/** The services. */
export interface Services {
  /** Does not listen yet. */
  server: HttpsServer;
  /** Answers a request of the page's session, which has every right. */
  fetch(request: Request): Response | Promise<Response>;
}

/** Puts them together. */
export function createServices(options: ServicesOptions): Services {
  const { events, state, devices, enrollments, endpoints, hubs, dps, clock } = options;
  const now = () => clock.now();
  const context = {
    hubs,
    dps,
    policies: () => state.policies,
    now,
    onRefused: (host: string, path: string, reason: string) =>
      void events.emit("serviceRefused", { host, path, reason }),
    // The state's own failures are told by the state.
    onProblem: (error: Error) => {
      if (!(error instanceof StateError)) events.emit("problem", error);
    },
  };
  const started = now();
  const known = new Set([...hubs, dps, "localhost", "127.0.0.1", "[::1]", DPS_HOST, ...options.names]);
  const app = serviceApp({
    ...context,
    known,
    routes: [
      controlRoutes({
        token: options.controlToken,
        health: () => ({ status: "ready", since: new Date(started).toISOString(), ...options.health() }),
        certificates: options.certificates,
        clock,
        events: new EventStreams(
          events,
          // Events have the right time, however wrong the one is that devices are judged by.
          { now: () => clock.now() - clock.skew, schedule: (call, delay) => clock.schedule(call, delay) },
          options.keepEvents,
        ),
        faults: options.faults,
        deviceExists: (hub, deviceId) => devices.get(hub, deviceId) !== undefined,
        send: options.send,
        disconnect: (hub, deviceId) => endpoints.get(hub)?.disconnect(deviceId, "asked for") ?? false,
        now,
      }),
      hubRoutes(
        context,
        {
          devices,
          endpoint: (hub) => endpoints.get(hub)!,
          activity: new Activity(events, now),
          settled: () => state.settled(),
          now,
          at: (callback, time) => clock.at(callback, time),
          onProblem: context.onProblem,
        },
        options.issuer,
        { storageOf: (hub) => options.storages.get(hub), root: options.root, now },
      ),
      dpsRoutes(
        context,
        { enrollments, state, hubs, started, now },
        {
          ...options.registrations,
          schedule: (callback, delay) => clock.schedule(callback, delay),
          onRefused: context.onRefused,
          now,
        },
      ),
    ],
  });
  return {
    server: new HttpsServer(
      options.pair,
      [...hubs, dps, DPS_HOST],
      (request, bindings) => app.fetch(request, bindings),
      known,
    ),
    fetch: (request) => app.fetch(request, SESSION),
  };
}
