// SPDX-License-Identifier: MIT
/** Apps outside the project: how they are built, and with the SDK that they run. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { APPS, build } from "../../../../hosts/moddable/scripts/build";
import { MODULE_MANIFESTS } from "../../../../hosts/moddable/scripts/check-manifests";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "berth-app-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(file: string, content: string | object): string {
  const path = join(directory, file);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

test("an app is built in its own folder, apart from others of its name, with flash in the directory of the run", async () => {
  const project = join(directory, "project");
  for (const folder of [...Object.values(APPS), "hosts"])
    mkdirSync(join(project, folder), { recursive: true });
  for (const file of MODULE_MANIFESTS) write(join("project", file), {});
  const calls = join(directory, "calls");
  // In the place of mcconfig: tells where it was called and how, and fails.
  const mcconfig = write(
    "tools/mcconfig",
    `#!/bin/sh\nfor word in "$PWD" "$@"; do echo "$word"; done >> ${calls}\nexit 3\n`,
  );
  chmodSync(mcconfig, 0o700);
  const sdk = { moddable: directory, tools: join(directory, "tools"), simulator: "lin", version: "8.2.3" };
  const outputs: string[] = [];
  for (const place of ["one", "two"]) {
    const app = join(directory, place, "app");
    write(join(place, "app", "manifest.json"), {});
    const built = await build({
      project,
      sdk,
      app,
      platform: "lin",
      target: "build",
      mode: "release",
      settings: [],
    });
    expect(built.status).toBe(3);
    expect(basename(built.output)).toBe("app");
    outputs.push(built.output);
  }
  expect(outputs[0]).not.toBe(outputs[1]);
  const words = readFileSync(calls, "utf8").trim().split("\n");
  expect(words.slice(0, 9)).toEqual([
    join(directory, "one", "app"),
    "-m",
    ...["-p", "lin", "-t", "build", "-o"],
    outputs[0]?.replace(/\/bin\/lin\/mc\/release\/app$/, ""),
    expect.stringMatching(/\/app\/manifest\.json$/),
  ]);
  expect(JSON.parse(readFileSync(words[8] ?? "", "utf8"))).toEqual({
    include: join(directory, "one", "app", "manifest.json"),
    // A board has no folder for its flash.
    platforms: { esp32: {}, "...": { config: { file: { root: "./" } } } },
  });
});

const withSdk = process.env.MODDABLE ? describe : describe.skip;

withSdk("on the SDK's simulator", () => {
  const END = "(globalThis as { screen?: { postMessage(message: string): void } }).screen?.postMessage";

  function run(app: string, ...words: string[]) {
    return spawnSync(
      process.execPath,
      [
        ...["--import", "tsx", "hosts/moddable/scripts/main.ts", "sim", "--app", app, "--timeout", "60"],
        ...["--state", join(directory, "state"), ...words],
      ],
      { encoding: "utf8" },
    );
  }

  test("an app with ordinary TypeScript, C of its own and Berth before the SDK's base", () => {
    const app = join(directory, "ordinary");
    write("ordinary/manifest.json", {
      include: [
        relative(app, join(process.cwd(), "manifest.json")),
        "$(MODDABLE)/examples/manifest_base.json",
      ],
      modules: { "*": ["./main", "./hmac"] },
    });
    write(
      "ordinary/hmac.c",
      '#include "xsmc.h"\nvoid xs_app_hmac(xsMachine *the) { xsmcSetInteger(xsResult, 42); }\n',
    );
    write("ordinary/hmac.js", 'export default function () { return native("xs_app_hmac").call(this); }\n');
    write("ordinary/hmac.d.ts", 'declare module "hmac" { export default function answer(): number; }\n');
    write(
      "ordinary/main.ts",
      `import Device, { log, ModdableDeviceOptions } from "berth";
import answer from "hmac";
enum Color { Red, Green }
class Part { constructor(private readonly color: Color) {} tell() { return Color[this.color]; } }
const options: ModdableDeviceOptions = { onError: ({ error }) => log(error.message) };
const device = new Device({
  ...options,
  methods: { paint: () => ({ status: 200 }) },
  onConnected: ({ hub }) => log(\`\${new Part(Color.Green).tell()} \${answer()} at \${hub}, \${device.send({ celsius: 21.5 })}\`),
  onAcknowledged(count) { log(\`acknowledged \${count}\`); ${END}("exit 0"); },
});
`,
    );
    const { status, stdout } = run(app);
    expect(stdout).toMatch(/^Green 42 at hub-\d\.example, true$/m);
    expect(stdout).toMatch(/^acknowledged 1$/m);
    expect(status).toBe(0);
  }, 300_000);

  test("an app in JavaScript with the smaller manifest, which carries no twin and no methods", () => {
    const app = join(directory, "small");
    write("small/manifest.json", {
      include: ["$(MODDABLE)/examples/manifest_base.json", join(process.cwd(), "manifest_telemetry.json")],
      modules: { "*": "./main" },
    });
    write(
      "small/main.js",
      `import Device, { log } from "berth";
import Modules from "modules";
const device = new Device({
  onConnected() { this.send("text"); },
  onAcknowledged() {
    log(Modules.host.filter((name) => /twin|methods|plug-and-play|tsconfig|package/.test(name)).join() || "small");
    globalThis.screen?.postMessage("exit 0");
  },
});
`,
    );
    const { status, stdout } = run(app, "--release");
    expect(stdout).toMatch(/^small$/m);
    expect(status).toBe(0);
  }, 300_000);

  /**
   * Chunks and slots of a fixed size are the bound that XS keeps on Linux, too; on boards it is `static`. What stays free
   * beside the ballast, 28,672 bytes and 1,792 slots of 16 bytes, is with the stack 69,632 bytes of a board: fewer than the
   * 81,920 of an ESP32-S2 (hosts/moddable/manifest_memory.json), though on 64 bits more goes into chunks.
   */
  test("a script that eats its heap: TLS connects all the same, XS stops the growth, and the next start comes back", () => {
    const app = join(directory, "eater");
    write("eater/manifest.json", {
      include: join(process.cwd(), "manifest.json"),
      modules: { "*": "./main" },
      creation: { chunk: { initial: 65_536, incremental: 0 }, heap: { initial: 2_048, incremental: 0 } },
    });
    write(
      "eater/main.js",
      `import Device, { log } from "berth";
import Preference from "preference";
const ballast = [];
let chain;
let connections = 0;
const device = new Device({
  onConnected({ source }) {
    connections += 1;
    log(\`connected \${connections}, \${source}\`);
    if (Preference.get("eater", "eaten")) globalThis.screen?.postMessage("exit 0");
    else if (connections === 1) {
      ballast.push(new ArrayBuffer(36_864));
      // Two slots each, and no array: one that grows takes memory by where it lies.
      for (let i = 0; i < 128; i += 1) chain = { chain };
      device.reprovision();
    } else {
      Preference.set("eater", "eaten", true);
      for (;;) ballast.push(new ArrayBuffer(1_000));
    }
  },
});
`,
    );
    const eaten = run(app);
    expect(eaten.stdout).toMatch(/^connected 1, dps\n(.*\n)*connected 2, dps$/m);
    expect(eaten.stdout).toMatch(/^XS abort: memory full$/m);
    expect(eaten.status).toBe(99);
    const back = run(app);
    expect(back.stdout).toMatch(/^connected 1, stored$/m);
    expect(back.status).toBe(0);
  }, 600_000);

  test("an app without an identity says so", () => {
    const app = join(directory, "nobody");
    write("nobody/manifest.json", {
      include: join(process.cwd(), "manifest_telemetry.json"),
      modules: { "*": "./main" },
    });
    write(
      "nobody/main.js",
      `import Device, { log } from "berth";
try {
  new Device({ identity: { registrationId: "me" } });
} catch (error) {
  log(error.message);
  globalThis.screen?.postMessage("exit 7");
}
`,
    );
    const { status, stdout } = run(app, "--release");
    expect(stdout).toMatch(/^no identity: the option identity has no idScope/m);
    expect(status).toBe(7);
  }, 300_000);
});
