// SPDX-License-Identifier: MIT
import { spawn, spawnSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  createDeviceCertificate,
  createIntermediateCertificate,
  createRootCertificate,
} from "../../../../emulator/certificates";
import { IDENTITY_KEYS } from "../../../../hosts/moddable/device-identity";
import { SETTINGS } from "../../../../firmware/settings";
import { Diary } from "../../../../hosts/moddable/diary";
import { parseArguments, UsageError } from "../../../../hosts/moddable/scripts/main";
import { MODULE_MANIFESTS } from "../../../../hosts/moddable/scripts/check-manifests";
import {
  APPS,
  flagsOf,
  forgetStale,
  isFatalWarning,
  manifestOf,
  notPreloaded,
} from "../../../../hosts/moddable/scripts/build";
import { writePreferences } from "../../../../hosts/moddable/scripts/headless";
import { readIdentity } from "../../../../hosts/moddable/scripts/identity";
import { atLeast, findSdk, type Surroundings } from "../../../../hosts/moddable/scripts/sdk";
import { checkedSettings } from "../../../../hosts/moddable/scripts/settings";
import { BerthError } from "../../../../src/error";
import { SLOT_KEYS } from "../../../../src/storage/assignment-store";

describe("versions", () => {
  test.each([
    ["8.2.3", "8.2.3", true],
    ["8.10.0", "8.2.3", true],
    ["9.0.0", "8.2.3", true],
    ["8.2.2", "8.2.3", false],
    ["7.9.9", "8.2.3", false],
    ["v6.0", "6.0.0", true],
    ["7.0.0-beta", "6.0.0", true],
    ["unknown", "6.0.0", false],
    ["", "6.0.0", false],
  ])("%s is at least %s: %p", (version, oldest, expected) => {
    expect(atLeast(version, oldest)).toBe(expected);
  });
});

describe("what is missing is named before anything is built", () => {
  const FILES: Record<string, string> = {
    "/sdk/modules": "",
    "/sdk/tools/VERSION": "8.2.3\n",
    "/sdk/build/bin/lin/release/mcconfig": "",
    "/sdk/build/devices/esp32/manifest.json": '{"build": {"EXPECTED_ESP_IDF": "v6.0"}}',
    "/project/node_modules/typescript/package.json": '{"version": "7.0.2"}',
    "/idf": "",
  };

  function around(
    changes: Partial<Surroundings> = {},
    files: Record<string, string | undefined> = {},
  ): Surroundings {
    const all = { ...FILES, ...files };
    return {
      environment: { MODDABLE: "/sdk", IDF_PATH: "/idf" },
      os: "linux",
      project: "/project",
      exists: (path) => all[path] !== undefined,
      read: (path) => all[path] as string,
      run: (command) => (command === "git" ? "v6.0.2" : ""),
      mbedtls: () => true,
      ...changes,
    };
  }

  test("nothing, where all is there", () => {
    for (const target of ["esp32", "simulator"] as const) {
      expect(findSdk(target, around())).toEqual({
        sdk: { moddable: "/sdk", tools: "/sdk/build/bin/lin/release", simulator: "lin", version: "8.2.3" },
        problems: [],
      });
    }
  });

  test.each<
    [string, "esp32" | "simulator", Partial<Surroundings>, Record<string, string | undefined>, RegExp]
  >([
    ["no MODDABLE", "esp32", { environment: {} }, {}, /MODDABLE is not set.*npx xs-dev setup/],
    ["a wrong MODDABLE", "esp32", { environment: { MODDABLE: "/x" } }, {}, /is no Moddable SDK/],
    ["a relative MODDABLE", "esp32", { environment: { MODDABLE: "sdk" } }, {}, /is no Moddable SDK/],
    [
      "an old SDK",
      "esp32",
      {},
      { "/sdk/tools/VERSION": "8.2.2" },
      /is 8\.2\.2, 8\.2\.3 or later.*xs-dev update/,
    ],
    ["no version", "esp32", {}, { "/sdk/tools/VERSION": undefined }, /is unknown/],
    [
      "no tools",
      "esp32",
      {},
      { "/sdk/build/bin/lin/release/mcconfig": undefined },
      /tools of the SDK are not built/,
    ],
    [
      "no TypeScript",
      "esp32",
      {},
      { "/project/node_modules/typescript/package.json": undefined },
      /npm install/,
    ],
    [
      "an old TypeScript",
      "esp32",
      {},
      { "/project/node_modules/typescript/package.json": '{"version":"5.9.3"}' },
      /TypeScript is 5\.9\.3/,
    ],
    [
      "no IDF_PATH",
      "esp32",
      { environment: { MODDABLE: "/sdk" } },
      {},
      /no ESP-IDF \(IDF_PATH is not set\).*--device esp32/,
    ],
    [
      "neither SDK nor ESP-IDF: both are named",
      "esp32",
      { environment: {} },
      {},
      /MODDABLE is not set.*\nno ESP-IDF \(IDF_PATH is not set/,
    ],
    [
      "no SDK, and an ESP-IDF that is not there",
      "esp32",
      { environment: { IDF_PATH: "/gone" } },
      {},
      /no ESP-IDF \(IDF_PATH is "\/gone", which is not there/,
    ],
    ["another ESP-IDF", "esp32", { run: () => "v5.5" }, {}, /is v5\.5, this SDK expects v6\.0/],
    ["another ESP-IDF in a file", "esp32", {}, { "/idf/version.txt": "v5.4.1" }, /is v5\.4\.1/],
    ["another system", "esp32", { os: "freebsd" }, {}, /does not run on freebsd/],
    [
      "no GLib",
      "simulator",
      {
        run: (command) => {
          if (command === "pkg-config") throw new Error("missing");
          return "";
        },
      },
      {},
      /GLib is missing.*libglib2\.0-dev/,
    ],
    ["no mbedTLS", "simulator", { mbedtls: () => false }, {}, /mbedTLS is not installed.*libmbedtls-dev/],
    [
      "no mbedTLS on macOS",
      "simulator",
      { os: "darwin" },
      { "/sdk/build/bin/mac/release/mcconfig": "" },
      /MBEDTLS is not set.*brew --prefix/,
    ],
    [
      "another directory for it",
      "simulator",
      { os: "darwin", environment: { MODDABLE: "/sdk", MBEDTLS: "/opt" } },
      { "/sdk/build/bin/mac/release/mcconfig": "" },
      /MBEDTLS is "\/opt", which has no include\/mbedtls\/ssl\.h/,
    ],
  ])("%s", (_, target, changes, files, problem) => {
    const { sdk, problems } = findSdk(target, around(changes, files));
    expect(sdk).toBeUndefined();
    expect(problems.join("\n")).toMatch(problem);
  });

  test("a simulator needs no ESP-IDF", () => {
    expect(findSdk("simulator", around({ environment: { MODDABLE: "/sdk" } })).problems).toEqual([]);
  });
});

describe("arguments", () => {
  test("a build with settings of Moddable's form", () => {
    expect(parseArguments(["build", "esp32s3", "ssid=my net", "password=a=b", "--debug"])).toEqual({
      action: "build",
      target: "esp32s3",
      options: { debug: "true" },
      settings: ["ssid=my net", "password=a=b"],
    });
    expect(parseArguments(["sim", "--state", "d", "exitAfter=1"])).toMatchObject({
      target: "sim",
      options: { state: "d" },
    });
  });

  test("the emulated chip", () => {
    expect(parseArguments(["qemu", "--efuse", "--cut", "9", "--seed", "3", "telemetryEvery=1"])).toEqual({
      action: "qemu",
      target: "qemu",
      options: { efuse: "true", cut: "9", seed: "3" },
      settings: ["telemetryEvery=1"],
    });
    expect(parseArguments(["build", "qemu"]).target).toBe("qemu");
    expect(() => parseArguments(["qemu", "--cut", "many"])).toThrow(
      '--cut is a whole number of power cuts, not "many"',
    );
  });

  test.each([
    [[]],
    [["make"]],
    [["build"]],
    [["build", "esp8266"]],
    [["flash", "sim"]],
    [["flash", "qemu"]],
    [["qemu", "esp32c3"]],
    [["build", "esp32", "esp32s3"]],
    [["sim", "--state"]],
    [["sim", "--stat", "d"]],
    [["sim", "quick"]],
    [["sim", "--timeout", "soon"]],
    [["test", "--seed", "one"]],
    [["build", "esp32", "--identity", "x"]],
    [["test", "exitAfter=1"]],
  ])("%j is refused", (words) => {
    expect(() => parseArguments(words)).toThrow(UsageError);
  });

  test("an overlay of the site is taken where there is one", () => {
    const project = mkdtempSync(join(tmpdir(), "berth-overlay-"));
    expect(manifestOf(project, APPS.firmware)).toBe(join(project, "firmware", "manifest.json"));
    rmSync(project, { recursive: true });
  });
});

test.each([
  ["# warning: no modules match: /x/y", true],
  ["### warning: no data match: z", true],
  ["/sdk/modules/listener.js:26: warning: cannot optimize native!", false],
  ["### warning: ssl/cache: default: not frozen", false],
])("%s is fatal: %p", (line, fatal) => {
  expect(isFatalWarning(line)).toBe(fatal);
});

test("a module that the makefile does not preload is named, also where there is no makefile", () => {
  const makefile = "PRELOADS =\\\n\t-p berth/a.xsb\\\n\t-p berth/b.xsb\n";
  expect(notPreloaded(["berth/a", "berth/b"], makefile)).toEqual([]);
  expect(notPreloaded(["berth/a", "berth/c"], makefile)).toEqual(["berth/c"]);
  expect(notPreloaded(["berth/a"], "PRELOADS =\\\n\t-p timer.xsb\n")).toEqual(["berth/a"]);
  expect(notPreloaded(["berth/a"], "")).toEqual(["berth/a"]);
});

test.each([
  ["esp32c3", "-msave-restore -falign-functions=2"],
  ["esp32c6", "-msave-restore -falign-functions=2"],
  ["esp32h2", "-msave-restore -falign-functions=2"],
  ["esp32s3", undefined],
  ["esp32", undefined],
])("the C of an app for %s has the flags %s more", (chip, flags) => {
  const makefile = `PLATFORM = esp32\nESP32_SUBCLASS = ${chip}\n# esp32c3\nESP32_SUBCLASS ?= esp32\n`;
  expect(flagsOf(makefile).C_FLAGS_SUBPLATFORM).toBe(flags);
});

test("what was built goes with another SDK, another manifest", () => {
  const project = mkdtempSync(join(tmpdir(), "berth-stale-"));
  const made = join(project, "made");
  for (const folder of [...Object.values(APPS), "hosts"])
    mkdirSync(join(project, folder), { recursive: true });
  for (const file of MODULE_MANIFESTS) writeFileSync(join(project, file), "{}");
  const sdk = { moddable: "/sdk", tools: "/sdk/bin", simulator: "lin", version: "8.2.3" };
  const stays = (options: Partial<Parameters<typeof forgetStale>[2]>) => {
    mkdirSync(made, { recursive: true });
    forgetStale(join(project, "stamp"), [made], { project, sdk, app: APPS.firmware, ...options });
    return existsSync(made);
  };
  expect(stays({})).toBe(false);
  expect(stays({})).toBe(true);
  expect(stays({ sdk: { ...sdk, version: "8.2.4" } })).toBe(false);
  expect(stays({ sdk: { ...sdk, moddable: "/other" } })).toBe(false);
  writeFileSync(join(project, "hosts", "manifest_x.json"), "{}");
  expect(stays({})).toBe(false);
  expect(stays({})).toBe(true);
  const app = join(project, "app");
  mkdirSync(app);
  writeFileSync(join(app, "manifest.json"), "{}");
  expect(stays({ app })).toBe(false);
  expect(stays({ app })).toBe(true);
  writeFileSync(join(app, "manifest.json"), '{ "config": {} }');
  expect(stays({ app })).toBe(false);
  rmSync(project, { recursive: true });
});

describe("settings of the command line", () => {
  test("are those of the firmware, and the id scope of an image", () => {
    const given = { ssid: "net", password: "pass=phrase", exitAfter: "0" };
    const words = Object.entries(given).map(([key, value]) => `${key}=${value}`);
    expect(checkedSettings(words, false, SETTINGS)).toEqual(given);
    expect(checkedSettings(["idScope=0ne1"], true, SETTINGS)).toEqual({ idScope: "0ne1" });
    expect(checkedSettings(["password=passphrase"], true, SETTINGS)).toEqual({ password: "passphrase" });
  });

  test.each([
    ["an unknown one", "telemtryEvery=5", false, /"telemtryEvery"; there are .*telemetryEvery/],
    ["of every object", "constructor=5", false, /"constructor"/],
    ["out of range", "telemetryEvery=0", true, /telemetryEvery is not a whole number from 1 to 86400/],
    ["of the wrong form", "password=secret", true, /password is not 8 to 63 ASCII characters/],
    ["half a Wi-Fi", "password=passphrase", false, /no ssid beside it/],
    ["of an identity, in a simulator", "idScope=0ne1", false, /"idScope"/],
    ["an empty id scope", "idScope=", true, /idScope is empty/],
  ])("%s: %s is refused", (_what, word, image, message) => {
    expect(() => checkedSettings([word], image, SETTINGS)).toThrow(message);
  });
});

describe("the command", () => {
  const run = (...words: string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", "hosts/moddable/scripts/main.ts", ...words], {
      encoding: "utf8",
    });

  test("prints its usage", () => {
    const { status, stdout } = run("sim", "--help");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringMatching(
        /^The firmware on[\s\S]*sim .*--identity FILE\.json\][\s\S]*none \(release\) for a board\.\n$/,
      ),
    });
    expect(run("sim", "--hepl")).toMatchObject({
      status: 64,
      stderr: expect.stringMatching(/--hepl[\s\S]*--identity FILE/),
    });
  });

  test("says what --app needs, and takes no settings that are the firmware's", () => {
    const empty = mkdtempSync(join(tmpdir(), "berth-app-"));
    expect(run("sim", "--app", empty)).toMatchObject({
      status: 64,
      stderr: expect.stringContaining(`--app: there is no manifest.json in ${empty}`),
    });
    writeFileSync(join(empty, "manifest.json"), "{}");
    expect(run("sim", "--app", empty, "exitAfter=1")).toMatchObject({
      status: 64,
      stderr: expect.stringContaining('there is no setting "exitAfter"; there are ssid, password'),
    });
    rmSync(empty, { recursive: true });
  });

  test("judges settings and identity before it looks for an SDK", () => {
    const wrong = run("sim", "telemtryEvery=5");
    expect(wrong).toMatchObject({
      status: 64,
      stdout: "",
      stderr: expect.stringContaining('"telemtryEvery"'),
    });
    const missing = run("sim", "--identity", "/nowhere.json");
    expect(missing).toMatchObject({
      status: 64,
      stderr: "error: --identity: there is no file /nowhere.json\n",
    });
  });
});

describe("the simulated flash", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-flash-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test("takes files as other programs write them, and knows a key of another certificate", async () => {
    const root = await createRootCertificate({ commonName: "root" });
    const issuer = await createIntermediateCertificate({ commonName: "line" }, root);
    const device = await createDeviceCertificate({ commonName: "dev", keyType: "ec-p256" }, issuer);
    const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, "utf16le");
    // The issuer first, by PowerShell; the key in DER.
    writeFileSync(join(directory, "chain.pem"), utf16(issuer.certificatePem + device.certificatePem));
    const key = createPrivateKey(device.privateKeyPem);
    writeFileSync(join(directory, "key.der"), key.export({ type: "pkcs8", format: "der" }));
    writeFileSync(join(directory, "other.pem"), root.privateKeyPem);
    const file = join(directory, "device.json");
    const identity = {
      idScope: "0ne1",
      registrationId: "dev",
      certificate: "chain.pem",
      clientKey: "key.der",
    };
    writeFileSync(file, utf16(JSON.stringify(identity)));
    const values = readIdentity(file);
    expect(values.certificate).toEqual(new X509Certificate(device.certificatePem).raw);
    expect(values.issuer).toEqual(new X509Certificate(issuer.certificatePem).raw);
    expect(values.clientKey).toEqual(key.export({ type: "pkcs8", format: "der" }));
    writeFileSync(file, JSON.stringify({ ...identity, clientKey: "other.pem" }));
    expect(() => readIdentity(file)).toThrow("other.pem is not the private key of chain.pem");
  });

  test("takes an identity with certificates, as the firmware reads it", async () => {
    const root = await createRootCertificate({ commonName: "root" });
    const device = await createDeviceCertificate({ commonName: "dev", keyType: "rsa-2048" }, root);
    writeFileSync(join(directory, "chain.pem"), `${device.certificatePem}\n${root.certificatePem}`);
    writeFileSync(join(directory, "key.pem"), device.privateKeyPem);
    writeFileSync(join(directory, "root.pem"), root.certificatePem);
    const file = join(directory, "device.json");
    const identity = {
      idScope: "0ne1",
      registrationId: "dev",
      certificate: "chain.pem",
      clientKey: "key.pem",
      root: "root.pem",
    };
    writeFileSync(file, JSON.stringify(identity));
    const values = readIdentity(file);
    expect(Object.keys(values).sort()).toEqual(
      Object.values(IDENTITY_KEYS)
        .filter((key) => key !== "symmetricKey" && key !== "efuseBlock")
        .sort(),
    );
    expect(values.issuer).toEqual(values.root);

    writePreferences(directory, { "berth-id": values });
    writePreferences(directory, { berth: { connectTo: ":127.0.0.1:1" } });
    const kept = JSON.parse(readFileSync(join(directory, "modpreferences.json"), "utf8"));
    expect(kept.berth).toEqual({ connectTo: ":127.0.0.1:1" });
    expect(kept["berth-id"].certificate.buffer.split(",")).toHaveLength(
      (values.certificate as Uint8Array).length,
    );
  });

  test.each([
    ["a text", "secret", /is no JSON object/],
    ["a list", "[]", /is no JSON object/],
    ["an unknown field", '{"certifcate":"a.pem"}', /"certifcate"; there are .*certificate/],
    ["a number", '{"idScope":1}', /idScope of .* is no text/],
    ["no registration id", '{"idScope":"0ne1"}', /has no registrationId/],
    ["no proof", '{"idScope":"0ne1","registrationId":"d"}', /needs either symmetricKey or certificate/],
    [
      "two proofs",
      '{"idScope":"0ne1","registrationId":"d","symmetricKey":"secret","certificate":"a.pem"}',
      /needs either/,
    ],
    [
      "a missing file",
      '{"idScope":"0ne1","registrationId":"d","certificate":"a.pem","clientKey":"b.pem"}',
      /certificate of .*device\.json: there is no file .*a\.pem/,
    ],
    [
      "a file of something else",
      '{"idScope":"0ne1","registrationId":"d","symmetricKey":"secret","root":"device.json"}',
      /root of .*: .*device\.json holds no X\.509 certificate/,
    ],
  ])("refuses %s as an identity", (_what, content, message) => {
    const file = join(directory, "device.json");
    writeFileSync(file, content);
    expect(() => readIdentity(file)).toThrow(message);
    expect(() => readIdentity(file)).not.toThrow("secret");
  });

  test("has no value of an earlier run, and what the device keeps", () => {
    const file = join(directory, "modpreferences.json");
    const own: string[] = [...SLOT_KEYS];
    const store = { read: () => undefined, write: (key: string) => own.push(key), delete: () => undefined };
    const clock = { now: () => undefined, ticks: () => 0 };
    const text = { encode: () => new Uint8Array(), encodeInto: () => 0, decode: () => "" };
    new Diary(store, text, clock).note("hub", new BerthError("closed"));
    expect(own).toHaveLength(4);
    const kept = Object.fromEntries(own.map((key) => [key, { buffer: "1,2" }]));
    const before = {
      berth: { ...kept, exitAfter: "5", telemtryEvery: "5" },
      "berth-id": { idScope: "0ne1", symmetricKey: "a2V5" },
      other: { x: "1" },
    };
    writeFileSync(file, JSON.stringify(before));
    writePreferences(directory, { berth: { keepAlive: "30" }, "berth-id": { idScope: "0ne2" } });
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      berth: { ...kept, keepAlive: "30" },
      "berth-id": { idScope: "0ne2" },
      other: { x: "1" },
    });
  });

  test("keeps the limits of NVS", () => {
    expect(() => writePreferences(directory, { berth: { ["x".repeat(16)]: "" } })).toThrow("would not fit");
    expect(() => writePreferences(directory, { berth: { x: "y".repeat(4001) } })).toThrow("would not fit");
  });
});

describe("SIGTERM to a script ends what it started", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "berth-signal-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** Runs a script until its first line, then sends SIGTERM. @returns the line and how the script ended */
  async function stopped(code: string) {
    const script = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = once(script, "close");
    const [line] = await once(createInterface({ input: script.stdout }), "line");
    script.kill("SIGTERM");
    const [status, signal] = await ended;
    return { line: String(line), status, signal };
  }

  test("the firmware", async () => {
    const runner = join(directory, "runner");
    writeFileSync(runner, "#!/bin/sh\necho $$\nexec sleep 60\n", { mode: 0o700 });
    const { line, ...end } = await stopped(`
      import { runHeadless } from "./hosts/moddable/scripts/headless.ts";
      process.exitCode = await runHeadless(${JSON.stringify(runner)}, "app", "flash", 0);`);
    expect(end).toEqual({ status: 143, signal: null });
    expect(() => process.kill(Number(line), 0)).toThrow("ESRCH");
  });

  test("the emulator", async () => {
    const { line, ...end } = await stopped(`
      import { startEmulator } from "./hosts/moddable/scripts/emulator.ts";
      console.log((await startEmulator(process.cwd(), ${JSON.stringify(directory)})).port);`);
    expect(end).toEqual({ status: 0, signal: null });
    const [error] = await once(connect(Number(line), "127.0.0.1"), "connect").then(
      () => [undefined],
      (reason) => [reason],
    );
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });
});
