// SPDX-License-Identifier: MIT
/**
 * Which folder may import what: the picture of ARCHITECTURE.md, checked by dependency-cruiser as part of `npm run lint`.
 * A folder that stands here by itself is no part of the one above it.
 */

/** The project's own files, and paths that lead out of it or to no file. */
const LOCAL =
  "^(src|hosts|firmware|examples|simulator|emulator|factory|cli|scripts|bench|test)/|^[.](?!.*/node_modules/)";
/** The boundary, what it raises, and what a text consists of. */
const BOUNDARY = ["src/host[.]", "src/error[.]", "src/characters[.]"];

/**
 * By folder: what of the project it may import beside itself, and what else: nothing, modules of Node, those of the
 * Moddable SDK, or any package.
 */
const FOLDERS = {
  "src/mqtt": [["src/base64[.]", ...BOUNDARY], "nothing"],
  "src/storage": [BOUNDARY, "nothing"],
  "src/x509": [BOUNDARY, "nothing"],
  "src/azure": [["src/mqtt/", "src/(alarm|backoff|base64)[.]", ...BOUNDARY], "nothing"],
  "src/agent": [["src/"], "nothing"],
  "src/credentials": [["src/"], "nothing"],
  // The public page stands on all of it.
  "src/device[.]ts": [["src/"], "nothing"],
  "src/telemetry-device[.]ts": [["src/"], "nothing"],
  "src/application-types[.]ts": [["src/"], "nothing"],
  "src/transports[.]ts": [["src/"], "nothing"],
  "src/flash-log[.]ts": [["src/"], "nothing"],
  "src/outbox": [["src/"], "nothing"],
  src: [[], "nothing"],
  "hosts/sockets": [["src/"], "nothing"],
  "hosts/node": [["src/", "hosts/sockets/"], "Node"],
  "hosts/xs": [["src/", "scripts/build-lock[.]"], "packages"],
  // What builds is no part of an image.
  "hosts/native/scripts": [["scripts/build-lock[.]"], "packages"],
  // On Linux the natives come from C, in the SDK from modules of these names.
  "hosts/native": [["src/", "hosts/sockets/", "hosts/transport-tap[.]", "berth/natives/"], "nothing"],
  // The chip's cloud, the timeline of its packets, and what makes its flash.
  "hosts/moddable/scripts/qemu": [
    [
      "emulator/",
      "cli/timeline[.]",
      "factory/(devices|nvs-image|nvs-values)[.]",
      "firmware/settings[.]",
      "hosts/moddable/settings[.]",
      "hosts/moddable/scripts/",
    ],
    "packages",
  ],
  "hosts/moddable/scripts": [
    [
      "src/",
      "firmware/settings[.]",
      "hosts/moddable/settings[.]",
      "hosts/native/scripts/",
      "hosts/node/(credentials|durable-file|handed-over)[.]",
      "scripts/(build-lock|npm-options)[.]",
    ],
    "packages",
  ],
  "hosts/moddable": [["src/", "hosts/native/", "hosts/sockets/"], "SDK"],
  hosts: [["src/"], "nothing"],
  firmware: [["src/", "hosts/moddable/", "hosts/sockets/"], "SDK"],
  // They know the public page alone.
  "examples/telemetry": [["berth(/board)?$"], "nothing"],
  "examples/remote-control": [["berth(/board)?$"], "nothing"],
  "examples/thermostat": [["berth(/board)?$"], "nothing"],
  "examples/button-and-light": [["berth(/board)?$"], "nothing"],
  // What starts them.
  examples: [["emulator/index[.]", "hosts/native/linux/app-run[.]", "hosts/native/scripts/"], "packages"],
  simulator: [BOUNDARY, "packages"],
  // It speaks MQTT as a device does, in a browser.
  "emulator/page": [["src/mqtt/", "emulator/(return-codes|fault-words)[.]", ...BOUNDARY], "packages"],
  // Devices of the project in the simulator's world; over real sockets against the emulator, too.
  "simulator/chaos": [
    ["src/", "simulator/", "hosts/node/", "emulator/index[.]", "scripts/npm-options[.]"],
    "packages",
  ],
  // Agents and other SDKs' retry rules in a world of their own; over real sockets against the emulator, too.
  "simulator/fleet": [["src/", "simulator/", "hosts/node/", "emulator/index[.]"], "packages"],
  emulator: [["hosts/node/(durable-file|directory-lock|handed-over)[.]"], "packages"],
  // What the firmware reads, the factory writes: by the firmware's own names and readers.
  factory: [
    [
      "src/",
      "hosts/node/",
      "firmware/settings[.]",
      "hosts/moddable/(device-identity|settings)[.]",
      "hosts/sockets/connect-to[.]",
      "hosts/moddable/store[.]",
    ],
    "packages",
  ],
  cli: [
    [
      "src/",
      "hosts/node/",
      "emulator/",
      "factory/",
      "simulator/fleet/",
      "hosts/transport-tap[.]",
      "hosts/sockets/(connect-to|http-connect)[.]",
      "hosts/native/linux/(host|protocol)[.]",
      "hosts/native/scripts/build[.]",
      "scripts/(npm-options|dist-state)[.]",
    ],
    "packages",
  ],
  scripts: [["hosts/native/scripts/bundle[.]"], "packages"],
};

const rules = Object.entries(FOLDERS).flatMap(([folder, [others, more]]) => {
  const inside = Object.keys(FOLDERS).filter((other) => other.startsWith(`${folder}/`));
  const under = (path) => (path.endsWith("[.]ts") ? `^${path}$` : `^${path}/`);
  const from = { path: under(folder), pathNot: inside.map(under) };
  // `src` and `hosts` are no more than the files at their top.
  const own = ["src", "hosts"].includes(folder) ? `^${folder}/[^/]+$` : `^${folder}/(?!scripts/)`;
  const pathNot = [folder.endsWith("scripts") ? `^${folder}/` : own, ...others.map((path) => `^${path}`)];
  const rule = (to) => ({ name: folder, severity: "error", from, to });
  switch (more) {
    case "nothing":
      return [rule({ pathNot })];
    case "Node":
      return [rule({ pathNot, dependencyTypesNot: ["core"] })];
    case "SDK":
      // The SDK has a module `net`, too.
      return [
        rule({ path: `${LOCAL}|node_modules/`, pathNot }),
        rule({ dependencyTypes: ["core"], pathNot: "^net$" }),
      ];
    default:
      return [rule({ path: LOCAL, pathNot })];
  }
});

export default {
  forbidden: [{ name: "no-circular", severity: "error", from: {}, to: { circular: true } }, ...rules],
  options: {
    parser: "swc",
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    // Natives in the syntax of the SDK's compiler, which no parser of JavaScript takes.
    // The parser knows no JSX; what the page takes from outside its folder, its modules without markup take.
    exclude: {
      path: "[.]d[.]ts$|[.]tsx$|[.]css$|^hosts/native/moddable/|^hosts/moddable/qemu/.*natives[.]js$",
    },
    enhancedResolveOptions: { extensions: [".ts", ".js", ".mjs", ".json"] },
  },
};
