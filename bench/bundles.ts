// SPDX-License-Identifier: MIT
/** How many bytes of script a device would carry. */
import { gzipSync } from "node:zlib";
import { bundle } from "../hosts/xs/modules";
import { mqttPacketSource } from "./xs";

export interface BundleSize {
  readonly minified: number;
  readonly gzipped: number;
}

/** Has no budget. */
export const PEER = "mqtt-packet with polyfills";

const CODEC = 'export * from "./src/mqtt/writer"; export * from "./src/mqtt/reader";';

export async function bundleSizes(): Promise<Record<string, BundleSize>> {
  return {
    "core: agent, azure, mqtt, storage": sizeOf(await bundle("src/agent/agent.ts", { minify: true })),
    "src/mqtt: session, writer, reader": sizeOf(await bundle("src/mqtt/session.ts", { minify: true })),
    "writer and reader, what mqtt-packet does": sizeOf(
      await bundle("codec.ts", { text: CODEC, minify: true }),
    ),
    [PEER]: sizeOf(await mqttPacketSource("export * from 'mqtt-packet';", true)),
  };
}

function sizeOf(source: string): BundleSize {
  return { minified: Buffer.byteLength(source), gzipped: gzipSync(source).length };
}
