// SPDX-License-Identifier: MIT
/** How many bytes of script there are to carry. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { bundleApp } from "../hosts/moddable/scripts/bundle";
import { bundle, ROOT } from "../hosts/xs/modules";
import { mqttPacketSource } from "./xs";

export interface BundleSize {
  readonly minified: number;
  readonly gzipped: number;
}

const CODEC = 'export * from "./src/mqtt/writer"; export * from "./src/mqtt/reader";';
const ON_NODE = 'export * from "./src/agent/agent"; export * from "./hosts/node/host";';
const MICROSOFT = `
  export { Client, Message } from "azure-iot-device";
  export { Mqtt } from "azure-iot-device-mqtt";
  export { ProvisioningDeviceClient } from "azure-iot-provisioning-device";
  export { Mqtt as ProvisioningMqtt } from "azure-iot-provisioning-device-mqtt";
  export { SymmetricKeySecurityClient } from "azure-iot-security-symmetric-key";`;

/** What a device would carry of ours. These have a budget. */
export async function oursSizes(): Promise<Record<string, BundleSize>> {
  return {
    "core: agent, azure, mqtt, storage": sizeOf(await bundle("src/agent/agent.ts", { minify: true })),
    "src/mqtt: session, writer, reader": sizeOf(await bundle("src/mqtt/session.ts", { minify: true })),
    "writer and reader, what mqtt-packet does": sizeOf(
      await bundle("codec.ts", { text: CODEC, minify: true }),
    ),
    "firmware of a release, ESP32": sizeOf(await firmware()),
  };
}

/** What mcconfig compiles of ours, without blanks. */
async function firmware(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "berth-firmware-"));
  try {
    await bundleApp(ROOT, join(ROOT, "firmware", "manifest.json"), "esp32", directory);
    const files = readdirSync(directory).filter((file) => file.endsWith(".js"));
    const texts = files.map((file) => readFileSync(join(directory, file), "utf8"));
    const minified = texts.map((text) => transform(text, { minifyWhitespace: true }));
    return (await Promise.all(minified)).map(({ code }) => code).join("");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function bundleSizes(): Promise<Record<string, BundleSize>> {
  return {
    ...(await oursSizes()),
    "mqtt-packet with polyfills": sizeOf(await mqttPacketSource("export * from 'mqtt-packet';", true)),
    "on Node: core and hosts/node": sizeOf(await forNode(ON_NODE)),
    "on Node: MQTT.js": sizeOf(await forNode('export * from "mqtt";')),
    "on Node: Microsoft's SDKs, provisioning and device over MQTT": sizeOf(await forNode(MICROSOFT)),
  };
}

/** All but Node's own modules. */
async function forNode(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: ROOT, loader: "ts" },
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    target: "node20",
    minify: true,
    legalComments: "none",
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

function sizeOf(source: string): BundleSize {
  return { minified: Buffer.byteLength(source), gzipped: gzipSync(source).length };
}
