// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { IDENTITY_DOMAIN, IDENTITY_KEYS, readDeviceIdentity } from "../../firmware/device-identity";
import { readSettings, SETTINGS, SETTINGS_DOMAIN } from "../../firmware/settings";
import { LONGEST_KEY, LONGEST_VALUE } from "../../hosts/moddable/store";
import { SLOT_KEYS } from "../../src/storage/assignment-store";

const NOTHING = { preference: () => undefined, config: {} };

function read(preference: Record<string, unknown>, config: Record<string, unknown> = {}) {
  return readSettings({ preference: (key) => preference[key], config });
}

describe("settings", () => {
  test("are the defaults where nothing is set", () => {
    const { settings, problems } = readSettings(NOTHING);
    expect(problems).toEqual([]);
    for (const [key, { fallback }] of Object.entries(SETTINGS)) {
      expect(settings[key as keyof typeof settings]).toBe(fallback);
    }
  });

  test("preference comes before mc/config", () => {
    expect(read({ ssid: "flash" }, { ssid: "image" }).settings.ssid).toBe("flash");
    expect(read({}, { ssid: "image" }).settings.ssid).toBe("image");
  });

  test("numbers come as text from the command line", () => {
    expect(read({}, { telemetryEvery: "5" }).settings.telemetryEvery).toBe(5);
    expect(read({ telemetryEvery: 7 }).settings.telemetryEvery).toBe(7);
  });

  test.each<[string, unknown]>([
    ["telemetryEvery", 0],
    ["telemetryEvery", 86_401],
    ["telemetryEvery", 1.5],
    ["telemetryEvery", "5s"],
    ["telemetryEvery", ""],
    ["telemetryEvery", true],
    ["telemetryEvery", Number.NaN],
    ["keepAlive", 1_178],
    ["ssid", "x".repeat(33)],
    ["ssid", 5],
    ["dpsHost", "not a host"],
    ["dpsHost", ""],
    ["ssid", new ArrayBuffer(2)],
    ["ssid", "ü".repeat(17)],
    ["password", "7 chars"],
    ["password", "not ASCII: ü"],
    ["sntp", "no host,pool.ntp.org"],
    ["sntp", "pool.ntp.org:0"],
    ["sntp", "pool.ntp.org:123:4"],
    ["connectTo", "hub.example"],
  ])("%s = %p is named, skipped and not shown", (key, value) => {
    const { settings, problems } = read({ [key]: value });
    expect(settings[key as "ssid"]).toBe(SETTINGS[key as "ssid"].fallback);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${key} in preference is not`);
  });

  test.each([
    ["ssid", "ü".repeat(16)],
    ["password", "f".repeat(64)],
    ["sntp", "10.0.0.1, pool.ntp.org:1123"],
    ["sntp", ""],
    ["connectTo", ":127.0.0.1:8883,hub.example:10.0.0.1:1"],
  ])("%s = %p is taken", (key, value) => {
    expect(read({ [key]: value })).toMatchObject({ problems: [], settings: { [key]: value } });
  });

  test("a wrong value in flash falls back to the image", () => {
    expect(read({ keepAlive: 5 }, { keepAlive: 100 }).settings.keepAlive).toBe(100);
  });

  test("a key that cannot be read is named and skipped", () => {
    const { problems } = readSettings({
      config: {},
      preference: () => {
        throw new Error("nvs get fail");
      },
    });
    expect(problems).toContain("ssid in preference cannot be read");
  });

  test("what only the build may say is not read from flash", () => {
    expect(read({ built: 2_000_000_000 }).settings.built).toBe(SETTINGS.built.fallback);
    expect(read({}, { built: "2000000000" }).settings.built).toBe(2_000_000_000);
  });

  test("the table in the README says the same", () => {
    const readme = readFileSync("firmware/README.md", "utf8");
    const rows = [...readme.matchAll(/^\| `(\w+)` *\| (text|number) *\| ([^|]*?) *\| ([^|]*?) *\|/gm)];
    const table = Object.fromEntries(
      rows.map(([, key, kind, range, fallback]) => [key, { kind, range, fallback }]),
    );
    const expected = Object.fromEntries(
      Object.entries(SETTINGS).map(([key, setting]) => {
        const shown =
          typeof setting.fallback === "string" && setting.fallback !== ""
            ? `\`${setting.fallback}\``
            : setting.fallback;
        const range =
          setting.kind === "number"
            ? `${setting.minimum} to ${setting.maximum}`
            : (setting.form?.name ?? `${setting.minimum} to ${setting.maximum} characters`);
        return [key, { kind: setting.kind, range, fallback: shown === "" ? "empty" : String(shown) }];
      }),
    );
    expect(table).toEqual(expected);
  });
});

describe("identity", () => {
  const bytes = new ArrayBuffer(4);

  function identity(values: Record<string, unknown>, config: Record<string, unknown> = {}) {
    return readDeviceIdentity((key) => values[key], config);
  }

  test("with a symmetric key", () => {
    expect(identity({ idScope: "0ne1", registrationId: "dev", symmetricKey: "a2V5" })).toEqual({
      identity: { idScope: "0ne1", registrationId: "dev", attestation: "symmetricKey" },
      symmetricKey: "a2V5",
      efuseBlock: undefined,
      clientCertificate: undefined,
      root: undefined,
    });
  });

  test("with a key in eFuse", () => {
    expect(identity({ idScope: "0ne1", registrationId: "dev", efuseBlock: 0 })).toMatchObject({
      identity: { attestation: "symmetricKey" },
      symmetricKey: undefined,
      efuseBlock: 0,
    });
  });

  test("with a certificate, its issuer and a root of one's own; the scope from the image", () => {
    const values = {
      registrationId: "dev",
      certificate: bytes,
      issuer: bytes,
      clientKey: bytes,
      root: bytes,
    };
    expect(identity(values, { idScope: "0ne2" })).toMatchObject({
      identity: { idScope: "0ne2", attestation: "x509" },
      clientCertificate: { chain: [bytes, bytes], key: bytes },
      root: bytes,
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ["idScope", {}],
    ["registrationId", { idScope: "0ne1" }],
    ["symmetricKey, efuseBlock or certificate", { idScope: "0ne1", registrationId: "d" }],
    ["clientKey", { idScope: "0ne1", registrationId: "d", certificate: bytes }],
    ["symmetricKey is no text", { idScope: "0ne1", registrationId: "d", symmetricKey: bytes }],
    ["efuseBlock is no number", { idScope: "0ne1", registrationId: "d", efuseBlock: "secret" }],
    [
      "has symmetricKey and efuseBlock",
      { idScope: "0ne1", registrationId: "d", symmetricKey: "secret", efuseBlock: 1 },
    ],
    ["certificate holds no bytes", { idScope: "0ne1", registrationId: "d", certificate: "secret" }],
  ])("names what is missing or wrong: %s", (about, values) => {
    expect(() => identity(values)).toThrow(about);
    expect(() => identity(values)).not.toThrow("secret");
  });

  test("the table in the README has each of its keys", () => {
    const readme = readFileSync("firmware/README.md", "utf8");
    const [, table = ""] = /^## Identity$(.*?)^## /ms.exec(readme) ?? [];
    const keys = [...table.matchAll(/^\| `(\w+)` *\| (?:text|bytes|number) /gm)].map(([, key]) => key);
    expect(keys).toEqual(Object.values(IDENTITY_KEYS));
  });

  test("neither the registration id nor a key is taken from the image", () => {
    const config = { idScope: "0ne1", registrationId: "d", symmetricKey: "a2V5" };
    expect(() => identity({}, config)).toThrow("registrationId");
    expect(() => identity({ registrationId: "d" }, config)).toThrow("symmetricKey");
  });
});

test("every key and domain fits NVS", () => {
  const names = [
    ...Object.keys(SETTINGS),
    ...Object.values(IDENTITY_KEYS),
    ...SLOT_KEYS,
    IDENTITY_DOMAIN,
    SETTINGS_DOMAIN,
    "lastError",
  ];
  for (const name of names) expect(name.length).toBeLessThanOrEqual(LONGEST_KEY);
  for (const setting of Object.values(SETTINGS)) {
    if (setting.kind === "text") expect(setting.maximum).toBeLessThanOrEqual(LONGEST_VALUE);
  }
});
