// SPDX-License-Identifier: MIT
/**
 * The npm package as a stranger has it: packed, installed into an empty folder, run and imported on several Node.js.
 *
 *   npm run test:package     Needs the npm registry, and for `--engine native` what that needs. Exit status 1 on a failure.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const TSC = join(PROJECT, "node_modules", "typescript", "bin", "tsc");
/** The npm packages `node-PLATFORM-ARCHITECTURE` hold the program, and no script that fetches it. */
const BINARIES = `node-${process.platform}-${process.arch}`;
const TOO_OLD = "18";
const VERSIONS = ["20", "24", "latest"];
const QUIET = ["--no-audit", "--no-fund", "--no-update-notifier"];
/** What may be in the package, by its first folders. */
const WANTED =
  /^(dist\/|docs\/|certificates\/|src\/|typings\/|(cli\/berth\.js|(emulator|firmware)\/README\.md|bench\/RESULTS[\w-]*\.md)$|hosts\/(moddable|native|sockets)\/|manifest\w*\.json$|package\.json$|[A-Z]+(\.md)?$)/;
const UNWANTED =
  /(^|\/)(test|scripts|tools|node_modules|build)\/|^(?!docs\/).*\.test\.|local\.json$|inputs\.json$|\.new$|\.key/;
/** Packages with scripts that nothing depends on. */
const WITH_SCRIPTS = ["node_modules/lmdb", "node_modules/msgpackr-extract"];
/** Bytes, packed and unpacked: twice of it would be noticed. */
const MOST_PACKED = 2_600_000;
const MOST_UNPACKED = 10_000_000;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** @param node directory of the program `node` that comes first in PATH; absent: as this process */
function run(cwd: string, words: readonly string[], node?: string): Promise<Ended> {
  const [program = "", ...rest] = words;
  const own = Object.entries(process.env).filter(([name]) => !/^(npm_|BERTH_|NODE_OPTIONS)/.test(name));
  const environment = Object.fromEntries(own);
  if (node) environment.PATH = `${node}${delimiter}${process.env.PATH}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { cwd, env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, out, err }));
  });
}

async function succeed(cwd: string, words: readonly string[], node?: string): Promise<Ended> {
  const ended = await run(cwd, words, node);
  assert.equal(ended.status, 0, `${words.join(" ")} ended with ${ended.status}:\n${ended.out}${ended.err}`);
  return ended;
}

function say(line: string): void {
  console.log(`${(performance.now() / 1000).toFixed(0).padStart(4)} s  ${line}`);
}

function write(directory: string, name: string, content: object): void {
  writeFileSync(join(directory, name), JSON.stringify(content));
}

async function pack(to: string): Promise<string> {
  const { out } = await succeed(PROJECT, ["npm", "pack", "--json", "--silent", "--pack-destination", to]);
  const [packed] = JSON.parse(out.slice(out.search(/^\[/m))) as [Packed];
  const names = packed.files.map(({ path }) => path);
  assert.deepEqual(
    names.filter((name) => !WANTED.test(name) || UNWANTED.test(name)),
    [],
  );
  assert.ok(packed.size < MOST_PACKED, `${packed.size} bytes packed`);
  const [, said] = /About ([\d.]+) MB packed/.exec(readFileSync(join(PROJECT, "README.md"), "utf8")) ?? [];
  const megabytes = packed.size / 1e6;
  assert.ok(
    Math.abs(Number(said) / megabytes - 1) < 0.1,
    `README.md says ${said} MB packed, it is ${megabytes.toFixed(1)}`,
  );
  assert.ok(packed.unpackedSize < MOST_UNPACKED, `${packed.unpackedSize} bytes unpacked`);
  say(`packed: ${names.length} files, ${packed.size} bytes, ${packed.unpackedSize} unpacked`);
  return join(to, packed.filename);
}

/** As README says: under the name that applications on a board import, too. */
async function install(app: string, tarball: string): Promise<void> {
  mkdirSync(app);
  write(app, "package.json", { private: true, type: "module" });
  // lmdb brings its binaries; what its script would do is look whether they are there.
  const install = ["npm", "install", ...QUIET, "--ignore-scripts", `berth@file:${tarball}`];
  const { err } = await succeed(app, install);
  assert.equal(err, "", "npm install says something");
  const lock = JSON.parse(readFileSync(join(app, "package-lock.json"), "utf8")) as {
    packages: Record<string, { hasInstallScript?: true }>;
  };
  const scripts = Object.keys(lock.packages).filter((name) => lock.packages[name]!.hasInstallScript);
  assert.deepEqual(scripts, WITH_SCRIPTS, "packages with install scripts");
  assert.deepEqual(missingFrom(join(app, "node_modules", "berth")), []);
  say(`installed: ${Object.keys(lock.packages).length - 1} packages, no install script run`);
}

/** Files that a manifest of the package names and the package does not have. */
function missingFrom(root: string): string[] {
  const manifests = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
    /(^|\/)manifest[^/]*\.json$/.test(name),
  );
  assert.ok(manifests.includes("manifest.json"));
  return manifests.flatMap((manifest) => {
    const { typescript: _compiler, ...content } = JSON.parse(readFileSync(join(root, manifest), "utf8"));
    // What `~` excludes need not be there.
    const text = JSON.stringify(content, (key, value) => (key === "~" ? undefined : value));
    const paths = [...text.matchAll(/"(\.\.?\/[^"]*)"/g)].map(([, path = ""]) =>
      join(root, dirname(manifest), path.replace(/\/\*$/, "")),
    );
    const isThere = (path: string) =>
      ["", ".ts", ".d.ts", ".js", ".c", ".h"].some((end) => existsSync(path + end));
    return paths.filter((path) => !isThere(path)).map((path) => `${manifest}: ${path}`);
  });
}

/** @returns the directory of each version's program */
async function installNodes(directory: string): Promise<Map<string, string>> {
  mkdirSync(directory);
  write(directory, "package.json", { private: true });
  const versions = [TOO_OLD, ...VERSIONS];
  const aliases = versions.map((version) => `node-${version}@npm:${BINARIES}@${version}`);
  await succeed(directory, ["npm", "install", ...QUIET, "--ignore-scripts", ...aliases]);
  const bin = (version: string) => join(directory, "node_modules", `node-${version}`, "bin");
  return new Map(versions.map((version) => [version, bin(version)]));
}

/** Compiled as users have it set up, declarations of ours judged as well. */
async function compile(app: string): Promise<void> {
  const javaScript = { allowJs: true, checkJs: true };
  const common = { target: "es2022", strict: true, ...javaScript, skipLibCheck: false, rootDir: "source" };
  write(app, "tsconfig.json", {
    compilerOptions: { ...common, module: "nodenext", outDir: "out" },
    include: ["source"],
  });
  write(app, "tsconfig.bundler.json", {
    compilerOptions: { ...common, module: "esnext", moduleResolution: "bundler", noEmit: true },
    include: ["source"],
  });
  await succeed(app, ["npm", "install", ...QUIET, "--save-dev", "@types/node@20"]);
  cpSync(join(PROJECT, "test", "package", "app"), join(app, "source"), { recursive: true });
  const examples = join(PROJECT, "examples");
  for (const { name } of readdirSync(examples, { withFileTypes: true }).filter((one) => one.isDirectory())) {
    cpSync(join(examples, name), join(app, "source", "examples", name), { recursive: true });
  }
  for (const project of ["tsconfig.json", "tsconfig.bundler.json"]) {
    await succeed(app, [process.execPath, TSC, "-p", project]);
    say(`compiled by ${project}`);
  }
}

/** The page is in the package, built. */
const PAGE = `import { Emulator, parseConfiguration } from "berth/emulator";
const configuration = parseConfiguration('{"idScope":"0ne00000000","iotHubs":["hub.example"]}');
const emulator = await Emulator.start({ configuration, page: {} });
const response = await fetch(emulator.pageAddress);
console.log(response.status, /<title>.*<.title>/.exec(await response.text())[0]);
await emulator.stop();`;

async function judgeOn(app: string, node: string): Promise<void> {
  const version = (await succeed(app, ["node", "--version"], node)).out.trim();
  const simulate = await succeed(app, ["npx", "berth", "simulate", "--json"], node);
  assert.match(
    simulate.out,
    new RegExp(`"event":"engine","engine":"node","title":"Node.js ${version.slice(1)}"`),
  );
  assert.equal(simulate.err, "");
  const device = await succeed(app, ["node", "out/device.js"], node);
  assert.deepEqual(device, { status: 0, out: '{"celsius":21}\n', err: "" });
  for (const application of ["out/page.js", "source/plain.js"]) {
    const played = await succeed(app, ["node", "out/service.js", application], node);
    assert.deepEqual(
      { ...played, out: JSON.parse(played.out) },
      {
        status: 0,
        out: {
          before: "Idle",
          after: "Heating",
          body: '{"target":30}',
          subject: "heater",
          target: { value: 30, ac: 200, av: 2 },
        },
        err: "",
      },
    );
  }
  const page = await succeed(app, ["node", "--input-type=module", "-e", PAGE], node);
  assert.deepEqual(page, { status: 0, out: "200 <title>Berth</title>\n", err: "" });
  const required = await succeed(
    app,
    [
      "node",
      "--disable-warning=ExperimentalWarning",
      "--input-type=commonjs",
      "-e",
      'console.log(typeof require("berth").BerthError)',
    ],
    node,
  );
  assert.equal(required.out, "function\n");
  say(`Node.js ${version}: npx berth simulate, import, require, applications in TypeScript and JavaScript`);
}

async function judgeTooOld(app: string, node: string): Promise<void> {
  const { status, out, err } = await run(app, [join(node, "node"), "node_modules/.bin/berth", "simulate"]);
  assert.equal(status, 1);
  assert.equal(out, "");
  assert.match(
    err,
    /^berth: Node\.js 18\.\S+ is too old; take 20\.19 or later from https:\/\/nodejs\.org\n$/,
  );
  say(`Node.js ${TOO_OLD}: one line`);
}

async function judgeNative(app: string, node: string | undefined): Promise<void> {
  const { out } = await succeed(app, ["npx", "berth", "simulate", "--engine", "native"], node);
  assert.match(out, /^Engine: XS with sockets, TLS and HMAC in C/m);
  assert.match(out, /yes {2}the hubs have all telemetry/);
  // Fetched alone: nothing of it was installed.
  assert.ok(!existsSync(join(app, "node_modules", "@agoric")));
  say("npx berth simulate --engine native");
}

const directory = mkdtempSync(join(tmpdir(), "berth package-"));
try {
  const app = join(directory, "app");
  const installing = installNodes(join(directory, "nodes"));
  // Nothing is removed while npm writes.
  const tarball = await pack(directory).finally(() => installing.catch(() => {}));
  const nodes = await installing;
  await install(app, tarball);
  await compile(app);
  await judgeTooOld(app, nodes.get(TOO_OLD) as string);
  await Promise.all([
    ...VERSIONS.map((version) => judgeOn(app, nodes.get(version) as string)),
    judgeNative(app, nodes.get("latest")),
  ]);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
