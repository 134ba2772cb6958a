// SPDX-License-Identifier: MIT
import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { IDENTITY_DOMAIN, IDENTITY_KEYS, readDeviceIdentity } from "../../hosts/moddable/device-identity";
import { readSettings, SETTINGS, type Settings } from "../../firmware/settings";
import { SETTINGS_DOMAIN, type SettingsRead } from "../../hosts/moddable/settings";
import { LONGEST_STORE_KEY, LONGEST_STORE_VALUE } from "../../src/host";
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
    expect(read({ dpsHost: "flash" }, { dpsHost: "image" }).settings.dpsHost).toBe("flash");
    expect(read({}, { dpsHost: "image" }).settings.dpsHost).toBe("image");
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
    ["dpsHost", "not a host"],
    ["dpsHost", ""],
    ["sntp", "no host,pool.ntp.org"],
    ["sntp", "pool.ntp.org:0"],
    ["sntp", "pool.ntp.org:123:4"],
    ["connectTo", "hub.example"],
    ["connectTo", ":[::1]:8883"],
    ["connectTo", ":a b:0x50"],
  ])("%s = %p is named, skipped and not shown", (key, value) => {
    const { settings, problems } = read({ [key]: value });
    expect(settings[key as "sntp"]).toBe(SETTINGS[key as "sntp"].fallback);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${key} in preference is not`);
  });

  test.each([
    ["ssid", "ü".repeat(16)],
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
    expect(problems).toContain("dpsHost in preference cannot be read");
  });

  describe("Wi-Fi: ssid and password are one", () => {
    const IMAGE = { ssid: "image", password: "of the image" };
    const wifiOf = ({ settings: { ssid, password }, wifiFault }: SettingsRead<Settings>) => ({
      ssid,
      password,
      wifiFault,
    });

    test.each<[string, Record<string, unknown>, Record<string, unknown>, string, string]>([
      ["flash", { ssid: "flash", password: "of the flash" }, IMAGE, "flash", "of the flash"],
      ["the image", {}, IMAGE, "image", "of the image"],
      ["an open network in flash", { ssid: "flash", password: "" }, IMAGE, "flash", ""],
      ["an open network in flash, none in the image", { ssid: "flash" }, {}, "flash", ""],
      ["an open network in both", { ssid: "flash" }, { ssid: "image", password: "" }, "flash", ""],
      ["an open network in the image", {}, { ssid: "image" }, "image", ""],
      ["none, though the image has one", { ssid: "" }, IMAGE, "", ""],
      ["63 characters", { ssid: "flash", password: "~".repeat(63) }, {}, "flash", "~".repeat(63)],
      ["64 digits", { ssid: "flash", password: "0aF9".repeat(16) }, {}, "flash", "0aF9".repeat(16)],
    ])("%s", (_name, preference, config, ssid, password) => {
      expect(wifiOf(read(preference, config))).toEqual({ ssid, password, wifiFault: undefined });
    });

    test.each<[string, Record<string, unknown>, string]>([
      ["7 characters", { ssid: "secret", password: "7 chars" }, "password in preference is not 8 to 63"],
      ["no ASCII", { ssid: "secret", password: "geh€im-lang" }, "password in preference is not"],
      [
        "64 that are no digits",
        { ssid: "secret", password: "z".repeat(64) },
        "password in preference is not",
      ],
      ["65 digits", { ssid: "secret", password: "f".repeat(65) }, "password in preference is not"],
      ["a number", { ssid: "secret", password: 12_345_678 }, "password in preference is not"],
      ["33 bytes", { ssid: "x".repeat(33), password: "secretsecret" }, "ssid in preference is not"],
      ["34 bytes", { ssid: "ü".repeat(17), password: "secretsecret" }, "ssid in preference is not"],
      ["bytes", { ssid: new ArrayBuffer(2), password: "secretsecret" }, "ssid in preference is not"],
      ["a password alone", { password: "secretsecret" }, "password in preference has no ssid"],
      ["a forgotten password", { ssid: "secret" }, "ssid in preference has no password"],
    ])("none is joined for %s", (_name, preference, fault) => {
      for (const config of fault.includes("has no") ? [IMAGE] : [IMAGE, {}]) {
        const result = read(preference, config);
        expect(wifiOf(result)).toEqual({ ssid: "", password: "", wifiFault: expect.stringContaining(fault) });
        expect(result.wifiFault).not.toMatch(/secret|geh|zzz|fff|12_?345/);
      }
    });

    test("none is joined where flash cannot be read, or the image is wrong", () => {
      const unreadable = readSettings({
        config: IMAGE,
        preference: (key) => {
          if (key === "password") throw new Error("nvs get fail");
          return key === "ssid" ? "flash" : undefined;
        },
      });
      expect(unreadable.wifiFault).toBe("password in preference cannot be read");
      expect(read({}, { ssid: "image", password: "short" }).wifiFault).toContain(
        "password in mc/config is not",
      );
    });
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
    ...["certificate", "clientKey", "issuer"].flatMap((key): [string, Record<string, unknown>][] => [
      [
        `has symmetricKey and ${key}`,
        { idScope: "0ne1", registrationId: "d", symmetricKey: "secret", [key]: bytes },
      ],
      [`has efuseBlock and ${key}`, { idScope: "0ne1", registrationId: "d", efuseBlock: 0, [key]: bytes }],
    ]),
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
  for (const name of names) expect(name.length).toBeLessThanOrEqual(LONGEST_STORE_KEY);
  for (const setting of Object.values(SETTINGS)) {
    if (setting.kind === "text") expect(setting.maximum).toBeLessThanOrEqual(LONGEST_STORE_VALUE);
  }
});
