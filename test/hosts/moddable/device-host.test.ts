// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { type ModdableOptions, devicePartsOf } from "../../../hosts/moddable/device-host";
import type { ModdableHost, ModdableHostOptions } from "../../../hosts/moddable/host-options";
import type { PreferenceValue } from "../../../hosts/moddable/store";
import { BerthError } from "../../../src/error";
import type { Host } from "../../../src/host";
import type { TelemetryDeviceOptions } from "../../../src/telemetry-device";

const IDENTITY = { idScope: "0ne1", registrationId: "dev", symmetricKey: "a2V5" };
type Options = ModdableOptions & TelemetryDeviceOptions<never>;

/** A device on a board whose flash holds `flash`, by domain and key. */
function made(
  options: Options = {},
  flash: Record<string, Record<string, PreferenceValue>> = { "berth-id": IDENTITY },
  config: Record<string, unknown> = {},
) {
  const calls: unknown[] = [];
  let given: ModdableHostOptions | undefined;
  const parts = devicePartsOf(options, {
    preferences: {
      get: (domain, key) => flash[domain]?.[key],
      set: () => {},
      delete: () => {},
    },
    config,
    roots: [{ name: "built in", read: () => new Uint8Array([1]) }],
    createHost(all) {
      given = all;
      return {
        start: () => calls.push("start"),
        stop: () => calls.push("stop"),
        heed: (error: BerthError | undefined) => calls.push(error?.code),
      } as unknown as ModdableHost;
    },
  });
  return { ...parts, calls, given: given as ModdableHostOptions };
}

test("without options: identity and settings from flash, the rest from the image", () => {
  const { identity, given, options } = made(
    {},
    {
      "berth-id": IDENTITY,
      berth: { ssid: "net", password: "longenough", connectTo: ":127.0.0.1:8883", dpsHost: "dps.example" },
    },
  );
  expect(identity).toEqual({ idScope: "0ne1", registrationId: "dev", attestation: "symmetricKey" });
  expect(given).toMatchObject({
    symmetricKey: "a2V5",
    network: { SSID: "net", password: "longenough" },
    connectTo: [{ host: "", address: "127.0.0.1", toPort: 8883 }],
    domain: "berth",
  });
  expect(given.sntp).toHaveLength(3);
  expect(given.roots.map(({ name }) => name)).toEqual(["built in"]);
  expect(given.bounds.earliest).toBeGreaterThan(1_781_000_000_000);
  expect(options.provisioning).toEqual({ host: "dps.example" });
});

test("mc/config has the Wi-Fi and the scope; its sntp is of the SDK's own setup", () => {
  const config = { idScope: "0ne2", ssid: "net", sntp: "pool.ntp.org", berth: { sntp: "" } };
  const flash = { "berth-id": { registrationId: "dev", symmetricKey: "a2V5" } };
  const { identity, given } = made({}, flash, config);
  expect(identity.idScope).toBe("0ne2");
  expect(given.network).toEqual({ SSID: "net", password: undefined });
  expect(given.sntp).toEqual([]);
});

test("options come before everything else", () => {
  const network = { isUp: () => true };
  const key = new Uint8Array([7, 7]);
  const own = { certificate: new Uint8Array([1]), clientKey: key, root: new Uint8Array([2]) };
  const { identity, given, options } = made(
    {
      identity: { idScope: "0ne3", registrationId: "me", ...own },
      network,
      sntp: ["time.example"],
      roots: [new Uint8Array([3])],
      bounds: { earliest: 1, latest: 2 },
      connectTo: "",
      provisioning: { host: "own.example" },
    },
    { berth: { ssid: "net", password: "longenough", connectTo: ":127.0.0.1:1" } },
  );
  expect(identity).toEqual({ idScope: "0ne3", registrationId: "me", attestation: "x509" });
  expect(given).toMatchObject({ network, sntp: ["time.example"], bounds: { earliest: 1, latest: 2 } });
  expect(given.connectTo).toBeUndefined();
  expect(given.roots.map(({ read }) => read())).toEqual([new Uint8Array([3]), new Uint8Array([2])]);
  expect(options.provisioning).toEqual({ host: "own.example" });
  // TLS overwrites the key that it gets.
  expect(given.clientCertificate?.key).toEqual(key);
  expect(given.clientCertificate?.key).not.toBe(key);
});

test("half a Wi-Fi joins nothing, and the device does not start; skipped settings are told", () => {
  const told: string[] = [];
  const options: TelemetryDeviceOptions = {
    onError: ({ where, error }) => void told.push(`${where}: ${error.message}`),
  };
  const { host, bind, calls } = made(options as Options, {
    "berth-id": IDENTITY,
    berth: { ssid: "net", password: "short", dpsHost: "https://wrong" },
  });
  bind({});
  const ends: unknown[] = [];
  host.begin?.((error) => void ends.push(error));
  expect(ends).toEqual([expect.objectContaining({ code: "invalid-argument" })]);
  expect(String(ends[0])).toContain("no Wi-Fi: password in preference is not");
  expect(told).toEqual([expect.stringContaining("store: setting skipped: dpsHost in preference is not")]);
  expect(calls).toEqual([]);
});

test("the network starts and stops with the device, and hears what came of its connections", () => {
  const told: unknown[] = [];
  const options: TelemetryDeviceOptions = {
    onConnected: () => void told.push("connected"),
    onError: ({ error }) => void told.push(error.code),
  };
  const { host, options: wrapped, calls } = made(options as Options);
  host.begin?.((error) => void calls.push(error ?? "ready"));
  const { onConnected, onError } = wrapped as TelemetryDeviceOptions<unknown>;
  onConnected?.call(undefined, { hub: "h", deviceId: "d", source: "dps", sessionPresent: false });
  for (const where of ["hub", "application"] as const)
    onError?.call(undefined, { where, error: new BerthError("dns-failed", "x"), retryIn: 1 });
  host.end?.();
  expect(calls).toEqual(["start", "ready", undefined, "dns-failed", "stop"]);
  expect(told).toEqual(["connected", "dns-failed", "dns-failed"]);
});

test("what the platform reports reaches the application, and what that throws nobody", () => {
  const told: unknown[] = [];
  const options: TelemetryDeviceOptions = {
    onError(report) {
      told.push([this, report.where, report.error.code]);
      throw new Error("of the application");
    },
  };
  const { given, bind } = made(options as Options);
  given.onError("network", new BerthError("network-down", "too early"));
  const device = {};
  bind(device);
  given.onError("timer", new BerthError("internal", "x"));
  given.onRoot({ name: "r", state: "unreadable", reason: "gone" });
  given.onRoot({ name: "r", state: "expired", reason: undefined });
  expect(told).toEqual([
    [device, "application", "internal"],
    [device, "store", "invalid-argument"],
  ]);
});

test("parts of the platform can be replaced", () => {
  const store = { read: () => undefined, write: () => {}, delete: () => {} };
  const hooks: string[] = [];
  const own: Partial<Host> = {
    store,
    begin: (ready) => {
      hooks.push("begin");
      ready();
    },
    end: () => void hooks.push("end"),
  };
  const { host, calls } = made({ host: own });
  host.begin?.(() => void calls.push("ready"));
  host.end?.();
  expect(host.store).toBe(store);
  expect([calls, hooks]).toEqual([
    ["start", "ready", "stop"],
    ["begin", "end"],
  ]);
});

test.each<[string, Options, Record<string, Record<string, PreferenceValue>>]>([
  ["berth-id has no idScope", {}, {}],
  ["the option identity has no registrationId", { identity: { idScope: "0ne1" } as never }, {}],
  [
    "the option identity/symmetricKey is no text",
    { identity: { ...IDENTITY, symmetricKey: 5 as never } },
    {},
  ],
])("%s is told before anything starts", (message, options, flash) => {
  expect(() => made(options, flash)).toThrow(message);
});
